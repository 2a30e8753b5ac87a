package vms

import "strings"

// quote makes one word of the shell of any text without NUL. It is single-quoted, so nothing in it is expanded, be it
// $, a backquote, a backslash or the end of a line (istio: pkg/util/shellescape/quote.go, Quote).
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'"'"'`) + "'" }

// assign appends NAME='value' and the end of the line.
func assign(b []byte, name, value string) []byte {
	b = append(append(b, name...), '=')
	return append(append(b, quote(value)...), '\n')
}

// assignList appends NAME=('a' 'b') and the end of the line: an array of bash.
func assignList(b []byte, name string, values []string) []byte {
	b = append(append(b, name...), "=("...)
	for n, v := range values {
		if n > 0 {
			b = append(b, ' ')
		}
		b = append(b, quote(v)...)
	}
	return append(b, ")\n"...)
}
