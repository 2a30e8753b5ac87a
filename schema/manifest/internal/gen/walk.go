package gen

import (
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// visitor sees a CRD's schema and the protobuf types side by side.
type visitor struct {
	// message sees a message's schema where it is used: site is the field's id, "" for the root.
	message func(path, site string, m protoreflect.MessageDescriptor, s *schema)
	// field sees one property that is a field of m.
	field func(path string, m protoreflect.MessageDescriptor, fd protoreflect.FieldDescriptor, name string, s *schema)
	// lenient passes over properties that the types of today do not have any more.
	lenient bool
}

// walk visits a message's schema and all below it.
func (v visitor) walk(path, site string, m protoreflect.MessageDescriptor, s *schema) error {
	v.message(path, site, m, s)
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		fd := m.Fields().ByJSONName(name)
		if fd == nil {
			fd = m.Fields().ByTextName(name)
		}
		if fd == nil && v.lenient {
			continue
		}
		if fd == nil {
			return fmt.Errorf("%s.%s: %s has no such field", path, name, m.FullName())
		}
		prop := s.Properties[name]
		v.field(path+"."+name, m, fd, name, prop)
		below, inner, here := fd.Message(), prop, path+"."+name
		switch {
		case fd.IsMap():
			below, inner, here = fd.MapValue().Message(), prop.AdditionalProperties, here+"{}"
		case fd.IsList():
			inner, here = prop.Items, here+"[]"
		}
		if below == nil || inner == nil || isWellKnown(below) {
			continue
		}
		if err := v.walk(here, fieldID(fd), below, inner); err != nil {
			return err
		}
	}
	return nil
}

func fieldID(fd protoreflect.FieldDescriptor) string {
	return string(fd.ContainingMessage().FullName()) + "." + fd.JSONName()
}

func isWellKnown(m protoreflect.MessageDescriptor) bool {
	return m.ParentFile().Package() == "google.protobuf"
}
