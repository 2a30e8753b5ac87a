package monitoring

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// ruleFile is what Prometheus reads by rule_files, and the spec of monitoring.coreos.com/v1 PrometheusRule.
type ruleFile struct {
	Groups []ruleGroup `json:"groups"`
}

type ruleGroup struct {
	Name  string `json:"name"`
	Rules []rule `json:"rules"`
}

type rule struct {
	Alert       string            `json:"alert"`
	Expr        string            `json:"expr"`
	For         string            `json:"for"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

// Severities, as Prometheus' own rules use them: someone is called at once, or looks at it today.
const (
	critical = "critical"
	warning  = "warning"
)

// alert makes a rule. The runbook is a section of RUNBOOK.md, at the top of the output tree.
func alert(name, severity, section, expr, wait, summary, description string) rule {
	return rule{
		Alert: name, Expr: expr, For: wait, Labels: map[string]string{"severity": severity},
		Annotations: map[string]string{"summary": summary, "description": description, "runbook": "RUNBOOK.md#" + section},
	}
}

// rulesOf are the alerts of one workload's VMs.
//
// The metrics are those that the agent serves on a VM with Istio's own settings:
//
//   - up, which Prometheus makes itself;
//   - istio_agent_cert_expiry_seconds, of the certificate that the agent last got (istio: security/pkg/nodeagent/cache/monitoring.go).
//     Envoy's own envoy_server_days_until_first_cert_expiring counts whole days, and is 0 all the time where a certificate
//     lives for one. With SPIRE the agent has no part in certificates, and nothing is judged;
//   - istio_agent_istiod_connection_failures and …_terminations, one for every attempt of Envoy's that did not reach istiod
//     through the agent (istio: pkg/istio-agent/xds_proxy.go). envoy_control_plane_connected_state is not among the
//     statistics that Istio lets Envoy keep (istio: pkg/bootstrap/config.go, requiredEnvoyStatsMatcherInclusionPrefixes),
//     and would tell of the agent, not of istiod;
//   - envoy_server_state, 0 while Envoy serves;
//   - auto_registration_errors_total, of istiod (istio: pilot/pkg/autoregistration/controller.go).
func rulesOf(w *mesh.Workload) ruleFile {
	all := []rule{
		alert("VMDown", warning, "vm-is-down", "up"+selector(w)+" == 0\n", "5m",
			"VM {{ $labels.pod }} of group {{ $labels.workload }} is down",
			"Prometheus has had no answer from the Istio agent at {{ $labels.instance }} for 5 minutes: the VM is down, its sidecar is not running, or the way there is closed."),
		certificate(w),
	}
	window := window(w.Spec.Prometheus.Interval)
	all = append(all, alert("VMControlPlaneNotConnected", warning, "control-plane-is-not-connected",
		fmt.Sprintf("increase(istio_agent_istiod_connection_failures%s[%s]) > 3\nor\nsum without (type) (increase(istio_agent_istiod_connection_terminations%s[%[2]s])) > 3\n",
			selector(w), duration(window), selector(w, `type="error"`)), duration(2*window), // longer than istiod's restart is seen
		"VM {{ $labels.pod }} of group {{ $labels.workload }} does not reach istiod",
		"The sidecar tries to connect to istiod and fails, again and again. It serves with what it knew last: changes do not arrive, and a restart would leave it without configuration."))
	for _, g := range w.Groups {
		if g.MinHealthy > 0 {
			all = append(all, belowMinimum(g))
		}
	}
	if slices.ContainsFunc(w.Groups, func(g *mesh.Group) bool { return g.Auto }) {
		r := alert("VMRegistrationFails", warning, "registration-fails", "sum(increase(auto_registration_errors_total["+duration(window)+"])) > 0\n", duration(3*window),
			"istiod fails to register VMs",
			"istiod could not write the WorkloadEntry of a VM that connected or left. VMs of "+w.Namespace+"/"+w.Name+" register themselves: new ones get no traffic, and those that are gone may keep theirs.")
		all = append(all, named(r, w))
	}
	for n := range all {
		all[n].Labels = manifest.Over(w.Spec.Prometheus.AlertLabels, all[n].Labels)
		if url := w.Spec.Prometheus.RunbookURL; url != "" {
			_, section, _ := strings.Cut(all[n].Annotations["runbook"], "#")
			all[n].Annotations["runbook_url"] = url + "#" + section
		}
	}
	return ruleFile{[]ruleGroup{{Name: "vms." + w.Namespace + "." + w.Name, Rules: all}}}
}

// belowMinimum counts the VMs of a group that answer and serve. Where there is none at all, that is 0 and not nothing.
func belowMinimum(g *mesh.Group) rule {
	w := g.Workload
	group := "workload=" + strconv.Quote(g.Name)
	expr := fmt.Sprintf("(\n  count(\n    up%s == 1\n    unless on (instance)\n    envoy_server_state%[1]s != 0\n  )\n  or vector(0)\n) < %d\n", selector(w, group), g.MinHealthy)
	r := alert("VMGroupBelowMinimum", critical, "group-is-below-its-minimum", expr, "2m",
		"Group "+g.Name+" has {{ $value }} healthy VMs",
		fmt.Sprintf("Of group %s/%s at least %d should be up and serving.", w.Namespace, g.Name, g.MinHealthy))
	r = named(r, w)
	r.Labels["workload"] = g.Name
	return r
}

// named tells whose alert it is, where its expression leaves no labels.
func named(r rule, w *mesh.Workload) rule {
	r.Labels["cluster"] = w.Istio().ClusterName
	r.Labels["namespace"] = w.Namespace
	r.Labels["app"] = w.Name
	return r
}

// selector selects the VMs of a workload, and what else is said.
func selector(w *mesh.Workload, more ...string) string {
	all := []string{
		`job="` + Job + `"`, "cluster=" + strconv.Quote(w.Istio().ClusterName), "namespace=" + strconv.Quote(w.Namespace), "app=" + strconv.Quote(w.Name),
	}
	return "{" + strings.Join(append(all, more...), ", ") + "}"
}

// window is how far back rates look: far enough for some scrapes, however seldom they are. Envoy tries again at least every
// half a minute, so it tries ten times in the shortest one (envoy: envoy/config/subscription_factory.h, RetryMaxDelayMs).
func window(interval string) time.Duration {
	d, err := time.ParseDuration(interval)
	if err != nil { // the schema has seen to that
		d = 0
	}
	return max(5*time.Minute, 4*d)
}

// duration is a time as Prometheus writes it.
func duration(d time.Duration) string {
	if d%time.Minute == 0 {
		return strconv.Itoa(int(d/time.Minute)) + "m"
	}
	return strconv.Itoa(int(d/time.Second)) + "s"
}

// certificate makes the alert for certificates that are not renewed. An agent renews when half of the lifetime is left, or
// what the VMs' settings say (SECRET_TTL, SECRET_GRACE_PERIOD_RATIO; istio: pilot/cmd/pilot-agent/options); the alert comes
// when three fifths of that rest have passed in vain.
func certificate(w *mesh.Workload) rule {
	left := map[int][]string{} // seconds, to groups
	for _, g := range w.Groups {
		if watched(g) {
			n := nearItsEnd(g.VM)
			left[n] = append(left[n], is(g.Name))
		}
	}
	var either []string
	for _, n := range slices.Sorted(maps.Keys(left)) {
		of := []string{`resource_name="default"`}
		if len(left) > 1 {
			of = append(of, "workload=~"+strconv.Quote(strings.Join(left[n], "|")))
		}
		either = append(either, "istio_agent_cert_expiry_seconds"+selector(w, of...)+" < "+strconv.Itoa(n)+"\n")
	}
	return alert("VMCertificateNearItsEnd", critical, "certificate-is-near-its-end", strings.Join(either, "or\n"), "5m",
		"The certificate of VM {{ $labels.pod }} of group {{ $labels.workload }} ends in {{ $value | humanizeDuration }}",
		"The sidecar should have renewed its certificate long ago. When it ends, the VM can neither call nor be called over mTLS.")
}

// nearItsEnd is how many seconds before its end a certificate should have been renewed.
func nearItsEnd(vm *mesh.VM) int {
	ttl, ratio := 24*time.Hour, 0.5
	for _, e := range vm.Env {
		switch e.Name {
		case "SECRET_TTL":
			if d, err := time.ParseDuration(e.Value); err == nil && d > 0 {
				ttl = d
			}
		case "SECRET_GRACE_PERIOD_RATIO":
			if f, err := strconv.ParseFloat(e.Value, 64); err == nil && f > 0 && f < 1 {
				ratio = f
			}
		}
	}
	return int(ttl.Seconds() * ratio * 2 / 5)
}

// PrometheusRules makes the alerts of workloads that the Prometheus operator has scraped.
func PrometheusRules(m *mesh.Mesh) iter.Seq[*manifest.Object] {
	var all []draft
	for w := range alerting(m, scrapeConfig) {
		name := mesh.RulesName(w)
		all = append(all, draft{w.Spec.Prometheus.Namespace, name, func() *manifest.Object {
			o := about(w, "monitoring.coreos.com/v1", "PrometheusRule", name)
			o.Body = []manifest.Field{{Name: "spec", Value: rulesOf(w)}}
			return delivered(w.Spec.GitOps.ArgoCD, w.Spec.GitOps.Flux, o)
		}})
	}
	return sorted(all)
}

// ruleMaps makes the ConfigMap of each workload's alerts, where Prometheus reads files in the cluster.
func ruleMaps(m *mesh.Mesh) []draft {
	var all []draft
	for w := range alerting(m, fragment) {
		name := mesh.RulesName(w)
		all = append(all, draft{w.Spec.Prometheus.Namespace, name, func() *manifest.Object {
			o := about(w, "v1", "ConfigMap", name)
			o.Labels = with(o.Labels, labelKind, "rules")
			o.Body = []manifest.Field{{Name: "data", Value: map[string]string{rulesName(w): printed(rulesOf(w))}}}
			return delivered(w.Spec.GitOps.ArgoCD, w.Spec.GitOps.Flux, o)
		}})
	}
	return all
}

// ruleFiles makes the same as files.
func ruleFiles(m *mesh.Mesh) iter.Seq[manifest.File] {
	return func(yield func(manifest.File) bool) {
		for w := range alerting(m, fragment, fileSD) {
			if !yield(manifest.File{Path: rulesFolder + rulesName(w), Mode: 0o644, Data: []byte(printed(rulesOf(w)))}) {
				return
			}
		}
	}
}

func rulesName(w *mesh.Workload) string { return w.Namespace + "." + w.Name + ".yaml" }
