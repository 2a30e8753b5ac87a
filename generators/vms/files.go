package vms

import (
	"bytes"
	"iter"
	"slices"
	"strings"

	networking "istio.io/api/networking/v1"

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
		k.apart = true
		some := false
		for _, w := range m.Workloads {
			for _, g := range w.Groups {
				for _, f := range k.static {
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
	static  []manifest.File // scripts and units
	apart   bool            // whether they have a folder of their own, and are not in that of each group
	writers map[string]*cloudinit.Writer
}

func newKit() kit { return kit{static: scripts.Files(), writers: map[string]*cloudinit.Writer{}} }

// boot writes the user-data of a group. What its spec does not use is left out of the scripts there, and so is what a VM that
// boots for the first time has no use for: folders.sh, uninstall.sh, and without a firewall the firewall's. They are a quarter of the bytes,
// of which some clouds take few. The folders have them all the same.
func (k kit) boot(g *mesh.Group) *cloudinit.Writer {
	uses := []string{g.VM.Firewall.Backend, g.VM.Identity.Type, strings.TrimSuffix(g.VM.Address.Source, "External"), g.VM.DNS.Mode, g.VM.Cloud.Type}
	if g.VM.PhoneHome != "" {
		uses = append(uses, "PhoneHome")
	}
	if len(g.Workload.Spec.IstiodIPs(g.Network)) == 0 || slices.ContainsFunc(g.Instances, func(i *mesh.Instance) bool {
		return len(g.Workload.Spec.IstiodIPs(i.Network)) == 0
	}) {
		uses = append(uses, "Name") // VMs resolve it
	}
	switch g.Workload.Probe.GetHealthCheckMethod().(type) {
	case *networking.ReadinessProbe_HttpGet:
		uses = append(uses, "httpGet")
	case *networking.ReadinessProbe_TcpSocket:
		uses = append(uses, "tcpSocket")
	case *networking.ReadinessProbe_Exec:
		uses = append(uses, "exec")
	}
	key := strings.Join(uses, " ")
	if w := k.writers[key]; w != nil {
		return w
	}
	static := slices.DeleteFunc(slices.Clone(k.static), func(f manifest.File) bool {
		return f.Path == "uninstall.sh" || f.Path == "folders.sh" || g.VM.Firewall.Backend == "None" && strings.Contains(f.Path, "firewall") ||
			g.Workload.Probe == nil && slices.Contains(ofProbes, f.Path)
	})
	for n, f := range static {
		static[n].Data = used(f.Data, uses)
	}
	w := cloudinit.NewWriter(static)
	k.writers[key] = w
	return w
}

// ofProbes are the files of a VM that can be taken out of rotation, which is by its probe.
var ofProbes = []string{"probe.sh", "rotation.sh", "vmmesh-drain.service"}

// used is a script without the parts between `# only: NAME...` and `# end` of which no name is in use.
func used(script []byte, uses []string) []byte {
	if !bytes.Contains(script, []byte("# only: ")) {
		return script
	}
	out := make([]byte, 0, len(script))
	leave := false
	for line := range bytes.Lines(script) {
		text := string(line)
		if names, ok := strings.CutPrefix(text, "# only: "); ok {
			leave = !slices.ContainsFunc(strings.Fields(names), func(name string) bool { return slices.Contains(uses, name) })
			continue
		}
		if text == "# end\n" {
			leave = false
			continue
		}
		if !leave {
			out = append(out, line...)
		}
	}
	return out
}

// group makes the files of one group's folder: first those of any of its VMs, then <instance>/<file> for each of its
// instances.
func (k kit) group(g *mesh.Group) iter.Seq[manifest.File] {
	return func(yield func(manifest.File) bool) {
		shared := anyOf(g)
		lines, files := config(shared, nil)
		whole := slices.Clone(files)
		if !k.apart {
			whole = append(whole, k.static...)
		}
		whole = append(whole, k.userData(g, files))
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
	vmEnvFile      = "vm.env"
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
		text(vmEnvFile, vmEnv(m)),
	}
	if cert := m.istio().RootCert; cert != "" {
		files = append(files, text("root-cert.pem", []byte(cert)))
	}
	files = append(files, firewall(m.group)...)
	for n := range files {
		if files[n].Path == vmEnvFile {
			files[n].Data = assign(files[n].Data, "VMMESH_FILES_HASH", hash(files))
		}
	}
	if len(table) > 0 {
		files = append(files, text(instancesFile, table))
	}
	return lines, files
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
