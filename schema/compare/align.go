package compare

import "github.com/vmmesh/vmmesh/schema/syntax"

// match is a pair of items of two lists, by index. One of them may be -1: the item is on one side only.
type match struct{ old, new int }

// maxTable bounds the table that align fills, in cells: some tens of megabytes. Longer lists are paired by their
// places.
const maxTable = 4 << 20

// align pairs the items of two lists, in order: equal ones as many as can be (a longest common subsequence), and
// between those what is at the same place, so that an item that changed is reported as one that changed.
func align(old, new *syntax.Node) []match {
	// Equal items have equal numbers.
	numbers := map[string]int{}
	number := func(list *syntax.Node) []int {
		of := make([]int, len(list.Items))
		for i := range list.Items {
			key := canonical(&list.Items[i])
			n, ok := numbers[key]
			if !ok {
				n = len(numbers)
				numbers[key] = n
			}
			of[i] = n
		}
		return of
	}
	a, b := number(old), number(new)

	start := 0
	for start < len(a) && start < len(b) && a[start] == b[start] {
		start++
	}
	endA, endB := len(a), len(b)
	for endA > start && endB > start && a[endA-1] == b[endB-1] {
		endA, endB = endA-1, endB-1
	}
	var matches []match
	for i := range start {
		matches = append(matches, match{i, i})
	}
	i, j := start, start
	for _, common := range append(subsequence(a[start:endA], b[start:endB]), match{endA - start, endB - start}) {
		x, y := start+common.old, start+common.new
		for i < x && j < y {
			matches = append(matches, match{i, j})
			i, j = i+1, j+1
		}
		for ; i < x; i++ {
			matches = append(matches, match{i, -1})
		}
		for ; j < y; j++ {
			matches = append(matches, match{-1, j})
		}
		if x < endA && y < endB {
			matches = append(matches, match{x, y})
			i, j = x+1, y+1
		}
	}
	for k := 0; endA+k < len(a); k++ {
		matches = append(matches, match{endA + k, endB + k})
	}
	return matches
}

// subsequence is a longest common subsequence of two lists, as pairs of indexes; none where they are too long.
func subsequence(a, b []int) []match {
	if len(a) == 0 || len(b) == 0 || len(a) > maxTable/len(b) {
		return nil
	}
	width := len(b) + 1
	length := make([]int32, (len(a)+1)*width) // of the best for what is left of both
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				length[i*width+j] = length[(i+1)*width+j+1] + 1
			} else {
				length[i*width+j] = max(length[(i+1)*width+j], length[i*width+j+1])
			}
		}
	}
	var found []match
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i] == b[j]:
			found = append(found, match{i, j})
			i, j = i+1, j+1
		case length[(i+1)*width+j] >= length[i*width+j+1]:
			i++
		default:
			j++
		}
	}
	return found
}
