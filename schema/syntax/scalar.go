package syntax

import (
	"strconv"
	"strings"
)

// resolve tells what a plain scalar is. It follows the core schema of YAML 1.2, so that yes, no, on, off, dates and
// 12:30:00 are text. What YAML 1.1 and 1.2 or their implementations read as different numbers is text as well, and
// never one of the two readings: 0755, 1_000, 0b11. An integer may have any size up to maxDigits, and stays one.
func resolve(s string) Kind {
	if s == "" {
		return Null
	}
	switch c := s[0]; {
	case c >= '0' && c <= '9':
		return resolveNumber(s, s)
	case c == '-' || c == '+':
		if rest := s[1:]; rest == ".inf" || rest == ".Inf" || rest == ".INF" {
			return Float
		}
		return resolveNumber(s, s[1:])
	case c == '.':
		switch s {
		case ".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN":
			return Float
		}
		return resolveNumber(s, s)
	}
	switch s {
	case "~", "null", "Null", "NULL":
		return Null
	case "true", "True", "TRUE", "false", "False", "FALSE":
		return Bool
	}
	return String
}

// maxDigits is the length from which a row of digits is text: reading it as a number would cost more than linear time.
const maxDigits = 128

// resolveNumber resolves s, whose part after a sign is rest.
func resolveNumber(s, rest string) Kind {
	digits := 0
	for digits < len(rest) && rest[digits] >= '0' && rest[digits] <= '9' {
		digits++
	}
	switch {
	case len(rest) == 0 || len(rest) > maxDigits:
		return String
	case digits == len(rest):
		if digits > 1 && rest[0] == '0' {
			return String
		}
		return Int
	case digits == 1 && len(rest) > 2 && rest[0] == '0' && (rest[1] == 'x' || rest[1] == 'o'):
		if len(rest) != len(s) {
			return String // a sign before a prefix is not in the core schema
		}
		for _, c := range []byte(rest[2:]) {
			octal := c >= '0' && c <= '7'
			hex := octal || c == '8' || c == '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
			if rest[1] == 'o' && !octal || !hex {
				return String
			}
		}
		return Int
	}
	// [0-9]+ ( . [0-9]* )? exponent?  or  . [0-9]+ exponent?
	i := digits
	if i < len(rest) && rest[i] == '.' {
		i++
		fraction := i
		for i < len(rest) && rest[i] >= '0' && rest[i] <= '9' {
			i++
		}
		if digits == 0 && i == fraction {
			return String
		}
	} else if digits == 0 {
		return String
	}
	if i < len(rest) && (rest[i] == 'e' || rest[i] == 'E') {
		i++
		if i < len(rest) && (rest[i] == '-' || rest[i] == '+') {
			i++
		}
		exponent := i
		for i < len(rest) && rest[i] >= '0' && rest[i] <= '9' {
			i++
		}
		if i == exponent {
			return String
		}
	}
	if i != len(rest) {
		return String
	}
	if _, err := strconv.ParseFloat(s, 64); err != nil {
		return String // larger than any float: no number that could be kept
	}
	return Float
}

// boolText is the one spelling of a Bool's text.
func boolText(s string) string {
	if s[0] == 't' || s[0] == 'T' {
		return "true"
	}
	return "false"
}

// parseInt reads the text of an Int; false where it does not fit 64 bits with a sign.
func parseInt(s string) (int64, bool) {
	base := 10
	if strings.HasPrefix(s, "0x") {
		base, s = 16, s[2:]
	} else if strings.HasPrefix(s, "0o") {
		base, s = 8, s[2:]
	}
	v, err := strconv.ParseInt(s, base, 64)
	return v, err == nil
}
