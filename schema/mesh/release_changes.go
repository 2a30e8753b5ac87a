package mesh

// Change is what differs between releases of Istio for a mesh with VMs, and where that is said.
type Change struct {
	Name   string
	First  Release   // that has it
	Also   []Release // patches of older minors that have it too, each with all later patches of its minor
	What   string
	Source string // release note, issue or file and function
}

// has reports whether a release has a change.
func (c *Change) has(r Release) bool {
	if !r.before(c.First) {
		return true
	}
	for _, patch := range c.Also {
		if r.Minor == patch.Minor && r.Patch >= patch.Patch {
			return true
		}
	}
	return false
}

// Changes lists what changed in which release. Fields, allowed values, labels and annotations have tables of their own,
// made from the tags of istio.io/api: see manifest.FirstVersion and [KeySince].
var Changes = []*Change{
	&changeAllocates, &changeWorkloadSocket, &changeNativeNftables, &changeAmbientPorts, &changeLocalityLabel,
}

var (
	changeAllocates = Change{
		Name: "address-allocation", First: Release{25, 0},
		What:   "istiod gives a ServiceEntry without addresses a virtual IP",
		Source: "istio: pilot/pkg/features/pilot.go, PILOT_ENABLE_IP_AUTOALLOCATE",
	}
	changeWorkloadSocket = Change{
		Name: "workload-socket", First: Release{26, 0}, Also: []Release{{24, 4}, {25, 1}},
		What:   "Envoy's bootstrap takes WORKLOAD_IDENTITY_SOCKET_FILE, as the agent does",
		Source: "istio issue 51979",
	}
	changeNativeNftables = Change{
		Name: "native-nftables", First: Release{27, 0},
		What:   "NATIVE_NFTABLES: the agent captures with nft instead of iptables",
		Source: "istio: release notes of 1.27, native nftables",
	}
	changeAmbientPorts = Change{
		Name: "ambient-entry-ports", First: Release{28, 0},
		What:   "ztunnel honours the ports of a WorkloadEntry where the Service's targetPort is a number",
		Source: "istio issue 56251",
	}
	changeLocalityLabel = Change{
		Name: "locality-label", First: Release{29, 0},
		What:   "topology.istio.io/locality is read beside istio-locality",
		Source: "istio: release note 58186",
	}
)

// Fault is what a range of releases breaks on.
type Fault struct {
	Name        string
	First, Last Release // of the range, of one minor
	Good        Release // the first release of the minor without it
	What        string
	Source      string
}

// Faults lists releases that are known to break on what a spec can ask for.
var Faults = []*Fault{
	{
		Name: "ambient-other-network", First: Release{28, 0}, Last: Release{28, 5}, Good: Release{28, 6},
		What: "istiod crashes in an ambient mesh on a WorkloadEntry of another network", Source: "istio: release notes of 1.28.6",
	},
	{
		Name: "ambient-other-network", First: Release{29, 0}, Last: Release{29, 0}, Good: Release{29, 1},
		What: "istiod crashes in an ambient mesh on a WorkloadEntry of another network", Source: "istio: release notes of 1.29.1",
	},
}

// fault finds the entry of [Faults] for a release, nil for none.
func (r Release) fault(name string) *Fault {
	for _, f := range Faults {
		if f.Name == name && !r.before(f.First) && !r.Newer(f.Last) {
			return f
		}
	}
	return nil
}

// newVariables are variables of the agent that a user may set, and the minor that first reads them.
var newVariables = map[string]int{
	"NATIVE_NFTABLES": changeNativeNftables.First.Minor,
}
