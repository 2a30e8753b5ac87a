package syntax

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// withoutSurrogates writes the UTF-16 escapes of a JSON text as YAML has them: JSON names a character beyond U+FFFF by two
// escapes (RFC 8259, section 7), which YAML refuses. Half a pair is U+FFFD, as for the API server. Text that is not JSON
// stays as it is. Columns behind a pair on its line are two smaller.
func withoutSurrogates(text string) string {
	start := strings.TrimLeft(text, " \t\r\n")
	if start == "" || start[0] != '{' && start[0] != '[' || !strings.Contains(text, `\ud`) && !strings.Contains(text, `\uD`) {
		return text
	}
	for values := json.NewDecoder(strings.NewReader(text)); ; {
		var value json.RawMessage
		if err := values.Decode(&value); err == io.EOF {
			break
		} else if err != nil {
			return text
		}
	}
	var out bytes.Buffer
	for i := 0; i < len(text); {
		high, ok := escaped(text[i:])
		switch {
		case text[i] != '\\':
			out.WriteByte(text[i])
			i++
		case !ok || !utf16.IsSurrogate(high):
			out.WriteString(text[i : i+2]) // the rest of a longer escape is plain text
			i += 2
		default:
			i += 6
			low, _ := escaped(text[i:])
			if r := utf16.DecodeRune(high, low); r != utf8.RuneError {
				fmt.Fprintf(&out, `\U%08x`, r)
				i += 6
			} else {
				out.WriteString(`\ufffd`)
			}
		}
	}
	return out.String()
}

// escaped reads an escape of four hexadecimal digits.
func escaped(s string) (rune, bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	code, err := strconv.ParseUint(s[2:6], 16, 32)
	return rune(code), err == nil
}
