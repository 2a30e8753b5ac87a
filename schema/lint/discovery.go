package lint

import (
	"slices"

	meshconfig "istio.io/api/mesh/v1alpha1"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

var undiscovered = diag.Rule{
	ID: "VM220", Name: "namespace-not-discovered", Severity: diag.Error,
	Doc: "The namespace of VMs is one that meshConfig.discoverySelectors select.",
	Long: "istiod ignores every object of other namespaces, and takes the ConfigMap istio-ca-root-cert from them, without which no files can be made for a VM (istio: " +
		"pilot/pkg/serviceregistry/kube/controller/namespacecontroller.go). Give the namespace the label that the selectors ask for.",
	Bad:  "spec:\n  controlPlane: {meshConfig: {discoverySelectors: [{matchLabels: {mesh: enabled}}]}}",
	Good: "spec:\n  namespaces: {labels: {mesh: enabled}}\n  controlPlane: {meshConfig: {discoverySelectors: [{matchLabels: {mesh: enabled}}]}}",
}

// discovered reports whether a namespace's labels are those that one of the selectors asks for. No selectors take all.
func discovered(name string, labels map[string]string, selectors []*meshconfig.LabelSelector) bool {
	value := func(key string) (string, bool) {
		if key == "kubernetes.io/metadata.name" {
			return name, true
		}
		v, ok := labels[key]
		return v, ok
	}
	matches := func(s *meshconfig.LabelSelector) bool {
		for key, want := range s.MatchLabels {
			if had, ok := value(key); !ok || had != want {
				return false
			}
		}
		for _, e := range s.MatchExpressions {
			had, ok := value(e.Key)
			in := ok && slices.Contains(e.Values, had)
			switch e.Operator {
			case "In":
				if !in {
					return false
				}
			case "NotIn":
				if in {
					return false
				}
			case "Exists":
				if !ok {
					return false
				}
			case "DoesNotExist":
				if ok {
					return false
				}
			}
		}
		return true
	}
	return len(selectors) == 0 || slices.ContainsFunc(selectors, matches)
}

const undiscoveredHelp = "give it a label that one of meshConfig.discoverySelectors asks for"

func findUndiscovered(m *mesh.Mesh, report Report) {
	inhabited := map[string]bool{}
	for _, w := range m.Workloads {
		inhabited[w.Namespace] = true
	}
	for _, s := range m.Specs {
		if s.ControlPlane == nil {
			continue
		}
		for _, n := range m.Namespaces {
			if n.Create && inhabited[n.Name] && !discovered(n.Name, n.Labels, s.ControlPlane.MeshConfig.GetDiscoverySelectors()) {
				report(undiscovered.At(n.At.Key("labels"), "istiod ignores namespace %s: no discovery selector selects it", n.Name).WithHelp("%s", undiscoveredHelp))
			}
		}
	}
}

func findUndiscoveredNamespaces(s *manifest.Set, report Report) {
	inhabited := s.Namespaces()
	for _, m := range meshSettings(s) {
		for _, r := range s.OfKind("", "Namespace") {
			if len(vms(inhabited[r.Name])) > 0 && !discovered(r.Name, r.Labels, m.config.DiscoverySelectors) {
				report(undiscovered.At(r.Place("metadata", "labels"), "istiod ignores %s: no discovery selector of %s selects it", r, m.Resource).WithHelp("%s", undiscoveredHelp))
			}
		}
	}
}
