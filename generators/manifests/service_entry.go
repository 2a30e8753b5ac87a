package manifests

import (
	"iter"
	"slices"
	"strings"

	networking "istio.io/api/networking/v1"

	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// ServiceEntries makes the host names of workloads that are no Kubernetes Services, and those of external services.
func ServiceEntries(m *mesh.Mesh) iter.Seq[*manifest.Object] {
	return byName(workloadEntries(m), externalEntries(m))
}

// workloadEntries selects VMs by label, so that they keep their own identity, health and locality.
func workloadEntries(m *mesh.Mesh) []*manifest.Object {
	var out []*manifest.Object
	for _, w := range m.Workloads {
		for _, s := range w.Services {
			if s.Kind != mesh.KindServiceEntry {
				continue
			}
			o := about(w, w.Istio().Release.NetworkingVersion(), "ServiceEntry", s.Name)
			o.At = s.At
			body := &networking.ServiceEntry{
				Addresses: s.Addresses, Location: networking.ServiceEntry_MESH_INTERNAL, Resolution: networking.ServiceEntry_STATIC,
				ExportTo: s.ExportTo, WorkloadSelector: &networking.WorkloadSelector{Labels: s.Selector},
			}
			for _, h := range s.Hosts {
				body.Hosts = append(body.Hosts, h.Name)
			}
			for _, p := range s.Ports {
				body.Ports = append(body.Ports, &networking.ServicePort{
					Number: p.Number, Name: p.Name, Protocol: string(p.Protocol), TargetPort: targetOf(p),
				})
			}
			o.Body = spec(body)
			out = append(out, delivered(w.Spec.GitOps, o))
		}
	}
	return out
}

// targetOf is where VMs listen, unsaid where that is the port itself.
func targetOf(p *mesh.Port) uint32 {
	if p.Target == p.Number {
		return 0
	}
	return p.Target
}

func externalEntries(m *mesh.Mesh) []*manifest.Object {
	var out []*manifest.Object
	for _, e := range m.ExternalServices {
		out = append(out, delivered(e.Spec.GitOps, &manifest.Object{
			APIVersion: e.Spec.Istio.Release.NetworkingVersion(), Kind: "ServiceEntry", Namespace: e.Namespace, Name: e.Name,
			Body: spec(e.Entry), At: e.At,
		}))
	}
	return out
}

// byName puts objects of several sources in the order of their namespace and name.
func byName(lists ...[]*manifest.Object) iter.Seq[*manifest.Object] {
	all := slices.Concat(lists...)
	slices.SortStableFunc(all, func(a, b *manifest.Object) int {
		if c := strings.Compare(a.Namespace, b.Namespace); c != 0 {
			return c
		}
		return strings.Compare(a.Name, b.Name)
	})
	return slices.Values(all)
}
