package vms

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	meshconfig "istio.io/api/mesh/v1alpha1"

	"github.com/vmmesh/vmmesh/schema/mesh"
)

// machine is a VM as its files see it.
type machine struct {
	group   *mesh.Group
	proxy   *meshconfig.ProxyConfig // beyond what is derived; the group's, not to be changed
	network string
	labels  map[string]string
	ports   map[string]uint32 // port name to where it listens
}

// anyOf is a VM of which the spec says no more than of its group.
func anyOf(g *mesh.Group) machine {
	return machine{g, g.ProxyConfig(), g.Network, g.Labels, g.Ports}
}

// as is the machine as an instance of its group has it.
func (m machine) as(i *mesh.Instance) machine {
	m.network, m.labels, m.ports = i.Network, i.Labels, i.Ports
	return m
}

func (m machine) workload() *mesh.Workload { return m.group.Workload }
func (m machine) istio() *mesh.Istio       { return m.group.Workload.Istio() }

// targets are the ports on which the VM listens, sorted.
func (m machine) targets() []uint32 {
	return slices.Compact(slices.Sorted(maps.Values(m.ports)))
}

// inbound are the ports whose traffic is captured, or "*" alone.
func (m machine) inbound() []string {
	c := &m.group.VM.Interception
	switch {
	case c.AllInbound:
		return []string{"*"}
	case c.TargetPorts:
		return decimals(m.targets())
	}
	return decimals(c.IncludeInboundPorts)
}

// metricsPort is where the application serves metrics on this VM, 0 where it does not.
func (m machine) metricsPort() uint32 {
	metrics := m.workload().Metrics
	switch {
	case metrics == nil:
		return 0
	case metrics.Name != "":
		return m.ports[metrics.Name]
	}
	return metrics.Port
}

func decimals(numbers []uint32) []string {
	words := make([]string, 0, len(numbers))
	for _, n := range numbers {
		words = append(words, strconv.FormatUint(uint64(n), 10))
	}
	return words
}

func commas(words []string) string { return strings.Join(words, ",") }
