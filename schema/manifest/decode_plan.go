package manifest

import (
	"slices"
	"strconv"
	"strings"
	"sync"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// messagePlan is what decoding needs to know of a message type. Plans are made once a type and never change.
type messagePlan struct {
	full    protoreflect.FullName
	name    string // as people call the type: DestinationRule
	names   []string
	fields  map[string]*fieldPlan
	aliases map[string]*fieldPlan // second spellings that the CRD has
	oneofs  [][]string            // the groups of fields that exclude each other, by JSON name
	rules   *messageRules         // nil: none
}

// fieldPlan is what decoding needs to know of a field.
type fieldPlan struct {
	id    string // istio.security.v1beta1.Source.serviceAccounts
	json  string
	desc  protoreflect.FieldDescriptor
	words *wordPlan     // for enums, of the elements too
	since int           // the minor of the Istio that first had it, 0 = before 1.24
	rules fieldRules    // limits of the value, the list or the map, and of each element
	site  *messageRules // the rules of the message that it holds, where they are not the type's own
}

// wordPlan is the values of an enum that may be written.
type wordPlan struct {
	names  []string
	byName map[string]word
}

type word struct {
	number protoreflect.EnumNumber
	since  int
}

var messagePlans sync.Map // protoreflect.MessageDescriptor → *messagePlan: a cache of what the descriptors and the tables say

func messagePlanOf(desc protoreflect.MessageDescriptor) *messagePlan {
	if p, ok := messagePlans.Load(desc); ok {
		return p.(*messagePlan)
	}
	p, _ := messagePlans.LoadOrStore(desc, newMessagePlan(desc))
	return p.(*messagePlan)
}

func newMessagePlan(desc protoreflect.MessageDescriptor) *messagePlan {
	p := &messagePlan{
		full: desc.FullName(), name: string(desc.Name()),
		fields: make(map[string]*fieldPlan, desc.Fields().Len()), aliases: map[string]*fieldPlan{},
		rules: rulesOf(string(desc.FullName())),
	}
	for i := range desc.Fields().Len() {
		fd := desc.Fields().Get(i)
		f := &fieldPlan{json: fd.JSONName(), desc: fd, id: string(desc.FullName()) + "." + fd.JSONName()}
		f.since = FirstVersion(desc.FullName(), f.json)
		f.site = rulesOf(f.id)
		f.rules = crdFields[f.id]
		f.rules.value, f.rules.item = f.rules.value.compile(), f.rules.item.compile()
		enum, words := fd.Enum(), f.rules.value
		switch {
		case fd.IsMap():
			enum, words = fd.MapValue().Enum(), f.rules.item
		case fd.IsList():
			words = f.rules.item
		}
		if enum != nil {
			f.words = wordsOf(enum, words)
		}
		p.fields[f.json] = f
		p.names = append(p.names, f.json)
		if text := fd.TextName(); crdAliases[string(desc.FullName())+"."+text] != "" {
			p.aliases[text] = f
		}
	}
	slices.Sort(p.names)
	for i := range desc.Oneofs().Len() {
		if o := desc.Oneofs().Get(i); !o.IsSynthetic() {
			var members []string
			for j := range o.Fields().Len() {
				members = append(members, o.Fields().Get(j).JSONName())
			}
			p.oneofs = append(p.oneofs, members)
		}
	}
	return p
}

// wordsOf lists an enum's words; where the CRD names fewer, only those.
func wordsOf(enum protoreflect.EnumDescriptor, l *limits) *wordPlan {
	w := &wordPlan{byName: make(map[string]word, enum.Values().Len())}
	for i := range enum.Values().Len() {
		v := enum.Values().Get(i)
		name := string(v.Name())
		if l != nil && l.words != nil && !slices.Contains(l.words, name) {
			continue
		}
		w.names = append(w.names, name)
		w.byName[name] = word{number: v.Number(), since: FirstVersion(enum.FullName(), name)}
	}
	return w
}

// rulesOf finds the rules of a message, or of the message in a field.
func rulesOf(id string) *messageRules {
	if r, ok := crdMessages[id]; ok {
		return &r
	}
	return nil
}

// mapHelp returns what may be in a message's map.
func (p *messagePlan) mapHelp() string {
	if len(p.names) == 0 {
		return "this block has no fields: write {}"
	}
	return "the fields of " + p.name + " are " + strings.Join(p.names, ", ")
}

// minorOf is the 27 of "1.27.3", and 0 for anything else.
func minorOf(version string) int {
	rest, ok := strings.CutPrefix(version, "1.")
	if !ok {
		return 0
	}
	text, _, _ := strings.Cut(rest, ".")
	minor, err := strconv.Atoi(text)
	if err != nil || minor < 0 {
		return 0
	}
	return minor
}
