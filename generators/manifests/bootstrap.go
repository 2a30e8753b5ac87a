package manifests

import (
	"iter"

	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

const (
	rbacGroup   = "rbac.authorization.k8s.io"
	rbacVersion = rbacGroup + "/v1"
)

// Roles makes what a VM's bootstrap credential may do: ask for tokens of one service account, and read the mesh's root
// certificate, which istiod keeps in a ConfigMap of every namespace.
func Roles(m *mesh.Mesh) iter.Seq[*manifest.Object] {
	return bootstraps(m, "Role", func(b *mesh.Bootstrap) []manifest.Field {
		return []manifest.Field{{Name: "rules", Value: []manifest.PolicyRule{
			{APIGroups: []string{""}, Resources: []string{"serviceaccounts/token"}, ResourceNames: []string{b.Account}, Verbs: []string{"create"}},
			{APIGroups: []string{""}, Resources: []string{"configmaps"}, ResourceNames: []string{"istio-ca-root-cert"}, Verbs: []string{"get"}},
		}}}
	})
}

// RoleBindings gives the Roles to the accounts of that name.
func RoleBindings(m *mesh.Mesh) iter.Seq[*manifest.Object] {
	return bootstraps(m, "RoleBinding", func(b *mesh.Bootstrap) []manifest.Field {
		return []manifest.Field{
			{Name: "roleRef", Value: &manifest.RoleRef{APIGroup: rbacGroup, Kind: "Role", Name: b.Name}},
			{Name: "subjects", Value: []manifest.Subject{{Kind: "ServiceAccount", Name: b.Name, Namespace: b.Namespace}}},
		}
	})
}

func bootstraps(m *mesh.Mesh, kind string, body func(*mesh.Bootstrap) []manifest.Field) iter.Seq[*manifest.Object] {
	return func(yield func(*manifest.Object) bool) {
		for _, b := range m.Bootstraps {
			o := &manifest.Object{APIVersion: rbacVersion, Kind: kind, Namespace: b.Namespace, Name: b.Name, At: b.At, Body: body(b)}
			if !yield(delivered(b.GitOps, o)) {
				return
			}
		}
	}
}
