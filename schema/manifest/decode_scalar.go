package manifest

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/syntax"
)

// scalar reads a value of a scalar type: fd is a singular field, a list or the value of a map.
// words are the allowed words of an enum.
func (d *decoder) scalar(n *syntax.Node, fd protoreflect.FieldDescriptor, words *wordPlan, at diag.Path) (protoreflect.Value, bool) {
	switch fd.Kind() {
	case protoreflect.StringKind:
		return d.text(n, at)
	case protoreflect.BoolKind:
		return d.boolean(n, at)
	case protoreflect.EnumKind:
		return d.word(n, words, at)
	case protoreflect.BytesKind:
		return d.bytes(n, at)
	case protoreflect.DoubleKind, protoreflect.FloatKind:
		return d.number(n, fd.Kind(), at)
	}
	return d.integer(n, fd.Kind(), at)
}

func (d *decoder) text(n *syntax.Node, at diag.Path) (protoreflect.Value, bool) {
	if n.Kind != syntax.String {
		d.wrong(at, n, "a string", quoteHelp(n))
		return protoreflect.Value{}, false
	}
	if !utf8.ValidString(n.Value) {
		d.add(ruleType.At(at, "%s is not UTF-8", subject(at)))
		return protoreflect.Value{}, false
	}
	return protoreflect.ValueOfString(n.Value), true
}

func quoteHelp(n *syntax.Node) string {
	switch n.Kind {
	case syntax.Bool, syntax.Int, syntax.Float:
		return fmt.Sprintf("quote it: %q", n.Value)
	case syntax.Null, syntax.String, syntax.Map, syntax.Seq:
	}
	return ""
}

func (d *decoder) boolean(n *syntax.Node, at diag.Path) (protoreflect.Value, bool) {
	if n.Kind == syntax.Bool {
		return protoreflect.ValueOfBool(n.Value == "true"), true
	}
	help, fix := "write true or false", diag.Fix{}
	if n.Kind == syntax.String {
		switch strings.ToLower(n.Value) {
		case "true", "yes", "on", "y":
			help, fix = "write true, without quotes", diag.Fix{New: "true", YAML: true, Certain: true}
		case "false", "no", "off", "n":
			help, fix = "write false, without quotes", diag.Fix{New: "false", YAML: true, Certain: true}
		}
	}
	d.wrong(at, n, "true or false", help, fix)
	return protoreflect.Value{}, false
}

func (d *decoder) word(n *syntax.Node, words *wordPlan, at diag.Path) (protoreflect.Value, bool) {
	w, ok := words.byName[n.Value]
	if n.Kind != syntax.String || !ok {
		help, fix := "", diag.Fix{}
		if meant, near := alike(n.Value, words.names), diag.Nearest(n.Value, words.names); meant != "" {
			help, fix.New = "write "+meant, meant
		} else if near != "" {
			help, fix.New = "did you mean "+near+"?", near
		}
		if fix.New != "" {
			fix.Certain = n.Kind == syntax.String && diag.Certain(n.Value, fix.New, words.names)
		}
		d.wrong(at, n, listed(words.names, "or"), help, fix)
		return protoreflect.Value{}, false
	}
	if d.minor != 0 && w.since > d.minor {
		d.add(ruleNewer.At(at, "%s exists since Istio 1.%d, and istio.version is 1.%d", n.Value, w.since, d.minor).
			WithHelp("choose another word, or upgrade Istio first: an older control plane refuses this one"))
	}
	return protoreflect.ValueOfEnum(w.number), true
}

func (d *decoder) bytes(n *syntax.Node, at diag.Path) (protoreflect.Value, bool) {
	if n.Kind == syntax.String {
		if b, err := base64.StdEncoding.DecodeString(n.Value); err == nil {
			return protoreflect.ValueOfBytes(b), true
		}
	}
	d.wrong(at, n, "bytes in base64", "encode them: printf '%s' … | base64 -w0")
	return protoreflect.Value{}, false
}

func (d *decoder) number(n *syntax.Node, kind protoreflect.Kind, at diag.Path) (protoreflect.Value, bool) {
	v, ok := floatOf(n)
	switch {
	case !ok:
		d.wrong(at, n, "a number", unquoteHelp(n), unquoteFix(n))
		return protoreflect.Value{}, false
	case math.IsNaN(v) || math.IsInf(v, 0):
		d.wrong(at, n, "a finite number", "")
		return protoreflect.Value{}, false
	case kind == protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(v), true
	case math.Abs(v) > math.MaxFloat32:
		d.wrong(at, n, "a number of 32 bits", "")
		return protoreflect.Value{}, false
	}
	return protoreflect.ValueOfFloat32(float32(v)), true
}

func (d *decoder) integer(n *syntax.Node, kind protoreflect.Kind, at diag.Path) (protoreflect.Value, bool) {
	low, high := int64(math.MinInt64), uint64(math.MaxInt64)
	wide := true
	switch kind {
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		low, high, wide = math.MinInt32, math.MaxInt32, false
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		low, high, wide = 0, math.MaxUint32, false
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		low, high = 0, math.MaxUint64
	}
	v, ok := integerOf(n)
	if !ok && wide && !d.crd && n.Kind == syntax.String {
		// proto3 JSON writes integers of 64 bits as text; the CRDs want numbers all the same.
		v, ok = parseInteger(n.Value, 10)
	}
	if !ok {
		d.wrong(at, n, "an integer", cmp.Or(unquoteHelp(n), integerHelp(n, at)), unquoteFix(n))
		return protoreflect.Value{}, false
	}
	if v.negative && (low == 0 && v.size > 0 || v.size > uint64(-(low+1))+1 && low != 0) || !v.negative && v.size > high {
		d.wrong(at, n, fmt.Sprintf("an integer from %d to %d", low, high), "")
		return protoreflect.Value{}, false
	}
	switch kind {
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return protoreflect.ValueOfInt32(int32(v.signed())), true
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return protoreflect.ValueOfUint32(uint32(v.size)), true
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return protoreflect.ValueOfUint64(v.size), true
	}
	return protoreflect.ValueOfInt64(v.signed()), true
}

// unquoteHelp returns how to fix a number that is written as text.
func unquoteHelp(n *syntax.Node) string {
	if older := n.OlderReading(); older != "" {
		return "write the number in decimal digits alone, such as " + older
	}
	if n.Kind == syntax.String {
		if _, err := strconv.ParseFloat(n.Value, 64); err == nil && n.Value == strings.TrimSpace(n.Value) {
			return fmt.Sprintf("write %s, without quotes", n.Value)
		}
	}
	return ""
}

// integerHelp says what to write for a text that is not a number at all: a duration where seconds are counted, or the name
// of a port where only its number is taken.
func integerHelp(n *syntax.Node, at diag.Path) string {
	if n.Kind != syntax.String {
		return ""
	}
	key := at.LastKey()
	if hint := diag.Hint(n.Value); hint != "" {
		return hint
	}
	if duration, err := time.ParseDuration(n.Value); err == nil && strings.HasSuffix(key, "Seconds") && duration%time.Second == 0 {
		return fmt.Sprintf("write %d: it counts seconds", duration/time.Second)
	}
	if key == "port" || key == "number" || strings.HasSuffix(key, "Port") {
		return "write the port's number, such as 8080"
	}
	return ""
}

// unquoteFix is the fix of a number that is written as text.
func unquoteFix(n *syntax.Node) diag.Fix {
	if n.Kind == syntax.String && n.Quoted && unquoteHelp(n) == fmt.Sprintf("write %s, without quotes", n.Value) {
		return diag.Fix{New: n.Value, YAML: true, Certain: true}
	}
	return diag.Fix{}
}

// mapKey reads a map's key, which is text in YAML whatever its type is. The decimal form alone is a number.
func (d *decoder) mapKey(key string, fd protoreflect.FieldDescriptor, at diag.Path) (protoreflect.MapKey, bool) {
	fail := func(expected string) (protoreflect.MapKey, bool) {
		d.add(ruleType.At(at, "the key must be %s, not %q", expected, clip(key)).Key())
		return protoreflect.MapKey{}, false
	}
	switch fd.Kind() {
	case protoreflect.StringKind:
		if !utf8.ValidString(key) {
			return fail("UTF-8 text")
		}
		return protoreflect.ValueOfString(key).MapKey(), true
	case protoreflect.BoolKind:
		if key != "true" && key != "false" {
			return fail("true or false")
		}
		return protoreflect.ValueOfBool(key == "true").MapKey(), true
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		if v, err := strconv.ParseInt(key, 10, 32); err == nil && strconv.FormatInt(v, 10) == key {
			return protoreflect.ValueOfInt32(int32(v)).MapKey(), true
		}
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		if v, err := strconv.ParseInt(key, 10, 64); err == nil && strconv.FormatInt(v, 10) == key {
			return protoreflect.ValueOfInt64(v).MapKey(), true
		}
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		if v, err := strconv.ParseUint(key, 10, 32); err == nil && strconv.FormatUint(v, 10) == key {
			return protoreflect.ValueOfUint32(uint32(v)).MapKey(), true
		}
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		if v, err := strconv.ParseUint(key, 10, 64); err == nil && strconv.FormatUint(v, 10) == key {
			return protoreflect.ValueOfUint64(v).MapKey(), true
		}
	}
	return fail("a decimal integer")
}

// integer is a number of up to 64 bits with its sign apart.
type integer struct {
	negative bool
	size     uint64
}

func (i integer) signed() int64 {
	if i.negative {
		return -int64(i.size)
	}
	return int64(i.size)
}

// parseInteger reads text as an integer; base 0 takes the prefixes 0x, 0o, 0b and a bare 0.
func parseInteger(s string, base int) (integer, bool) {
	negative := strings.HasPrefix(s, "-")
	digits := strings.TrimPrefix(s, "-")
	if !negative {
		digits = strings.TrimPrefix(s, "+")
	}
	if digits == "" || digits[0] == '-' || digits[0] == '+' {
		return integer{}, false
	}
	size, err := strconv.ParseUint(digits, base, 64)
	if err != nil {
		return integer{}, false
	}
	return integer{negative: negative && size > 0, size: size}, true
}

// integerOf is the integer that a node is: an Int in any of YAML's notations, or a Float without a fraction, which
// reaches the API server as an integer too.
func integerOf(n *syntax.Node) (integer, bool) {
	switch n.Kind {
	case syntax.Int:
		return parseInteger(strings.ReplaceAll(n.Value, "_", ""), 0)
	case syntax.Float:
		v, ok := floatOf(n)
		if !ok || v != math.Trunc(v) || math.Abs(v) > 1<<53 {
			return integer{}, false
		}
		return integer{negative: v < 0, size: uint64(math.Abs(v))}, true
	case syntax.Null, syntax.Bool, syntax.String, syntax.Map, syntax.Seq:
	}
	return integer{}, false
}

// floatOf is the number that a node is.
func floatOf(n *syntax.Node) (float64, bool) {
	switch n.Kind {
	case syntax.Int:
		if i, ok := parseInteger(strings.ReplaceAll(n.Value, "_", ""), 0); ok {
			if i.negative {
				return -float64(i.size), true
			}
			return float64(i.size), true
		}
		v, err := strconv.ParseFloat(strings.ReplaceAll(n.Value, "_", ""), 64) // an integer of more than 64 bits
		return v, err == nil
	case syntax.Float:
		text := strings.ReplaceAll(n.Value, "_", "")
		switch strings.ToLower(strings.TrimLeft(text, "+-")) {
		case ".inf":
			if strings.HasPrefix(text, "-") {
				return math.Inf(-1), true
			}
			return math.Inf(1), true
		case ".nan":
			return math.NaN(), true
		}
		v, err := strconv.ParseFloat(text, 64)
		return v, err == nil
	case syntax.Null, syntax.Bool, syntax.String, syntax.Map, syntax.Seq:
	}
	return 0, false
}
