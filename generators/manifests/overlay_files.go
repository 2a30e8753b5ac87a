package manifests

import (
	"slices"
	"strings"

	"github.com/vmmesh/vmmesh/schema/manifest"
)

// What kustomize's own transformers are configured with.
type (
	patchTransformer struct {
		APIVersion string       `json:"apiVersion"`
		Kind       string       `json:"kind"`
		Metadata   metadataName `json:"metadata"`
		Patch      string       `json:"patch"`
	}
	replacementTransformer struct {
		APIVersion   string        `json:"apiVersion"`
		Kind         string        `json:"kind"`
		Metadata     metadataName  `json:"metadata"`
		Replacements []replacement `json:"replacements"`
	}
	metadataName struct {
		Name string `json:"name"`
	}
	replacement struct {
		Source  source   `json:"source"`
		Targets []target `json:"targets"`
	}
	source struct {
		Group     string `json:"group,omitempty"`
		Version   string `json:"version"`
		Kind      string `json:"kind"`
		Name      string `json:"name"`
		Namespace string `json:"namespace"`
		FieldPath string `json:"fieldPath"`
	}
	target struct {
		Select     selected      `json:"select"`
		FieldPaths []string      `json:"fieldPaths"`
		Options    *fieldOptions `json:"options,omitempty"`
	}
	selected struct { // plain texts, which older releases compare and newer ones take as regular expressions: nothing is quoted
		Group     string `json:"group,omitempty"`
		Version   string `json:"version"`
		Kind      string `json:"kind"`
		Name      string `json:"name"`
		Namespace string `json:"namespace"`
	}
	fieldOptions struct {
		Delimiter string `json:"delimiter"`
		Index     int    `json:"index"`
	}
)

// text prints the transformers: remember, replace, forget.
func (r *references) text() []byte {
	all := []replacement{}
	for _, ref := range r.texts {
		annotation := "metadata.annotations.[" + ref.annotation + "]"
		all = append(all,
			ref.of.gives("metadata.name", target{Select: ref.of.selected(), FieldPaths: []string{annotation}, Options: &fieldOptions{ref.delimiter, ref.name}}),
			ref.of.gives("metadata.namespace", target{Select: ref.of.selected(), FieldPaths: []string{annotation}, Options: &fieldOptions{ref.delimiter, ref.namespace}}),
			ref.of.gives(annotation, targets(ref.places)...))
	}
	for _, ref := range r.spaces { // last: egress hosts are still found by what they were
		all = append(all, ref.of.gives("metadata.namespace", targets(ref.places)...))
	}

	var enc manifest.Encoder
	enc.Text("# Made for kustomize: an overlay lists this folder among its transformers.\n")
	if len(r.texts) > 0 {
		enc.Value(r.patch("vmmesh-remember", func(ref *reference) any { return ref.old }))
		enc.Text("---\n")
	}
	enc.Value(&replacementTransformer{
		APIVersion: "builtin", Kind: "ReplacementTransformer", Metadata: metadataName{"vmmesh-refer"}, Replacements: all,
	})
	if len(r.texts) > 0 {
		enc.Text("---\n")
		enc.Value(r.patch("vmmesh-forget", func(*reference) any { return nil }))
	}
	return slices.Clone(enc.Bytes())
}

// patch sets the annotation of every reference.
func (r *references) patch(name string, value func(*reference) any) *patchTransformer {
	var order []thing
	annotations := map[thing]map[string]any{}
	for _, ref := range r.texts {
		if annotations[ref.of] == nil {
			order, annotations[ref.of] = append(order, ref.of), map[string]any{}
		}
		annotations[ref.of][ref.annotation] = value(ref)
	}
	var enc manifest.Encoder
	for i, t := range order {
		if i > 0 {
			enc.Text("---\n")
		}
		enc.Value(map[string]any{"apiVersion": t.apiVersion, "kind": t.kind, "metadata": map[string]any{
			"name": t.name, "namespace": t.namespace, "annotations": annotations[t],
		}})
	}
	return &patchTransformer{APIVersion: "builtin", Kind: "PatchTransformer", Metadata: metadataName{name}, Patch: string(enc.Bytes())}
}

// gives makes one replacement: a field of a thing, and where it goes.
func (t thing) gives(field string, to ...target) replacement {
	group, version := t.group()
	return replacement{Source: source{group, version, t.kind, t.name, t.namespace, field}, Targets: to}
}

func (t thing) selected() selected {
	group, version := t.group()
	return selected{group, version, t.kind, t.name, t.namespace}
}

func (t thing) group() (group, version string) {
	if group, version, found := strings.Cut(t.apiVersion, "/"); found {
		return group, version
	}
	return "", t.apiVersion
}

// targets lays together the places that are replaced alike in one object.
func targets(places []place) []target {
	var out []target
	at := map[place]int{}
	for _, p := range places {
		key := p
		key.path = ""
		if i, known := at[key]; known {
			out[i].FieldPaths = append(out[i].FieldPaths, p.path)
			continue
		}
		at[key] = len(out)
		t := target{Select: p.in.selected(), FieldPaths: []string{p.path}}
		if p.part != "" {
			t.Options = &fieldOptions{p.part, p.index}
		}
		out = append(out, t)
	}
	return out
}
