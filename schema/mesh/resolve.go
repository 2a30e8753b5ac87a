package mesh

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"

	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/webhook"
)

// Resolve finds out what the specs of one build mean together. The specs are decoded and defaulted. It answers a mesh
// even where it has findings, so that the rules can speak of the rest in the same run; only a mesh without errors may
// be emitted.
func Resolve(specs []*schema.VMMesh) (*Mesh, diag.List) {
	r := &resolver{
		mesh: &Mesh{}, namespaces: map[string]*Namespace{}, accounts: map[string]*ServiceAccount{},
		bootstraps: map[string]*Bootstrap{}, claims: map[claim]diag.Path{}, hosts: map[string]*Service{}, byHost: map[string]*Service{},
		exposed: map[string]*Service{},
	}
	specs = slices.Clone(specs)
	slices.SortStableFunc(specs, func(a, b *schema.VMMesh) int { return cmp.Compare(a.Metadata.Name, b.Metadata.Name) })
	for i, s := range specs {
		if i > 0 && s.Metadata.Name == specs[i-1].Metadata.Name {
			if again(specs[i-1], s) {
				r.say(ruleSpecName.At(s.Metadata.At.Key("name"), "this is the same spec as %s", document(specs[i-1].Metadata.At, s.At)).
					WithHelp("delete one of the two"))
				specs[i] = specs[i-1]
				continue
			}
			r.say(ruleSpecName.At(s.Metadata.At.Key("name"), "two specs are named %q; the other is %s", s.Metadata.Name, document(specs[i-1].Metadata.At, s.At)).
				WithHelp("give each spec of one build a metadata.name of its own"))
		}
		r.spec(s)
	}
	r.wholeControlPlane()
	r.sort()
	for _, w := range r.mesh.Workloads {
		for _, s := range w.Services {
			r.routes(s)
			r.exposedRoutes(s)
		}
	}
	r.peers()
	r.defaultConfig()
	r.lentAccounts()
	r.claimPolicies()
	r.claimEntries()
	r.reachable()
	return r.mesh, r.findings
}

// resolver carries what grows while the specs are read. Its methods stand in the files of their subjects.
type resolver struct {
	mesh       *Mesh
	findings   diag.List
	namespaces map[string]*Namespace      // by name
	accounts   map[string]*ServiceAccount // by namespace/name
	bootstraps map[string]*Bootstrap      // by namespace/account
	claims     map[claim]diag.Path        // which part of which spec emits an object
	hosts      map[string]*Service        // by namespace/host: what rules its traffic
	byHost     map[string]*Service        // by host
	exposed    map[string]*Service        // by gateway and public host
}

func (r *resolver) say(d diag.Diagnostic) { r.findings = append(r.findings, d) }

// hook is istiod's admission, for blocks that are Istio's.
func (r *resolver) hook() webhook.Check { return webhook.Check{Say: r.say} }

// spec resolves one file. The order is that of the file.
func (r *resolver) spec(s *schema.VMMesh) {
	spec := &Spec{At: s.At.Key("spec"), Name: s.Metadata.Name}
	spec.Istio = r.istio(&s.Spec)
	r.sameCluster(spec)
	spec.Networks = r.networks(&s.Spec, spec.Istio)
	spec.ControlPlane = r.controlPlane(&s.Spec, spec)
	spec.Prometheus = r.prometheus(&s.Spec.Observability.Prometheus)
	r.telemetry(&s.Spec.Observability)
	spec.GitOps = GitOps{
		PruneProtection: isTrue(s.Spec.GitOps.PruneProtection), ArgoCD: s.Spec.GitOps.ArgoCD,
		Flux: s.Spec.GitOps.Flux, VMFiles: s.Spec.GitOps.VMFiles,
	}
	for _, i := range s.Spec.Lint.Ignore {
		spec.Ignores = append(spec.Ignores, Ignore{At: i.At, Rule: i.Rule, Path: i.Path, Reason: i.Reason})
	}
	if spec.ClientSide = s.Spec.Emit == "ClientSide"; spec.ClientSide && spec.GitOps.VMFiles == "ConfigMap" {
		r.say(ruleMisfit.At(s.Spec.GitOps.At.Key("vmFiles"), "vmFiles: ConfigMap next to emit: ClientSide, which makes no files of VMs").
			WithHelp("remove it: the VMs' files come from the build for their own cluster"))
	}
	r.mesh.Specs = append(r.mesh.Specs, spec)

	r.labels(s.Spec.Namespaces.Labels, s.Spec.Namespaces.At.Key("labels"), namespaceLabel)
	r.keysOfRelease(s.Spec.Namespaces.Labels, s.Spec.Namespaces.At.Key("labels"), spec.Istio.Release)
	r.vmUnions(&s.Spec.VM)
	unique(r, s.Spec.Workloads, func(w *schema.Workload) (string, diag.Path) { return w.Name, w.At })
	for i := range s.Spec.Workloads {
		r.workload(spec, &s.Spec, &s.Spec.Workloads[i])
	}
	unique(r, s.Spec.ExternalServices, func(e *schema.ExternalService) (string, diag.Path) { return e.Name, e.At })
	for i := range s.Spec.ExternalServices {
		r.externalService(spec, &s.Spec, &s.Spec.ExternalServices[i])
	}
}

// sort gives every list of the mesh the order in which it is emitted.
func (r *resolver) sort() {
	m := r.mesh
	slices.SortFunc(m.Namespaces, func(a, b *Namespace) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(m.ServiceAccounts, func(a, b *ServiceAccount) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	slices.SortFunc(m.Bootstraps, func(a, b *Bootstrap) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	slices.SortStableFunc(m.Workloads, func(a, b *Workload) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	slices.SortStableFunc(m.ExternalServices, func(a, b *ExternalService) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
}

// unique complains about items of a keyed list that share a name.
func unique[T any](r *resolver, items []T, key func(*T) (string, diag.Path)) {
	first := make(map[string]diag.Path, len(items))
	for i := range items {
		name, at := key(&items[i])
		if name == "" {
			continue // missing: said by the schema
		}
		if other, taken := first[name]; taken {
			d := ruleDuplicateName.At(at.Key("name"), "%q is the name of another item of this list", name)
			if line := onLine(other.Key("name")); line != "" {
				d.Message += "," + line
			}
			r.say(d.WithHelp("names are the list's merge keys; give this item another one"))
			continue
		}
		first[name] = at
	}
}

// again reports whether two specs are the same, wherever they are.
func again(a, b *schema.VMMesh) bool {
	if a == b {
		return true
	}
	x, err1 := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && bytes.Equal(x, y)
}

// document names the file that a path is in, or the line, where it is a document of the same file.
func document(p, from diag.Path) string {
	if a, b := p.Source(), from.Source(); a != nil && b != nil && a.Name == b.Name {
		return "the one" + onLine(p)
	}
	return p.Source().Name
}

func isTrue(b *bool) bool { return b != nil && *b }
