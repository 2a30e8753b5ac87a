package mesh

import (
	"math/big"
	"slices"
	"strings"

	networking "istio.io/api/networking/v1"

	"github.com/vmmesh/vmmesh/schema/diag"
)

// trafficPolicy checks what istiod's webhook demands of a traffic policy beyond the CRD (istio: pkg/config/validation,
// validateTrafficPolicy).
func (r *resolver) trafficPolicy(p *networking.TrafficPolicy, at diag.Path) {
	if p == nil {
		return
	}
	if p.Tunnel != nil && p.ProxyProtocol != nil {
		r.say(rulePolicy.At(at.Key("proxyProtocol"), "proxyProtocol stands beside tunnel, and Istio takes one of the two").Key().WithHelp("drop one"))
	}
	r.connectionPool(p.ConnectionPool, at.Key("connectionPool"))
	r.outlierDetection(p.OutlierDetection, at.Key("outlierDetection"))
	r.loadBalancer(p.LoadBalancer, at.Key("loadBalancer"))
	r.clientTLS(p.Tls, at.Key("tls"))
	if t := p.Tunnel; t != nil {
		here := at.Key("tunnel")
		if t.Protocol != "" && t.Protocol != "CONNECT" && t.Protocol != "POST" {
			r.say(rulePolicy.At(here.Key("protocol"), "a tunnel by %q is none that Istio builds", t.Protocol).WithHelp("write CONNECT or POST"))
		}
		if _, ip := parseIP(t.TargetHost); !ip && !isDNSName(t.TargetHost) && t.TargetHost != "" {
			r.say(rulePolicy.At(here.Key("targetHost"), "%q is neither a host name nor an IP address", t.TargetHost).WithHelp("write where the tunnel ends, such as db.example.com"))
		}
	}
	for i, l := range p.PortLevelSettings {
		here := at.Key("portLevelSettings").Item(i, "")
		if l.GetPort() == nil {
			r.say(rulePolicy.At(here, "the settings are for no port").WithHelp("add `port: {number: 8080}`: the port that clients dial"))
		}
		if l.GetConnectionPool() == nil && l.GetOutlierDetection() == nil && l.GetLoadBalancer() == nil && l.GetTls() == nil {
			r.say(rulePolicy.At(here, "nothing is set for this port, and Istio refuses that").
				WithHelp("add tls, connectionPool, loadBalancer or outlierDetection, or drop the item"))
		}
		r.connectionPool(l.GetConnectionPool(), here.Key("connectionPool"))
		r.outlierDetection(l.GetOutlierDetection(), here.Key("outlierDetection"))
		r.loadBalancer(l.GetLoadBalancer(), here.Key("loadBalancer"))
		r.clientTLS(l.GetTls(), here.Key("tls"))
	}
}

func (r *resolver) connectionPool(p *networking.ConnectionPoolSettings, at diag.Path) {
	if p == nil {
		return
	}
	if p.Http == nil && p.Tcp == nil {
		r.say(rulePolicy.At(at, "the connection pool limits nothing, and Istio refuses an empty one").
			WithHelp("add `tcp: {maxConnections: 100}` or `http: {...}`, or drop the block"))
	}
	h := p.GetHttp()
	for _, n := range []struct {
		block, key string
		value      int32
	}{
		{"tcp", "maxConnections", p.GetTcp().GetMaxConnections()},
		{"http", "http1MaxPendingRequests", h.GetHttp1MaxPendingRequests()},
		{"http", "http2MaxRequests", h.GetHttp2MaxRequests()},
		{"http", "maxRequestsPerConnection", h.GetMaxRequestsPerConnection()},
		{"http", "maxRetries", h.GetMaxRetries()},
		{"http", "maxConcurrentStreams", h.GetMaxConcurrentStreams()},
	} {
		if n.value < 0 {
			r.say(rulePolicy.At(at.Key(n.block).Key(n.key), "%s is %d, below 0", n.key, n.value).WithHelp("write a number from 0, or leave it out for Istio's default"))
		}
	}
	if h.GetH2UpgradePolicy() == networking.ConnectionPoolSettings_HTTPSettings_UPGRADE && h.GetUseClientProtocol() {
		r.say(rulePolicy.At(at.Key("http").Key("useClientProtocol"), "useClientProtocol keeps the caller's protocol, and h2UpgradePolicy: UPGRADE changes it").Key().
			WithHelp("drop one of the two"))
	}
}

func (r *resolver) outlierDetection(o *networking.OutlierDetection, at diag.Path) {
	if o == nil {
		return
	}
	if !o.SplitExternalLocalOriginErrors && o.GetConsecutiveLocalOriginFailures().GetValue() > 0 {
		r.say(rulePolicy.At(at.Key("consecutiveLocalOriginFailures"), "consecutiveLocalOriginFailures counts only with splitExternalLocalOriginErrors").Key().
			WithHelp("add `splitExternalLocalOriginErrors: true`"))
	}
	for _, n := range []struct {
		key   string
		value int32
	}{{"maxEjectionPercent", o.MaxEjectionPercent}, {"minHealthPercent", o.MinHealthPercent}} {
		if n.value < 0 || n.value > 100 {
			r.say(rulePolicy.At(at.Key(n.key), "%s is %d, and a percentage is 0 to 100", n.key, n.value).WithHelp("write a number from 0 to 100"))
		}
	}
}

func (r *resolver) loadBalancer(l *networking.LoadBalancerSettings, at diag.Path) {
	hash := l.GetConsistentHash()
	here := at.Key("consistentHash")
	if m := hash.GetMaglev(); m != nil && (m.TableSize >= maglevLimit || !new(big.Int).SetUint64(m.TableSize).ProbablyPrime(0)) {
		r.say(rulePolicy.At(here.Key("maglev").Key("tableSize"), "the table size %d is no prime number below %d", m.TableSize, maglevLimit).WithHelp("write one, such as 65537"))
	}
	if hash.GetMinimumRingSize() != 0 && hash.GetHashAlgorithm() != nil { // deprecated, but taken alone
		r.say(rulePolicy.At(here.Key("minimumRingSize"), "minimumRingSize stands beside ringHash or maglev, and Istio takes one").Key().WithHelp("drop it: ringHash has a minimumRingSize of its own"))
	}
	if c := hash.GetHttpCookie(); c != nil && c.Name == "" {
		r.say(rulePolicy.At(here.Key("httpCookie"), "the cookie has no name").WithHelp("add `name: session`"))
	}
	if s := l.GetLocalityLbSetting(); s != nil {
		r.localityBalance(s, at.Key("localityLbSetting"))
	}
}

const maglevLimit = 5000011 // that of Envoy

// topologyLabels are the words of failoverPriority that say what failover says too.
var topologyLabels = []string{"topology.kubernetes.io/region", "topology.kubernetes.io/zone", "topology.istio.io/subzone"}

// localityBalance checks shares and failover between localities (istio: pkg/config/validation/agent,
// ValidateLocalityLbSetting).
func (r *resolver) localityBalance(s *networking.LocalityLoadBalancerSetting, at diag.Path) {
	if len(s.Distribute) > 0 && len(s.Failover) > 0 {
		r.say(rulePolicy.At(at.Key("failover"), "failover stands beside distribute, and Istio takes one of the two").Key().WithHelp("drop one"))
	}
	for i, label := range s.FailoverPriority {
		key, _, _ := strings.Cut(label, "=")
		if len(s.Failover) > 0 && slices.Contains(topologyLabels, key) {
			r.say(rulePolicy.At(at.Key("failoverPriority").Item(i, ""), "%s stands in failoverPriority beside failover, which orders the localities itself", key).
				WithHelp("drop the label, or drop failover"))
		}
	}
	var sources []string
	for i, d := range s.Distribute {
		here := at.Key("distribute").Item(i, "")
		r.localityWord(d.GetFrom(), sources, here.Key("from"))
		sources = append(sources, d.GetFrom())
		sum := uint64(0)
		var targets []string
		for _, to := range sortedKeys(d.GetTo()) {
			weight := d.To[to]
			sum += uint64(weight)
			if weight < 1 || weight > 100 {
				r.say(rulePolicy.At(here.Key("to").Key(to), "the share %d is not within 1 and 100", weight).WithHelp("write a percentage; a locality without a share is left out"))
			}
			r.localityWord(to, targets, here.Key("to").Key(to))
			targets = append(targets, to)
		}
		if sum != 100 {
			r.say(rulePolicy.At(here.Key("to"), "the shares add up to %d, and must to 100", sum).WithHelp("write percentages that add up to 100"))
		}
	}
	for i, f := range s.Failover {
		here := at.Key("failover").Item(i, "")
		for _, end := range []struct{ key, region string }{{"from", f.GetFrom()}, {"to", f.GetTo()}} {
			if strings.ContainsAny(end.region, "/*") {
				r.say(rulePolicy.At(here.Key(end.key), "%q is no region, and failover is from region to region", end.region).WithHelp("write the first part of a locality, such as us-west1"))
			}
		}
		if f.GetFrom() == f.GetTo() {
			r.say(rulePolicy.At(here, "traffic of region %q would fail over to the same region", f.GetFrom()).WithHelp("name two regions"))
		}
	}
}

// localityWord checks one locality, and that it shares no place with one before it in its list. Istio goes by the first
// that fits, so one with a star may come after narrower ones and be for the rest.
func (r *resolver) localityWord(word string, before []string, at diag.Path) {
	parts := strings.Split(word, "/")
	star := strings.IndexByte(word, '*')
	switch {
	case slices.Contains(parts, ""):
		r.say(rulePolicy.At(at, "locality %q has an empty part", word).WithHelp("write region, region/zone or region/zone/subzone; a part may be \"*\" at the end"))
		return
	case star >= 0 && star != len(word)-1:
		r.say(rulePolicy.At(at, "locality %q has a star before its end", word).WithHelp("write region/* for all zones of a region"))
		return
	}
	for _, b := range before {
		if covers(b, word) || star < 0 && covers(word, b) {
			r.say(rulePolicy.At(at, "locality %q and %q overlap", word, b).WithHelp("let each place be in one of them only; a wider one with a star may follow for the rest"))
			return
		}
	}
}

// covers tells whether a locality is another, or wider than it.
func covers(wide, narrow string) bool {
	wide = strings.TrimSuffix(strings.TrimSuffix(wide, "*"), "/")
	return wide == "" || narrow == wide || strings.HasPrefix(narrow, wide+"/")
}

// clientTLS checks how callers begin TLS (istio: pkg/config/validation/agent, ValidateTLS).
func (r *resolver) clientTLS(t *networking.ClientTLSSettings, at diag.Path) {
	mutual := t.GetMode() == networking.ClientTLSSettings_MUTUAL
	if !mutual && t.GetMode() != networking.ClientTLSSettings_SIMPLE {
		return
	}
	blind := t.GetInsecureSkipVerify().GetValue()
	for _, f := range []struct {
		key        string
		set, clash bool
		beside     string
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
			r.say(rulePolicy.At(at.Key(f.key), "%s stands beside %s, and Istio refuses both together", f.key, f.beside).Key().WithHelp("drop one of the two"))
		}
	}
	if mutual && t.CredentialName == "" && (t.ClientCertificate == "" || t.PrivateKey == "") {
		r.say(rulePolicy.At(at, "mode MUTUAL needs the caller's own certificate and key").
			WithHelp("add clientCertificate and privateKey (paths on the client), or use ISTIO_MUTUAL for the mesh's own certificates"))
	}
}
