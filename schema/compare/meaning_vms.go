package compare

import (
	"bytes"
	"maps"
	"slices"
	"strings"
)

// vmFile is a file that differs in the folder of a group of VMs: vms/<namespace>/<group>/[<instance>/]<file>.
type vmFile struct {
	change                           Change
	namespace, group, instance, name string
	old, new                         []byte // of a cluster.env
}

// vmFileAt is the file of a group's VMs that stands at a path, if one does.
func vmFileAt(path string) (vmFile, bool) {
	parts := strings.Split(path, "/")
	if parts[0] != "vms" || len(parts) < 4 || len(parts) > 5 {
		return vmFile{}, false
	}
	f := vmFile{namespace: parts[1], group: parts[2], name: parts[len(parts)-1]}
	if len(parts) == 5 {
		f.instance = parts[3]
	}
	return f, true
}

// ofEveryVM are the files that hold what the spec says to a VM. Of the others, the scripts and units are the same for
// all, user-data repeats them, and a line more in the table of instances is no matter to the VMs that are there.
var ofEveryVM = map[string]bool{
	"cluster.env": true, "mesh.yaml": true, "hosts": true, "root-cert.pem": true, "vm.env": true, "firewall.rules": true, "firewall.nft": true,
}

var ofTheSpec = map[string]bool{"instances": true, "user-data": true}

// vmFiles are those of one group.
type vmFiles struct {
	id    ID
	files []vmFile
}

// byGroup parts files by their groups, in order; groups that come or go are left out, for nothing is set up differently.
func byGroup(files []vmFile) []vmFiles {
	var out []vmFiles
	for _, f := range files { // sorted by path, so that a group's are together
		id := ID{networking, "WorkloadGroup", f.namespace, f.group}
		if n := len(out); n == 0 || out[n-1].id != id {
			out = append(out, vmFiles{id: id})
		}
		g := &out[len(out)-1]
		g.files = append(g.files, f)
	}
	return slices.DeleteFunc(out, func(g vmFiles) bool {
		return slices.ContainsFunc(g.files, func(f vmFile) bool { return f.instance == "" && f.name == "vm.env" && f.change != Changed })
	})
}

// findVMFiles: a VM keeps what it was set up with, whatever becomes of the files that it was set up from.
func findVMFiles(p *pair, report report) {
	for _, g := range byGroup(p.vmFiles) {
		whose := "its VMs"
		what := g.what(func(f vmFile) bool { return f.instance == "" })
		if len(what) == 0 { // what is of some VMs alone
			var names []string
			what = g.what(func(f vmFile) bool {
				if f.instance == "" || f.change != Changed {
					return false
				}
				if !slices.Contains(names, f.instance) {
					names = append(names, f.instance)
				}
				return true
			})
			whose = some(names)
		}
		if len(what) > 0 {
			report(Risk, g.id, "what changes for %s (%s) reaches them when `install.sh` is run there with the new files: until then they are as the old ones say",
				whose, strings.Join(what, "; "))
		}
	}
}

// what tells which of some files differ; of cluster.env, which variables.
func (g vmFiles) what(of func(vmFile) bool) []string {
	names, lines := map[string]bool{}, map[string]bool{}
	for _, f := range g.files {
		if !ofEveryVM[f.name] || !of(f) {
			continue
		}
		names[f.name] = true
		if f.change == Changed {
			for _, v := range variables(f.old, f.new) {
				lines[v] = true
			}
		}
	}
	words := slices.Sorted(maps.Keys(names))
	for i, name := range words {
		if name == "cluster.env" && len(lines) > 0 {
			words[i] += ": " + some(slices.Sorted(maps.Keys(lines)))
		}
	}
	return words
}

// variables are those whose lines differ, sorted.
func variables(old, new []byte) []string {
	lines := func(text []byte) map[string]string {
		all := map[string]string{}
		for line := range bytes.Lines(text) {
			name, value, _ := strings.Cut(string(line), "=")
			all[name] = value
		}
		return all
	}
	was, will := lines(old), lines(new)
	differ := map[string]bool{}
	for name, value := range was {
		if other, there := will[name]; !there || other != value {
			differ[name] = true
		}
	}
	for name := range will {
		if _, there := was[name]; !there {
			differ[name] = true
		}
	}
	return slices.Sorted(maps.Keys(differ))
}

// noteScripts says once for all groups that what is the same on every VM changes, as with another version of vmmesh.
func (c *Changes) noteScripts(files []vmFile) {
	names, groups := map[string]bool{}, 0
	for _, g := range byGroup(files) {
		before := groups
		for _, f := range g.files {
			if f.instance == "" && !ofEveryVM[f.name] && !ofTheSpec[f.name] {
				names[f.name], groups = true, before+1
			}
		}
	}
	if groups > 0 {
		c.Notes = append(c.Notes, "what is the same on every VM changes ("+some(slices.Sorted(maps.Keys(names)))+"), in "+count(groups, "group")+
			": VMs that are set up already get it when `install.sh` is run there with the new files")
	}
}
