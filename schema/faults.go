package schema

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/secret"
	"github.com/vmmesh/vmmesh/schema/syntax"
)

// report words one fault: keyword is the schema's keyword that failed.
func (v *validation) report(keyword string, p place) {
	if p.at != nil && p.at.Parent() != nil && p.at.Parent().IsRoot() && (p.at.LastKey() == "apiVersion" || p.at.LastKey() == "kind") {
		return // Parse has said it
	}
	switch keyword {
	case "additionalProperties":
		v.unknown(p)
	case "required":
		v.missing(p)
	case "type":
		v.wrongType(p)
	case "enum":
		v.notAWord(p)
	case "minimum", "maximum", "minLength", "maxLength":
		v.outOfRange(keyword, p)
	default:
		v.wrongForm(p)
	}
}

// unknown reports the keys of a block that the schema does not name.
func (v *validation) unknown(p place) {
	together := p.misplaced()
	for i := range p.node.Fields {
		key := p.node.Fields[i].Key
		if p.field.byName[key] != nil {
			continue
		}
		home := homeOf(p.field, key)
		d := ruleUnknownField.At(p.at.Key(key), "unknown field %s in %s", quoted(key), whereabouts(p.at)).Key()
		d.Help = unknownHelp(p.field, key)
		if near, found := strings.CutPrefix(d.Help, "did you mean \""); found {
			if near, _, _ = strings.Cut(near, "\""); p.node.Get(near) == nil {
				d.Fix = &diag.Fix{Old: key, New: near, Certain: diag.Certain(key, near, p.field.names())}
			}
		}
		if keys := together[home]; len(keys) > 1 { // as when all of a block is one level too high
			if keys[0] != key {
				continue
			}
			d.Message = fmt.Sprintf("unknown fields %s in %s", both(keys), whereabouts(p.at))
			d.Help, d.Fix = fmt.Sprintf("they belong in %s: move them below it", home), nil
		}
		v.found = append(v.found, d)
	}
}

// misplaced lists the unknown keys of a block by the one place where each of them belongs.
func (p place) misplaced() map[string][]string {
	homes := map[string][]string{}
	for i := range p.node.Fields {
		if key := p.node.Fields[i].Key; p.field.byName[key] == nil {
			if home := homeOf(p.field, key); home != "" {
				homes[home] = append(homes[home], key)
			}
		}
	}
	return homes
}

// homeOf is the one place below a block where a field of this name belongs; "" where there is none, or several.
func homeOf(block *field, key string) string {
	if diag.Nearest(key, block.names()) != "" {
		return ""
	}
	homes := homesOf(key, block)
	if len(homes) != 1 || !strings.HasPrefix(homes[0], block.path) {
		return ""
	}
	return homes[0]
}

// both joins quoted words: "a" and "b".
func both(words []string) string {
	var all []string
	for _, w := range words {
		all = append(all, quoted(w))
	}
	return strings.Join(all[:len(all)-1], ", ") + " and " + all[len(all)-1]
}

// otherWords are words that other tools have for our fields, in lower case.
var otherWords = map[string]string{
	"containerport": "port", "number": "port", "serviceport": "port",
	"ip": "address", "ipaddress": "address", "host": "address", "hostname": "address",
	"readinessprobe": "probe", "livenessprobe": "probe", "healthcheck": "probe",
	"vms": "instances", "members": "instances", "endpoints": "instances", "workloadgroups": "groups",
	"appprotocol": "protocol", "prometheus": "metrics",
}

func unknownHelp(block *field, key string) string {
	names := block.names()
	if plain := strings.TrimFunc(key, diag.IsOtherSpace); plain != key && slices.Contains(names, plain) {
		return diag.OtherSpaceHelp
	}
	if near := diag.Nearest(key, names); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	for _, name := range names {
		if strings.HasPrefix(strings.ToLower(key), strings.ToLower(name)) && len(name) > 3 {
			return fmt.Sprintf("did you mean %q?", name)
		}
	}
	if other := otherWords[strings.ToLower(key)]; slices.Contains(names, other) {
		return fmt.Sprintf("did you mean %q?", other)
	}
	if homes := homesOf(key, block); len(homes) > 0 {
		return fmt.Sprintf("%q belongs in %s", key, either(homes))
	}
	if len(names) == 0 {
		return "this block does not take fields: write {}"
	}
	return "the fields here are " + strings.Join(names, ", ")
}

// homesOf finds where a field of this name belongs: the blocks nearest to the one where it is, at most three.
func homesOf(key string, from *field) []string {
	type home struct {
		path  string
		steps int
	}
	var homes []home
	rootField().walk(func(f *field) {
		if f.name == key && f.above != nil && f.above != from {
			homes = append(homes, home{where(f.above.path), distance(f.above.path, from.path)})
		}
	})
	slices.SortStableFunc(homes, func(a, b home) int { return a.steps - b.steps })
	var paths []string
	for _, h := range homes {
		if h.steps == homes[0].steps && len(paths) < 3 {
			paths = append(paths, h.path)
		}
	}
	return paths
}

func where(path string) string {
	if path == "" {
		return "the top level"
	}
	return path
}

// distance counts the steps from one place of the schema to another.
func distance(a, b string) int {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	same := 0
	for same < len(x) && same < len(y) && x[same] == y[same] {
		same++
	}
	return len(x) + len(y) - 2*same
}

// missing reports the required fields that a block does not have.
func (v *validation) missing(p place) {
	for _, name := range p.field.needs {
		child := p.field.byName[name]
		if p.field.above == nil && (name == "apiVersion" || name == "kind") {
			continue // Parse has said it
		}
		n := p.node.Get(name)
		if n != nil && !child.omitted(n) || n == nil && p.misspelled(name) || p.misplaced()[child.path] != nil {
			continue
		}
		var d diag.Diagnostic
		if n != nil {
			d = ruleMissingField.At(p.at.Key(name), "field %q in %s is empty, and it is required", name, whereabouts(p.at))
		} else {
			d = ruleMissingField.At(p.at, "field %q is missing in %s", name, whereabouts(p.at))
		}
		if line := exampleLine(child); line != "" {
			d.Help = "write it, for example " + line
		}
		v.found = append(v.found, d)
	}
}

// misspelled reports whether one of the block's unknown keys was meant to be this field. That finding is enough.
func (p place) misspelled(name string) bool {
	for i := range p.node.Fields {
		if key := p.node.Fields[i].Key; p.field.byName[key] == nil && diag.Nearest(key, p.field.names()) == name {
			return true
		}
	}
	return false
}

// exampleLine is a field as it might be written, on one line.
func exampleLine(f *field) string {
	if value := exampleValue(f); value != "" {
		return f.name + ": " + value
	}
	return ""
}

// exampleValue is an example of a value on one line; "" where there is none, or it is too long to be a help.
func exampleValue(f *field) string {
	value := exampleOf(f)
	if value == nil {
		return ""
	}
	if line := flowYAML(value); len(line) <= 120 && !strings.Contains(line, `\n`) {
		return line
	}
	return ""
}

// exampleOf is an example of a value: the schema's own, or a block of its required fields' examples.
func exampleOf(f *field) any {
	switch {
	case len(f.examples) > 0:
		return f.examples[0]
	case f.std != nil:
		return f.std
	case len(f.words) > 0:
		return f.words[0]
	case f.is("boolean"):
		return true
	case len(f.needs) > 0:
		o := object{}
		for _, name := range f.needs {
			o = append(o, member{name, exampleOf(f.byName[name])})
		}
		return o
	case f.is("object") && f.above != nil && f.above.items == f && len(f.above.examples) > 0: // an item of a list that has an example
		if list, ok := f.above.examples[0].([]any); ok && len(list) > 0 {
			return list[0]
		}
	}
	return nil
}

// takesWord names the field of a block that has this word among its values, "" if there is none or several.
func (f *field) takesWord(word string) string {
	found := ""
	for _, inner := range f.fields {
		if !slices.Contains(inner.words, word) {
			continue
		}
		if found != "" {
			return ""
		}
		found = inner.name
	}
	return found
}

func (v *validation) wrongType(p place) {
	d := ruleWrongType.At(p.at, "%s must be %s, not %s", p.subject(), wanted(p.field), described(p.node))
	d.Help = p.typeHelp()
	d.Fix = p.typeFix()
	v.found = append(v.found, d)
}

// typeFix is the change that typeHelp describes, where only the spelling of a scalar is wrong.
func (p place) typeFix() *diag.Fix {
	f, n := p.field, p.node
	fix := diag.Fix{Old: n.Value, YAML: true, Certain: true}
	switch {
	case n.Kind != syntax.String && n.Kind != syntax.Int && n.Kind != syntax.Float && n.Kind != syntax.Bool:
		return nil
	case secret.Of("", n.Value) != nil:
		return nil
	case f.is("string") && n.Kind != syntax.String && (f.pattern == nil || f.pattern.MatchString(n.Value)):
		fix.New = strconv.Quote(n.Value)
	case f.is("integer") && n.Kind == syntax.String && isDigits(n.Value):
		plain := strings.TrimLeft(n.Value, "0")
		if plain == "" {
			plain = "0"
		}
		fix.New, fix.Certain = plain, plain == n.Value && n.Quoted
	case f.is("boolean") && n.Kind == syntax.String:
		switch strings.ToLower(n.Value) {
		case "true", "yes", "on", "y":
			fix.New = "true"
		case "false", "no", "off", "n":
			fix.New = "false"
		default:
			return nil
		}
	case f.is("array") && f.items.is("string") && n.Kind == syntax.String:
		fix.New = "[" + strconv.Quote(n.Value) + "]"
	default:
		return nil
	}
	return &fix
}

// typeHelp describes how to write the value instead.
func (p place) typeHelp() string {
	f, n := p.field, p.node
	scalar := n.Kind == syntax.String || n.Kind == syntax.Int || n.Kind == syntax.Float || n.Kind == syntax.Bool
	key := ""
	if !p.at.IsItem() {
		key = scalarYAML(p.at.LastKey()) + ": "
	}
	hint := ""
	if n.Kind == syntax.String {
		hint = diag.Hint(n.Value)
	}
	switch {
	case hint != "" && !f.is("string"):
		return hint
	case n.Kind == syntax.Null:
		return "an item of a list cannot be empty: write it, or delete the \"- \""
	case f.is("string") && scalar && (f.pattern == nil || f.pattern.MatchString(n.Value)):
		return fmt.Sprintf("quote it: %s%q", key, n.Value)
	case f.is("integer") && n.Kind == syntax.String && isDigits(n.Value):
		if plain := strings.TrimLeft(n.Value, "0"); plain != "" && plain != n.Value { // YAML 1.1 reads 010 as 8, and 1.2 as 10
			return fmt.Sprintf("write it without leading zeros and without quotes: %s%s", key, plain)
		}
		return fmt.Sprintf("write it without quotes: %s%s", key, n.Value)
	case f.is("boolean") && n.Kind == syntax.String:
		switch strings.ToLower(n.Value) {
		case "true", "yes", "on", "y":
			return fmt.Sprintf("write %strue", key)
		case "false", "no", "off", "n":
			return fmt.Sprintf("write %sfalse", key)
		}
		return fmt.Sprintf("write %strue or %sfalse", key, key)
	case f.is("array") && n.Kind == syntax.Map && f.keyed:
		return "write a list: each item begins with \"- name: …\""
	case f.is("array") && n.Kind == syntax.Map && f.items.is("object"):
		return "write a list: each item begins with \"- \""
	case f.is("array") && scalar && f.items.is("string"):
		return fmt.Sprintf("write a list: %s[%s]", key, writtenOut(n))
	case f.is("object") && n.Kind == syntax.Seq:
		return "write its fields directly below it, without \"- \""
	case f.is("object") && n.Kind == syntax.String && len(f.needs) == 1 && f.needs[0] == "name":
		return fmt.Sprintf("write {name: %s}", writtenOut(n))
	case f.is("object") && n.Kind == syntax.String && f.takesWord(n.Value) != "":
		return fmt.Sprintf("write %s{%s: %s}", key, f.takesWord(n.Value), n.Value)
	}
	if line := exampleValue(f); line != "" {
		return fmt.Sprintf("for example %s%s", key, line)
	}
	return ""
}

func (v *validation) notAWord(p place) {
	words := distinct(p.field.words)
	d := ruleEnumValue.At(p.at, "%s must be %s, not %s", p.subject(), either(words), scalarText(p.node))
	d.Help = p.field.form
	if hint := diag.Hint(p.node.Value); hint != "" {
		d.Help = hint
	} else if near := diag.Nearest(p.node.Value, p.field.words); near != "" {
		if strings.EqualFold(near, p.node.Value) {
			d.Help = fmt.Sprintf("write %s: case matters", near)
		} else {
			d.Help = fmt.Sprintf("did you mean %s?", near)
		}
		d.Fix = &diag.Fix{Old: p.node.Value, New: near, Certain: p.node.Kind == syntax.String && diag.Certain(p.node.Value, near, words)}
	}
	v.found = append(v.found, d)
}

// distinct leaves out what differs from a value before it only in case.
func distinct(words []string) []string {
	var out []string
	for _, w := range words {
		if !slices.ContainsFunc(out, func(o string) bool { return strings.EqualFold(o, w) }) {
			out = append(out, w)
		}
	}
	return out
}

func (v *validation) outOfRange(keyword string, p place) {
	f, name := p.field, p.subject()
	var d diag.Diagnostic
	switch keyword {
	case "minLength":
		d = ruleOutOfRange.At(p.at, "%s is empty", name).WithHelp("write a value, or delete it")
	case "maxLength":
		d = ruleOutOfRange.At(p.at, "%s is %d characters long, and may have %d at most", name, utf8.RuneCountInString(p.node.Value), f.maxLength)
	default:
		// Every number in the schema has both limits.
		d = ruleOutOfRange.At(p.at, "%s must be between %d and %d, not %s", name, *f.min, *f.max, clipped(p.node.Value))
		if f.pattern == nil {
			d.Help = f.form
		}
	}
	v.found = append(v.found, d)
}

func (v *validation) wrongForm(p place) {
	f := p.field
	if !f.is("string") {
		v.wrongType(p) // the pattern only lets "" pass
		return
	}
	value := p.node.Value
	if k := secret.Of("", value); k != nil {
		v.found = append(v.found, ruleWrongForm.At(p.at, "%s is %s, and not %s", p.subject(), k.What, f.form))
		return
	}
	d := ruleWrongForm.At(p.at, "%s %s is not %s", p.subject(), quoted(value), f.form)
	if hint := diag.Hint(value); hint != "" {
		d.Help = hint
	} else if fixed := fixedName(value); fixed != value && fixed != "" && f.pattern.MatchString(fixed) && (f.maxLength == 0 || len(fixed) <= f.maxLength) {
		d.Help = fmt.Sprintf("for example %q", fixed)
	} else if line := exampleValue(f); line != "" {
		d.Help = "for example " + line
	}
	v.found = append(v.found, d)
}

// fixedName makes a valid name out of one that nearly is.
func fixedName(s string) string {
	var b strings.Builder
	for _, c := range strings.ToLower(s) {
		switch {
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '.':
			b.WriteRune(c)
		case c == '-' || c == '_' || c == ' ':
			b.WriteByte('-')
		default:
			return s // not a name at all
		}
	}
	return strings.Trim(b.String(), "-.")
}
