package compare

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// vmFile is a file that differs in the folder of a group of VMs: vms/<namespace>/<group>/[<instance>/]<file>.
type vmFile struct {
	change                           Change
	namespace, group, instance, name string
	old, new                         []byte // of the files that hold settings; nil where there is none
}

// vmFileAt returns the file of a group's VMs that is at a path, if one is.
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

// vmConfigMap ends the name of the ConfigMap with the files of a group: <group>-vm-files. A file of one instance is
// <instance>.<file> there.
const vmConfigMap = "-vm-files"

// vmFilesInConfigMaps finds the files of VMs that differ in ConfigMaps, as those of a tree.
func vmFilesInConfigMaps(p *pair) []vmFile {
	var found []vmFile
	p.both("", "ConfigMap", func(was, will *object) {
		group, ok := strings.CutSuffix(was.Name, vmConfigMap)
		if !ok {
			return
		}
		old, now := labels(was.at("data")), labels(will.at("data"))
		keys := map[string]bool{}
		for key := range old {
			keys[key] = true
		}
		for key := range now {
			keys[key] = true
		}
		for _, key := range sortedKeys(keys) {
			f := vmFile{change: Changed, namespace: was.Namespace, group: group, name: key}
			for name := range ofEveryVM {
				if instance, ok := strings.CutSuffix(key, "."+name); ok {
					f.instance, f.name = instance, name
				}
			}
			a, before := old[key]
			b, after := now[key]
			switch {
			case a == b && before == after:
				continue
			case !before:
				f.change = Added
			case !after:
				f.change = Removed
			default:
				f.old, f.new = []byte(a), []byte(b)
			}
			found = append(found, f)
		}
	})
	slices.SortStableFunc(found, func(a, b vmFile) int {
		return strings.Compare(a.namespace+"/"+a.group, b.namespace+"/"+b.group)
	})
	return found
}

// ofEveryVM are the files that hold settings of VMs. Of the others, the scripts and units are the same for all,
// user-data repeats them, and a line more in the table of instances has no effect on the VMs that are there. The value
// is whether install.sh restarts the sidecar when the file differs.
var ofEveryVM = map[string]bool{
	"cluster.env": true, "mesh.yaml": true, "hosts": true, "root-cert.pem": true, "vm.env": true,
	"firewall.rules": false, "firewall.nft": false,
}

var ofTheSpec = map[string]bool{"instances": true, "user-data": true}

// vmFiles are those of one group.
type vmFiles struct {
	id    ID
	files []vmFile
}

// byGroup parts files by their groups, in order; groups that come or go are left out, for no VM is set up differently.
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
		return slices.ContainsFunc(g.files, func(f vmFile) bool {
			return f.instance == "" && f.name == "vm.env" && f.change != Changed
		})
	})
}

// findVMFiles: a VM keeps what it was set up with, whatever becomes of the files that it was set up from.
func findVMFiles(p *pair, report report) {
	for _, g := range byGroup(p.vmFiles) {
		whose := "its VMs"
		what, restart := g.what(func(f vmFile) bool { return f.instance == "" })
		if len(what) == 0 { // what is of some VMs alone
			var names []string
			what, restart = g.what(func(f vmFile) bool {
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
			report(Risk, g.id, "what changes for %s (%s) reaches them when `install.sh` is run there with the new "+
				"files, which %s",
				whose, strings.Join(what, "; "), restarts(restart))
		}
	}
}

func restarts(yes bool) string {
	if yes {
		return "restarts the sidecar"
	}
	return "does not restart the sidecar"
}

// what lists which of some files differ, of cluster.env which variables, and whether the sidecar reads one of them.
func (g vmFiles) what(of func(vmFile) bool) (files []string, restart bool) {
	names, differ := map[string]bool{}, map[string]bool{}
	for _, f := range g.files {
		reads, settings := ofEveryVM[f.name]
		if !settings || !of(f) || f.name == "vm.env" && f.change == Changed && sameSettings(f.old, f.new) {
			continue
		}
		restart = restart || reads
		names[f.name] = true
		if f.change == Changed && f.name == "cluster.env" {
			for _, v := range variables(f.old, f.new) {
				differ[v.name] = true
			}
		}
	}
	files = slices.Sorted(maps.Keys(names))
	for i, name := range files {
		if name == "cluster.env" && len(differ) > 0 {
			files[i] += ": " + some(slices.Sorted(maps.Keys(differ)))
		}
	}
	return files, restart
}

// sameSettings reports whether two vm.env differ in nothing but the hash of the VM's files, which differs whenever a file
// does.
func sameSettings(old, new []byte) bool {
	without := func(text []byte) string {
		var out strings.Builder
		for line := range strings.Lines(string(text)) {
			if !strings.HasPrefix(line, filesHash+"=") {
				out.WriteString(line)
			}
		}
		return out.String()
	}
	return without(old) == without(new)
}

const filesHash = "VMMESH_FILES_HASH"

// variable is one that differs between two files of settings for a shell.
type variable struct {
	name     string
	change   Change
	old, new string
}

// variables are those that differ, sorted by name. The hash of a VM's files is not among them.
func variables(old, new []byte) []variable {
	read := func(text []byte) map[string]string {
		all := map[string]string{}
		for line := range strings.Lines(string(text)) {
			if name, value, ok := strings.Cut(strings.TrimRight(line, "\r\n"), "="); ok && name != filesHash {
				all[name] = value
			}
		}
		return all
	}
	was, will := read(old), read(new)
	var found []variable
	for _, name := range sortedKeys(was) {
		switch now, there := will[name]; {
		case !there:
			found = append(found, variable{name, Removed, was[name], ""})
		case now != was[name]:
			found = append(found, variable{name, Changed, was[name], now})
		}
	}
	for _, name := range sortedKeys(will) {
		if _, there := was[name]; !there {
			found = append(found, variable{name, Added, "", will[name]})
		}
	}
	slices.SortStableFunc(found, func(a, b variable) int { return strings.Compare(a.name, b.name) })
	return found
}

// Setup are VMs that have to run install.sh again, with the files of their group.
type Setup struct {
	Group   ID
	VMs     []string // the names of their entries; none are all VMs that registered in the group
	Restart bool     // whether the sidecar restarts
	Files   []string // which files differ, as a report names them
}

// setup lists the VMs that have to run install.sh again, by group.
func setup(p *pair) []Setup {
	var found []Setup
	for _, g := range byGroup(p.vmFiles) {
		s := Setup{Group: g.id}
		s.Files, s.Restart = g.what(func(f vmFile) bool { return f.instance == "" })
		if len(s.Files) > 0 {
			for _, e := range p.willEntries[g.id] {
				if was := p.before(e); was != nil && was.ID == e.ID {
					s.VMs = append(s.VMs, e.Name)
				}
			}
			if len(s.VMs) > 0 || len(p.willEntries[g.id]) == 0 {
				found = append(found, s)
			}
			continue
		}
		seen := map[string]bool{}
		s.Files, s.Restart = g.what(func(f vmFile) bool {
			if f.instance != "" && f.change == Changed {
				seen[g.id.Name+"-"+f.instance] = true
			}
			return f.instance != "" && f.change == Changed
		})
		if s.VMs = sortedKeys(seen); len(s.VMs) > 0 && len(s.Files) > 0 {
			found = append(found, s)
		}
	}
	// A VM whose entry is called otherwise, or that is of another group, needs the files of its new name.
	renamed := map[ID][]string{}
	for _, e := range p.was.of(networking, "WorkloadEntry") {
		if now := p.now(e); now != nil && now.ID != e.ID {
			renamed[p.willGroup[now.ID]] = append(renamed[p.willGroup[now.ID]], now.Name)
		}
	}
	groups := slices.Collect(maps.Keys(renamed))
	p.both(networking, "WorkloadGroup", func(was, will *object) {
		if was.ID != will.ID && len(p.willEntries[will.ID]) == 0 {
			groups = append(groups, will.ID)
		}
	})
	slices.SortFunc(groups, ID.compare)
	for _, g := range groups {
		found = append(found, Setup{Group: g, VMs: renamed[g], Restart: true, Files: []string{"all, for the new name"}})
	}
	slices.SortStableFunc(found, func(a, b Setup) int { return a.Group.compare(b.Group) })
	return found
}

// whom names the VMs of a setup.
func (s Setup) whom() string {
	if len(s.VMs) == 0 {
		return "every registered VM"
	}
	return some(s.VMs)
}

// line is a setup in a report for people.
func (s Setup) line() string {
	name := strings.TrimPrefix(s.Group.String(), "WorkloadGroup ")
	if s.Group == (ID{}) {
		name = "VMs without a group"
	}
	return fmt.Sprintf("%s: %s: %s (%s)", name, s.whom(), restarts(s.Restart), strings.Join(s.Files, "; "))
}

// setupSummary is who has to run install.sh again, in numbers.
func setupSummary(all []Setup) string {
	vms, restart, groups := 0, 0, 0
	for _, s := range all {
		n := len(s.VMs)
		if n == 0 {
			groups++
		}
		if vms += n; s.Restart {
			restart += n
		}
	}
	text := fmt.Sprintf("%s, %s", count(vms, "VM"), count(restart, "sidecar restart"))
	if groups > 0 {
		text += fmt.Sprintf(", and every VM that registered in %s", count(groups, "group"))
	}
	return text
}

// noteScripts adds one note for all groups when what is the same on every VM changes, as with another version of
// vmmesh.
func (c *Changes) noteScripts(files []vmFile) {
	names, groups := map[string]bool{}, 0
	for _, g := range byGroup(files) {
		before := groups
		for _, f := range g.files {
			if _, settings := ofEveryVM[f.name]; f.instance == "" && !settings && !ofTheSpec[f.name] {
				names[f.name], groups = true, before+1
			}
		}
	}
	if groups > 0 {
		c.noteOfScripts(names, "in "+count(groups, "group"))
		return
	}
	// Scripts in one folder for all groups.
	for _, f := range c.Files {
		if name, ok := strings.CutPrefix(f.Path, "vms/scripts/"); ok && !strings.Contains(name, "/") {
			names[name] = true
		}
	}
	if len(names) > 0 {
		c.noteOfScripts(names, "for all groups")
	}
}

func (c *Changes) noteOfScripts(names map[string]bool, where string) {
	c.Notes = append(c.Notes, "what is the same on every VM changes ("+some(sortedKeys(names))+"), "+where+
		": VMs that are set up already get it when `install.sh` is run there with the new files")
}
