package krm

import (
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/vmmesh/vmmesh/schema/syntax"
)

// maxSimpleKey is how long a printed key may be before it needs the explicit form; YAML allows 1,024 characters.
const maxSimpleKey = 1000

// rewritten prints a list that was not written in block style (JSON, mostly): each section and each item in one line.
func rewritten(root *syntax.Node) []byte {
	var out []byte
	for _, f := range root.Fields {
		if f.Key == "items" && f.Value.Kind == syntax.Seq && len(f.Value.Items) > 0 {
			out = append(out, "items:\n"...)
			for i := range f.Value.Items {
				out = append(appendFlow(append(out, "- "...), &f.Value.Items[i]), '\n')
			}
			continue
		}
		out = append(append(out, f.Key...), ": "...)
		out = append(appendFlow(out, &f.Value), '\n')
	}
	return out
}

// appendFlow prints a value as JSON, but for numbers that JSON does not know: those stay as they were written.
func appendFlow(out []byte, n *syntax.Node) []byte {
	switch n.Kind {
	case syntax.Null:
		return append(out, "null"...)
	case syntax.Map:
		out = append(out, '{')
		for i := range n.Fields {
			if i > 0 {
				out = append(out, ", "...)
			}
			key := appendQuoted(nil, n.Fields[i].Key)
			if len(key) > maxSimpleKey {
				out = append(out, "? "...)
			}
			out = append(append(out, key...), ": "...)
			out = appendFlow(out, &n.Fields[i].Value)
		}
		return append(out, '}')
	case syntax.Seq:
		out = append(out, '[')
		for i := range n.Items {
			if i > 0 {
				out = append(out, ", "...)
			}
			out = appendFlow(out, &n.Items[i])
		}
		return append(out, ']')
	case syntax.String:
		if n.Quoted || !numberLike(n.Value) {
			return appendQuoted(out, n.Value)
		}
	}
	return append(out, n.Value...)
}

// numberLike tells whether a plain text may be a number to some reader (0755, 1_000): it stays plain.
func numberLike(s string) bool {
	if s == "" || s[0] < '0' || s[0] > '9' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !(c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '.') {
			return false
		}
	}
	return true
}

// appendQuoted prints a text in double quotes, with every character escaped that a reader could take for more than text.
func appendQuoted(out []byte, s string) []byte {
	out = append(out, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			out = append(out, '\\', byte(r))
		case r == '\n':
			out = append(out, `\n`...)
		case r < ' ', r >= 0x7f && r < 0xa1, r == '\u2028', r == '\u2029', r == '\ufeff', r == '\ufffe', r == '\uffff':
			out = append(out, fmt.Sprintf(`\u%04x`, r)...)
		case r > 0xffff && !strconv.IsPrint(r):
			out = append(out, fmt.Sprintf(`\U%08x`, r)...)
		default:
			out = utf8.AppendRune(out, r)
		}
	}
	return append(out, '"')
}
