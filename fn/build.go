// Package fn is the one function that vmmesh is: specs in, findings and outputs out. It walks the stages in order,
// once, and looks back from none of them. It reads no clock, environment, network or working directory; the doors
// (command line, KRM function) bring the text and take the outputs.
package fn

import (
	"iter"

	"github.com/vmmesh/vmmesh/generators"
	"github.com/vmmesh/vmmesh/generators/manifests"
	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/lint"
	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// Sink takes what a build emits, in apply order.
type Sink interface {
	// Object takes one encoded Kubernetes object and its path in the output tree. Objects of one path come one after
	// the other. The text is only valid during the call.
	Object(path string, text []byte) error
	// File takes an output that is no Kubernetes object.
	File(f manifest.File) error
}

// Build expands the specs into the sink, and returns every finding, sorted. When any finding is an error the sink is
// never called. A Go error is the sink's own, never the user's fault.
func Build(docs []*schema.Document, out Sink) (diag.List, error) {
	m, findings := check(docs)
	if findings.HasErrors() {
		return findings, nil
	}
	paths, err := emitObjects(m, out.Object)
	if err != nil {
		return findings, err
	}
	return findings, emitFiles(m, paths, out.File)
}

// Print is Build for a door that takes the text of objects alone: no other file is made.
func Print(docs []*schema.Document, object func(path string, text []byte) error) (diag.List, error) {
	m, findings := check(docs)
	if findings.HasErrors() {
		return findings, nil
	}
	_, err := emitObjects(m, object)
	return findings, err
}

// Expand is Build for a door that prints objects in a way of its own, and has no place for other files: each object is
// handed over in apply order, and is only valid during the call.
func Expand(docs []*schema.Document, each func(*manifest.Object)) diag.List {
	m, findings := check(docs)
	if !findings.HasErrors() {
		for o := range objects(m) {
			each(o)
		}
	}
	return findings
}

// Lint is Build without the outputs.
func Lint(docs []*schema.Document) diag.List {
	_, findings := check(docs)
	return findings
}

// check is stages 2 to 5, and 7: what is wrong with the specs, and what they mean if nothing is. Stage 7 stands here
// because it judges a build of every door alike, also of those that print no files: it makes what has a limit, and keeps
// nothing but the sizes.
func check(docs []*schema.Document) (*mesh.Mesh, diag.List) {
	var findings diag.List
	var specs []*schema.VMMesh

	for _, doc := range docs {
		findings = append(findings, doc.Validate()...)
		findings = append(findings, doc.Secrets()...)
	}
	if findings.HasErrors() {
		return nil, schema.Conceal(findings, docs...).Sorted()
	}

	for _, doc := range docs {
		spec, faults := doc.Decode()
		findings = append(findings, faults...)
		schema.Default(spec)
		specs = append(specs, spec)
	}
	if findings.HasErrors() {
		return nil, findings.Sorted()
	}

	m, faults := mesh.Resolve(specs)
	findings = append(findings, faults...)
	findings = append(findings, lint.Mesh(m)...)
	if !lint.Suppress(findings, m).HasErrors() {
		findings = append(findings, lint.Bundle(sizes(m.Emitted()))...)
	}
	findings = lint.Suppress(findings, m)
	var sources []*diag.Source
	for _, doc := range docs {
		sources = append(sources, doc.At.Source())
	}
	return m.Emitted(), lint.SuppressByComment(findings, sources).Sorted()
}

// objects is stage 6: what every generator makes, in table order.
func objects(m *mesh.Mesh) iter.Seq[*manifest.Object] {
	return func(yield func(*manifest.Object) bool) {
		label := generators.Provenance(m)
		for _, g := range generators.Table {
			if g.Objects == nil {
				continue
			}
			for o := range g.Objects(m) {
				label(o)
				if !yield(o) {
					return
				}
			}
		}
	}
}

// emitObjects is stages 6 and 8: every object in table order, each encoded once into one reused buffer. It answers the
// paths of the files that they are in.
func emitObjects(m *mesh.Mesh, out func(path string, text []byte) error) ([]string, error) {
	var enc manifest.Encoder
	var paths []string
	for o := range objects(m) {
		path := o.Path()
		if n := len(paths); n == 0 || paths[n-1] != path {
			paths = append(paths, path)
		}
		enc.Reset()
		enc.Object(o)
		if err := out(path, enc.Bytes()); err != nil {
			return nil, err
		}
	}
	return paths, nil
}

// emitFiles makes what is no object; the last files list the paths of those that are.
func emitFiles(m *mesh.Mesh, paths []string, out func(manifest.File) error) error {
	for _, g := range generators.Table {
		if g.Files == nil {
			continue
		}
		for f := range g.Files(m) {
			if err := out(f); err != nil {
				return err
			}
		}
	}
	for _, f := range manifests.Kustomization(paths) {
		if err := out(f); err != nil {
			return err
		}
	}
	return nil
}
