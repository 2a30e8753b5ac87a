package vms

import (
	"bytes"
	"iter"
	"slices"
	"strings"

	"github.com/vmmesh/vmmesh/generators/vms/cloudinit"
	"github.com/vmmesh/vmmesh/generators/vms/scripts"
	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// Files makes vms/scripts/, which is the same for every VM, and the folders of every group: vms/<namespace>/<group>/ and,
// below it, those of its instances. A folder is made when it is asked for, and nothing of it is kept.
func Files(m *mesh.Mesh) iter.Seq[manifest.File] {
	return func(yield func(manifest.File) bool) {
		k := newKit()
		static := k.static
		k.static = nil
		some := false
		for _, w := range m.Workloads {
			for _, g := range w.Groups {
				for _, f := range static {
					f.Path = "vms/" + mesh.ScriptsFolder + "/" + f.Path
					if !some && !yield(f) {
						return
					}
				}
				some = true
				folder := "vms/" + w.Namespace + "/" + g.Name + "/"
				for f := range k.group(g) {
					f.Path = folder + f.Path
					if !yield(f) {
						return
					}
				}
			}
		}
	}
}

// Folders makes the files of one group after the other, with those of vms/scripts/ among them, for a place that holds
// nothing but one group's. What all groups share is made once.
func Folders() func(*mesh.Group) iter.Seq[manifest.File] { return newKit().group }

// kit is what all groups share.
type kit struct {
	static         []manifest.File // scripts and units
	open, filtered *cloudinit.Writer
}

// newKit leaves out of user-data what a first boot from it does not need: folders.sh, and the firewall's scripts for groups
// that ask for no firewall, since a new VM has none of ours to take away, and they are a fifth of the bytes.
func newKit() kit {
	static := scripts.Files()
	booted := slices.DeleteFunc(slices.Clone(static), func(f manifest.File) bool { return f.Path == "folders.sh" })
	isFirewall := func(f manifest.File) bool { return strings.Contains(f.Path, "firewall") }
	return kit{static, cloudinit.NewWriter(slices.DeleteFunc(slices.Clone(booted), isFirewall)), cloudinit.NewWriter(booted)}
}

// boot writes the user-data of a group.
func (k kit) boot(g *mesh.Group) *cloudinit.Writer {
	if g.VM.Firewall.Backend == "None" {
		return k.open
	}
	return k.filtered
}

// group makes the files of one group's folder: first those of any of its VMs, then <instance>/<file> for each of its
// instances.
func (k kit) group(g *mesh.Group) iter.Seq[manifest.File] {
	return func(yield func(manifest.File) bool) {
		shared := anyOf(g)
		lines, files := config(shared, nil)
		whole := slices.Concat(files, k.static, []manifest.File{k.userData(g, files)})
		for _, f := range whole {
			if !yield(f) {
				return
			}
		}
		for _, i := range g.Instances {
			if i.OwnSettings() {
				if !k.different(shared.as(i), i, files, yield) {
					return
				}
			} else if !yield(text(i.Name+"/"+clusterEnvFile, lines.with(ofInstance(i)))) {
				return
			}
		}
	}
}

// Names of files that are met in more than one place.
const (
	clusterEnvFile = "cluster.env"
	instancesFile  = "instances"
)

// config makes the files of a VM that hold what the spec says. The lines of its cluster.env come beside them. A VM with
// settings of its own is told who it is; any other looks it up in the table of its group.
func config(m machine, who *mesh.Instance) (variables, []manifest.File) {
	metadata := proxyMetadata(m)
	lines := sorted(clusterEnv(m, metadata))
	var own variables
	table := instances(m.group.Instances)
	if who != nil {
		own, table = ofInstance(who), instance(nil, who, false)
	}
	files := []manifest.File{
		text(clusterEnvFile, lines.with(own)),
		text("mesh.yaml", meshYAML(m, metadata)),
		text("hosts", hosts(m)),
		text("vm.env", vmEnv(m)),
	}
	if cert := m.istio().RootCert; cert != "" {
		files = append(files, text("root-cert.pem", []byte(cert)))
	}
	if len(table) > 0 {
		files = append(files, text(instancesFile, table))
	}
	return lines, append(files, firewall(m.group)...)
}

// different yields the files of an instance that are not as in its group's folder. Its user-data never is.
func (k kit) different(m machine, i *mesh.Instance, group []manifest.File, yield func(manifest.File) bool) bool {
	_, files := config(m, i)
	for n, f := range append(files, k.userData(i.Group, files)) { // the same files in the same order
		if n < len(group) && bytes.Equal(f.Data, group[n].Data) {
			continue
		}
		f.Path = i.Name + "/" + f.Path
		if !yield(f) {
			return false
		}
	}
	return true
}

func text(path string, data []byte) manifest.File {
	return manifest.File{Path: path, Mode: 0o644, Data: data}
}
