package fn

import (
	"fmt"
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
	Others  int       // of them, those that are not about VMs
	Unbuilt bool      // the specs have errors, so that they could not be held against the manifests
	Faults  diag.List // what the specs do not say, or say otherwise, and what could not be read; sorted
	Summary importer.Summary
	Defects diag.List // what the rules find in the manifests themselves; sorted
}

// Import turns manifests that exist, and what istioctl wrote for VMs, into specs that build to them. It builds what it
// wrote and holds the result against what it read, so that whatever is different is among the faults. name is what
// findings about the written text call it.
func Import(name string, texts []Manifests, folders []importer.Folder, o importer.Options) Imported {
	var out Imported
	set := manifest.Set{Namespace: o.Namespace}
	read := func() {
		out.Faults = nil
		for _, t := range texts {
			out.Faults = append(out.Faults, set.Read(t.Name, t.Text)...)
		}
	}
	read()
	if where := importer.HomeOf(&set, folders); where != "" {
		set = manifest.Set{Namespace: where}
		read()
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
	refused := map[*manifest.Resource]string{}
	result := importer.Import(&set, folders, o, skip, refused)
	built := buildOf(name, result)
	for range mostRefused { // what a spec refuses in one object keeps no other out
		if !built.refusals(result, refused) {
			break
		}
		result = importer.Import(&set, folders, o, skip, refused)
		built = buildOf(name, result)
	}
	out.Others, out.Specs = result.Others, len(result.Specs)
	out.Faults = append(out.Faults, result.Findings...)
	if out.Specs > 0 {
		out.Text = result.Text()
		if wrong := secretsIn(name, out.Text); len(wrong) > 0 {
			out.Text = ""
			out.Faults = append(out.Faults, wrong...)
		} else {
			out.compareBuilt(built, result)
		}
	}
	for n := range out.Faults {
		out.Faults[n].Message = importer.OneLine(out.Faults[n].Message) // names of foreign objects may be anything
	}
	out.Faults = conceal(oldVersions(out.Faults), &set).Sorted()
	out.Summary = result.Summary(out.Faults)
	return out
}

// oldVersions makes one finding of those about objects of older versions, since a build writes the newest.
func oldVersions(found diag.List) diag.List {
	const rule = "VM026"
	is := func(d diag.Diagnostic) bool { return d.Rule == rule }
	n := slices.IndexFunc(found, is)
	if n < 0 {
		return found
	}
	first, count := found[n], 0
	for _, d := range found {
		if is(d) {
			count++
		}
	}
	if count > 1 {
		first.Message = fmt.Sprintf("%s, and so are %d more objects", first.Message, count-1)
	}
	first.Help = "nothing has to be done: a build writes the newest version"
	return append(slices.DeleteFunc(found, is), first)
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

// mostRefused is how often an import is made again without objects that a spec refuses.
const mostRefused = 10

// importBuild is what the pipeline makes of the specs of an import, with something in the place of what a person has yet
// to set.
type importBuild struct {
	docs     []*schema.Document
	mesh     *mesh.Mesh
	findings diag.List
}

func buildOf(name string, result *importer.Result) importBuild {
	var b importBuild
	if len(result.Specs) == 0 {
		return b
	}
	b.docs, b.findings = schema.Parse(name, []byte(result.Buildable()))
	if !b.findings.HasErrors() {
		b.mesh, b.findings = check(b.docs)
	}
	return b
}

// refusals finds the objects because of which the specs cannot be built, and reports whether there are any that are not
// known yet.
func (b *importBuild) refusals(result *importer.Result, refused map[*manifest.Resource]string) bool {
	found := false
	for _, d := range b.findings {
		if d.Severity < diag.Error || d.At == nil {
			continue
		}
		root := d.At
		for root.Parent() != nil {
			root = root.Parent()
		}
		n := slices.IndexFunc(b.docs, func(doc *schema.Document) bool { return doc.At == root })
		if n < 0 {
			continue
		}
		for _, r := range result.Origins(n, d.At.String()) {
			if _, known := refused[r]; !known {
				refused[r], found = d.Message, true
			}
		}
	}
	return found
}

// compareBuilt builds the specs, with something in the place of what a person has yet to set, and adds what differs. What
// the rules of the catalogue find in the specs is among it, as far as it would stop a build: it is in the manifests too.
func (out *Imported) compareBuilt(built importBuild, result *importer.Result) {
	m, findings := built.mesh, built.findings
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
