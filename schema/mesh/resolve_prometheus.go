package mesh

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/vmmesh/vmmesh/schema"
)

// prometheus resolves how the VMs are scraped.
func (r *resolver) prometheus(in *schema.Prometheus) Prometheus {
	out := Prometheus{
		At: in.At, Format: in.Format, DiscoveryType: in.Discovery.Type, Namespace: in.Namespace, Interval: in.Interval,
		Labels: in.Labels, AlertLabels: in.AlertLabels, RunbookURL: in.RunbookURL, Alerts: in.Alerts, Dashboard: in.Dashboard,
	}
	r.labels(in.Labels, in.At.Key("labels"), nil)
	for _, key := range sortedKeys(in.AlertLabels) {
		at := in.At.Key("alertLabels").Key(key)
		switch {
		case slices.Contains(derivedAlertLabels, key):
			r.say(ruleDerivedLabel.At(at, "the alert label %s cannot be set here", key).Key().WithHelp("it is derived for each alert"))
		case !prometheusLabel.MatchString(key):
			r.say(ruleLabel.At(at, "%q is not a Prometheus label name", key).Key().
				WithHelp("a label name has letters, digits and '_', does not begin with a digit or with '__'"))
		}
	}
	r.unusedWithoutAlerts(in)
	if h := in.Discovery.HTTP; h != nil {
		out.DiscoveryURL = h.URL
		u, err := url.Parse(h.URL)
		switch {
		case err != nil || h.URL != "" && u.Host == "":
			r.say(ruleBadAddress.At(h.At.Key("url"), "%q is no URL", h.URL).WithHelp("write one such as https://cmdb.example.com/targets"))
		case u.User != nil:
			r.say(ruleMisfit.At(h.At.Key("url"), "the URL has a user in it, whose password everybody would read who reads the output").
				WithHelp("drop it: let the endpoint tell Prometheus by its address, or put a proxy in front that knows the password"))
		}
	}
	r.union("discovery", in.Discovery.At, in.Discovery.Type, []branch{{"HTTP", "http", in.Discovery.HTTP != nil, "{url: https://<where the targets are listed>}"}})
	if in.Alerts && in.Format == "None" {
		r.say(ruleMisfit.At(in.At.Key("alerts"), "alerts beside format: None, which scrapes nothing that they could judge").
			WithHelp("say how Prometheus gets its configuration, such as `format: ScrapeConfig`, or drop the alerts"))
	}
	if d, err := time.ParseDuration(in.Interval); in.Alerts && err == nil && d >= lookback {
		r.say(ruleMisfit.At(in.At.Key("interval"), "alerts beside an interval of %s: Prometheus forgets what is older than 5 minutes, and no alert would ever last", in.Interval).
			WithHelp("scrape more often, such as every 30s, or drop the alerts"))
	}
	return out
}

// derivedAlertLabels are the labels that alerts have by themselves: from their expression, or from their workload.
var derivedAlertLabels = []string{"severity", "cluster", "namespace", "app", "workload", "alertname"}

// prometheusLabel is the form of a label name (prometheus: model/labels; names with "__" are internal).
var prometheusLabel = regexp.MustCompile(`^([a-zA-Z]|_[a-zA-Z0-9])[a-zA-Z0-9_]*$`)

// unusedWithoutAlerts reports settings of alerts where none are emitted.
func (r *resolver) unusedWithoutAlerts(in *schema.Prometheus) {
	if in.Alerts {
		return
	}
	report := func(field string) {
		r.say(ruleMisfit.At(in.At.Key(field), "%s has no effect without alerts", field).WithHelp("set `alerts: true`, or remove it"))
	}
	if len(in.AlertLabels) > 0 {
		report("alertLabels")
	}
	if in.RunbookURL != "" {
		report("runbookURL")
	}
}

// lookback is how old a sample may be that an expression sees, as Prometheus has it (--query.lookback-delta).
const lookback = 5 * time.Minute

// scraped checks that Prometheus gets at the VMs of a group: that their agents answer it, and that those which are not
// listed can be found.
func (r *resolver) scraped(in *schema.Group, vm *schema.VM, g *Group) {
	p := g.Workload.Spec.Prometheus
	if p.Format == "None" {
		return
	}
	kind := "its ScrapeConfig"
	if p.Format != "ScrapeConfig" {
		kind = "its ConfigMap"
	}
	r.objectName(ScrapeName(g), kind, in.At.Key("name"))
	if size := targetsSize(in); size > maxTargets && p.Format != "FileSD" {
		r.say(ruleMisfit.At(in.At.Key("instances"), "the scrape configuration of %d VMs would have %d MiB, and Kubernetes takes no object above 1 MiB", len(in.Instances), (size+1<<20-1)>>20).
			WithHelp("split the group in several, or write its targets to files alone: observability.prometheus.format: FileSD"))
	}
	for _, e := range vm.Env {
		if only, err := strconv.ParseBool(e.Value); e.Name == "METRICS_LOCALHOST_ACCESS_ONLY" && only && err == nil {
			r.say(ruleMisfit.At(e.At.Key("value"), "the agent would answer nobody but its own VM, and Prometheus gets 403").
				WithHelp("drop it, or set observability.prometheus.format: None"))
		}
	}
	if g.Auto && len(in.Instances) == 0 && p.DiscoveryType == "Auto" {
		r.discovered(in, &vm.Cloud)
	}
}

// maxTargets leaves room for the rest of the object.
const maxTargets = 1<<20 - 16<<10

// targetsSize is about how many bytes a group's targets take in a ConfigMap, where they are indented most.
func targetsSize(in *schema.Group) int {
	size := 0
	for i := range in.Instances {
		v := &in.Instances[i]
		size += 76 + len(v.Name) + max(len(v.Address), len(v.ExternalAddress))
		for label, own := range map[string]string{"network": v.Network, "locality": v.Locality, "service_istio_io_canonical_name": v.Labels[labelCanonicalName], "service_istio_io_canonical_revision": v.Labels[labelCanonicalRevision]} {
			if own != "" {
				size += 16 + len(label) + len(own)
			}
		}
	}
	return size
}

// discovered checks that a cloud says where its VMs are to be looked for.
func (r *resolver) discovered(group *schema.Group, in *schema.Cloud) {
	need := func(block, key, value, example string) {
		if value == "" {
			r.say(ruleMissingSetting.At(in.At.Key(block), "%s.%s is missing: Prometheus cannot look for VMs that register themselves", block, key).
				WithHelp("add `%s: {%s: %s}` to vm.cloud, or list the VMs some other way: observability.prometheus.discovery", block, key, example))
		}
	}
	c := cloud(in)
	switch in.Type {
	case "AWS":
		need("aws", "region", c.Region, "eu-central-1")
	case "GCP":
		need("gcp", "project", c.Project, "payments-prod")
		zone := ""
		if len(c.Zones) > 0 {
			zone = c.Zones[0]
		}
		need("gcp", "zones", zone, "[us-west1-a]")
		if len(group.Name) > maxLabelValue {
			r.say(ruleNameTooLong.At(group.At.Key("name"), "the group's VMs are found by the label vmmesh-group on Google Cloud, and its value has %d characters; a label there may have %d", len(group.Name), maxLabelValue).
				WithHelp("shorten the group's name"))
		}
	case "Azure":
		need("azure", "subscriptionID", c.SubscriptionID, "<id of the subscription>")
	case "OpenStack":
		need("openstack", "region", c.Region, "RegionOne")
	default:
		r.say(ruleMissingSetting.At(group.At.Key("registration"), "the group's VMs register themselves and none is listed, and vm.cloud.type is %s: Prometheus cannot find them", in.Type).
			WithHelp("set vm.cloud to where they run (AWS, GCP, Azure or OpenStack), list them as instances, or have an endpoint list them: observability.prometheus.discovery: {type: HTTP, http: {url: https://…}}"))
	}
}
