package compare

import (
	"encoding/json"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/vmmesh/vmmesh/schema/secret"
	"github.com/vmmesh/vmmesh/schema/syntax"
)

func isNull(n *syntax.Node) bool { return n == nil || n.Kind == syntax.Null }

// equal reports whether two values are the same to a reader of JSON: quotes, key order and 0x10 for 16 are no
// difference.
func equal(a, b *syntax.Node) bool {
	if a.Kind == b.Kind && a.Kind != syntax.Map && a.Kind != syntax.Seq && a.Value == b.Value {
		return true
	}
	return canonical(a) == canonical(b)
}

// canonical is a value as a text that equal values share.
func canonical(n *syntax.Node) string {
	var b strings.Builder
	writeCanonical(&b, n)
	return b.String()
}

func writeCanonical(b *strings.Builder, n *syntax.Node) {
	switch n.Kind {
	case syntax.Map:
		order := make([]int, 0, len(n.Fields))
		for i := range n.Fields {
			if n.Fields[i].Value.Kind != syntax.Null {
				order = append(order, i)
			}
		}
		slices.SortFunc(order, func(i, j int) int { return strings.Compare(n.Fields[i].Key, n.Fields[j].Key) })
		b.WriteByte('{')
		for _, i := range order {
			b.WriteString(strconv.Quote(n.Fields[i].Key))
			b.WriteByte(':')
			writeCanonical(b, &n.Fields[i].Value)
			b.WriteByte(',')
		}
		b.WriteByte('}')
	case syntax.Seq:
		b.WriteByte('[')
		for i := range n.Items {
			writeCanonical(b, &n.Items[i])
			b.WriteByte(',')
		}
		b.WriteByte(']')
	case syntax.String:
		b.WriteString(strconv.Quote(n.Value))
	case syntax.Bool:
		b.WriteString(n.Value)
	case syntax.Int, syntax.Float:
		b.WriteString(numberText(n))
	case syntax.Null:
		b.WriteString("null")
	}
}

// numberText is a number as a text that equal numbers share: 1, 1.0 and 0x1 are one.
func numberText(n *syntax.Node) string {
	switch v := n.Plain().(type) {
	case int:
		return strconv.Itoa(v)
	case json.Number:
		return v.String()
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			i, _ := big.NewFloat(v).Int(nil)
			return i.String()
		}
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	return n.Value
}

// shownAt is a value on one line, and nothing of one whose path names it as a credential.
func shownAt(path string, n *syntax.Node) string {
	if n.Kind != syntax.Map && n.Kind != syntax.Seq && secret.Of(path[strings.LastIndexByte(path, '.')+1:], n.Value) != nil {
		return "(left out)"
	}
	return shown(n)
}

// shown is a value on one line, in the flow style of YAML, cut where it is long.
func shown(n *syntax.Node) string {
	const most = 120
	var b strings.Builder
	writeShown(&b, n, most)
	s := secret.Redact(b.String())
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

// writeShown writes a value, or as much of it as is looked at.
func writeShown(b *strings.Builder, n *syntax.Node, most int) {
	if b.Len() > 4*most {
		return
	}
	switch n.Kind {
	case syntax.Map:
		b.WriteByte('{')
		for i := range n.Fields {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(scalar(n.Fields[i].Key) + ": ")
			writeShown(b, &n.Fields[i].Value, most)
			if b.Len() > 4*most {
				return
			}
		}
		b.WriteByte('}')
	case syntax.Seq:
		b.WriteByte('[')
		for i := range n.Items {
			if i > 0 {
				b.WriteString(", ")
			}
			writeShown(b, &n.Items[i], most)
			if b.Len() > 4*most {
				return
			}
		}
		b.WriteByte(']')
	case syntax.String:
		b.WriteString(scalar(n.Value))
	case syntax.Null:
		b.WriteString("null")
	case syntax.Bool, syntax.Int, syntax.Float:
		b.WriteString(n.Value)
	}
}

// scalar is a text, in quotes where a reader could parse it as something else.
func scalar(s string) string {
	plain := s != "" && (unicode.IsLetter(rune(s[0])) && s[0] < 0x80 || s[0] == '/')
	for _, r := range s {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./*@", r)) {
			plain = false
		}
	}
	switch strings.ToLower(s) {
	case "true", "false", "null", "yes", "no", "on", "off", "y", "n":
		plain = false
	}
	if plain || isAddress(s) {
		return s
	}
	return strconv.Quote(s)
}

// isAddress reports whether s is digits and three dots, as an IPv4 address is: no reader parses it as a number.
func isAddress(s string) bool {
	return strings.Count(s, ".") == 3 && strings.Trim(s, "0123456789.") == ""
}

// printable makes a text from a stranger's file safe to print on one line of a terminal.
func printable(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }) {
		return strconv.Quote(s)
	}
	return s
}
