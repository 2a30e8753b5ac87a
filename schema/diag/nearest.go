package diag

import "strings"

// Nearest finds the candidate that a word was probably meant to be: the same but for case and punctuation, or else a
// few slips of the hand away (an edit distance of at most a third of the word's length). It answers "" when nothing
// is near. Ties go to the first candidate.
func Nearest(word string, candidates []string) string {
	folded := []rune(fold(word))
	best, bestDistance := "", len(folded)/3+1
	for _, c := range candidates {
		if c == word {
			continue
		}
		other := []rune(fold(c))
		// The distance is at least the difference in length: a key of a million letters costs no table.
		if max(len(folded)-len(other), len(other)-len(folded)) >= bestDistance {
			continue
		}
		if d := editDistance(folded, other); d < bestDistance {
			best, bestDistance = c, d
		}
	}
	return best
}

var punctuation = strings.NewReplacer("_", "", "-", "", " ", "")

func fold(s string) string { return punctuation.Replace(strings.ToLower(s)) }

// editDistance counts insertions, deletions, replacements and swaps of neighbours (optimal string alignment).
func editDistance(x, y []rune) int {
	before := make([]int, len(y)+1)
	last := make([]int, len(y)+1)
	row := make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(x); i++ {
		row[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(y)]
}
