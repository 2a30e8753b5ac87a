package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vmmesh/vmmesh/schema/manifest"
)

// classes puts workloads together that no selector of the set tells apart and that have the same ports: a rule about ports
// looks at the first of each class, so that n Services of n VMs do not cost n² steps.
type classes struct {
	set                *manifest.Set
	first              map[*manifest.Workload]*manifest.Workload
	selected, governed map[string][]*manifest.Workload
}

func classesOf(s *manifest.Set) *classes {
	keys := map[string]bool{}
	for _, c := range append(clientSelectors(s), policySelectors(s)...) {
		for key := range c.labels {
			keys[key] = true
		}
	}
	c := &classes{s, map[*manifest.Workload]*manifest.Workload{}, map[string][]*manifest.Workload{}, map[string][]*manifest.Workload{}}
	for namespace, workloads := range s.Namespaces() {
		firsts := map[string]*manifest.Workload{}
		for _, w := range workloads {
			var id strings.Builder
			fmt.Fprintf(&id, "%q %t %t", namespace, w.VM, w.Group())
			for _, labels := range []map[string]string{w.Clients, w.Own} {
				id.WriteByte('|')
				for _, key := range sorted(labels) {
					if keys[key] {
						fmt.Fprintf(&id, "%q=%q", key, labels[key])
					}
				}
			}
			for _, name := range sorted(w.Ports) {
				fmt.Fprintf(&id, " %q:%d", name, w.Ports[name])
			}
			if firsts[id.String()] == nil {
				firsts[id.String()] = w
			}
			c.first[w] = firsts[id.String()]
		}
	}
	return c
}

// vms lists the first VM of each class among those that a selector finds.
func (c *classes) vms(namespace string, labels map[string]string) []*manifest.Workload {
	return c.firsts(c.selected, namespace, labels, func() []*manifest.Workload { return vms(c.set.Selected(namespace, labels)) })
}

// governs lists the first workload of each class among those that a policy is for.
func (c *classes) governs(namespace string, labels map[string]string) []*manifest.Workload {
	return c.firsts(c.governed, namespace, labels, func() []*manifest.Workload { return c.set.Governed(namespace, labels) })
}

func (c *classes) firsts(known map[string][]*manifest.Workload, namespace string, labels map[string]string, find func() []*manifest.Workload) []*manifest.Workload {
	key := fmt.Sprintf("%q %q", namespace, labels)
	found, ok := known[key]
	if !ok {
		seen := map[*manifest.Workload]bool{}
		for _, w := range find() {
			if first := c.first[w]; !seen[first] {
				seen[first] = true
				found = append(found, first)
			}
		}
		found = slices.Clip(found)
		known[key] = found
	}
	return found
}
