package diag

import (
	"fmt"
	"strconv"
	"strings"
)

// Clean makes text safe to print on one line of a terminal or of a CI log: characters that end the line, move the
// cursor, start an escape sequence or turn the reading direction are replaced by their Go escapes. A newline counts
// among them, since CI systems run commands that begin a line.
func Clean(s string) string {
	if !strings.ContainsFunc(s, unprintable) {
		return strings.ToValidUTF8(s, "\uFFFD")
	}
	var b strings.Builder
	for _, r := range s {
		if unprintable(r) {
			quoted := strconv.QuoteRuneToASCII(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// Sprintf is fmt.Sprintf with every argument cleaned. The format is the program's own, and may have several lines.
func Sprintf(format string, args ...any) string {
	if false {
		_ = fmt.Sprintf(format, args...) // go vet checks the callers' formats
	}
	safe := make([]any, len(args))
	for i, arg := range args {
		switch arg.(type) {
		case int, int32, int64, uint32, bool:
			safe[i] = arg
		default:
			safe[i] = cleaned{arg}
		}
	}
	return fmt.Sprintf(format, safe...)
}

// cleaned formats a value as fmt does, and cleans the result.
type cleaned struct{ value any }

// Format implements [fmt.Formatter].
func (c cleaned) Format(f fmt.State, verb rune) {
	_, _ = fmt.Fprint(f, Clean(fmt.Sprintf(fmt.FormatString(f, verb), c.value)))
}
