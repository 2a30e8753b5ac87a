package mesh

import (
	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
)

// newKeys are labels and annotations of Istio's, and the minor that first had them: what the packages label and annotation of
// istio.io/api list for a minor and not for the one before (v1.24.0 … v1.31.1; a test of schema/manifest/internal/gen compares).
var newKeys = map[string]int{
	"ambient.istio.io/dns-capture":           25,
	"istio.io/reroute-virtual-interfaces":    25,
	"service.istio.io/workload-name":         25,
	"sidecar.istio.io/statsCompression":      26,
	"sidecar.istio.io/statsEvictionInterval": 28,
	"sidecar.istio.io/statsFlushInterval":    28,
	"sidecar.istio.io/statsHistogramBins":    28,
	"topology.istio.io/locality":             29,
	"istio.io/ingress-use-waypoint":          30,
	"istio.io/use-waypoint-canary":           31,
	"istio.io/use-waypoint-canary-namespace": 31,
	"istio.io/use-waypoint-canary-weight":    31,
}

// KeySince is the minor of the Istio that first had a label or an annotation; 0 for one that is older than 1.24, or nobody's.
func KeySince(key string) int { return newKeys[key] }

// keysOfRelease holds labels or annotations to what this Istio has.
func (r *resolver) keysOfRelease(keys map[string]string, at diag.Path, release Release) {
	for _, key := range sortedKeys(keys) {
		if since := newKeys[key]; since > release.Minor {
			r.say(manifest.NewerThan(at.Key(key), key, since, release.Minor).Key())
		}
	}
}
