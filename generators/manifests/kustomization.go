package manifests

import (
	"github.com/vmmesh/vmmesh/schema/manifest"
)

// Kustomization makes the two files that let kustomize take the tree: the list of every object file, in apply order, and
// the configuration that keeps overlays from tearing the mesh apart.
func Kustomization(paths []string) []manifest.File {
	var enc manifest.Encoder
	enc.Value(&manifest.Kustomization{
		APIVersion: "kustomize.config.k8s.io/v1beta1", Kind: "Kustomization",
		Resources: paths, Configurations: []string{"kustomizeconfig.yaml"},
	})
	list := append([]byte(nil), enc.Bytes()...)
	enc.Reset()
	enc.Value(&overlayRules)
	return []manifest.File{
		{Path: "kustomization.yaml", Mode: 0o644, Data: list},
		{Path: "kustomizeconfig.yaml", Mode: 0o644, Data: append([]byte(nil), enc.Bytes()...)},
	}
}

const (
	networkingGroup = "networking.istio.io"
	securityGroup   = "security.istio.io"
)

// overlayRules teaches kustomize what it does not know of Istio's kinds. A ServiceAccount that is renamed takes along the
// VMs, and the policies that mean it by its bare name; what refers to it or to a Service by more than a name is
// [Overlay]'s to mend. A label that goes into selectors goes to every place by which clients select VMs: without that,
// `labels` with includeSelectors leaves each Service without endpoints.
//
// The selectors of policies, Sidecars and Telemetries are not among them on purpose. Those select by the labels that a
// VM reports itself, which no overlay reaches: with one label more, an AuthorizationPolicy would silently select nobody.
var overlayRules = manifest.KustomizeConfig{
	NameReference: []manifest.NameReference{{
		Kind: "ServiceAccount", Version: "v1",
		FieldSpecs: []manifest.FieldSpec{
			{Path: "spec/template/serviceAccount", Group: networkingGroup, Kind: "WorkloadGroup"},
			{Path: "spec/serviceAccount", Group: networkingGroup, Kind: "WorkloadEntry"},
			{Path: "spec/rules/from/source/serviceAccounts", Group: securityGroup, Kind: "AuthorizationPolicy"},
			{Path: "spec/rules/from/source/notServiceAccounts", Group: securityGroup, Kind: "AuthorizationPolicy"},
			{Path: "rules/resourceNames", Group: rbacGroup, Kind: "Role"},
		},
	}},
	CommonLabels: []manifest.FieldSpec{
		{Path: "spec/metadata/labels", Group: networkingGroup, Kind: "WorkloadGroup", Create: true},
		{Path: "spec/labels", Group: networkingGroup, Kind: "WorkloadEntry", Create: true},
		{Path: "spec/workloadSelector/labels", Group: networkingGroup, Kind: "ServiceEntry"},
	},
}
