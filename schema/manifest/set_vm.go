package manifest

import (
	"maps"
	"strings"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/syntax"
)

// VM is the settings with which VMs join: a cluster.env, and what is beside it. One is for the VMs of a group, or for
// a single VM.
type VM struct {
	Name   string            // where its cluster.env is
	Env    map[string]string // cluster.env; what is in the mesh file's proxyMetadata alone is not in it
	At     diag.Path         // of cluster.env: the place of a variable is At.Key of its name
	Mesh   *syntax.Node      // the mesh file's defaultConfig; nil: there is none
	MeshAt diag.Path
	Hosts  []string // the names that its hosts file knows; nil: there is no such file
}

// Get is the first of these variables that says something.
func (vm *VM) Get(names ...string) string {
	for _, name := range names {
		if value := vm.Env[name]; value != "" {
			return value
		}
	}
	return ""
}

// VMs lists the settings of VMs in the order in which they came.
func (s *Set) VMs() []*VM { return s.vms }

// Text is a file that is no manifest: what findings call it, and what is in it. A nil Bytes is a file that is not there.
type Text struct {
	Name  string
	Bytes []byte
}

// VMFiles are the files of a VM, or of all VMs of a group.
type VMFiles struct{ ClusterEnv, Mesh, Hosts Text }

// ReadVM adds the settings of VMs from their files, as `istioctl x workload entry configure` and vmmesh write them:
// cluster.env (one KEY='value' a line), and where they are there mesh.yaml and hosts. What a single VM's files leave out is
// that of its group's, the base, which may be nil. Findings are those of the syntax of the mesh file.
func (s *Set) ReadVM(files VMFiles, base *VM) (*VM, diag.List) {
	names := [3]string{files.ClusterEnv.Name, files.Mesh.Name, files.Hosts.Name}
	clusterEnv, meshFile, hosts := files.ClusterEnv.Bytes, files.Mesh.Bytes, files.Hosts.Bytes
	vm := &VM{Name: names[0], Env: map[string]string{}}
	if base != nil {
		maps.Copy(vm.Env, base.Env)
		vm.Mesh, vm.MeshAt, vm.Hosts = base.Mesh, base.MeshAt, base.Hosts
	}
	lines := map[string]int{}
	number := 0
	for line := range strings.Lines(string(clusterEnv)) {
		number++
		key, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if !ok || strings.HasPrefix(key, "#") {
			continue
		}
		key = strings.TrimPrefix(key, "export ")
		vm.Env[key] = unquoted(value)
		lines[key] = number
	}
	vm.At = diag.Root(&diag.Source{Name: names[0], Text: clusterEnv, Locate: func(p diag.Path, _ bool) diag.Pos {
		if steps := p.Steps(); len(steps) > 0 && lines[steps[0].LastKey()] > 0 {
			return diag.Pos{Line: lines[steps[0].LastKey()], Col: 1}
		}
		return diag.Pos{Line: 1, Col: 1}
	}})
	var findings diag.List
	if meshFile != nil {
		documents, faults := syntax.Read(names[1], meshFile)
		findings = append(findings, faults...)
		if len(documents) > 0 && !faults.HasErrors() {
			vm.Mesh, vm.MeshAt = documents[0].Root.Get("defaultConfig"), documents[0].Path.Key("defaultConfig")
		}
	}
	if hosts != nil {
		vm.Hosts = []string{}
		for line := range strings.Lines(string(hosts)) {
			line, _, _ = strings.Cut(line, "#")
			if fields := strings.Fields(line); len(fields) > 1 {
				vm.Hosts = append(vm.Hosts, fields[1:]...)
			}
		}
	}
	s.vms = append(s.vms, vm)
	return vm, findings
}

// readVMData adds the settings of VMs whose files are in a ConfigMap, as vmmesh writes them for GitOps tools. Findings about
// a file are about its key.
func (s *Set) readVMData(r *Resource) diag.List {
	data := r.Root.Get("data")
	file := func(name string) Text {
		if n := data.Get(name); n != nil && n.Kind == syntax.String {
			return Text{Name: r.String() + ", " + name, Bytes: []byte(n.Value)}
		}
		return Text{}
	}
	env := file("cluster.env")
	if env.Bytes == nil {
		return nil
	}
	files := VMFiles{ClusterEnv: env, Mesh: file("mesh.yaml"), Hosts: file("hosts")}
	if data.Get("vm.env") != nil {
		files.Hosts.Bytes = nil // vmmesh's scripts complete it as the VM boots
	}
	vm, findings := s.ReadVM(files, nil)
	vm.At = r.Place("data", "cluster.env")
	if vm.Mesh != nil {
		vm.MeshAt = r.Place("data", "mesh.yaml")
	}
	for i := range findings {
		findings[i].At, findings[i].Where = r.Place("data", "mesh.yaml"), diag.Pos{}
	}
	return findings
}

// unquoted is what a shell makes of a value in quotes, as istioctl writes them: ' and " may follow one another.
func unquoted(s string) string {
	var b strings.Builder
	for s != "" {
		quote := s[0]
		if quote != '\'' && quote != '"' {
			b.WriteByte(quote)
			s = s[1:]
			continue
		}
		inside, rest, closed := strings.Cut(s[1:], string(quote))
		b.WriteString(inside)
		if !closed {
			break
		}
		s = rest
	}
	return b.String()
}
