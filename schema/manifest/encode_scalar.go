package manifest

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// How a scalar is written. Readers of YAML 1.1 and 1.2 disagree about which bare words are strings, so a string is
// bare only where all of them agree, and in double quotes otherwise:
//
//   - bare: a letter or a slash, then letters, digits and -_./:,+@=* with no colon at the end; but not a word that some
//     version of YAML takes for a boolean or null, and no e or E before a digit;
//   - bare too, because they are everywhere and no version of YAML takes them for numbers: dotted quads, with or
//     without a prefix length, and durations such as 1.5s and 1h30m;
//   - a literal block: text of printable ASCII, tabs and newlines that ends in exactly one newline, begins with neither
//     white space nor newline, and has no line that ends in white space;
//   - in double quotes: everything else. Control characters and characters that cannot be seen are escaped. Bytes that
//     are no UTF-8 become U+FFFD: they cannot come from a spec, and a broken document is worse than a replaced byte.

// Classes of bytes in a bare string.
const (
	canBegin    = 1 << iota // may be the first byte
	canContinue             // may be a later byte
)

var bare = func() (t [256]byte) {
	for c := byte('a'); c <= 'z'; c++ {
		t[c] = canBegin | canContinue
		t[c-'a'+'A'] = canBegin | canContinue
	}
	for c := byte('0'); c <= '9'; c++ {
		t[c] = canContinue
	}
	for _, c := range []byte("-_.:,+@=*") {
		t[c] = canContinue
	}
	t['/'] = canBegin | canContinue
	return t
}()

// appendScalar appends s on one line, bare or in double quotes.
func appendScalar(dst []byte, s string) []byte {
	if isBare(s) {
		return append(dst, s...)
	}
	return appendQuoted(dst, s)
}

func isBare(s string) bool {
	if s == "" {
		return false
	}
	if bare[s[0]]&canBegin == 0 {
		return s[0] >= '0' && s[0] <= '9' && (isQuad(s) || isDuration(s))
	}
	for i := 1; i < len(s); i++ {
		if bare[s[i]]&canContinue == 0 {
			return false
		}
	}
	if s[len(s)-1] == ':' {
		return false
	}
	if (s[0] == 'e' || s[0] == 'E') && len(s) > 1 && s[1] >= '0' && s[1] <= '9' {
		return false
	}
	return !isWord(s)
}

// isWord reports whether some version of YAML takes s for a boolean or for null.
func isWord(s string) bool {
	if len(s) > len("false") {
		return false
	}
	for _, w := range [...]string{"y", "n", "on", "no", "yes", "off", "true", "null", "false"} {
		if len(w) == len(s) && strings.EqualFold(w, s) {
			return true
		}
	}
	return false
}

// isQuad reports whether s is four numbers of one to three digits with dots between them, and perhaps /0 to /99 after them.
func isQuad(s string) bool {
	digits, dots, slash := 0, 0, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			if digits++; digits > 3 || slash && digits > 2 {
				return false
			}
		case c == '.' && digits > 0 && dots < 3:
			digits, dots = 0, dots+1
		case c == '/' && digits > 0 && dots == 3 && !slash:
			digits, slash = 0, true
		default:
			return false
		}
	}
	return dots == 3 && digits > 0
}

// isDuration reports whether s is one or more decimal numbers, each with a unit of time.
func isDuration(s string) bool {
	for s != "" {
		n := countDigits(s)
		if n == 0 {
			return false
		}
		s = s[n:]
		if s != "" && s[0] == '.' {
			if n = countDigits(s[1:]); n == 0 {
				return false
			}
			s = s[1+n:]
		}
		switch {
		case strings.HasPrefix(s, "ms"):
			s = s[2:]
		case s != "" && (s[0] == 's' || s[0] == 'm' || s[0] == 'h'):
			s = s[1:]
		default:
			return false
		}
	}
	return true
}

func countDigits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}

// isLiteral reports whether s may be a literal block.
func isLiteral(s string) bool {
	if len(s) < 2 || s[len(s)-1] != '\n' || s[0] == ' ' || s[0] == '\t' {
		return false
	}
	before := byte('\n')
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\n':
			if before == ' ' || before == '\t' || before == '\n' && (i == 0 || i == len(s)-1) {
				return false
			}
		case c != '\t' && (c < ' ' || c > '~'):
			return false
		}
		before = c
	}
	return true
}

// appendQuoted appends s in double quotes.
func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			i++
			switch {
			case c == '"' || c == '\\':
				dst = append(dst, '\\', c)
			case c >= ' ' && c <= '~':
				dst = append(dst, c)
			case c == '\n':
				dst = append(dst, `\n`...)
			case c == '\t':
				dst = append(dst, `\t`...)
			case c == '\r':
				dst = append(dst, `\r`...)
			default:
				dst = appendEscape(dst, rune(c))
			}
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		i += size
		if isUnseen(r) {
			dst = appendEscape(dst, r)
		} else {
			dst = utf8.AppendRune(dst, r)
		}
	}
	return append(dst, '"')
}

// isUnseen reports whether a character outside ASCII is escaped: what YAML forbids or takes for a line break, and what
// a reader could not see or what would turn the text around: spaces and marks without width, direction overrides, tags.
// The list is fixed, so that the same text comes out whatever Unicode version Go has.
func isUnseen(r rune) bool {
	switch {
	case r <= 0xA0, r == 0xAD, r == 0x61C, r == 0x180E:
		return true
	case r >= 0x2000 && r <= 0x200F, r >= 0x2028 && r <= 0x202F, r >= 0x205F && r <= 0x206F:
		return true
	case r == 0xFEFF, r >= 0xFFF0 && r <= 0xFFFB, r >= 0xFFFE && r <= 0xFFFF:
		return true
	case r >= 0xE0000 && r <= 0xE0FFF:
		return true
	}
	return r > 0xFFFF && r&0xFFFE == 0xFFFE
}

func appendEscape(dst []byte, r rune) []byte {
	const hex = "0123456789abcdef"
	digits := 4
	if r > 0xFFFF {
		digits = 8
		dst = append(dst, '\\', 'U')
	} else {
		dst = append(dst, '\\', 'u')
	}
	for shift := 4 * (digits - 1); shift >= 0; shift -= 4 {
		dst = append(dst, hex[r>>shift&0xF])
	}
	return dst
}

// appendFloat appends a number of 32 or 64 bits so that every version of YAML reads a number: an exponent has a sign
// and is behind a decimal point. What JSON has no number for is a string, as proto3 JSON says.
func appendFloat(dst []byte, f float64, bits int) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, `"NaN"`...)
	case math.IsInf(f, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(f, -1):
		return append(dst, `"-Infinity"`...)
	case f == 0 && math.Signbit(f):
		return append(dst, "-0.0"...)
	}
	if size := math.Abs(f); f == 0 || size >= 1e-6 && size < 1e15 {
		return strconv.AppendFloat(dst, f, 'f', -1, bits)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'e', -1, bits)
	for i := start; i < len(dst) && dst[i] != '.'; i++ {
		if dst[i] == 'e' {
			exponent := string(dst[i:])
			return append(append(dst[:i], ".0"...), exponent...)
		}
	}
	return dst
}
