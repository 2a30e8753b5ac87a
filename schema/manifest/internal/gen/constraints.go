package gen

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// collector gathers the constraints of every message and field, and where each was seen.
type collector struct {
	fields   map[string]*schema            // by field id; the schema without what is about messages
	messages map[string]map[string]*schema // by message, then by site
	aliases  map[string]string             // other spellings that a CRD has: message.property → JSON name
	descs    map[string]protoreflect.MessageDescriptor
	errs     []string
}

// constraintsCode is the Go file with the tables of constraints.
func constraintsCode(crds []crd, version string) ([]byte, error) {
	c := &collector{
		fields: map[string]*schema{}, messages: map[string]map[string]*schema{}, aliases: map[string]string{},
		descs: map[string]protoreflect.MessageDescriptor{},
	}
	roots := map[string]string{}
	for _, def := range crds {
		m, err := def.messageOf()
		if err != nil {
			return nil, err
		}
		roots[def.Spec.Names.Kind] = string(m.FullName())
		for _, v := range def.Spec.Versions {
			if err := c.visitor().walk(def.Spec.Names.Kind+"/"+v.Name, "", m, v.spec()); err != nil {
				return nil, err
			}
		}
	}
	if len(c.errs) > 0 {
		slices.Sort(c.errs)
		return nil, fmt.Errorf("%s", strings.Join(slices.Compact(c.errs), "\n"))
	}
	return c.code(version)
}

func (c *collector) fail(format string, args ...any) {
	c.errs = append(c.errs, fmt.Sprintf(format, args...))
}

func (c *collector) visitor() visitor {
	return visitor{
		message: func(path, site string, m protoreflect.MessageDescriptor, s *schema) {
			name := string(m.FullName())
			c.descs[name] = m
			for i := range m.Fields().Len() {
				if fd := m.Fields().Get(i); s.Properties[fd.JSONName()] == nil {
					c.fail("%s: the CRD has no field %s", path, fieldID(fd))
				}
			}
			own := &schema{Required: s.Required, OneOf: s.OneOf, AllOf: s.AllOf, Validations: s.Validations, MinProperties: s.MinProperties, MaxProperties: s.MaxProperties}
			if s.AnyOf != nil || s.Not != nil || own.MinProperties != nil || own.MaxProperties != nil {
				c.fail("%s: a message with anyOf, not or a number of properties", path)
			}
			if c.messages[name] == nil {
				c.messages[name] = map[string]*schema{}
			}
			if before := c.messages[name][site]; before != nil && !same(before, own) {
				c.fail("%s: other constraints than at another place of the same field", path)
			}
			c.messages[name][site] = own
		},
		field: func(path string, m protoreflect.MessageDescriptor, fd protoreflect.FieldDescriptor, name string, s *schema) {
			if name != fd.JSONName() {
				c.aliases[string(m.FullName())+"."+name] = fd.JSONName()
				return
			}
			own := fieldLimits(s, fd)
			if before := c.fields[fieldID(fd)]; before != nil && !same(before, own) {
				c.fail("%s: other constraints than at another place", path)
			}
			c.fields[fieldID(fd)] = own
		},
	}
}

func same(a, b *schema) bool {
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return bytes.Equal(x, y)
}

// fieldLimits is a property's schema without what its type already says and without what its message says.
func fieldLimits(s *schema, fd protoreflect.FieldDescriptor) *schema {
	own := *s
	own.Description, own.Properties, own.Preserve, own.Nullable = "", nil, false, false
	value := fd
	switch {
	case fd.IsMap():
		value = fd.MapValue()
		if s.AdditionalProperties != nil {
			own.AdditionalProperties = elementLimits(s.AdditionalProperties, value)
		}
	case fd.IsList():
		own.Items = elementLimits(s.Items, value)
	default:
		own = *elementLimits(&own, value)
	}
	own.Type, own.Format = "", ""
	return &own
}

// elementLimits is fieldLimits for one value.
func elementLimits(s *schema, fd protoreflect.FieldDescriptor) *schema {
	own := *s
	own.Description, own.Properties, own.Preserve, own.Nullable = "", nil, false, false
	own.Type, own.Format, own.Items, own.AdditionalProperties = "", "", nil, nil
	if m := fd.Message(); m != nil && !isWellKnown(m) {
		return &schema{} // its message says the rest
	}
	if m := fd.Message(); m != nil && m.Fields().Len() > 0 && strings.HasSuffix(string(m.Name()), "Value") {
		fd = m.Fields().ByNumber(1)
	}
	low, high := math.Inf(-1), math.Inf(1)
	switch fd.Kind() {
	case protoreflect.Uint32Kind:
		low, high = 0, math.MaxUint32
	case protoreflect.Int32Kind:
		low, high = math.MinInt32, math.MaxInt32
	}
	if own.Minimum != nil && *own.Minimum <= low {
		own.Minimum = nil
	}
	if own.Maximum != nil && *own.Maximum >= high {
		own.Maximum = nil
	}
	if e := fd.Enum(); e != nil {
		var words []string
		for i := range e.Values().Len() {
			words = append(words, string(e.Values().Get(i).Name()))
		}
		if slices.Equal(words, own.Enum) {
			own.Enum = nil
		}
	}
	return &own
}

// code writes the tables.
func (c *collector) code(version string) ([]byte, error) {
	cel := c.expressions()
	index := map[celRule]int{}
	var b bytes.Buffer
	b.WriteString(codeHeader)
	fmt.Fprintf(&b, "// crdVersion is the istio.io/api whose CRDs these tables state.\nconst crdVersion = %q\n\n", version)
	b.WriteString("// crdExpressions are the CEL rules of the CRDs.\nvar crdExpressions = []celRule{\n")
	for i, r := range cel {
		index[r] = i
		fmt.Fprintf(&b, "%d: {expression: %s, message: %q},\n", i, quoted(r.Rule), r.Message)
	}
	b.WriteString("}\n\n// crdMessages are the rules of messages, by name, and where a field's message has other rules by the field's id.\nvar crdMessages = map[string]messageRules{\n")
	for _, name := range slices.Sorted(maps.Keys(c.messages)) {
		sites := c.messages[name]
		base := sites[""]
		if base == nil {
			base = commonest(sites)
		}
		line, err := c.messageCode(name, base, index)
		if err != nil {
			return nil, err
		}
		if line != "" {
			fmt.Fprintf(&b, "%q: {%s},\n", name, line)
		}
		for _, site := range slices.Sorted(maps.Keys(sites)) {
			if same(sites[site], base) {
				continue
			}
			line, err := c.messageCode(name, sites[site], index)
			if err != nil {
				return nil, err
			}
			fmt.Fprintf(&b, "%q: {%s}, // other than %s elsewhere\n", site, line, name)
		}
	}
	b.WriteString("}\n\n// crdFields are the limits of fields, by id: of the value, the list or the map, and of each element.\nvar crdFields = map[string]fieldRules{\n")
	for _, id := range slices.Sorted(maps.Keys(c.fields)) {
		s := c.fields[id]
		value, err := limitsCode(id, s, index)
		if err != nil {
			return nil, err
		}
		item := ""
		switch {
		case s.Items != nil:
			item, err = limitsCode(id, s.Items, index)
		case s.AdditionalProperties != nil:
			item, err = limitsCode(id, s.AdditionalProperties, index)
		}
		if err != nil {
			return nil, err
		}
		var parts []string
		if value != "" {
			parts = append(parts, "value: &limits{"+value+"}")
		}
		if item != "" {
			parts = append(parts, "item: &limits{"+item+"}")
		}
		if len(parts) > 0 {
			fmt.Fprintf(&b, "%q: {%s},\n", id, strings.Join(parts, ", "))
		}
	}
	b.WriteString("}\n\n// crdAliases are second spellings of fields that a CRD has beside the JSON name.\nvar crdAliases = map[string]string{\n")
	for _, id := range slices.Sorted(maps.Keys(c.aliases)) {
		fmt.Fprintf(&b, "%q: %q,\n", id, c.aliases[id])
	}
	b.WriteString("}\n")
	return goFile(&b)
}

// expressions lists the CEL rules, each once.
func (c *collector) expressions() []celRule {
	var all []celRule
	take := func(s *schema) {
		if s != nil {
			all = append(all, s.Validations...)
		}
	}
	for _, s := range c.fields {
		take(s)
		take(s.Items)
		take(s.AdditionalProperties)
	}
	for _, sites := range c.messages {
		for _, s := range sites {
			take(s)
		}
	}
	all = slices.DeleteFunc(all, func(r celRule) bool { return atMostOne(r.Rule) != nil })
	slices.SortFunc(all, func(a, b celRule) int { return strings.Compare(a.Rule+a.Message, b.Rule+b.Message) })
	return slices.Compact(all)
}

var (
	countForm  = regexp.MustCompile(`^(\(has\(self\.\w+\) \? 1 : 0\)( \+ )?)+ <= 1$`)
	countField = regexp.MustCompile(`has\(self\.(\w+)\)`)
)

// atMostOne reads the rule that counts fields; nil where the rule is another one.
func atMostOne(rule string) []string {
	if !countForm.MatchString(rule) {
		return nil
	}
	var names []string
	for _, m := range countField.FindAllStringSubmatch(rule, -1) {
		names = append(names, m[1])
	}
	return names
}

func commonest(sites map[string]*schema) *schema {
	var best *schema
	most := 0
	for _, site := range slices.Sorted(maps.Keys(sites)) {
		n := 0
		for _, other := range sites {
			if same(sites[site], other) {
				n++
			}
		}
		if n > most {
			best, most = sites[site], n
		}
	}
	return best
}

func (c *collector) messageCode(name string, s *schema, index map[celRule]int) (string, error) {
	var parts []string
	desc := c.descs[name]
	spelled := func(names []string) []string {
		var own []string
		for _, n := range names {
			if c.aliases[name+"."+n] == "" {
				own = append(own, n)
			}
		}
		return own
	}
	if len(s.Required) > 0 {
		names := slices.Clone(s.Required)
		slices.Sort(names)
		parts = append(parts, "required: "+stringsCode(names))
	}
	groups := s.AllOf
	if s.OneOf != nil {
		groups = append([]*schema{{OneOf: s.OneOf}}, groups...)
	}
	for _, g := range groups {
		names, err := oneOfNames(g)
		if err != nil {
			return "", fmt.Errorf("%s: %w", name, err)
		}
		if !isProtoOneof(desc, names) {
			return "", fmt.Errorf("%s: oneOf %v is no oneof of the message", name, names)
		}
	}
	var counts, rules []string
	for _, r := range s.Validations {
		if names := atMostOne(r.Rule); names != nil {
			counts = append(counts, fmt.Sprintf("{names: %s, message: %q}", stringsCode(spelled(names)), r.Message))
			continue
		}
		rules = append(rules, strconv.Itoa(index[r]))
	}
	if counts != nil {
		parts = append(parts, "atMostOne: []group{"+strings.Join(counts, ", ")+"}")
	}
	if rules != nil {
		parts = append(parts, "cel: []int{"+strings.Join(rules, ", ")+"}")
	}
	return strings.Join(parts, ", "), nil
}

// oneOfNames reads the form in which a structural schema says "at most one of these".
func oneOfNames(s *schema) ([]string, error) {
	var names []string
	for _, branch := range s.OneOf {
		switch {
		case branch.Not != nil:
		case len(branch.Required) == 1:
			names = append(names, branch.Required[0])
		default:
			return nil, fmt.Errorf("a oneOf of another form")
		}
	}
	if len(names) == 0 || len(names)+1 != len(s.OneOf) {
		return nil, fmt.Errorf("a oneOf of another form")
	}
	return names, nil
}

func isProtoOneof(desc protoreflect.MessageDescriptor, names []string) bool {
	first := desc.Fields().ByJSONName(names[0])
	if first == nil || first.ContainingOneof() == nil {
		return false
	}
	for _, n := range names {
		if fd := desc.Fields().ByJSONName(n); fd == nil || fd.ContainingOneof() != first.ContainingOneof() {
			return false
		}
	}
	return true
}

// limitsCode writes the fields of a limits literal.
func limitsCode(id string, s *schema, index map[celRule]int) (string, error) {
	if s.Required != nil || s.OneOf != nil || s.AnyOf != nil || s.AllOf != nil || s.Not != nil || s.IntOrString {
		return "", fmt.Errorf("%s: a keyword that is not translated for fields", id)
	}
	var parts []string
	number := func(name string, v *float64) {
		if v != nil {
			parts = append(parts, fmt.Sprintf("%s: bound(%s)", name, strconv.FormatFloat(*v, 'g', -1, 64)))
		}
	}
	count := func(name string, v *int) {
		if v != nil {
			parts = append(parts, fmt.Sprintf("%s: count(%d)", name, *v))
		}
	}
	number("min", s.Minimum)
	number("max", s.Maximum)
	count("minLength", s.MinLength)
	count("maxLength", s.MaxLength)
	count("minItems", s.MinItems)
	count("maxItems", s.MaxItems)
	count("minProperties", s.MinProperties)
	count("maxProperties", s.MaxProperties)
	if s.Pattern != "" {
		parts = append(parts, "pattern: "+quoted(s.Pattern))
	}
	if s.Enum != nil {
		parts = append(parts, "words: "+stringsCode(s.Enum))
	}
	if s.ListMapKeys != nil {
		parts = append(parts, "unique: "+stringsCode(s.ListMapKeys))
	}
	var rules []string
	for _, r := range s.Validations {
		rules = append(rules, strconv.Itoa(index[r]))
	}
	if rules != nil {
		parts = append(parts, "cel: []int{"+strings.Join(rules, ", ")+"}")
	}
	return strings.Join(parts, ", "), nil
}

func stringsCode(names []string) string {
	quotedNames := make([]string, len(names))
	for i, n := range names {
		quotedNames[i] = strconv.Quote(n)
	}
	return "[]string{" + strings.Join(quotedNames, ", ") + "}"
}

func quoted(s string) string {
	if strconv.CanBackquote(s) {
		return "`" + s + "`"
	}
	return strconv.Quote(s)
}
