package fn

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/lint"
	"github.com/vmmesh/vmmesh/schema/manifest"
)

// Manifests is a text with Kubernetes objects, and what findings call it: mostly its path.
type Manifests struct {
	Name string
	Text []byte
}

// Verify checks manifests from anywhere against each other, whoever wrote them and whatever overlays they passed
// through: it reads all texts into one set, and runs every rule that needs no spec. Findings are sorted.
func Verify(texts []Manifests) diag.List {
	_, findings := VerifyTexts(texts)
	return findings
}

// VerifyTexts is Verify, and answers the set besides.
func VerifyTexts(texts []Manifests) (*manifest.Set, diag.List) {
	set, findings := readManifests(texts)
	findings = append(findings, lint.Set(set)...)
	var sources []*diag.Source
	for _, t := range texts {
		sources = append(sources, &diag.Source{Name: t.Name, Text: t.Text})
	}
	return set, conceal(lint.SuppressByComment(findings, sources), set).Sorted()
}

// conceal removes the secrets that objects hold from findings. What holds none is read only once there are findings.
func conceal(findings diag.List, set *manifest.Set) diag.List {
	if len(findings) == 0 {
		return findings
	}
	var docs []*schema.Document
	for _, r := range set.All() {
		docs = append(docs, &schema.Document{Root: r.Root, At: r.At})
	}
	return schema.Conceal(findings, docs...)
}

// readManifests reads texts into one set. A text whose name is that of a VM's file (cluster.env, and mesh.yaml and hosts in
// a directory that has one) is read as that.
func readManifests(texts []Manifests) (*manifest.Set, diag.List) {
	set := &manifest.Set{}
	var findings diag.List
	byName := map[string][]byte{}
	for _, t := range texts {
		byName[path.Clean(slashed(t.Name))] = t.Text
	}
	file := func(dir, name string) manifest.Text {
		at := path.Join(dir, name)
		return manifest.Text{Name: at, Bytes: byName[at]}
	}
	vms := map[string]*manifest.VM{}
	for _, name := range slices.Sorted(maps.Keys(byName)) { // a group's directory comes before those in it
		if dir := path.Dir(name); path.Base(name) == vmSettings {
			files := manifest.VMFiles{ClusterEnv: file(dir, vmSettings), Mesh: file(dir, vmMesh), Hosts: file(dir, vmHosts)}
			if byName[path.Join(dir, vmBoot)] != nil {
				files.Hosts.Bytes = nil // what is written here is not all: the VM asks for istiod's address as it boots
			}
			vm, faults := set.ReadVM(files, vms[path.Dir(dir)])
			vms[dir] = vm
			findings = append(findings, faults...)
		}
	}
	for _, t := range texts {
		dir, base := path.Split(path.Clean(slashed(t.Name)))
		if VMFile(base) || base == vmMesh && vms[path.Clean(dir)] != nil {
			continue
		}
		findings = append(findings, set.Read(t.Name, t.Text)...)
	}
	return set, findings
}

// The files of a VM that say how it joins.
const (
	vmSettings = "cluster.env"
	vmMesh     = "mesh.yaml"
	vmHosts    = "hosts"
	vmBoot     = "vm.env" // what vmmesh's own scripts are told
)

// VMFile tells whether a file of this name is no manifest, and says something of VMs all the same.
func VMFile(name string) bool { return name == vmSettings || name == vmHosts || name == vmBoot }

func slashed(name string) string { return strings.ReplaceAll(name, "\\", "/") }

// VerifyObjects is Verify for objects that have been read already, by [manifest.Set.Read] or one by one by
// [manifest.Set.Add], whose own findings the caller has. It is the door for where lines are gone: give each object a root
// of its own, diag.Root(&diag.Source{Name: …}) without Locate, and the Source of a finding's At is the object that it is
// about.
func VerifyObjects(set *manifest.Set) diag.List { return conceal(lint.Set(set), set).Sorted() }
