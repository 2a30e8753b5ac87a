package compare

// findRemovedWays: names under which a gateway takes connections to istiod, and gateways of other networks.
func findRemovedWays(p *pair, report report) {
	remaining := map[string]bool{}
	for _, o := range p.will.of(networking, "VirtualService") {
		for _, name := range istiodNames(o) {
			remaining[name] = true
		}
	}
	for _, o := range p.was.of(networking, "VirtualService") {
		var left []string
		for _, name := range istiodNames(o) {
			if !remaining[name] {
				left = append(left, name)
			}
		}
		if len(left) > 0 {
			report(Breaks, o.ID, "istiod is no longer exposed as %s: VMs that come through this gateway keep their "+
				"configuration, and cannot connect again", some(left))
		}
	}
	for _, o := range p.gone("gateway.networking.k8s.io", "Gateway") {
		if network := o.at("metadata", "labels", "topology.istio.io/network").Text(); network != "" {
			report(Risk, o.ID, "a gateway of network %s goes: where it was the last, others dial that network's VMs "+
				"themselves", network)
		}
	}
	for _, o := range p.came("gateway.networking.k8s.io", "Gateway") {
		if network := o.at("metadata", "labels", "topology.istio.io/network").Text(); network != "" && p.was.inNetwork(network) {
			report(Risk, o.ID, "others reach the VMs of network %s through this gateway from now on, by mTLS alone",
				network)
		}
	}
}

// istiodNames are the TLS server names that a VirtualService leads on from istiod's port.
func istiodNames(o *object) []string {
	var names []string
	for _, route := range items(o.at("spec", "tls")) {
		for _, match := range items(route.Get("match")) {
			if match.Get("port").Text() == "15012" {
				names = append(names, texts(match.Get("sniHosts"))...)
			}
		}
	}
	return names
}

// inNetwork reports whether there are VMs of a network.
func (s *set) inNetwork(network string) bool {
	for _, o := range s.of(networking, "WorkloadGroup") {
		if o.at("spec", "template", "network").Text() == network {
			return true
		}
	}
	for _, o := range s.of(networking, "WorkloadEntry") {
		if o.at("spec", "network").Text() == network {
			return true
		}
	}
	return false
}
