package syntax

import (
	"encoding/json"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// Plain turns a Node into the values that a JSON Schema validator takes: map[string]any, []any, string, bool, nil,
// int where a number fits it, json.Number for a larger integer, float64. An infinity or NaN, which JSON does not
// have, becomes its text, so that it is found to be no number.
func (n *Node) Plain() any {
	switch n.Kind {
	case Bool:
		return n.Value == "true"
	case Int:
		return plainInt(n.Value)
	case Float:
		return plainFloat(n.Value)
	case String:
		return n.Value
	case Map:
		m := make(map[string]any, len(n.Fields))
		for i := range n.Fields {
			m[n.Fields[i].Key] = n.Fields[i].Value.Plain()
		}
		return m
	case Seq:
		l := make([]any, len(n.Items))
		for i := range n.Items {
			l[i] = n.Items[i].Plain()
		}
		return l
	case Null:
	}
	return nil
}

func plainInt(s string) any {
	if v, ok := parseInt(s); ok && v >= math.MinInt && v <= math.MaxInt {
		return int(v)
	}
	digits, base := strings.TrimPrefix(s, "+"), 10
	if strings.HasPrefix(s, "0x") {
		digits, base = s[2:], 16
	} else if strings.HasPrefix(s, "0o") {
		digits, base = s[2:], 8
	}
	v, ok := new(big.Int).SetString(digits, base)
	if !ok {
		return s
	}
	return json.Number(v.String())
}

func plainFloat(s string) any {
	// strconv knows no dot before inf and nan, and would take them without it.
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return s
	}
	return v
}
