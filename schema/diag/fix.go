package diag

import "strings"

// Fix is a change of the text that repairs a finding: of the key, where the finding is [Diagnostic.OnKey], else of the
// scalar that is its value.
type Fix struct {
	Old string // what is there: the text of the key or of the scalar
	New string // what to write
	// YAML means that New is written as it is, such as true or "1.0"; otherwise it is text, and quoted where it has to be.
	YAML bool
	// Certain means that nothing else can have been intended; only such fixes are applied without a question.
	Certain bool
}

// WithFix returns d with a fix.
func (d Diagnostic) WithFix(f Fix) Diagnostic {
	d.Fix = &f
	return d
}

// Suggest returns d with the help "did you mean near?" and the fix that writes it. known are all values that the place
// takes, near among them.
func (d Diagnostic) Suggest(format, old, near string, known []string) Diagnostic {
	return d.WithHelp(format, near).WithFix(Fix{Old: old, New: near, Certain: Certain(old, near, known)})
}

// Certain reports whether a misspelled text can only have been intended as near, of all that are known: the two differ in
// case and punctuation alone, or by a slip of the hand to which nothing else comes as close. Digits are never a slip:
// vm2 may be vm1 or vm3.
func Certain(text, near string, known []string) bool {
	if digits(text) != digits(near) {
		return false
	}
	a, b := []rune(fold(text)), []rune(fold(near))
	distance := editDistance(a, b)
	if distance > 0 && (len(b) < 4 || distance > 2) {
		return false
	}
	for _, other := range known {
		if other == near {
			continue
		}
		c := []rune(fold(other))
		if max(len(a)-len(c), len(c)-len(a)) <= distance && editDistance(a, c) <= distance {
			return false
		}
	}
	return true
}

func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}
