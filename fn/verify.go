package fn

import (
	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/lint"
	"github.com/vmmesh/vmmesh/schema/manifest"
)

// Manifests is a text with Kubernetes objects, and what findings call it.
type Manifests struct {
	Name string
	Text []byte
}

// Verify checks manifests from anywhere against each other, whoever wrote them and whatever overlays they passed
// through: it reads all texts into one set, and runs every rule that needs no spec. Findings are sorted.
func Verify(texts []Manifests) diag.List {
	var set manifest.Set
	var findings diag.List
	for _, t := range texts {
		findings = append(findings, set.Read(t.Name, t.Text)...)
	}
	return append(findings, VerifyObjects(&set)...).Sorted()
}

// VerifyObjects is Verify for objects that have been read already, by [manifest.Set.Read] or one by one by
// [manifest.Set.Add], whose own findings the caller has. It is the door for where lines are gone: give each object a root
// of its own, diag.Root(&diag.Source{Name: …}) without Locate, and the Source of a finding's At is the object that it is
// about.
func VerifyObjects(set *manifest.Set) diag.List { return lint.Set(set).Sorted() }
