package mesh

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/vmmesh/vmmesh/schema/manifest"
)

// Release is a version of Istio, 1.<Minor>.<Patch>, and all that differs by it.
type Release struct{ Minor, Patch int }

// The releases that [Changes] has. A newer one is treated as the newest of them.
const (
	OldestMinor = 24
	NewestMinor = 31
)

// ParseRelease reads x.y.z. It returns false for anything else, and for releases before 1.24.
func ParseRelease(s string) (Release, bool) {
	parts := strings.Split(s, ".")
	if len(parts) != 3 || parts[0] != "1" {
		return Release{}, false
	}
	minor, err1 := strconv.Atoi(parts[1])
	patch, err2 := strconv.Atoi(parts[2])
	r := Release{Minor: minor, Patch: patch}
	return r, err1 == nil && err2 == nil && patch >= 0 && r.String() == s && minor >= OldestMinor && minor < 100
}

// String is x.y.z.
func (r Release) String() string { return fmt.Sprintf("1.%d.%d", r.Minor, r.Patch) }

// Known reports whether [Changes] has what changed in the release.
func (r Release) Known() bool { return r.Minor <= NewestMinor }

// before reports whether r came before other.
func (r Release) before(other Release) bool { return other.Newer(r) }

// Newer tells whether r came after other.
func (r Release) Newer(other Release) bool {
	return r.Minor > other.Minor || r.Minor == other.Minor && r.Patch > other.Patch
}

// NetworkingVersion is the apiVersion of networking kinds: v1 is served since 1.22 (istio: manifests/charts/base,
// crd-all.gen.yaml), which is before every release known here. So are SecurityVersion and TelemetryVersion.
func (r Release) NetworkingVersion() string { return "networking.istio.io/v1" }

// SecurityVersion is the apiVersion of security kinds.
func (r Release) SecurityVersion() string { return "security.istio.io/v1" }

// TelemetryVersion is the apiVersion of Telemetry.
func (r Release) TelemetryVersion() string { return "telemetry.istio.io/v1" }

// SourceServiceAccounts tells whether security.Source has serviceAccounts; without it they become principals.
func (r Release) SourceServiceAccounts() bool {
	return r.Minor >= manifest.FirstVersion("istio.security.v1beta1.Source", "serviceAccounts")
}

// AllocatesAddresses tells whether istiod gives a ServiceEntry without addresses a virtual IP of its own accord:
// PILOT_ENABLE_IP_AUTOALLOCATE is on by default since 1.25 (istio: pilot/pkg/features/pilot.go).
func (r Release) AllocatesAddresses() bool { return changeAllocates.has(r) }

// NamesWorkloadSocket tells whether a sidecar takes WORKLOAD_IDENTITY_SOCKET_FILE all the way: before 1.24.4 and 1.25.1
// the agent read it and Envoy's bootstrap did not (istio issue 51979).
func (r Release) NamesWorkloadSocket() bool {
	return changeWorkloadSocket.has(r)
}

// CapturesNatively reports whether istio-iptables can capture with nft (istio: release note of 1.27, --native-nftables).
func (r Release) CapturesNatively() bool { return r.Minor >= 27 }

// LocalityLabel is the label that says the locality of a workload where its object does not: topology.istio.io/locality, which
// istiod and the agent read since 1.29 (istio: release note 58186; api: the labels of 1.29.0), and istio-locality before. The newer
// ones still read the older label, so it is right wherever an older one reads too.
func (r Release) LocalityLabel() string {
	if changeLocalityLabel.has(r) {
		return labelLocality
	}
	return labelOldLocality
}
