package vms

import (
	"cmp"
	"strings"
	"unicode"
)

// natural compares keys as Go's YAML libraries sort them (yaml.v2 and v3, sorter.go): what is no letter stands before
// letters, and whole numbers go by their value, so that ISTIO_META_X stands before ISTIO_METAJSON_X, and Z9 before Z10.
func natural(a, b string) int {
	x, y := []rune(a), []rune(b)
	for i := range min(len(x), len(y)) {
		switch l, m := unicode.IsLetter(x[i]), unicode.IsLetter(y[i]); {
		case x[i] == y[i]:
			continue
		case l && !m:
			return 1
		case m && !l:
			return -1
		case !l:
			n, o := number(x, i), number(y, i)
			if c := cmp.Or(cmp.Compare(len(n), len(o)), strings.Compare(n, o)); c != 0 {
				return c
			}
		}
		return cmp.Compare(x[i], y[i])
	}
	return cmp.Compare(len(x), len(y))
}

// number is the whole number of which the digit at i is one, without leading zeros; "" where there is no digit.
func number(s []rune, i int) string {
	digit := func(i int) bool { return i >= 0 && i < len(s) && s[i] >= '0' && s[i] <= '9' }
	if !digit(i) {
		return ""
	}
	from, to := i, i
	for digit(from - 1) {
		from--
	}
	for digit(to) {
		to++
	}
	return strings.TrimLeft(string(s[from:to]), "0")
}
