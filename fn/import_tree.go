package fn

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/importer"
	"github.com/vmmesh/vmmesh/schema/manifest"
)

// Source returns the specs as [ImportTree] reads them back: what they set, without comments. It is empty where a spec
// cannot be decoded.
func Source(docs []*schema.Document) string {
	var specs []*schema.VMMesh
	for _, doc := range docs {
		spec, faults := doc.Decode()
		if faults.HasErrors() {
			return ""
		}
		specs = append(specs, spec)
	}
	return importer.Write(specs)
}

// Tree is a directory that a build wrote.
type Tree struct {
	Name   string            // as findings name it
	Source string            // the specs that it was built from, as [Source] returned them
	Files  map[string][]byte // every file in it, by its path below the directory, with slashes
}

// ImportTree restores the specs that a tree was built from. It builds them and compares the result with the tree, file
// by file: whatever was changed, added or removed since is among the faults. name is what findings call the specs.
func ImportTree(name string, t Tree, o importer.Options) Imported {
	var out Imported
	docs, found := schema.Parse(name, []byte(t.Source))
	var specs []*schema.VMMesh
	for _, doc := range docs {
		found = append(found, doc.Validate()...)
		spec, faults := doc.Decode()
		found = append(found, faults...)
		specs = append(specs, spec)
	}
	if found.HasErrors() {
		out.Faults, out.Unbuilt = found.Sorted(), true
		return out
	}
	for _, s := range specs {
		o.Override(&s.Spec.Istio)
	}
	out.Text, out.Specs = importer.Write(specs), len(specs)

	docs, _ = schema.Parse(name, []byte(out.Text))
	built := bundle{files: map[string][]byte{}}
	faults, err := Build(docs, &built)
	for _, d := range faults {
		if d.Severity >= diag.Error {
			out.Faults, out.Unbuilt = append(out.Faults, d), true
		}
	}
	if err != nil || out.Unbuilt {
		return out
	}
	out.compareTree(t, &built)
	out.Faults = out.Faults.Sorted()
	return out
}

// ImportParts imports the manifests of a tree whose lock is not there, as [Import] does, and compares the tree's other
// files with what the spec builds: what manifests do not have of vm, observability and controlPlane is not in the spec, and
// each file that shows it is among the faults.
func ImportParts(name string, texts []Manifests, folders []importer.Folder, o importer.Options, t Tree) Imported {
	out := Import(name, texts, folders, o)
	if out.Text == "" {
		return out
	}
	built := bundle{files: map[string][]byte{}}
	docs, found := schema.Parse(name, []byte(out.Text))
	if !found.HasErrors() {
		more, err := Build(docs, &built)
		found = append(found, more...)
		if err != nil {
			return out
		}
	}
	if found.HasErrors() {
		out.Faults = append(out.Faults, importer.NotCompared(t.Name)).Sorted()
		return out
	}
	files := map[string][]string{}
	for _, file := range sortedKeys(t.Files) {
		if top, _, _ := strings.Cut(file, "/"); !slices.Contains(otherParts, top) {
			continue
		}
		switch text, made := built.files[file]; {
		case !made:
			key := "is not built\x00" + path.Dir(file)
			if strings.HasPrefix(file, "vms/") {
				key = "is not built\x00" + path.Base(file)
			}
			files[key] = append(files[key], file)
		case !bytes.Equal(text, t.Files[file]):
			key := "differs\x00" + path.Base(file)
			files[key] = append(files[key], file)
		}
	}
	for _, key := range sortedKeys(files) {
		what, _, _ := strings.Cut(key, "\x00")
		list := files[key]
		subject := list[0]
		if more := len(list) - 1; more > 0 {
			subject = fmt.Sprintf("%s and %d more %s", list[0], more, plural(more, "file", "files")+" like it")
		}
		at := diag.Root(&diag.Source{Name: t.Name + "/" + list[0], Text: t.Files[list[0]]})
		out.Faults = append(out.Faults, importer.PartFile(at, subject, what, t.Files[list[0]], built.files[list[0]]))
	}
	if len(files) > 0 {
		out.Summary.Decide = append(out.Summary.Decide, "files of the tree come from what no manifest has: see VM802 below")
	}
	out.Faults = out.Faults.Sorted()
	return out
}

// otherParts are the folders of a tree that have no manifests.
var otherParts = []string{"control-plane", "fleet", "monitoring", "vms"}

// bundle keeps all that a build emits.
type bundle struct {
	files map[string][]byte
	order []string
}

func (b *bundle) Object(path string, text []byte) error {
	if before, more := b.files[path]; more {
		b.files[path] = append(append(before, "---\n"...), text...)
		return nil
	}
	return b.File(manifest.File{Path: path, Data: bytes.Clone(text)})
}

func (b *bundle) File(f manifest.File) error {
	b.files[f.Path] = f.Data
	b.order = append(b.order, f.Path)
	return nil
}

// compareTree compares a tree with what its specs build.
func (out *Imported) compareTree(t Tree, built *bundle) {
	var have, want manifest.Set
	changed := map[string][]string{} // files that are not manifests, by the name that they have in each group's folder
	for _, file := range built.order {
		text, there := t.Files[file]
		if there && bytes.Equal(text, built.files[file]) {
			out.Equal++
			continue
		}
		switch {
		case isManifest(file):
			want.Read(file, built.files[file])
			if there {
				out.Faults = append(out.Faults, have.Read(t.Name+"/"+file, text)...)
			}
		default:
			what := "differs"
			if !there {
				what = "is missing"
			}
			key := what + "\x00" + path.Base(file)
			changed[key] = append(changed[key], file)
		}
	}
	for _, file := range sortedKeys(t.Files) {
		if _, known := built.files[file]; !known && mayBeManifest(file) {
			out.Faults = append(out.Faults, have.Read(t.Name+"/"+file, t.Files[file])...)
		}
	}
	out.Objects = have.Len() + out.Equal
	at := func(file string) diag.Path { return diag.Root(&diag.Source{Name: t.Name + "/" + file}) }
	out.Faults = append(out.Faults, importer.Changed(&have, &want, at)...)
	for _, key := range sortedKeys(changed) {
		what, base, _ := strings.Cut(key, "\x00")
		files := changed[key]
		subject := files[0]
		if more := len(files) - 1; more > 0 {
			subject = fmt.Sprintf("%s and %d more %s", files[0], more, plural(more, "file", "files")+" called "+base)
		}
		place := at(files[0])
		if text, there := t.Files[files[0]]; there {
			place = diag.Root(&diag.Source{Name: t.Name + "/" + files[0], Text: text})
		}
		out.Faults = append(out.Faults, importer.ChangedFile(place, subject, what, t.Files[files[0]], built.files[files[0]]))
	}
}

// isManifest reports whether a file of a tree has manifests that can be read: ConfigMaps' sources and kustomize's own
// files are not.
func isManifest(file string) bool {
	ext := path.Ext(file)
	return strings.HasPrefix(file, "manifests/") && (ext == ".yaml" || ext == ".yml" || ext == ".json")
}

// mayBeManifest reports whether a file that no build wrote may have manifests.
func mayBeManifest(file string) bool {
	top, _, below := strings.Cut(file, "/")
	if below && (top == "overlay" || slices.Contains(otherParts, top)) {
		return false
	}
	return isManifest("manifests/"+file) && path.Base(file) != "kustomization.yaml"
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
