package mesh

import "slices"

// Emitted returns the mesh as generators have it. Of a spec with emit: ClientSide it keeps what clients in another
// cluster need:
// workloads with their services, and the namespaces of those. The rules look at the whole mesh, so that a file has
// the same
// findings in each cluster. A mesh without such a spec is returned as it is.
func (m *Mesh) Emitted() *Mesh {
	if !slices.ContainsFunc(m.Specs, func(s *Spec) bool { return s.ClientSide }) {
		return m
	}
	out := *m
	out.Specs, out.Workloads, out.Namespaces, out.ServiceAccounts, out.Bootstraps, out.ExternalServices = nil, nil, nil,
		nil, nil, nil
	specs := map[*Spec]*Spec{}
	for _, s := range m.Specs {
		specs[s] = s
		if s.ClientSide {
			only := *s
			only.Prometheus, only.ControlPlane = Prometheus{Format: "None"}, nil
			specs[s] = &only
		}
		out.Specs = append(out.Specs, specs[s])
	}
	whole := map[string]bool{}  // namespaces of specs that emit all
	served := map[string]bool{} // namespaces with services for clients of this cluster
	emitted := map[string]bool{}
	dropped := map[string]bool{} // accounts
	for _, w := range m.Workloads {
		account := w.Namespace + "/" + w.ServiceAccount
		if !w.Spec.ClientSide {
			whole[w.Namespace], emitted[account] = true, true
			out.Workloads = append(out.Workloads, w)
			continue
		}
		served[w.Namespace], dropped[account] = true, true
		out.Workloads = append(out.Workloads, &Workload{
			At: w.At, Spec: specs[w.Spec], Name: w.Name, Namespace: w.Namespace, ServiceAccount: w.ServiceAccount,
			Labels:      w.Labels,
			Annotations: w.Annotations, Selector: w.Selector, Ports: w.Ports, Targets: w.Targets, Services: w.Services,
		})
	}
	others := map[string]bool{} // namespaces of external services that are left out
	for _, e := range m.ExternalServices {
		if e.Spec.ClientSide {
			others[e.Namespace] = true
			continue
		}
		whole[e.Namespace] = true
		out.ExternalServices = append(out.ExternalServices, e)
	}
	if c := m.ControlPlane; c != nil && c.Spec.ClientSide {
		out.ControlPlane = nil
	}
	for _, n := range m.Namespaces {
		switch {
		case whole[n.Name], out.ControlPlane != nil && (n.System || !served[n.Name] && !others[n.Name]):
			out.Namespaces = append(out.Namespaces, n)
		case served[n.Name] && !n.System:
			only := *n
			only.MTLS = 0 // a policy
			out.Namespaces = append(out.Namespaces, &only)
		}
	}
	for _, a := range m.ServiceAccounts { // an account that is not a workload's is the gateway's
		if key := a.Namespace + "/" + a.Name; emitted[key] || !dropped[key] && out.ControlPlane != nil {
			out.ServiceAccounts = append(out.ServiceAccounts, a)
		}
	}
	for _, b := range m.Bootstraps {
		if emitted[b.Namespace+"/"+b.Account] {
			out.Bootstraps = append(out.Bootstraps, b)
		}
	}
	return &out
}
