package syntax

import (
	"strings"

	"github.com/vmmesh/vmmesh/schema/diag"
)

// What looks right on a screen, or in another tool, and is the cause of an error on its line or on the next one.

// invisible finds a character that looks like a space and is not one, on the line of a finding or the one before.
func (in *input) invisible(d diag.Diagnostic) (diag.Diagnostic, bool) {
	for _, n := range []int{d.Where.Line - 1, d.Where.Line} {
		if n < 1 {
			continue
		}
		line, _, _ := strings.Cut(in.line(n), " #")
		if i := strings.IndexFunc(line, diag.IsOtherSpace); i >= 0 && !strings.ContainsAny(line[:i], `"'`) {
			char := []rune(line[i:])[0]
			cause := ruleSyntax.At(d.At, "a character that looks like a space is here (U+%04X), which does not separate or indent anything", char)
			cause.Where = in.offset(in.startOf(n) + i)
			return cause.WithHelp(diag.OtherSpaceHelp), true
		}
	}
	return d, false
}

// variable reports a reference to a variable in the line of a finding, whose braces YAML reads as a map.
func (in *input) variable(d diag.Diagnostic) (diag.Diagnostic, bool) {
	line := in.line(d.Where.Line)
	at := diag.Unexpanded.FindStringIndex(line)
	if at == nil || strings.ContainsAny(line[:at[0]], `"'`) || strings.HasPrefix(line[at[0]:], "{{") {
		return d, false
	}
	cause := ruleSyntax.At(d.At, "%s is not replaced by a value, and cannot be written without quotes here", line[at[0]:at[1]])
	cause.Where = in.offset(in.startOf(d.Where.Line) + at[0])
	return cause.WithHelp(diag.UnexpandedHelp), true
}

// startOf is the offset at which a line begins, counted from 1.
func (in *input) startOf(line int) int {
	i := 0
	for ; line > 1; line-- {
		i += strings.IndexByte(in.text[i:], '\n') + 1
	}
	return i
}
