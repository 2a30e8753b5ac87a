package importer

import (
	"slices"

	"google.golang.org/protobuf/proto"
	networking "istio.io/api/networking/v1"

	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/manifest"
)

// external is a ServiceEntry that is taken whole.
type external struct {
	from   *manifest.Resource
	entry  *networking.ServiceEntry
	policy *networking.TrafficPolicy
	rule   *manifest.Resource // the DestinationRule that has the policy; nil: none
}

// findExternals takes ServiceEntries: those that select VMs as services of their workload, the others whole.
func (i *importer) findExternals() {
	list := each[*networking.ServiceEntry](i)
	for _, r := range byName(list) {
		e := r.Spec.(*networking.ServiceEntry)
		if len(e.GetWorkloadSelector().GetLabels()) > 0 {
			w, at, reason := i.entryService(r, e)
			if w != nil && reason == "" {
				continue
			}
			if reason != "" {
				i.say(ruleDecide.At(at, "%s selects VMs of %s, and the spec has it as an external service, as it is", r, w.name).
					WithHelp("%s", reason))
			}
		}
		if !portName.MatchString(r.Name) {
			i.leaves(r, nil, "its name cannot be that of an external service in a spec", "")
			continue
		}
		i.externals = append(i.externals, &external{from: r, entry: e})
		if i.out.outside == nil {
			i.out.outside = map[*manifest.Resource]bool{}
		}
		i.out.outside[r] = true
		i.becomes(r, fate{identity: identity{kind: kindEntry, namespace: r.Namespace, name: r.Name}})
	}
}

// finish writes the external service as a spec has it.
func (e *external) finish(i *importer) schema.ExternalService {
	out := schema.ExternalService{Name: e.from.Name, TrafficPolicy: e.policy}
	out.ServiceEntry = proto.Clone(e.entry).(*networking.ServiceEntry)
	switch {
	case slices.Equal(out.ServiceEntry.ExportTo, []string{"."}):
		out.ServiceEntry.ExportTo = nil // the default
	case len(out.ServiceEntry.ExportTo) == 0:
		out.ServiceEntry.ExportTo = []string{"*"} // Istio's default, and not a spec's
	}
	return out
}
