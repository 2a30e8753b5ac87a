package importer

import (
	"slices"
	"strings"

	api "istio.io/api/telemetry/v1"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
)

// telemetry is what is seen of a workload's VMs.
type telemetry struct {
	logging []*api.AccessLogging
	tracing []*api.Tracing
}

// key is equal for telemetries that one spec can say.
func (t *telemetry) key() string {
	if len(t.logging)+len(t.tracing) == 0 {
		return ""
	}
	var e manifest.Encoder
	e.Value(t.logging)
	e.Value(t.tracing)
	return string(e.Bytes())
}

// findTelemetries takes the Telemetries that are for VMs of workloads.
func (i *importer) findTelemetries() {
	for _, r := range age(each[*api.Telemetry](i)) {
		t := r.Spec.(*api.Telemetry)
		list, reason, none := i.governed(r.Namespace, t.GetSelector().GetMatchLabels())
		at := r.Place("spec", "selector")
		switch {
		case none || i.rootNamespace(r.Namespace) || len(t.GetTargetRefs()) > 0 || t.GetTargetRef() != nil:
			continue
		case reason != "":
		case len(t.GetMetrics()) > 0:
			at, reason = r.Place("spec", "metrics"), "a spec cannot express metrics"
		case len(t.GetAccessLogging())+len(t.GetTracing()) == 0:
			reason = "it sets nothing"
		case slices.ContainsFunc(list, func(w *workload) bool {
			return len(w.telemetry.logging) > 0 && len(t.GetAccessLogging()) > 0 || len(w.telemetry.tracing) > 0 && len(t.GetTracing()) > 0
		}):
			reason = "another Telemetry says the same of these VMs, and Istio uses the older one"
		}
		if reason != "" {
			i.leaves(r, at, reason, "")
			continue
		}
		t = i.withoutOpenFilters(r, t)
		merged := len(list) > 1
		for _, w := range list {
			if len(w.telemetry.logging)+len(w.telemetry.tracing) > 0 && !merged {
				merged = true
				i.say(ruleDifferent.At(r.Place("metadata", "name"), "%s becomes part of the one Telemetry %s", r, w.name).
					WithHelp("Istio uses one Telemetry for a selector, the oldest; delete this one last, once the VMs run with their new files"))
			}
			w.telemetry.logging = append(w.telemetry.logging, t.GetAccessLogging()...)
			w.telemetry.tracing = append(w.telemetry.tracing, t.GetTracing()...)
			w.objects = append(w.objects, r)
		}
		i.takes(r, fate{identity: identity{kind: "Telemetry", namespace: r.Namespace, name: list[0].name}, more: others(list)}, merged)
		i.tellSeveral(r, list)
	}
}

// withoutOpenFilters is a Telemetry less the filters that let everything pass, which a spec does not take.
func (i *importer) withoutOpenFilters(r *manifest.Resource, t *api.Telemetry) *api.Telemetry {
	t = t.DeepCopy()
	for n, logging := range t.AccessLogging {
		if f := logging.GetFilter(); f != nil && strings.TrimSpace(f.GetExpression()) == "true" {
			logging.Filter = nil
			d := ruleDifferent.At(r.Place("spec", "accessLogging").Item(n, "").Key("filter"),
				"%s: the filter lets everything pass, so the spec has none, which means the same", r)
			d.Severity = diag.Info
			i.say(d)
		}
	}
	return t
}
