package lint

import (
	"bytes"
	"strings"

	meshconfig "istio.io/api/mesh/v1alpha1"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/syntax"
)

// embedded is a YAML document in a text field of an object: a mesh's settings, or Prometheus', in a
// ConfigMap.
type embedded struct {
	root   *syntax.Node
	at     diag.Path    // of the field
	holder *syntax.Node // the field
}

// embed reads the documents of a field; what cannot be read is someone else's business.
func embed(at diag.Path, holder *syntax.Node) []embedded {
	if holder == nil || holder.Kind != syntax.String {
		return nil
	}
	documents, faults := syntax.Read("", []byte(holder.Value))
	if faults.HasErrors() {
		return nil
	}
	var found []embedded
	for _, d := range documents {
		found = append(found, embedded{d.Root, at, holder})
	}
	return found
}

// place puts a finding at a value inside the text where the text is a block in the source, line for line, and at
// the field otherwise.
func (e embedded) place(d diag.Diagnostic, n *syntax.Node) diag.Diagnostic {
	source := e.at.Source()
	if n == nil || source == nil || source.Text == nil || source.Locate == nil {
		return d
	}
	inner := lineOf([]byte(e.holder.Value), int(n.Line))
	line := int(e.holder.Line) + int(n.Line)
	outer := lineOf(source.Text, line)
	if len(inner) > 0 && bytes.HasSuffix(outer, inner) && len(bytes.TrimSpace(outer)) == len(bytes.TrimSpace(inner)) {
		d.Where = diag.Pos{Line: line, Col: len(outer) - len(inner) + int(n.Col)}
	}
	return d
}

// lineOf is one line of a text, counted from 1; nil where it has fewer.
func lineOf(text []byte, number int) []byte {
	for n := 1; n < number; n++ {
		end := bytes.IndexByte(text, '\n')
		if end < 0 {
			return nil
		}
		text = text[end+1:]
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r"))
}

// settings are those of a mesh, as an installation is asked for or as istiod reads them: an IstioOperator, or the
// ConfigMap istio.
type settings struct {
	*manifest.Resource
	config *meshconfig.MeshConfig // never nil
	root   *syntax.Node           // the config as it was written; nil: nothing
	at     diag.Path              // of the config
	text   *embedded              // the config is in a text
	values *syntax.Node           // Helm's values, of an IstioOperator
}

// place is a finding at a value in the config.
func (m settings) place(d diag.Diagnostic, n *syntax.Node) diag.Diagnostic {
	if m.text != nil {
		return m.text.place(d, n)
	}
	return d
}

// meshSettings lists them in the order in which they came.
func meshSettings(s *manifest.Set) []settings {
	var all []settings
	add := func(m settings) {
		m.config = &meshconfig.MeshConfig{}
		manifest.Terms{}.Decode(m.root, m.config, m.at) // what is wrong in it istiod has told already
		all = append(all, m)
	}
	for _, r := range s.OfKind("install.istio.io", "IstioOperator") {
		spec := r.Root.Get("spec")
		add(settings{Resource: r, root: spec.Get("meshConfig"), at: r.Place("spec", "meshConfig"), values: spec.Get("values")})
	}
	for _, r := range s.OfKind("", "ConfigMap") {
		if r.Name != "istio" && !strings.HasPrefix(r.Name, "istio-") {
			continue
		}
		for _, e := range embed(r.Place("data", "mesh"), r.Root.Get("data").Get("mesh")) {
			add(settings{Resource: r, root: e.root, at: e.at, text: &e})
		}
	}
	return all
}

// listOf is the items of a list; nil for anything else.
func listOf(n *syntax.Node) []syntax.Node {
	if n == nil || n.Kind != syntax.Seq {
		return nil
	}
	return n.Items
}

// fieldsOf is the entries of a map; nil for anything else.
func fieldsOf(n *syntax.Node) []syntax.Field {
	if n == nil || n.Kind != syntax.Map {
		return nil
	}
	return n.Fields
}
