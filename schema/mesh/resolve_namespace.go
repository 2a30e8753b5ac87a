package mesh

import (
	"maps"
	"strconv"
	"strings"

	security "istio.io/api/security/v1"
	modes "istio.io/api/security/v1beta1"

	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
)

// namespace finds the namespace of a workload or an external service, and counts it among those that are emitted.
func (r *resolver) namespace(own string, s *schema.Spec, spec *Spec) string {
	name := first(own, s.Namespace)
	n := &Namespace{
		At: s.Namespaces.At, Name: name, Create: isTrue(s.Namespaces.Create), Labels: map[string]string{},
		MTLS: mtlsMode(s.Namespaces.MTLS.Mode), Protect: spec.GitOps.PruneProtection, GitOps: spec.GitOps,
	}
	maps.Copy(n.Labels, s.Namespaces.Labels)
	if s.Namespaces.Injection {
		if rev := spec.Istio.Revision.Name; rev != "" {
			n.Labels[labelRevision] = rev
		} else {
			n.Labels[labelInjection] = "enabled"
		}
	}
	if other := r.namespaces[name]; other != nil {
		r.sameNamespace(other, n)
		return name
	}
	r.namespaces[name] = n
	r.mesh.Namespaces = append(r.mesh.Namespaces, n)
	return name
}

// sameNamespace lays together what two specs say of one namespace. A spec that does not create it says nothing of the
// Namespace, and one without a mode nothing of its PeerAuthentication; where both say something, they must agree.
func (r *resolver) sameNamespace(first, n *Namespace) {
	clash := func(what, one, other string) {
		r.say(ruleNamespaceConflict.At(n.At, "%s of namespace %q: %s here, %s in %s", what, n.Name, one, other, place(first.At, n.At)).
			WithHelp("say the same in both specs, or set `create: false` and no `mtls` in one of them"))
	}
	first.GitOps = first.GitOps.and(n.GitOps)
	switch {
	case n.Create && first.Create:
		if !maps.Equal(n.Labels, first.Labels) {
			clash("labels", labelList(n.Labels), labelList(first.Labels))
		}
		if n.Protect != first.Protect {
			clash("gitops.pruneProtection", strconv.FormatBool(n.Protect), strconv.FormatBool(first.Protect))
		}
	case n.Create:
		first.Create, first.Labels, first.Protect = true, n.Labels, n.Protect
	}
	switch unset := security.PeerAuthentication_MutualTLS_UNSET; {
	case n.MTLS == unset || n.MTLS == first.MTLS:
	case first.MTLS == unset:
		first.MTLS = n.MTLS
	default:
		clash("mtls.mode", n.MTLS.String(), first.MTLS.String())
	}
}

// labelList prints labels for a message.
func labelList(labels map[string]string) string {
	if len(labels) == 0 {
		return "none"
	}
	var words []string
	for _, key := range sortedKeys(labels) {
		words = append(words, key+"="+labels[key])
	}
	return strings.Join(words, ",")
}

// namespaceLabel tells who decides a namespace's label that users may not write.
func namespaceLabel(key string) string {
	switch key {
	case labelInjection, labelRevision:
		return "set namespaces.injection"
	case "kubernetes.io/metadata.name":
		return "Kubernetes writes it"
	case LabelSpec, LabelManagedBy:
		return derivedLabel(key)
	}
	return ""
}

// serviceAccount counts an identity among those that are emitted; workloads of one namespace may share one.
func (r *resolver) serviceAccount(w *Workload, name string, at diag.Path) {
	key := w.Namespace + "/" + name
	if other := r.accounts[key]; other != nil {
		other.Protect = other.Protect || w.Spec.GitOps.PruneProtection
		other.GitOps = other.GitOps.and(w.Spec.GitOps)
		return
	}
	account := &ServiceAccount{At: at, Namespace: w.Namespace, Name: name, Protect: w.Spec.GitOps.PruneProtection, GitOps: w.Spec.GitOps}
	r.accounts[key] = account
	r.mesh.ServiceAccounts = append(r.mesh.ServiceAccounts, account)
}

func mtlsMode(s string) security.PeerAuthentication_MutualTLS_Mode {
	return security.PeerAuthentication_MutualTLS_Mode(modes.PeerAuthentication_MutualTLS_Mode_value[s])
}
