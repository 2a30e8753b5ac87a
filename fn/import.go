package fn

import (
	"slices"

	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/importer"
	"github.com/vmmesh/vmmesh/schema/lint"
	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// Imported is what [Import] makes of manifests.
type Imported struct {
	Text    string    // the specs; "" where nothing can be written
	Specs   int       // how many there are
	Objects int       // that were read
	Equal   int       // files of a tree that a build of the specs writes byte for byte; see [ImportTree]
	Others  int       // of them, those that are no matter of VMs
	Unbuilt bool      // the specs have errors, so that they could not be held against the manifests
	Faults  diag.List // what the specs do not say, or say otherwise, and what could not be read; sorted
	Defects diag.List // what the rules find in the manifests themselves; sorted
}

// Import turns manifests that exist, and what istioctl wrote for VMs, into specs that build to them. It builds what it
// wrote and holds the result against what it read, so that whatever is different is among the faults. name is what
// findings about the written text call it.
func Import(name string, texts []Manifests, folders []importer.Folder, o importer.Options) Imported {
	var out Imported
	var set manifest.Set
	for _, t := range texts {
		out.Faults = append(out.Faults, set.Read(t.Name, t.Text)...)
	}
	out.Objects = set.Len()
	if slices.ContainsFunc(out.Faults, func(d diag.Diagnostic) bool { return d.Severity >= diag.Error && d.Rule < "VM010" }) {
		return out // of a text that cannot be read, anything may be missing
	}
	out.Defects = conceal(lint.Set(&set), &set).Sorted()
	skip := unreadable(&set, out.Faults)
	for _, r := range set.All() {
		if wrong := (&schema.Document{Root: r.Root, At: r.At}).Secrets(); len(wrong) > 0 && importer.Takes(r) {
			out.Faults = append(out.Faults, wrong...)
			skip[r] = true
		}
	}
	result := importer.Import(&set, folders, o, skip)
	out.Others, out.Specs = result.Others, len(result.Specs)
	out.Faults = append(out.Faults, result.Findings...)
	if out.Specs > 0 {
		out.Text = result.Text()
		if wrong := secretsIn(name, out.Text); len(wrong) > 0 {
			out.Text = ""
			out.Faults = append(out.Faults, wrong...)
		} else {
			out.compareBuilt(name, result)
		}
	}
	out.Faults = conceal(out.Faults, &set).Sorted()
	return out
}

// unreadable finds the objects of which more than a field that Istio does not know is wrong: what they hold cannot be
// told. (A field that is not known is dropped, as the API server does.)
func unreadable(set *manifest.Set, found diag.List) map[*manifest.Resource]bool {
	bad := map[diag.Path]bool{}
	for _, d := range found {
		if d.Severity < diag.Error || d.Rule == "VM020" {
			continue
		}
		for at := d.At; at != nil; at = at.Parent() {
			bad[at] = true
		}
	}
	skip := map[*manifest.Resource]bool{}
	for _, r := range set.All() {
		if bad[r.At] {
			skip[r] = true
		}
	}
	return skip
}

// secretsIn finds secrets in the text that is about to be written: what came from elsewhere than an object may have one.
func secretsIn(name, text string) diag.List {
	docs, _ := schema.Parse(name, []byte(text))
	var found diag.List
	for _, doc := range docs {
		for _, d := range doc.Secrets() {
			d.At = diag.Root(&diag.Source{Name: name}) // the line would show the secret
			found = append(found, d)
		}
	}
	return found
}

// compareBuilt builds the specs, with something in the place of what a person has yet to say, and adds what differs. What
// the rules of the catalogue find in the specs is among it, as far as it would stop a build: it is in the manifests too.
func (out *Imported) compareBuilt(name string, result *importer.Result) {
	docs, findings := schema.Parse(name, []byte(result.Buildable()))
	var m *mesh.Mesh
	if !findings.HasErrors() {
		m, findings = check(docs)
	}
	for _, d := range findings {
		if d.Severity >= diag.Error {
			out.Faults = append(out.Faults, d)
			out.Unbuilt = out.Unbuilt || d.Rule < firstOfCatalogue
		}
	}
	if out.Unbuilt {
		return
	}
	comparison := result.Compare()
	for o := range objects(m) {
		comparison.Add(o)
	}
	out.Faults = append(out.Faults, comparison.Findings()...)
}

// firstOfCatalogue is where the rules begin that speak about a mesh that can be built.
const firstOfCatalogue = "VM100"
