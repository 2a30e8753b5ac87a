package webhook

import (
	"math/big"
	"slices"
	"strings"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/vmmesh/vmmesh/schema/diag"
)

// TrafficPolicy checks a traffic policy (istio: pkg/config/validation, validateTrafficPolicy). The namespace is that of
// its object.
func (c Check) TrafficPolicy(p *networking.TrafficPolicy, namespace string, at diag.Path) {
	if p == nil {
		return
	}
	if p.OutlierDetection == nil && p.ConnectionPool == nil && p.LoadBalancer == nil && p.Tls == nil &&
		len(p.PortLevelSettings) == 0 && p.Tunnel == nil && p.ProxyProtocol == nil && p.RetryBudget == nil {
		c.Say(TrafficPolicy.At(at, "the traffic policy is empty, and Istio refuses that").
			WithHelp("add tls, connectionPool, loadBalancer or outlierDetection, or remove it"))
	}
	if p.Tunnel != nil && p.ProxyProtocol != nil {
		c.Say(TrafficPolicy.At(at.Key("proxyProtocol"), "proxyProtocol is next to tunnel, and Istio takes one of the two").Key().
			WithHelp("remove one"))
	}
	c.connectionPool(p.ConnectionPool, at.Key("connectionPool"))
	c.outlierDetection(p.OutlierDetection, at.Key("outlierDetection"))
	c.loadBalancer(p.LoadBalancer, at.Key("loadBalancer"))
	c.clientTLS(p.Tls, namespace, at.Key("tls"))
	if t := p.Tunnel; t != nil {
		here := at.Key("tunnel")
		if t.Protocol != "" && t.Protocol != "CONNECT" && t.Protocol != "POST" {
			c.Say(TrafficPolicy.At(here.Key("protocol"), "Istio does not have tunnels by %q", t.Protocol).WithHelp("write CONNECT or POST"))
		}
		if !isIP(t.TargetHost) && !isHost(t.TargetHost) {
			c.Say(TrafficPolicy.At(here.Key("targetHost"), "%q is neither a host name nor an IP address", t.TargetHost).
				WithHelp("write where the tunnel ends, such as db.example.com"))
		}
		if t.TargetPort < 1 || t.TargetPort > 65535 {
			c.Say(TrafficPolicy.At(here.Key("targetPort"), "%d is not a port number", t.TargetPort).WithHelp("write a number from 1 to 65535"))
		}
	}
	for i, l := range p.PortLevelSettings {
		here := at.Key("portLevelSettings").Item(i, "")
		if l.GetPort() == nil {
			c.Say(TrafficPolicy.At(here, "the settings are for no port").WithHelp("add `port: {number: 8080}`: the port that clients dial"))
		}
		if l.GetConnectionPool() == nil && l.GetOutlierDetection() == nil && l.GetLoadBalancer() == nil && l.GetTls() == nil {
			c.Say(TrafficPolicy.At(here, "nothing is set for this port, and Istio refuses that").
				WithHelp("add tls, connectionPool, loadBalancer or outlierDetection, or remove the item"))
		}
		c.connectionPool(l.GetConnectionPool(), here.Key("connectionPool"))
		c.outlierDetection(l.GetOutlierDetection(), here.Key("outlierDetection"))
		c.loadBalancer(l.GetLoadBalancer(), here.Key("loadBalancer"))
		c.clientTLS(l.GetTls(), namespace, here.Key("tls"))
	}
}

func (c Check) connectionPool(p *networking.ConnectionPoolSettings, at diag.Path) {
	if p == nil {
		return
	}
	if p.Http == nil && p.Tcp == nil {
		c.Say(TrafficPolicy.At(at, "the connection pool is empty, and Istio refuses that").
			WithHelp("add `tcp: {maxConnections: 100}` or `http: {...}`, or remove the block"))
	}
	h, t := p.GetHttp(), p.GetTcp()
	for _, n := range []struct {
		block, key string
		value      int32
	}{
		{"tcp", "maxConnections", t.GetMaxConnections()},
		{"http", "http1MaxPendingRequests", h.GetHttp1MaxPendingRequests()},
		{"http", "http2MaxRequests", h.GetHttp2MaxRequests()},
		{"http", "maxRequestsPerConnection", h.GetMaxRequestsPerConnection()},
		{"http", "maxRetries", h.GetMaxRetries()},
		{"http", "maxConcurrentStreams", h.GetMaxConcurrentStreams()},
	} {
		if n.value < 0 {
			c.Say(TrafficPolicy.At(at.Key(n.block).Key(n.key), "%s is %d, below 0", n.key, n.value).
				WithHelp("write a number from 0, or leave it out for Istio's default"))
		}
	}
	if h.GetH2UpgradePolicy() == networking.ConnectionPoolSettings_HTTPSettings_UPGRADE && h.GetUseClientProtocol() {
		c.Say(TrafficPolicy.At(at.Key("http").Key("useClientProtocol"),
			"useClientProtocol keeps the caller's protocol, and h2UpgradePolicy: UPGRADE changes it").Key().WithHelp("remove one of the two"))
	}
	c.duration(h.GetIdleTimeout(), at.Key("http").Key("idleTimeout"))
	if k := h.GetHttp2KeepAlive(); k != nil {
		here := at.Key("http").Key("http2KeepAlive")
		if k.Interval == nil || k.Timeout == nil {
			c.Say(TrafficPolicy.At(here, "http2KeepAlive needs interval and timeout").WithHelp("write {interval: 30s, timeout: 5s}"))
		}
		c.duration(k.Interval, here.Key("interval"))
		c.duration(k.Timeout, here.Key("timeout"))
	}
	tcp := at.Key("tcp")
	c.duration(t.GetConnectTimeout(), tcp.Key("connectTimeout"))
	c.duration(t.GetMaxConnectionDuration(), tcp.Key("maxConnectionDuration"))
	if idle := t.GetIdleTimeout(); idle.AsDuration().Milliseconds() != 0 { // 0 is without a limit
		c.duration(idle, tcp.Key("idleTimeout"))
	}
	c.duration(t.GetTcpKeepalive().GetTime(), tcp.Key("tcpKeepalive").Key("time"))
	c.duration(t.GetTcpKeepalive().GetInterval(), tcp.Key("tcpKeepalive").Key("interval"))
}

func (c Check) outlierDetection(o *networking.OutlierDetection, at diag.Path) {
	if o == nil {
		return
	}
	if !o.SplitExternalLocalOriginErrors && o.GetConsecutiveLocalOriginFailures().GetValue() > 0 {
		c.Say(TrafficPolicy.At(at.Key("consecutiveLocalOriginFailures"),
			"consecutiveLocalOriginFailures counts only with splitExternalLocalOriginErrors").Key().
			WithHelp("add `splitExternalLocalOriginErrors: true`"))
	}
	for _, n := range []struct {
		key   string
		value int32
	}{{"maxEjectionPercent", o.MaxEjectionPercent}, {"minHealthPercent", o.MinHealthPercent}} {
		if n.value < 0 || n.value > 100 {
			c.Say(TrafficPolicy.At(at.Key(n.key), "%s is %d, and a percentage is 0 to 100", n.key, n.value).WithHelp("write a number from 0 to 100"))
		}
	}
	c.duration(o.BaseEjectionTime, at.Key("baseEjectionTime"))
	c.duration(o.Interval, at.Key("interval"))
}

func (c Check) loadBalancer(l *networking.LoadBalancerSettings, at diag.Path) {
	hash := l.GetConsistentHash()
	here := at.Key("consistentHash")
	if m := hash.GetMaglev(); m != nil && m.TableSize != 1 && // istiod takes 1 for a prime number
		(m.TableSize >= maglevLimit || !new(big.Int).SetUint64(m.TableSize).ProbablyPrime(0)) {
		c.Say(TrafficPolicy.At(here.Key("maglev").Key("tableSize"), "the table size %d is not a prime number below %d", m.TableSize, maglevLimit).
			WithHelp("write one, such as 65537"))
	}
	if hash.GetMinimumRingSize() != 0 && hash.GetHashAlgorithm() != nil { // deprecated, but taken alone
		c.Say(TrafficPolicy.At(here.Key("minimumRingSize"), "minimumRingSize is next to ringHash or maglev, and Istio takes one").Key().
			WithHelp("remove it: ringHash has its own minimumRingSize"))
	}
	if cookie := hash.GetHttpCookie(); cookie != nil {
		if cookie.Name == "" {
			c.Say(TrafficPolicy.At(here.Key("httpCookie"), "the cookie does not have a name").WithHelp("add `name: session`"))
		}
		seen := map[string]bool{}
		for i, a := range cookie.Attributes {
			place := here.Key("httpCookie").Key("attributes").Item(i, "")
			switch name := a.GetName(); {
			case name == "":
				c.Say(TrafficPolicy.At(place, "the cookie's attribute does not have a name").WithHelp("add `name: SameSite`"))
			case seen[name]:
				c.Say(TrafficPolicy.At(place.Key("name"), "the cookie has the attribute %s twice", name).WithHelp("remove one of them"))
			}
			seen[a.GetName()] = true
		}
	}
	if l.GetLocalityLbSetting() != nil && l.GetZoneAwareLbSetting() != nil {
		c.Say(TrafficPolicy.At(at.Key("zoneAwareLbSetting"), "zoneAwareLbSetting is next to localityLbSetting, and Istio takes one of the two").Key().
			WithHelp("remove one"))
	}
	if s := l.GetLocalityLbSetting(); s != nil {
		c.localityBalance(s, at.Key("localityLbSetting"))
	}
	if z := l.GetZoneAwareLbSetting(); z != nil {
		here := at.Key("zoneAwareLbSetting")
		for i, label := range z.FailoverPriority {
			if slices.Contains(topologyLabels, label) {
				c.Say(TrafficPolicy.At(here.Key("failoverPriority").Item(i, ""), "%s is in failoverPriority, and zone-aware balancing orders by it already", label).
					WithHelp("remove the label"))
			}
		}
		failover(c, z.Failover, here.Key("failover"))
	}
	if w := l.GetWarmup(); w != nil {
		here := at.Key("warmup")
		if w.Duration == nil {
			c.Say(TrafficPolicy.At(here, "the warm-up does not have a duration").WithHelp("add `duration: 30s`"))
		}
		c.duration(w.Duration, here.Key("duration"))
		if w.MinimumPercent.GetValue() > 100 {
			c.Say(TrafficPolicy.At(here.Key("minimumPercent"), "minimumPercent is %v, and a percentage is 0 to 100", w.MinimumPercent.GetValue()).
				WithHelp("write a number from 0 to 100"))
		}
		if w.Aggression != nil && !(w.Aggression.GetValue() > 0) {
			c.Say(TrafficPolicy.At(here.Key("aggression"), "aggression is %v, and must be above 0", w.Aggression.GetValue()).
				WithHelp("write 1 for a linear increase"))
		}
	}
}

const maglevLimit = 5000011 // that of Envoy

// topologyLabels are the labels by which failoverPriority orders what failover orders too.
var topologyLabels = []string{"topology.kubernetes.io/region", "topology.kubernetes.io/zone", "topology.istio.io/subzone"}

// localityBalance checks shares and failover between localities (istio: pkg/config/validation/agent,
// ValidateLocalityLbSetting).
func (c Check) localityBalance(s *networking.LocalityLoadBalancerSetting, at diag.Path) {
	if len(s.Distribute) > 0 && len(s.Failover) > 0 {
		c.Say(TrafficPolicy.At(at.Key("failover"), "failover is next to distribute, and Istio takes one of the two").Key().WithHelp("remove one"))
	}
	for i, label := range s.FailoverPriority {
		key, _, _ := strings.Cut(label, "=") // with a value the label orders by the same thing
		if len(s.Failover) > 0 && slices.Contains(topologyLabels, key) {
			c.Say(TrafficPolicy.At(at.Key("failoverPriority").Item(i, ""), "%s is in failoverPriority next to failover, which orders the localities itself", key).
				WithHelp("remove the label, or failover"))
		}
	}
	var sources []string
	for i, d := range s.Distribute {
		here := at.Key("distribute").Item(i, "")
		c.locality(d.GetFrom(), sources, here.Key("from"))
		sources = append(sources, d.GetFrom())
		sum := uint64(0)
		var targets []string
		for _, to := range sortedKeys(d.GetTo()) {
			weight := d.To[to]
			sum += uint64(weight)
			if weight < 1 || weight > 100 {
				c.Say(TrafficPolicy.At(here.Key("to").Key(to), "the share %d is not within 1 and 100", weight).
					WithHelp("write a percentage; a locality without a share is left out"))
			}
			c.locality(to, targets, here.Key("to").Key(to))
			targets = append(targets, to)
		}
		if sum != 100 {
			c.Say(TrafficPolicy.At(here.Key("to"), "the shares add up to %d, and must add up to 100", sum).WithHelp("write percentages that add up to 100"))
		}
	}
	failover(c, s.Failover, at.Key("failover"))
}

// failover checks which region takes over for which.
func failover[F interface {
	GetFrom() string
	GetTo() string
}](c Check, list []F, at diag.Path) {
	for i, f := range list {
		here := at.Item(i, "")
		for _, end := range []struct{ key, region string }{{"from", f.GetFrom()}, {"to", f.GetTo()}} {
			if strings.ContainsAny(end.region, "/*") {
				c.Say(TrafficPolicy.At(here.Key(end.key), "%q is not a region, and failover is from region to region", end.region).
					WithHelp("write the first part of a locality, such as us-west1"))
			}
		}
		if f.GetFrom() == f.GetTo() {
			c.Say(TrafficPolicy.At(here, "traffic of region %q would fail over to the same region", f.GetFrom()).WithHelp("name two regions"))
		}
	}
}

// locality checks one locality, and that it shares no place with one before it in its list. Istio goes by the first
// that fits, so one with a star may come after narrower ones and be for the rest.
func (c Check) locality(s string, before []string, at diag.Path) {
	parts := strings.Split(s, "/")
	star := strings.IndexByte(s, '*')
	switch {
	case slices.Contains(parts, ""):
		c.Say(TrafficPolicy.At(at, "locality %q has an empty part", s).
			WithHelp("write region, region/zone or region/zone/subzone; a part may be \"*\" at the end"))
		return
	case star >= 0 && star != len(s)-1:
		c.Say(TrafficPolicy.At(at, "locality %q has a star before its end", s).WithHelp("write region/* for all zones of a region"))
		return
	}
	for _, b := range before {
		if covers(b, s) || star < 0 && covers(s, b) {
			c.Say(TrafficPolicy.At(at, "locality %q and %q overlap", s, b).
				WithHelp("let each place be in one of them only; a wider one with a star may follow for the rest"))
			return
		}
	}
}

// covers reports whether a locality is another, or wider than it.
func covers(wide, narrow string) bool {
	wide = strings.TrimSuffix(strings.TrimSuffix(wide, "*"), "/")
	return wide == "" || narrow == wide || strings.HasPrefix(narrow, wide+"/")
}

const configMapPrefix = "configmap://"

// clientTLS checks how callers begin TLS (istio: pkg/config/validation/agent, ValidateTLS).
func (c Check) clientTLS(t *networking.ClientTLSSettings, namespace string, at diag.Path) {
	if name, found := strings.CutPrefix(t.GetCredentialName(), configMapPrefix); found {
		if of, rest, _ := strings.Cut(name, "/"); of != namespace || rest == "" || strings.Contains(rest, "/") {
			c.Say(TrafficPolicy.At(at.Key("credentialName"), "%q does not name a ConfigMap of this namespace", t.CredentialName).
				WithHelp("write configmap://%s/ and its name", namespace))
		}
	}
	mutual := t.GetMode() == networking.ClientTLSSettings_MUTUAL
	if !mutual && t.GetMode() != networking.ClientTLSSettings_SIMPLE {
		return
	}
	blind := t.GetInsecureSkipVerify().GetValue()
	for _, f := range []struct {
		key        string
		set, clash bool
		other      string
	}{
		{"caCertificates", t.CaCertificates != "", blind, "insecureSkipVerify"},
		{"subjectAltNames", len(t.SubjectAltNames) > 0, blind, "insecureSkipVerify"},
		{"credentialName", t.CredentialName != "", blind && !mutual, "insecureSkipVerify"},
		{"clientCertificate", t.ClientCertificate != "", t.CredentialName != "", "credentialName"},
		{"privateKey", t.PrivateKey != "", t.CredentialName != "", "credentialName"},
		{"caCertificates", t.CaCertificates != "", t.CredentialName != "", "credentialName"},
		{"caCrl", t.CaCrl != "", t.CredentialName != "", "credentialName"},
	} {
		if f.set && f.clash {
			c.Say(TrafficPolicy.At(at.Key(f.key), "%s is next to %s, and Istio refuses both together", f.key, f.other).Key().
				WithHelp("remove one of the two"))
		}
	}
	if mutual && t.CredentialName == "" && (t.ClientCertificate == "" || t.PrivateKey == "") {
		c.Say(TrafficPolicy.At(at, "mode MUTUAL needs the caller's certificate and key").
			WithHelp("add clientCertificate and privateKey (paths on the client), or use ISTIO_MUTUAL for the mesh's certificates"))
	}
}

// destinationRule checks a DestinationRule (istio: ValidateDestinationRule).
func (c Check) destinationRule(m *networking.DestinationRule, namespace string, at diag.Path) {
	if !isWildcardHost(m.Host) {
		c.refuse(at.Key("host"), "write the host that clients dial, such as pay.shop.svc.cluster.local", "%q is not a host name", m.Host)
	}
	c.TrafficPolicy(m.TrafficPolicy, namespace, at.Key("trafficPolicy"))
	seen := map[string]bool{}
	for i, s := range m.Subsets {
		here := at.Key("subsets").Item(i, s.GetName())
		c.subsetName(s.GetName(), here.Key("name"))
		if seen[s.GetName()] {
			c.refuse(here.Key("name"), "give each subset its own name", "there are two subsets with the name %q", s.GetName())
		}
		seen[s.GetName()] = true
		c.labels(s.GetLabels(), here.Key("labels"))
		c.TrafficPolicy(s.GetTrafficPolicy(), namespace, here.Key("trafficPolicy"))
	}
	c.exportTo(m.ExportTo, namespace, false, at.Key("exportTo"))
	if m.WorkloadSelector != nil && len(m.ExportTo) > 0 &&
		(len(m.ExportTo) > 1 || m.ExportTo[0] != "." && m.ExportTo[0] != namespace) {
		c.Say(ExportTo.At(at.Key("exportTo"), "a DestinationRule with a workloadSelector is for its own namespace only").
			WithHelp("remove exportTo, or workloadSelector"))
	}
	c.selector(m.WorkloadSelector.GetMatchLabels(), at.Key("workloadSelector").Key("matchLabels"))
}

func (c Check) subsetName(s string, at diag.Path) {
	if !isLabel(s) {
		c.refuse(at, "write at most 63 letters, digits and '-', such as v1", "%q is not a subset name", s)
	}
}
