package lint

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"

	security "istio.io/api/security/v1beta1"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/syntax"
)

// scrapeJob is a job of Prometheus: of a configuration in a ConfigMap, or a ScrapeConfig of its operator.
type scrapeJob struct {
	node    *syntax.Node
	names   scrapeNames
	finding func(rule *diag.Rule, n *syntax.Node, format string, args ...any) diag.Diagnostic
}

// scrapeNames are the keys of a job, which Prometheus and its operator spell differently.
type scrapeNames struct{ static, kubernetes, path, relabel, source, target, replacement string }

var (
	plainNames    = scrapeNames{"static_configs", "kubernetes_sd_configs", "metrics_path", "relabel_configs", "source_labels", "target_label", "replacement"}
	operatorNames = scrapeNames{"staticConfigs", "kubernetesSDConfigs", "metricsPath", "relabelings", "sourceLabels", "targetLabel", "replacement"}
)

func scrapeJobs(s *manifest.Set) []scrapeJob {
	var all []scrapeJob
	for _, r := range s.OfKind("", "ConfigMap") {
		for i := range fieldsOf(r.Root.Get("data")) {
			f := &r.Root.Get("data").Fields[i]
			if !strings.Contains(f.Value.Value, "_configs:") {
				continue
			}
			for _, e := range embed(r.Place("data", f.Key), &f.Value) {
				jobs := listOf(e.root.Get("scrape_configs"))
				if len(jobs) == 0 {
					jobs = listOf(e.root) // a fragment
				}
				for j := range jobs {
					all = append(all, scrapeJob{&jobs[j], plainNames, func(rule *diag.Rule, n *syntax.Node, format string, args ...any) diag.Diagnostic {
						return e.place(rule.At(e.at, format, args...), n)
					}})
				}
			}
		}
	}
	for _, r := range s.OfKind("monitoring.coreos.com", "ScrapeConfig") {
		all = append(all, scrapeJob{r.Root.Get("spec"), operatorNames, func(rule *diag.Rule, n *syntax.Node, format string, args ...any) diag.Diagnostic {
			d := rule.At(r.Place("spec"), format, args...)
			if source := r.At.Source(); n != nil && source != nil && source.Locate != nil {
				d.Where = diag.Pos{Line: int(n.Line), Col: int(n.Col)}
			}
			return d
		}})
	}
	return all
}

// targets are the addresses that a job lists.
func (j scrapeJob) targets() []*syntax.Node {
	var all []*syntax.Node
	for _, c := range listOf(j.node.Get(j.names.static)) {
		list := c.Get("targets")
		for i := range listOf(list) {
			all = append(all, &list.Items[i])
		}
	}
	return all
}

// relabels are the steps of a job.
func (j scrapeJob) relabels() []*syntax.Node {
	var all []*syntax.Node
	list := j.node.Get(j.names.relabel)
	for i := range listOf(list) {
		all = append(all, &list.Items[i])
	}
	return all
}

const prometheusConfig = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: prometheus, namespace: monitoring}\ndata:\n  prometheus.yml: |\n    scrape_configs:\n"

var plainScrape = diag.Rule{
	ID: "VM604", Name: "plaintext-scrape", Severity: diag.Error,
	Doc: "Prometheus does not scrape a port of VMs that takes mTLS alone in plaintext.",
	Long: "A port that the sidecar takes over under STRICT resets every connection that is not mTLS, and a Prometheus without a sidecar has none. Scrape port 15020 at /stats/prometheus, which is never taken over and on which " +
		"the agent merges the application's own metrics.",
	Bad:  prometheusConfig + "    - {job_name: pay, static_configs: [{targets: [\"192.168.1.100:8080\"]}]}\n---\n" + scrapedVM,
	Good: prometheusConfig + "    - {job_name: pay, metrics_path: /stats/prometheus, static_configs: [{targets: [\"192.168.1.100:15020\"]}]}\n---\n" + scrapedVM,
}

const scrapedVM = "apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: pay-vm1, namespace: shop}\nspec: {address: 192.168.1.100, labels: {app: pay}, serviceAccount: pay, ports: {http: 8080}}\n---\n" +
	"apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: default, namespace: shop}\nspec: {mtls: {mode: STRICT}}\n"

func findPlainScrapes(s *manifest.Set, report Report) {
	jobs := scrapeJobs(s)
	if len(jobs) == 0 {
		return
	}
	byAddress := map[string]*manifest.Workload{}
	for _, w := range virtual(s) {
		if a, err := netip.ParseAddr(w.Address); err == nil {
			byAddress[a.String()] = w
		}
	}
	policies := peersOf(s)
	for _, j := range jobs {
		if strings.EqualFold(j.node.Get("scheme").Text(), "https") {
			continue
		}
		for _, target := range j.targets() {
			a, err := netip.ParseAddrPort(target.Text())
			if err != nil {
				continue
			}
			w, port := byAddress[a.Addr().String()], uint32(a.Port())
			if w == nil || portNamed(w, port) == "" {
				continue
			}
			if policy := policies.of(w.Namespace, w.Own); policy.Resource != nil && policy.mode(port) == security.PeerAuthentication_MutualTLS_STRICT {
				report(j.finding(&plainScrape, target, "port %d of %s takes mTLS alone, by %s", port, w.Resource, policy.Resource).
					WithHelp("scrape %s at /stats/prometheus", netip.AddrPortFrom(a.Addr(), 15020)))
			}
		}
	}
}

var podDiscovery = diag.Rule{
	ID: "VM615", Name: "discovery-without-vms", Severity: diag.Error,
	Doc: "Prometheus does not look for VMs among pods and Endpoints.",
	Long: "A WorkloadEntry is an endpoint for istiod alone: Kubernetes makes no Endpoints, EndpointSlice or pod of it, and a discovery of these roles finds no VM (istio issue 34755). List the VMs in static_configs or a file, or " +
		"discover them by the cloud's API or http_sd_configs.",
	Bad:  prometheusConfig + "    - {job_name: pay, kubernetes_sd_configs: [{role: endpoints, namespaces: {names: [shop]}}]}\n---\n" + payService + vmGood,
	Good: prometheusConfig + "    - {job_name: pay, metrics_path: /stats/prometheus, static_configs: [{targets: [\"192.168.1.100:15020\"]}]}\n---\n" + payService + vmGood,
}

// findPodDiscovery speaks where a job can be about VMs alone: it looks into namespaces, or keeps a Service, that have
// nothing else.
func findPodDiscovery(s *manifest.Set, report Report) {
	inhabited := s.Namespaces()
	vmsAlone := func(list []*manifest.Workload) bool {
		return len(list) > 0 && !slices.ContainsFunc(list, func(w *manifest.Workload) bool { return !w.VM })
	}
	ofVMs := map[string]bool{}
	for name, list := range inhabited {
		ofVMs[name] = vmsAlone(list)
	}
	services := map[string]bool{} // by name; false where another of the name has pods or nothing
	for _, v := range s.Services() {
		before, seen := services[v.Name]
		services[v.Name] = (before || !seen) && vmsAlone(s.Selected(v.Namespace, v.Selector))
	}
	for _, j := range scrapeJobs(s) {
		kept := ""
		for _, step := range j.relabels() {
			action := step.Get("action").Text()
			source := listOf(step.Get(j.names.source))
			if strings.EqualFold(action, "keep") && len(source) == 1 && source[0].Value == "__meta_kubernetes_service_name" && services[step.Get("regex").Text()] {
				kept = "Service " + step.Get("regex").Text()
			}
		}
		for _, c := range listOf(j.node.Get(j.names.kubernetes)) {
			role := c.Get("role")
			if !slices.Contains([]string{"endpoints", "endpointslice", "pod"}, strings.ToLower(role.Text())) {
				continue
			}
			where := kept
			names := listOf(c.Get("namespaces").Get("names"))
			alone := len(names) > 0
			for _, n := range names {
				alone = alone && ofVMs[n.Value]
			}
			if alone {
				where = "namespace " + names[0].Value
			}
			if where != "" {
				report(j.finding(&podDiscovery, role, "role %s finds no VM, and %s has nothing else", role.Text(), where).
					WithHelp("list the VMs: static_configs: [{targets: [<address>:15020]}] with metrics_path: /stats/prometheus"))
			}
		}
	}
}

var scrapePath = diag.Rule{
	ID: "VM616", Name: "scrape-path", Severity: diag.Error,
	Doc: "Envoy's own metrics are scraped at /stats/prometheus.",
	Long: "The listener at port 15090 serves this path and no other; Prometheus asks for /metrics unless it is told. The agent's port 15020 answers at both, and has the metrics of the agent and the application too (istio: " +
		"tools/packaging/common/envoy_bootstrap.json).",
	Bad:  prometheusConfig + "    - {job_name: pay, static_configs: [{targets: [\"192.168.1.100:15090\"]}]}\n",
	Good: prometheusConfig + "    - {job_name: pay, metrics_path: /stats/prometheus, static_configs: [{targets: [\"192.168.1.100:15090\"]}]}\n",
}

var envoyPort = regexp.MustCompile(`:15090$`)

func findScrapePaths(s *manifest.Set, report Report) {
	for _, j := range scrapeJobs(s) {
		path := j.node.Get(j.names.path)
		if path.Text() == "/stats/prometheus" {
			continue
		}
		var at *syntax.Node
		for _, t := range j.targets() {
			if at == nil && envoyPort.MatchString(t.Text()) {
				at = t
			}
		}
		elsewhere := false
		for _, step := range j.relabels() {
			elsewhere = elsewhere || step.Get(j.names.target).Text() == "__metrics_path__"
			if r := step.Get(j.names.replacement); at == nil && step.Get(j.names.target).Text() == "__address__" && envoyPort.MatchString(r.Text()) {
				at = r
			}
		}
		if at == nil || elsewhere {
			continue
		}
		report(j.finding(&scrapePath, at, "port 15090 serves /stats/prometheus alone, and this job asks for %s", pathOr(path)).
			WithHelp("add %s: /stats/prometheus, and prefer port 15020", j.names.path))
	}
}

func pathOr(n *syntax.Node) string {
	if n.Text() == "" {
		return "/metrics"
	}
	return n.Text()
}
