package mesh

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
)

// hostUnits are services that the host itself needs: one that waited for the mesh would lock users out of the VM, or keep
// the sidecar from starting.
var hostUnits = regexp.MustCompile(`^(ssh|sshd|ssh@|sshd@|dbus|dbus-.*|systemd-.*|cloud-.*|[Nn]etwork.*|ifup.*|wicked.*|polkit|getty.*|` +
	`serial-getty.*|chrony.*|ntp.*|rsyslog|cron|crond|auditd|firewalld|ufw|nftables|iptables|ip6tables|apparmor|sssd|nscd|nslcd|snapd|udev|` +
	`emergency|rescue|user@.*)\.service$`)

// application resolves which units need the mesh.
func (r *resolver) application(in *schema.Application, vm *VM) {
	at := in.At.Key("units")
	vm.Application = Application{At: in.At, Start: in.Start}
	for n, unit := range in.Units {
		switch {
		case unit == "istio.service" || strings.HasPrefix(unit, "vmmesh-"):
			r.say(ruleMisfit.At(at.Item(n, ""), "%s is the sidecar's, and would wait for itself", unit).WithHelp("list the application's units"))
		case hostUnits.MatchString(unit):
			r.say(ruleMisfit.At(at.Item(n, ""), "%s belongs to the host, and cannot wait for the mesh", unit).
				WithHelp("list the application's units alone: a VM must be reachable while its sidecar is down"))
		case slices.Contains(vm.Application.Units, unit):
			r.say(ruleMisfit.At(at.Item(n, ""), "%s is listed twice", unit).WithHelp("drop one of the two"))
		default:
			vm.Application.Units = append(vm.Application.Units, unit)
		}
	}
	slices.Sort(vm.Application.Units)
	vm.Application.Timeout = r.wholeSeconds(in.Timeout, "timeout", in.At.Key("timeout"))
	if len(in.Units) == 0 && in.Start == "Wait" {
		r.say(ruleMisfit.At(in.At.Key("start"), "start: Wait applies to no unit").WithHelp("add `units: [<the application's>.service]`"))
	}
}

// maxDrain is the longest that a stop may take: a cloud that takes a VM away does not wait longer.
const maxDrain = time.Hour

// drain resolves how a VM is taken out of rotation.
func (r *resolver) drain(in *schema.Drain, vm *VM) {
	at := in.At.Key("timeout")
	vm.Drain = Drain{At: in.At, OnShutdown: *in.OnShutdown, Timeout: r.wholeSeconds(in.Timeout, "timeout", at)}
	if vm.Drain.Timeout > maxDrain {
		r.say(ruleMisfit.At(at, "draining for %s is longer than a stop may take, which is 1h", in.Timeout).WithHelp("write 1h or less"))
	}
}

// wholeSeconds reads a duration that systemd and the scripts count in seconds.
func (r *resolver) wholeSeconds(text, name string, at diag.Path) time.Duration {
	d, err := time.ParseDuration(text)
	switch {
	case text == "":
	case err != nil || d > 1<<31*time.Second:
		r.say(ruleMisfit.At(at, "%s is too long: %s", name, text).WithHelp("write a duration such as 5m"))
	case d < time.Second || d%time.Second != 0:
		r.say(ruleMisfit.At(at, "%s is not in whole seconds: %s", name, text).WithHelp("write %s", max(d.Truncate(time.Second), time.Second)))
	}
	return d
}

// openings resolves what else the firewall opens.
func (r *resolver) openings(in *schema.Firewall, vm *VM, g *Group) {
	unique(r, in.Open, func(o *schema.FirewallOpen) (string, diag.Path) { return o.Name, o.At })
	for n, o := range in.Open {
		open := FirewallOpen{At: o.At, Name: o.Name, Port: uint32(o.Port), UDP: o.Protocol == "UDP", From: r.prefixes(o.From, o.At.Key("from"))}
		vm.Firewall.Open = append(vm.Firewall.Open, open)
		at := o.At.Key("port")
		twin := slices.IndexFunc(in.Open[:n], func(p schema.FirewallOpen) bool { return p.Port == o.Port && p.Protocol == o.Protocol })
		switch {
		case twin >= 0:
			r.say(rulePortClash.At(at, "%q opens %s port %d already", in.Open[twin].Name, o.Protocol, o.Port).
				WithHelp("list the sources of both in one `from`"))
		case open.UDP:
		case open.Port == vm.Firewall.SSHPort:
			r.say(rulePortClash.At(at, "%d is the SSH port, which is always open", o.Port).WithHelp("limit it by `sshFrom`"))
		case slices.Contains(istioPorts, open.Port) || open.Port == uint32(vm.StatusPort()):
			r.say(rulePortClash.At(at, "%d is a port of the sidecar", o.Port).WithHelp("`allowFrom` and `scrapeFrom` open the sidecar's ports"))
		case g.takes(vm, open.Port):
			r.say(rulePortClash.At(at, "port %d is captured, so its traffic comes in through the sidecar on 15006", o.Port).
				WithHelp("drop it: `allowFrom` opens the workload's ports; or keep it out of vm.interception, where it is not for the mesh"))
		}
	}
	slices.SortFunc(vm.Firewall.Open, func(a, b FirewallOpen) int { return cmp.Compare(a.Name, b.Name) })
	at := in.At
	if in.Backend == "None" && len(in.SSHFrom) > 0 {
		r.say(ruleMisfit.At(at.Key("sshFrom"), "sshFrom has no effect beside backend: None").Key().WithHelp("drop it, or choose a backend"))
	}
	if in.Backend == "None" && len(in.Open) > 0 {
		r.say(ruleMisfit.At(at.Key("open"), "open has no effect beside backend: None").Key().WithHelp("drop it, or choose a backend"))
	}
}

// istioPorts are ports of the sidecar that have openings of their own.
var istioPorts = []uint32{portInbound, portHBONE, portStatus, portReady, portEnvoy}

// takes reports whether the sidecar captures a port of one of the group's VMs, or the workload is dialed there.
func (g *Group) takes(vm *VM, port uint32) bool {
	in := &vm.Interception
	if in.Mode == "NONE" {
		return false
	}
	if in.AllInbound {
		return !slices.Contains(in.ExcludeInboundPorts, port)
	}
	return slices.Contains(in.IncludeInboundPorts, port)
}

// ProbeCommand is what the agent on a VM runs as its probe: a script that asks what the spec's probe asks, and fails while the
// VM is out of rotation (generators/vms/scripts/probe.sh). The WorkloadGroup keeps the probe as the spec has it.
var ProbeCommand = []string{"/bin/bash", "/usr/local/lib/vmmesh/probe.sh"}
