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

// Roles makes what the gateway and the bootstrap credentials of VMs may do.
func Roles(m *mesh.Mesh) iter.Seq[*manifest.Object] {
	return byName(gatewayRole(m), bootstrapRoles(m))
}

// RoleBindings gives each Role to the account that it is for.
func RoleBindings(m *mesh.Mesh) iter.Seq[*manifest.Object] {
	return byName(gatewayBinding(m), bootstrapBindings(m))
}
