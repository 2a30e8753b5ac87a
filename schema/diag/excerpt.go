package diag

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

// lineReader finds lines of a text by number. Findings come sorted, so it goes on from where it stands and starts
// anew only when it must go back: a long report reads its text once, the documents of one stream together.
type lineReader struct {
	text   []byte
	number int    // of the line that rest begins with
	rest   []byte // from the beginning of that line
}

// line is the text of a line without its end (LF or CR LF); false where the source has no such line.
func (r *lineReader) line(s *Source, number int) ([]byte, bool) {
	if s == nil || len(s.Text) == 0 || number < 1 {
		return nil, false
	}
	if same := len(r.text) == len(s.Text) && &r.text[0] == &s.Text[0]; !same || number < r.number {
		*r = lineReader{text: s.Text, number: 1, rest: s.Text}
	}
	for r.number < number {
		end := bytes.IndexByte(r.rest, '\n')
		if end < 0 {
			return nil, false
		}
		r.rest = r.rest[end+1:]
		r.number++
	}
	line := r.rest
	if end := bytes.IndexByte(line, '\n'); end >= 0 {
		line = bytes.TrimSuffix(line[:end], []byte("\r"))
	}
	return line, true
}

// How much of a long line is shown, in terminal cells: excerptWidth in all, excerptBefore of it before the caret.
const (
	excerptWidth  = 120
	excerptBefore = 60
)

// excerpt renders a source line for a terminal, cut around column col where it is too long, and the blanks that
// bring a caret under that column. A column that is not on the line is moved to its nearer end.
func excerpt(line []byte, col int) (text, pad string) {
	at := min(max(col-1, 0), len(line))
	for at > 0 && at < len(line) && !utf8.RuneStart(line[at]) {
		at-- // a column within a character is that character's
	}
	from, to := window(line, at)

	var shown, blanks strings.Builder
	if from > 0 {
		shown.WriteString("…")
		blanks.WriteString(" ")
	}
	for i := from; i < to; {
		r, size := utf8.DecodeRune(line[i:])
		switch {
		case r == '\t':
			shown.WriteByte('\t') // the same tab below it keeps the caret right at any tab width
		case unprintable(r):
			r = utf8.RuneError
			shown.WriteRune(r)
		default:
			shown.WriteRune(r) // a byte that is no UTF-8 becomes U+FFFD
		}
		if i < at {
			if r == '\t' {
				blanks.WriteByte('\t')
			} else {
				blanks.WriteString(strings.Repeat(" ", cells(r)))
			}
		}
		i += size
	}
	if to < len(line) {
		shown.WriteString("…")
	}
	return shown.String(), blanks.String()
}

// window chooses the bytes of a line to show: some before at, as much as there is room for after it, and if that is
// the whole rest of the line, more before it. It looks no further than it shows: a line may be megabytes long.
func window(line []byte, at int) (from, to int) {
	from, to = at, at
	width := 0
	back := func(limit int) {
		for from > 0 {
			r, size := utf8.DecodeLastRune(line[:from])
			if width+cells(r) > limit {
				return
			}
			from -= size
			width += cells(r)
		}
	}
	back(excerptBefore)
	for to < len(line) {
		r, size := utf8.DecodeRune(line[to:])
		if width+cells(r) > excerptWidth {
			break
		}
		to += size
		width += cells(r)
	}
	back(excerptWidth)
	return from, to
}

// unprintable tells whether a terminal would do something other than show r: control characters, and those that
// turn the reading direction and so could show a line as what it is not.
func unprintable(r rune) bool {
	return unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
}

// cells is how many columns of a terminal r takes: 0 for what joins the character before it, 2 for East Asian wide
// characters and emoji, 1 for the rest. A tab counts as the most it can take.
func cells(r rune) int {
	switch {
	case r == '\t':
		return 8
	case r < 0x300:
		return 1
	case r == '\u200b' || r == '\u200d' || r == '\ufeff' || unicode.In(r, unicode.Mn, unicode.Me, unicode.Variation_Selector):
		return 0
	case r >= 0x1f3fb && r <= 0x1f3ff: // skin tones
		return 0
	case unicode.Is(wide, r):
		return 2
	}
	return 1
}

// wide is what Unicode's East Asian Width calls Wide or Fullwidth.
var wide = &unicode.RangeTable{
	R16: []unicode.Range16{
		{0x1100, 0x115f, 1}, {0x231a, 0x231b, 1}, {0x2329, 0x232a, 1}, {0x23e9, 0x23ec, 1}, {0x23f0, 0x23f0, 1},
		{0x23f3, 0x23f3, 1}, {0x25fd, 0x25fe, 1}, {0x2614, 0x2615, 1}, {0x2648, 0x2653, 1}, {0x267f, 0x267f, 1},
		{0x2693, 0x2693, 1}, {0x26a1, 0x26a1, 1}, {0x26aa, 0x26ab, 1}, {0x26bd, 0x26be, 1}, {0x26c4, 0x26c5, 1},
		{0x26ce, 0x26ce, 1}, {0x26d4, 0x26d4, 1}, {0x26ea, 0x26ea, 1}, {0x26f2, 0x26f3, 1}, {0x26f5, 0x26f5, 1},
		{0x26fa, 0x26fa, 1}, {0x26fd, 0x26fd, 1}, {0x2705, 0x2705, 1}, {0x270a, 0x270b, 1}, {0x2728, 0x2728, 1},
		{0x274c, 0x274c, 1}, {0x274e, 0x274e, 1}, {0x2753, 0x2755, 1}, {0x2757, 0x2757, 1}, {0x2795, 0x2797, 1},
		{0x27b0, 0x27b0, 1}, {0x27bf, 0x27bf, 1}, {0x2b1b, 0x2b1c, 1}, {0x2b50, 0x2b50, 1}, {0x2b55, 0x2b55, 1},
		{0x2e80, 0x303e, 1}, {0x3041, 0x4dbf, 1}, {0x4e00, 0xa4cf, 1}, {0xa960, 0xa97f, 1}, {0xac00, 0xd7a3, 1},
		{0xf900, 0xfaff, 1}, {0xfe10, 0xfe19, 1}, {0xfe30, 0xfe6f, 1}, {0xff01, 0xff60, 1}, {0xffe0, 0xffe6, 1},
	},
	R32: []unicode.Range32{
		{0x16fe0, 0x18dff, 1}, {0x1aff0, 0x1b2ff, 1}, {0x1f004, 0x1f004, 1}, {0x1f0cf, 0x1f0cf, 1}, {0x1f18e, 0x1f18e, 1},
		{0x1f191, 0x1f19a, 1}, {0x1f200, 0x1f320, 1}, {0x1f32d, 0x1f335, 1}, {0x1f337, 0x1f37c, 1}, {0x1f37e, 0x1f393, 1},
		{0x1f3a0, 0x1f3ca, 1}, {0x1f3cf, 0x1f3d3, 1}, {0x1f3e0, 0x1f3f0, 1}, {0x1f3f4, 0x1f3f4, 1}, {0x1f3f8, 0x1f43e, 1},
		{0x1f440, 0x1f440, 1}, {0x1f442, 0x1f4fc, 1}, {0x1f4ff, 0x1f53d, 1}, {0x1f54b, 0x1f54e, 1}, {0x1f550, 0x1f567, 1},
		{0x1f57a, 0x1f57a, 1}, {0x1f595, 0x1f596, 1}, {0x1f5a4, 0x1f5a4, 1}, {0x1f5fb, 0x1f64f, 1}, {0x1f680, 0x1f6c5, 1},
		{0x1f6cc, 0x1f6cc, 1}, {0x1f6d0, 0x1f6d2, 1}, {0x1f6d5, 0x1f6d7, 1}, {0x1f6dc, 0x1f6df, 1}, {0x1f6eb, 0x1f6ec, 1},
		{0x1f6f4, 0x1f6fc, 1}, {0x1f7e0, 0x1f7eb, 1}, {0x1f7f0, 0x1f7f0, 1}, {0x1f90c, 0x1f93a, 1}, {0x1f93c, 0x1f945, 1},
		{0x1f947, 0x1f9ff, 1}, {0x1fa70, 0x1faff, 1}, {0x20000, 0x2fffd, 1}, {0x30000, 0x3fffd, 1},
	},
}
