package fleet

import (
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/vmmesh/vmmesh/schema/mesh"
)

// playbook is fleet/site.yml, but for the sizes of the waves.
//
//go:embed site.yml
var playbook string

// host is a VM in the inventory.
type host struct {
	instance *mesh.Instance
	name     string
	hash     string
	wave     int
}

// hosts lists the VMs that are set up from files, in the order of the waves, and the size of each wave.
func hosts(m *mesh.Mesh, hash Hash) ([]host, []int) {
	var all []host
	for _, w := range m.Workloads {
		for _, g := range w.Groups {
			for _, i := range g.Instances {
				all = append(all, host{i, w.Namespace + "." + g.Name + "." + i.Name, hash(g, i), 0})
			}
		}
	}
	sizes := waves(all)
	slices.SortStableFunc(all, func(a, b host) int { return a.wave - b.wave })
	return all, sizes
}

// waves puts each VM into a wave: one VM, then a tenth of all, then half, then the rest, and of a group never more at a time
// than minHealthy allows: what is left over waits for further waves. The first VMs of a wave are of different groups and
// localities, so that a fault shows where it does least harm.
func waves(all []host) []int {
	left := make([]int, len(all))
	for n := range all {
		left[n] = n
	}
	var sizes []int
	for _, target := range []int{1, max(1, len(all)/10), max(1, len(all)/2)} {
		if len(left) == 0 {
			return sizes
		}
		size := 0
		taken, places := map[*mesh.Group]int{}, map[place]bool{}
		for _, again := range []bool{false, true} { // one VM of each group and locality, then as many as there may be
			later := make([]int, 0, len(left))
			for _, n := range left {
				g := all[n].instance.Group
				at := place{g, all[n].instance.Locality}
				if size == target || taken[g] == spare(g) || !again && places[at] {
					later = append(later, n)
					continue
				}
				all[n].wave, places[at] = len(sizes), true
				taken[g]++
				size++
			}
			left = later
		}
		sizes = append(sizes, size)
	}
	first := len(sizes)
	taken := map[*mesh.Group]int{}
	for _, n := range left {
		g := all[n].instance.Group
		wave := first + taken[g]/spare(g)
		taken[g]++
		all[n].wave = wave
		for len(sizes) <= wave {
			sizes = append(sizes, 0)
		}
		sizes[wave]++
	}
	return sizes
}

// place is where VMs fail together.
type place struct {
	group    *mesh.Group
	locality string
}

// spare is how many VMs of a group may be set up at one time: those above minHealthy, and always one.
func spare(g *mesh.Group) int { return max(1, len(g.Instances)-g.MinHealthy) }

// inventory is fleet/inventory.yaml.
func inventory(all []host) []byte {
	var out strings.Builder
	out.WriteString("# The VMs of this mesh for Ansible, in the order in which site.yml sets them up. Written by vmmesh: give login, tokens and\n" +
		"# the like as variables of your own, in group_vars or with -e.\nall:\n  children:\n    vmmesh:\n      hosts:\n")
	for _, h := range all {
		i := h.instance
		vm := i.Group.VM
		fmt.Fprintf(&out, "        %s:\n", strconv.Quote(h.name))
		for _, v := range [][2]string{
			{"ansible_host", i.Dial().String()},
			{"ansible_port", strconv.Itoa(int(vm.Firewall.SSHPort))},
			{"vmmesh_namespace", i.Group.Workload.Namespace},
			{"vmmesh_service_account", i.Group.Workload.ServiceAccount},
			{"vmmesh_group", i.Group.Name},
			{"vmmesh_instance", i.Name},
			{"vmmesh_locality", i.Locality},
			{"vmmesh_token_path", tokenFile(vm)},
			{"vmmesh_root_cert_path", vm.Identity.RootCertPath},
			{"vmmesh_files_hash", h.hash},
			{"vmmesh_wave", strconv.Itoa(h.wave + 1)},
		} {
			value := strconv.Quote(v[1])
			if v[0] == "ansible_port" || v[0] == "vmmesh_wave" {
				value = v[1]
			}
			fmt.Fprintf(&out, "          %s: %s\n", v[0], value)
		}
	}
	return []byte(out.String())
}

// tokenFile is where a VM expects the token that its operator puts there; "" where it gets one by itself.
func tokenFile(vm *mesh.VM) string {
	if vm.Identity.Type == "TokenFile" {
		return vm.Identity.Path
	}
	return ""
}

// site is fleet/site.yml.
func site(sizes []int) []byte {
	words := make([]string, 0, len(sizes))
	for _, n := range sizes {
		words = append(words, strconv.Itoa(n))
	}
	return []byte(strings.Replace(playbook, "serial: [1]", "serial: ["+strings.Join(words, ", ")+"]", 1))
}
