package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	tcp "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/tcp_proxy/v3"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Passing describes what a gateway does with TLS connections that it does not end: for each listener which server names
// lead where. Of the connections between networks only those to the given hosts are described.
func (v View) Passing(hosts ...string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(v.Listeners)) {
		var lines []string
		for _, chain := range v.Listeners[name].GetFilterChains() {
			for _, sni := range chain.GetFilterChainMatch().GetServerNames() {
				// Between networks a name has four parts: outbound_.PORT_.SUBSET_.HOST.
				part := strings.SplitN(sni, "_.", 4)
				if len(part) == 4 && !slices.Contains(hosts, part[3]) {
					continue
				}
				for _, filter := range chain.GetFilters() {
					proxy := &tcp.TcpProxy{}
					if filter.GetTypedConfig().UnmarshalTo(proxy) == nil {
						lines = append(lines, fmt.Sprintf("  SNI %s -> %s%s\n", sni, proxy.GetCluster(), v.reached(proxy.GetCluster())))
					}
				}
			}
		}
		if len(lines) == 0 {
			continue
		}
		slices.Sort(lines)
		fmt.Fprintf(&b, "listener %s\n%s", addressOf(v.Listeners[name].GetAddress()), strings.Join(lines, ""))
	}
	return b.String()
}

// reached lists the endpoints of a cluster, or reports that there is no such cluster.
func (v View) reached(cluster string) string {
	if _, there := v.Clusters[cluster]; !there {
		return ", which does not exist"
	}
	text := ""
	for _, e := range v.EndpointsOf(cluster) {
		text += ", " + e.String()
	}
	return text
}

// gatewaysOf returns, by a name for each, the gateways that the Gateways among some objects are for.
func gatewaysOf(objects []*unstructured.Unstructured, network string) map[string]Pod {
	found := map[string]Pod{}
	for _, o := range objects {
		if o.GetKind() != "Gateway" || !strings.HasPrefix(o.GetAPIVersion(), "networking.istio.io/") {
			continue
		}
		selector, _, _ := unstructured.NestedStringMap(o.Object, "spec", "selector")
		found["gateway."+o.GetNamespace()] = Pod{
			Name: "gateway", Namespace: o.GetNamespace(), Gateway: true, Labels: selector, Network: network, IP: "10.244.0.15",
		}
	}
	return found
}
