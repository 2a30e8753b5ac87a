package lsp

import (
	"strings"
	"unicode/utf8"

	"github.com/vmmesh/vmmesh/schema/diag"
)

// text is a version of a document, with where its lines begin.
type text struct {
	uri     string
	version int
	src     string
	starts  []int
}

func newText(uri string, version int, src string) *text {
	t := &text{uri: uri, version: version, src: src, starts: []int{0}}
	for i := range len(src) {
		if src[i] == '\n' {
			t.starts = append(t.starts, i+1)
		}
	}
	return t
}

// line is a line without its end, counted from 0.
func (t *text) line(n int) string {
	if n < 0 || n >= len(t.starts) {
		return ""
	}
	end := len(t.src)
	if n+1 < len(t.starts) {
		end = t.starts[n+1] - 1
	}
	return strings.TrimSuffix(t.src[t.starts[n]:end], "\r")
}

// offset is where a position is. One that is not in the text is moved to the nearest that is: to the end of its line, or
// of the text; within a character of two units, before it.
func (t *text) offset(p position) int {
	if p.Line < 0 {
		return 0
	}
	if p.Line >= len(t.starts) {
		return len(t.src)
	}
	line, units := t.line(p.Line), 0
	for i, r := range line {
		next := units + 1
		if r > 0xffff {
			next++
		}
		if next > p.Character {
			return t.starts[p.Line] + i
		}
		units = next
	}
	return t.starts[p.Line] + len(line)
}

// position is where an offset is.
func (t *text) position(offset int) position {
	offset = max(0, min(offset, len(t.src)))
	low, high := 0, len(t.starts)
	for high-low > 1 {
		if middle := (low + high) / 2; t.starts[middle] <= offset {
			low = middle
		} else {
			high = middle
		}
	}
	units := 0
	for _, r := range t.src[t.starts[low]:offset] {
		units++
		if r > 0xffff {
			units++
		}
	}
	return position{low, units}
}

// at is the offset of a place in a finding or a node: lines and bytes from 1.
func (t *text) at(p diag.Pos) int {
	if p.Line < 1 {
		return 0
	}
	if p.Line > len(t.starts) {
		return len(t.src)
	}
	start := t.starts[p.Line-1]
	return start + max(0, min(p.Col-1, len(t.line(p.Line-1))))
}

func (t *text) span(start, end int) span { return span{t.position(start), t.position(end)} }

// token is the end of the scalar or key that begins at an offset, on its line.
func (t *text) token(start int) int {
	rest := t.src[start:]
	if i := strings.IndexByte(rest, '\n'); i >= 0 {
		rest = strings.TrimSuffix(rest[:i], "\r")
	}
	if rest == "" {
		return start
	}
	if q := rest[0]; q == '"' || q == '\'' {
		for i := 1; i < len(rest); i++ {
			if q == '"' && rest[i] == '\\' {
				i++
			} else if rest[i] == q {
				return start + i + 1
			}
		}
		return start + len(rest)
	}
	end := len(rest)
	for i := range len(rest) {
		c := rest[i]
		if c == ':' && (i+1 == len(rest) || rest[i+1] == ' ') || strings.IndexByte(",]}[{", c) >= 0 || c == '#' && i > 0 && rest[i-1] == ' ' {
			end = i
			break
		}
	}
	if trimmed := len(strings.TrimRight(rest[:end], " \t")); trimmed > 0 {
		return start + trimmed
	}
	_, size := utf8.DecodeRuneInString(rest)
	return start + size
}
