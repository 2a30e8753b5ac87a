package mesh

import (
	"strconv"

	networking "istio.io/api/networking/v1"

	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
)

// firstFreePort is the lowest port that the sidecar may listen on: it is not run by root.
const firstFreePort = 1024

// uncaptured completes the Sidecar of a workload whose VMs have interception mode NONE. There istiod makes inbound
// listeners from a Sidecar's ingress alone, and outbound ones on 127.0.0.1 for every service of the mesh, ports 80 and
// 443 among them, unless egress is narrowed (istio: pilot/pkg/networking/core, listener_inbound.go and listener.go). The
// derived ingress has no bind: then each VM's sidecar listens on that VM's own address, and the application on
// 127.0.0.1.
func (r *resolver) uncaptured(in *schema.Workload, w *Workload) {
	var without, with *Group
	for _, g := range w.Groups {
		if g.VM.Interception.Mode == "NONE" {
			without = g
		} else {
			with = g
		}
	}
	if without == nil {
		return
	}
	at := in.At.Key("sidecar")
	body := &networking.Sidecar{}
	if in.Sidecar != nil {
		body = in.Sidecar.DeepCopy()
	} else {
		at = without.VM.Interception.At.Key("mode")
	}
	if with != nil && (len(body.Ingress) == 0 || len(body.Egress) == 0) {
		r.say(ruleSidecar.At(at, "no Sidecar can be derived for %q: group %q has mode NONE, group %q has not", w.Name, without.Name, with.Name).
			WithHelp("move group %q to a workload of its own, or write `sidecar` with ingress and egress", without.Name))
		return
	}
	if len(body.Ingress) == 0 {
		for _, p := range w.Ports {
			targets := w.Targets[p.Name]
			if len(targets) != 1 {
				r.say(ruleSidecar.At(at, "no Sidecar can be derived for %q: its VMs listen on different ports for %q", w.Name, p.Name).
					WithHelp("give them one port, or move those that differ to a workload of their own: a Sidecar is for all VMs of a workload"))
				return
			}
			body.Ingress = append(body.Ingress, &networking.IstioIngressListener{
				Port:            &networking.SidecarPort{Number: targets[0], Name: p.Name, Protocol: string(p.Protocol)},
				CaptureMode:     networking.CaptureMode_NONE,
				DefaultEndpoint: "127.0.0.1:" + strconv.Itoa(int(targets[0])),
			})
		}
	}
	if len(body.Egress) == 0 {
		if len(w.Ports) == 0 && len(body.Ingress) == 0 {
			r.say(ruleSidecar.At(at, "the VMs of %q serve nothing, and with mode NONE they call nothing unless sidecar.egress names it", w.Name).
				WithHelp(`add sidecar: {egress: [{port: {number: 8085, name: http, protocol: HTTP}, captureMode: NONE, hosts: ["./*"]}]}`))
			return
		}
		body.Egress = []*networking.IstioEgressListener{{Hosts: []string{"~/*"}}}
	}
	r.bindable(body, at)
	w.Sidecar = body
}

// bindable checks that the sidecar can listen where the listeners of VMs without interception are.
func (r *resolver) bindable(s *networking.Sidecar, at diag.Path) {
	local := map[uint32]bool{}
	low := func(p *networking.SidecarPort) {
		if n := p.GetNumber(); n > 0 && n < firstFreePort {
			r.say(ruleSidecar.At(at, "the sidecar cannot listen on port %d: without interception it needs a port above %d", n, firstFreePort-1).
				WithHelp("give the port a targetPort, or the listener a number, of %d or more: clients still dial the service's port", firstFreePort))
		}
	}
	for _, l := range s.Ingress {
		low(l.GetPort())
		if l.GetDefaultEndpoint() == "127.0.0.1:"+strconv.Itoa(int(l.GetPort().GetNumber())) {
			local[l.GetPort().GetNumber()] = true
		}
	}
	for _, l := range s.Egress {
		low(l.GetPort())
		if n := l.GetPort().GetNumber(); n > 0 && local[n] && (l.GetBind() == "" || l.GetBind() == "127.0.0.1") {
			r.say(ruleSidecar.At(at, "egress takes 127.0.0.1:%d, where the application of ingress listens", n).
				WithHelp("give the listener another port, or the application another defaultEndpoint"))
		}
		if l.GetPort() == nil && !onlyNone(l.GetHosts()) {
			r.say(ruleSidecar.At(at, "an egress listener without a port listens on the port of each service, 80 and 443 too, which the sidecar cannot").
				WithHelp("give it a port: {number: 8085, name: http, protocol: HTTP}"))
		}
	}
}

// onlyNone reports whether hosts of an egress listener are no services at all.
func onlyNone(hosts []string) bool {
	for _, h := range hosts {
		if h != "~/*" {
			return false
		}
	}
	return true
}
