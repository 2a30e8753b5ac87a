package diag

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// Hint returns what a value that does not fit was probably intended to be, where its text shows that: a comment without a
// space before it, a variable of another tool, a character that only looks like a space. It is "" otherwise.
func Hint(value string) string {
	switch before, after, comment := strings.Cut(value, "#"); {
	case Unexpanded.MatchString(value):
		return UnexpandedHelp
	case strings.ContainsFunc(value, IsOtherSpace):
		return OtherSpaceHelp
	case comment && before != "" && before == strings.TrimRight(before, " \t"):
		return fmt.Sprintf("a comment begins with a space before its #: %s #%s", before, after)
	}
	return ""
}

// Unexpanded finds a reference that other tools replace by a value before they read a file: ${NAME}, $(NAME), {{ … }}.
var Unexpanded = regexp.MustCompile(`\$\{[^}\s]*\}|\$\([^)\s]*\)|\{\{[^}]*\}\}`)

// What to do about a reference that Unexpanded finds, and about a character that IsOtherSpace.
const (
	UnexpandedHelp = "variables are not expanded here: write the value, or let envsubst or a template write this file first"
	OtherSpaceHelp = "delete the character that looks like a space, and type a plain one: no-break spaces come with text from web pages"
)

// IsOtherSpace reports whether a character looks like a space, or like nothing, and is not the space of YAML.
func IsOtherSpace(c rune) bool {
	return c != ' ' && (unicode.Is(unicode.Zs, c) || c >= 0x200b && c <= 0x200d || c == 0x2060 || c == 0xfeff)
}
