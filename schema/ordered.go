package schema

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// object is a JSON object whose members keep their order: the schema's own order is the order of documentation.
type object []member

type member struct {
	key   string
	value any // object, []any, string, json.Number, bool or nil
}

// get finds a member's value; nil where there is none.
func (o object) get(key string) any {
	for _, m := range o {
		if m.key == key {
			return m.value
		}
	}
	return nil
}

// has tells whether there is such a member; its value may be null.
func (o object) has(key string) bool {
	for _, m := range o {
		if m.key == key {
			return true
		}
	}
	return false
}

// readOrdered reads JSON and keeps the order of members. It is for the embedded schema alone, which a test holds to be
// well formed: of other text it reads what it can. (The standard library's reader of tokens takes five times as long,
// which every run of the program would pay.)
func readOrdered(src string) any {
	r := orderedReader{src: src}
	return r.value()
}

type orderedReader struct {
	src string
	at  int
}

// next skips white space and separators, and answers the byte that follows; 0 at the end.
func (r *orderedReader) next() byte {
	for ; r.at < len(r.src); r.at++ {
		switch c := r.src[r.at]; c {
		case ' ', '\n', '\r', '\t', ',', ':':
		default:
			return c
		}
	}
	return 0
}

func (r *orderedReader) value() any {
	switch r.next() {
	case '{':
		o := object{}
		for r.at++; r.next() == '"'; {
			key := r.text()
			o = append(o, member{key, r.value()})
		}
		r.at++
		return o
	case '[':
		l := []any{}
		for r.at++; r.next() != ']' && r.at < len(r.src); {
			l = append(l, r.value())
		}
		r.at++
		return l
	case '"':
		return r.text()
	}
	start := r.at
	for r.at < len(r.src) && !strings.ContainsRune(" \n\r\t,]}", rune(r.src[r.at])) {
		r.at++
	}
	switch word := r.src[start:r.at]; word {
	case "true", "false":
		return word == "true"
	case "null", "":
		return nil
	default:
		return json.Number(word)
	}
}

// text reads a string; r is at its opening quote.
func (r *orderedReader) text() string {
	start := r.at
	escaped := false
	for r.at++; r.at < len(r.src) && r.src[r.at] != '"'; r.at++ {
		if r.src[r.at] == '\\' {
			escaped = true
			r.at++
		}
	}
	r.at = min(r.at+1, len(r.src))
	raw := r.src[start:r.at]
	if !escaped {
		return strings.Trim(raw, `"`)
	}
	var s string
	_ = json.Unmarshal([]byte(raw), &s) // a fault leaves "", and the test finds it
	return s
}

// flowYAML prints a value of an example on one line, as YAML.
func flowYAML(v any) string {
	switch v := v.(type) {
	case object:
		parts := make([]string, len(v))
		for i, m := range v {
			parts[i] = scalarYAML(m.key) + ": " + flowYAML(m.value)
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case []any:
		parts := make([]string, len(v))
		for i, item := range v {
			parts[i] = flowYAML(item)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return scalarYAML(v)
}

// blockYAML prints a value of an example over as many lines as it needs, indented by the given number of spaces.
// Maps and lists of scalars that fit stay on one line.
func blockYAML(v any, indent int) string {
	pad := strings.Repeat(" ", indent)
	switch v := v.(type) {
	case object:
		if len(v) == 0 {
			return pad + "{}\n"
		}
		var b strings.Builder
		for _, m := range v {
			b.WriteString(pad + scalarYAML(m.key) + ":")
			writeBelow(&b, m.value, indent)
		}
		return b.String()
	case []any:
		if len(v) == 0 || !nested(v) {
			return pad + flowYAML(v) + "\n"
		}
		var b strings.Builder
		for _, item := range v {
			// The item's first line takes the place of its indentation.
			text := blockYAML(item, indent+2)
			b.WriteString(pad + "- " + strings.TrimPrefix(text, pad+"  "))
		}
		return b.String()
	case string:
		if strings.HasSuffix(v, "\n") {
			return pad + literalYAML(v, indent+2)
		}
	}
	return pad + scalarYAML(v) + "\n"
}

// writeBelow prints a value behind "key:".
func writeBelow(b *strings.Builder, v any, indent int) {
	switch v := v.(type) {
	case object:
		if nested(v) || len(v) > 0 && len(flowYAML(v)) > 60 {
			b.WriteString("\n" + blockYAML(v, indent+2))
			return
		}
		b.WriteString(" " + flowYAML(v) + "\n")
		return
	case []any:
		if nested(v) {
			b.WriteString("\n" + blockYAML(v, indent))
			return
		}
		b.WriteString(" " + flowYAML(v) + "\n")
		return
	case string:
		if strings.HasSuffix(v, "\n") {
			b.WriteString(" " + literalYAML(v, indent+2))
			return
		}
	}
	b.WriteString(" " + scalarYAML(v) + "\n")
}

func literalYAML(s string, indent int) string {
	pad := strings.Repeat(" ", indent)
	return "|\n" + pad + strings.ReplaceAll(strings.TrimSuffix(s, "\n"), "\n", "\n"+pad) + "\n"
}

// nested tells whether a map or list holds maps or lists.
func nested(v any) bool {
	inner := func(v any) bool {
		switch v.(type) {
		case object, []any:
			return true
		}
		return false
	}
	switch v := v.(type) {
	case object:
		for _, m := range v {
			if inner(m.value) {
				return true
			}
		}
	case []any:
		for _, item := range v {
			if inner(item) {
				return true
			}
		}
	}
	return false
}

// scalarYAML prints a scalar so that it is read back as itself, quoted where bare text would be something else.
func scalarYAML(v any) string {
	s, ok := v.(string)
	if !ok {
		if v == nil {
			return "null"
		}
		return fmt.Sprint(v)
	}
	if plainText(s) {
		return s
	}
	return strconv.Quote(s)
}

// plainText tells whether s may stand bare in YAML, in flow style too. It errs towards quotes.
func plainText(s string) bool {
	if s == "" || strings.Contains(s, ": ") || strings.Contains(s, " #") || strings.HasSuffix(s, ":") || strings.HasSuffix(s, " ") {
		return false
	}
	switch strings.ToLower(s) {
	case "true", "false", "null", "yes", "no", "on", "off", "y", "n":
		return false
	}
	first := s[0]
	if !(first >= 'A' && first <= 'Z' || first >= 'a' && first <= 'z' || first == '/') {
		// A dotted quad, a version of three parts, 10.0.0.0/8: no number, whatever reads it.
		digits := first >= '0' && first <= '9'
		if !digits || strings.Count(s, ".") < 2 {
			return !strings.ContainsFunc(s, func(c rune) bool { return c != '-' && (c < '0' || c > '9') }) && strings.Count(s, "-") == 1 && first != '-'
		}
	}
	return !strings.ContainsAny(s, "{}[],\"'\n\t|>&*!%@`#")
}
