// Package fleet makes the files with which the VMs of a mesh are set up all together: the list of the VMs, and the
// inventory and playbook for Ansible.
package fleet

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/vmmesh/vmmesh/schema/mesh"
)

// List is all VMs of a build, as in fleet/vms.json and `vmmesh list --report json`. Both lists are sorted.
type List struct {
	Groups []Group `json:"groups"`
	VMs    []VM    `json:"vms"`
}

// Group is what new VMs of a group start from. In a group with registration Auto most VMs are not listed.
type Group struct {
	Namespace    string `json:"namespace"`
	Workload     string `json:"workload"`
	Name         string `json:"group"`
	Registration string `json:"registration"`
	Network      string `json:"network"`
	Locality     string `json:"locality"`
	Revision     string `json:"revision"`
	Package      string `json:"packageVersion"` // of istio-sidecar
	Identity     string `json:"identity"`
	MinHealthy   int    `json:"minHealthy"`
	Folder       string `json:"folder"`
	Hash         string `json:"hash"`
}

// VM is one VM that the spec lists.
type VM struct {
	Namespace       string `json:"namespace"`
	Workload        string `json:"workload"`
	Group           string `json:"group"`
	Instance        string `json:"instance"`
	Address         string `json:"address"`
	ExternalAddress string `json:"externalAddress"`
	Network         string `json:"network"`
	Locality        string `json:"locality"`
	Identity        string `json:"identity"`
	WorkloadEntry   string `json:"workloadEntry"` // "" where istiod makes it
	Folder          string `json:"folder"`        // below the output directory
	Hash            string `json:"hash"`          // of its files: VMMESH_FILES_HASH in its vm.env
}

// Hash returns the hash of what a VM of a group is set up with; the instance is nil for one that is not listed.
type Hash func(g *mesh.Group, instance *mesh.Instance) string

// Of lists the VMs of a mesh.
func Of(m *mesh.Mesh, hash Hash) List {
	l := List{Groups: []Group{}, VMs: []VM{}}
	for _, w := range m.Workloads {
		identity := "spiffe://" + mesh.Principal(w.Istio().TrustDomain, w.Namespace, w.ServiceAccount)
		for _, g := range w.Groups {
			folder := "vms/" + w.Namespace + "/" + g.Name
			registration := "Static"
			if g.Auto {
				registration = "Auto"
			}
			l.Groups = append(l.Groups, Group{
				Namespace: w.Namespace, Workload: w.Name, Name: g.Name, Registration: registration, Network: g.Network, Locality: g.Locality,
				Revision: g.Revision.Name, Package: g.VM.Package.Version, Identity: identity, MinHealthy: g.MinHealthy, Folder: folder, Hash: hash(g, nil),
			})
			for _, i := range g.Instances {
				vm := VM{
					Namespace: w.Namespace, Workload: w.Name, Group: g.Name, Instance: i.Name, Address: i.Address.String(), Network: i.Network,
					Locality: i.Locality, Identity: identity, Folder: folder, Hash: hash(g, i),
				}
				if i.External.IsValid() {
					vm.ExternalAddress = i.External.String()
				}
				if !g.Auto {
					vm.WorkloadEntry = i.EntryName
				}
				l.VMs = append(l.VMs, vm)
			}
		}
	}
	return l
}

// JSON is the list as fleet/vms.json has it.
func (l List) JSON() []byte {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(l); err != nil {
		panic(err) // of strings and numbers there is none
	}
	return out.Bytes()
}

// Text is the list of VMs as a table, whose first line names its columns; "-" is an empty value.
func (l List) Text() string {
	rows := [][]string{{"NAMESPACE", "GROUP", "INSTANCE", "ADDRESS", "NETWORK", "IDENTITY", "FOLDER", "HASH"}}
	for _, vm := range l.VMs {
		rows = append(rows, []string{vm.Namespace, vm.Group, vm.Instance, vm.Address, vm.Network, vm.Identity, vm.Folder, vm.Hash})
	}
	var width [8]int
	for _, row := range rows {
		for i := range row {
			if row[i] == "" {
				row[i] = "-"
			}
			width[i] = max(width[i], len(row[i]))
		}
	}
	var out strings.Builder
	for _, row := range rows {
		for i, cell := range row {
			out.WriteString(cell)
			if i < len(row)-1 {
				out.WriteString(strings.Repeat(" ", width[i]-len(cell)+2))
			}
		}
		out.WriteByte('\n')
	}
	return out.String()
}

// Count is the numbers of VMs and groups in words.
func (l List) Count() string {
	return number(len(l.VMs), "VM") + " in " + number(len(l.Groups), "group")
}

func number(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return strconv.Itoa(n) + " " + noun
}
