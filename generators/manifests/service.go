package manifests

import (
	"iter"
	"strings"

	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// Services makes the Kubernetes Service of each host name that is one, and the gateway's. It is never headless: istiod
// gives a headless Service no WorkloadEntries (istio: pilot/pkg/serviceregistry/kube/controller).
func Services(m *mesh.Mesh) iter.Seq[*manifest.Object] {
	return joined(workloadServices(m), gatewayService(m))
}

// workloadServices are the host names.
func workloadServices(m *mesh.Mesh) iter.Seq[*manifest.Object] {
	return func(yield func(*manifest.Object) bool) {
		for _, w := range m.Workloads {
			for _, s := range w.Services {
				if s.Kind != mesh.KindService {
					continue
				}
				o := about(w, "v1", "Service", s.Name)
				o.At = s.At
				if len(s.ExportTo) > 0 {
					o.Annotations = with(o.Annotations, map[string]string{exportTo: strings.Join(s.ExportTo, ",")})
				}
				body := &manifest.ServiceSpec{Type: "ClusterIP", Selector: s.Selector}
				for _, p := range s.Ports {
					body.Ports = append(body.Ports, manifest.ServicePort{
						Name: p.Name, Port: int(p.Number), TargetPort: int(p.Target), Protocol: "TCP", AppProtocol: strings.ToLower(string(p.Protocol)),
					})
				}
				o.Body = spec(body)
				if !yield(delivered(w.Spec.GitOps, o)) {
					return
				}
			}
		}
	}
}

// exportTo is the annotation by which a Service is seen in some namespaces only.
const exportTo = "networking.istio.io/exportTo"
