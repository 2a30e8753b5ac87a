package importer

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
)

// Summary is what a person has to do after an import, before the findings are read one by one.
type Summary struct {
	Taken  int                 // objects that are in the specs
	Exact  int                 // of them, those that a build makes with the same name and meaning
	Stays  []string            // what stays beside the specs, by kind
	Beside map[string][]string // the same, all of it, by kind
	Decide []string            // what a person has to decide
	Steps  []string            // in which order to apply, so that no VM is unprotected or an endpoint twice in between
}

// Summary sums up. Call it after [Comparison.Findings], whose findings it takes.
func (r *Result) Summary(found diag.List) Summary {
	s := Summary{Exact: r.exact}
	byKind := map[string][]string{}
	s.Beside = map[string][]string{}
	auto := 0
	for _, o := range r.order {
		switch f := r.fates[o]; {
		case !f.left:
			s.Taken++
		case o.Annotations[autoGroup] != "" && o.Kind == "WorkloadEntry":
			auto++
			s.Beside[o.Kind] = append(s.Beside[o.Kind], nameOf(o))
		default:
			byKind[o.Kind] = append(byKind[o.Kind], nameOf(o))
		}
	}
	for _, o := range r.others {
		kind := first(o.Kind, "object without a kind")
		byKind[kind] = append(byKind[kind], nameOf(o))
	}
	for _, kind := range sorted(byKind) {
		s.Beside[kind] = append(s.Beside[kind], byKind[kind]...)
		s.Stays = append(s.Stays, kind+" "+atMost(byKind[kind], 20)+couldBe[kind])
	}
	if auto > 0 {
		s.Stays = append(s.Stays, fmt.Sprintf("%s, which istiod made: VMs that register have them again", counted(auto, "WorkloadEntry", "WorkloadEntries")))
	}
	lost := 0
	for _, d := range found {
		switch {
		case d.Rule == ruleNotExpressed.ID && d.Severity >= diag.Error:
			lost++
		case (d.Rule == ruleMissing.ID || d.Rule == ruleDecide.ID) && d.Severity >= diag.Warning:
			s.Decide = append(s.Decide, d.Message)
		}
	}
	if lost > 0 {
		s.Decide = append(s.Decide, counted(lost, "part", "parts")+" of the manifests cannot be expressed: see VM802 below, and whether it matters")
	}
	s.Steps = r.steps(len(s.Stays) > 0)
	for _, list := range [][]string{s.Stays, s.Decide, s.Steps} {
		for n := range list {
			list[n] = OneLine(list[n])
		}
	}
	return s
}

// OneLine is a text with a space for each line break and without other characters that are not printed.
func OneLine(s string) string {
	return strings.Map(visible, strings.NewReplacer("\n", " ", "\r", " ", "\t", " ", "\u2028", " ", "\u2029", " ").Replace(s))
}

// couldBe is what a spec can make in the place of what stays.
var couldBe = map[string]string{
	"IstioOperator":  " (spec.controlPlane.install can make one)",
	"Gateway":        " (spec.controlPlane.eastWestGateway can make those that expose istiod and the services)",
	"PrometheusRule": " (spec.observability.prometheus can make those of the VMs)",
	"ScrapeConfig":   " (spec.observability.prometheus can make those of the VMs)",
}

func nameOf(r *manifest.Resource) string {
	if r.Namespace == "" {
		return r.Name
	}
	return r.Namespace + "/" + r.Name
}

func atMost(names []string, most int) string {
	if len(names) > most {
		return strings.Join(names[:most], ", ") + " and " + strconv.Itoa(len(names)-most) + " more"
	}
	return listed(names)
}

// steps is the order in which to apply the build. Policies select by class=vm there, a label that VMs have once their
// entries are applied and they run with their new files, so what protected them before goes last. A VM whose entry waits
// for its own report of its health gets its files first.
func (r *Result) steps(beside bool) []string {
	var steps []string
	if len(r.narrowed) > 0 {
		steps = append(steps, fmt.Sprintf("apply a copy, under another name, of %s: those of the build select class=vm, which the VMs do not have yet",
			several(r.narrowed)))
	}
	files := "bring each VM its new files and run install.sh, which restarts its sidecar"
	if r.waits {
		files += ": first, since its entry then waits for the VM's report of its health"
	}
	build := "apply the build; delete nothing yet"
	if beside {
		build = "apply the build, beside the manifests that stay; delete nothing yet"
	}
	if r.waits {
		steps = append(steps, files, build)
	} else {
		steps = append(steps, build, files)
	}
	var lines []string
	byKind := map[string][]string{}
	for _, o := range r.replaced {
		key := strings.ToLower(o.Kind)
		if o.Namespace != "" {
			key += " -n " + shellWord(o.Namespace)
		}
		byKind[key] = append(byKind[key], shellWord(o.Name))
	}
	for _, key := range sorted(byKind) {
		lines = append(lines, "kubectl delete "+key+" "+strings.Join(byKind[key], " "))
	}
	if len(r.narrowed) > 0 {
		lines = append(lines, "the copies")
	}
	if len(lines) > 0 {
		steps = append(steps, "only when all VMs run with them, delete what has another name now: "+strings.Join(lines, "; "))
	}
	return steps
}
