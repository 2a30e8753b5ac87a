package syntax

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/vmmesh/vmmesh/schema/diag"
)

// Edit replaces bytes of a text.
type Edit struct {
	Start, End int // offsets in bytes
	Text       string
	Finding    diag.Diagnostic
}

// Edits are the changes of a text that its findings have as fixes, in order, none over another. A fix whose place does not
// hold what it expects there, such as an alias or a text of several lines, is left out.
func Edits(src []byte, findings diag.List) []Edit {
	lines := []int{0, 0} // where each line begins, from 1
	for i, c := range src {
		if c == '\n' {
			lines = append(lines, i+1)
		}
	}
	var edits []Edit
	for _, d := range findings {
		pos := d.Pos()
		if d.Fix == nil || pos.Line < 1 || pos.Line >= len(lines) || pos.Col < 1 {
			continue
		}
		start := lines[pos.Line] + pos.Col - 1
		if start >= len(src) {
			continue
		}
		rest := src[start:]
		if i := bytes.IndexByte(rest, '\n'); i >= 0 {
			rest = bytes.TrimSuffix(rest[:i], []byte("\r"))
		}
		if length, quote, ok := written(rest, d.Fix.Old, d.OnKey); ok {
			text := d.Fix.New
			if !d.Fix.YAML {
				text = scalar(text, quote)
			}
			edits = append(edits, Edit{start, start + length, text, d})
		}
	}
	slices.SortStableFunc(edits, func(a, b Edit) int { return cmp.Compare(a.Start, b.Start) })
	end := -1
	return slices.DeleteFunc(edits, func(e Edit) bool {
		if e.Start < end {
			return true
		}
		end = e.End
		return false
	})
}

// Apply makes all edits that leave the text readable, and returns those that it made. Two fixes may contradict each other:
// each alone is well-formed, both give a map one key twice.
func Apply(src []byte, edits []Edit) ([]byte, []Edit) {
	if len(edits) == 0 {
		return src, nil
	}
	var out []byte
	end := 0
	for _, e := range edits {
		out = append(append(out, src[end:e.Start]...), e.Text...)
		end = e.End
	}
	out = append(out, src[end:]...)
	if _, wrong := Read("", out); len(wrong) == 0 {
		return out, edits
	}
	if len(edits) == 1 {
		return src, nil
	}
	// The later half first: the offsets of the earlier one stay what they are.
	half := len(edits) / 2
	src, late := Apply(src, edits[half:])
	src, early := Apply(src, edits[:half])
	return src, append(early, late...)
}

// written reports how a scalar is written at the beginning of a line's rest: its length and its quote, 0 for a plain one.
// It is not ok where something else is written there than the text.
func written(rest []byte, text string, key bool) (length int, quote byte, ok bool) {
	if len(rest) == 0 {
		return 0, 0, false
	}
	switch rest[0] {
	case '\'':
		for i := 1; i < len(rest); i++ {
			if rest[i] != '\'' {
				continue
			}
			if i+1 < len(rest) && rest[i+1] == '\'' {
				i++
				continue
			}
			return i + 1, '\'', strings.ReplaceAll(string(rest[1:i]), "''", "'") == text
		}
		return 0, 0, false
	case '"':
		for i := 1; i < len(rest); i++ {
			switch rest[i] {
			case '\\':
				i++
			case '"':
				return i + 1, '"', bytes.IndexByte(rest[1:i], '\\') >= 0 || string(rest[1:i]) == text
			}
		}
		return 0, 0, false
	}
	if text == "" || !bytes.HasPrefix(rest, []byte(text)) {
		return 0, 0, false
	}
	after := string(rest[len(text):])
	trimmed := strings.TrimLeft(after, " \t")
	switch {
	case key:
		return len(text), 0, strings.HasPrefix(trimmed, ":")
	case trimmed == "" || trimmed != after && trimmed[0] == '#' || strings.ContainsRune(",]}", rune(trimmed[0])):
		return len(text), 0, true
	}
	return 0, 0, false
}

// scalar writes a text: in the quotes that it had, plain where it means the text, else in double quotes.
func scalar(text string, quote byte) string {
	if quote == '\'' && !strings.ContainsAny(text, "'\n\\") {
		return "'" + text + "'"
	}
	if quote == 0 && plainText(text) {
		return text
	}
	quoted, _ := json.Marshal(text) // JSON's strings are YAML's
	return string(quoted)
}

// plainText reports whether a text may be written without quotes anywhere: also in a flow map, and for readers of YAML 1.1.
func plainText(text string) bool {
	if text == "" || strings.ContainsAny(text, "\n\t\"'\\,[]{}#&*!|>%@`?") || strings.TrimSpace(text) != text ||
		strings.Contains(text, ": ") || strings.HasSuffix(text, ":") || strings.HasPrefix(text, "-") || strings.HasPrefix(text, ":") ||
		strings.HasPrefix(text, "=") || strings.HasPrefix(text, "~") {
		return false
	}
	switch strings.ToLower(text) {
	case "y", "n", "yes", "no", "on", "off":
		return false
	}
	docs, wrong := Read("", []byte("a: "+text+"\n"))
	if len(wrong) > 0 || len(docs) != 1 {
		return false
	}
	n := docs[0].Root.Get("a")
	return n != nil && n.Kind == String && n.Value == text && n.OlderReading() == "" && !strings.Contains(text, ":")
}
