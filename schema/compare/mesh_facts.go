package compare

import (
	"regexp"
	"slices"
	"strings"

	"github.com/vmmesh/vmmesh/schema/syntax"
)

// facts are the settings of a mesh that a control plane and the VMs' files share.
type facts struct {
	trustDomain, cluster, network, version string
	namespace                              string // of istiod
}

// controlPlane are the facts in the files for Helm or istioctl, nil where a side has none. They are read from texts,
// since these files are not applied by kubectl.
func controlPlane(files map[string][]byte) *facts {
	var found *facts
	for _, path := range sortedKeys(files) {
		docs, faults := syntax.Read(path, files[path])
		if len(docs) != 1 || faults.HasErrors() {
			continue
		}
		root := docs[0].Root
		mesh, global := root.Get("meshConfig"), root.Get("global")
		if root.Get("kind").Text() == "IstioOperator" {
			mesh, global = at(root, "spec", "meshConfig"), at(root, "spec", "values", "global")
		}
		if mesh == nil && global == nil {
			continue
		}
		found = &facts{
			trustDomain: mesh.Get("trustDomain").Text(), cluster: at(global, "multiCluster", "clusterName").Text(),
			network: global.Get("network").Text(), namespace: global.Get("istioNamespace").Text(),
		}
		if m := versionIn.FindSubmatch(files[path]); m != nil {
			found.version = string(m[1])
		}
	}
	return found
}

// versionIn finds the version of Istio in the comment that such a file begins with.
var versionIn = regexp.MustCompile(`^# .*?(?:version|istioctl) (\d+\.\d+\.\d+[0-9A-Za-z.-]*)[:,]`)

// setting is a value that changes, and for whom.
type setting struct {
	old, now string
	groups   []ID // of VMs whose files have it
	cluster  bool // the control plane's files have it, too
}

// settings lists the changes of one value: in the control plane's files, and in one variable of the VMs' files.
func (p *pair) settings(file, variable string, of func(*facts) string) []setting {
	var found []setting
	entry := func(old, now string) *setting {
		i := slices.IndexFunc(found, func(s setting) bool { return s.old == old && s.now == now })
		if i < 0 {
			found, i = append(found, setting{old: old, now: now}), len(found)
		}
		return &found[i]
	}
	if of != nil && p.wasMesh != nil && p.willMesh != nil {
		if a, b := of(p.wasMesh), of(p.willMesh); a != b {
			entry(a, b).cluster = true
		}
	}
	for _, g := range byGroup(p.vmFiles) {
		for _, f := range g.files {
			if f.instance != "" || f.name != file || f.change != Changed {
				continue
			}
			for _, v := range variables(f.old, f.new) {
				if v.name == variable {
					s := entry(unquoted(v.old), unquoted(v.new))
					s.groups = append(s.groups, g.id)
				}
			}
		}
	}
	return found
}

// unquoted is a scalar of the shell as the control plane's files have it; an array stays as it is.
func unquoted(s string) string {
	if strings.HasPrefix(s, "(") {
		return s
	}
	return strings.Trim(s, "'")
}

// about names what a setting is of: the mesh, and the groups of VMs.
func (p *pair) about(s setting) (ID, []ID) {
	if s.cluster || len(s.groups) == 0 {
		return p.meshID(), s.groups
	}
	return s.groups[0], s.groups[1:]
}

// meshID names the control plane in a consequence.
func (p *pair) meshID() ID {
	name := "istio-system"
	if p.willMesh != nil && p.willMesh.namespace != "" {
		name = p.willMesh.namespace
	}
	return ID{Kind: "Istio", Name: name}
}

// value is a setting's value in a sentence: an array of the shell is a list, and quotes are left out.
func value(s string) string {
	s = strings.Trim(s, "()'")
	return orNone(strings.ReplaceAll(s, "' '", ", "))
}

// elements are the values of an array of the shell.
func elements(s string) []string {
	s = strings.Trim(s, "()'")
	if s == "" {
		return nil
	}
	return strings.Split(s, "' '")
}
