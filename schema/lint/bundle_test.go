package lint

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vmmesh/vmmesh/schema/diag"
)

// At the byte: what is full, what is nearly full and what has room.
func TestUserDataSizes(t *testing.T) {
	for _, c := range []struct {
		bytes    int
		smallest bool
		rules    []string
	}{
		{950, true, nil},
		{951, true, []string{"VM902"}},
		{1000, true, []string{"VM902"}},
		{1001, true, []string{"VM901"}},
		{1000, false, nil}, // it would be packed before it is too large
		{951, false, nil},
	} {
		found := Bundle(Sizes{UserData: []UserData{{Cloud: "AWS", Form: "gzipped", Bytes: c.bytes, Limit: 1000, Smallest: c.smallest}}})
		require.Len(t, found, len(c.rules), c.bytes)
		for i, rule := range c.rules {
			require.Equal(t, rule, found[i].Rule)
		}
	}
}

// The help is about what costs most.
func TestUserDataMend(t *testing.T) {
	for file, word := range map[string]string{"instances": "its 12 instances|whose 12 instances", "root-cert.pem": "istio.rootCert", "cluster.env": "vm.env", "mesh.yaml": "image"} {
		found := Bundle(Sizes{UserData: []UserData{{Bytes: 2, Limit: 1, Largest: file, LargestIs: 1, Listed: 12}}})
		require.Len(t, found, 1)
		require.Equal(t, diag.Error, found[0].Severity)
		require.Contains(t, found[0].Message, "of its own files "+file+" is the largest, with 1 bytes")
		require.Regexp(t, word, found[0].Help)
	}
}

func TestConfigMapSizes(t *testing.T) {
	require.Empty(t, Bundle(Sizes{ConfigMaps: []ConfigMap{{Name: "pay-vm", Bytes: 1 << 20}}}))
	found := Bundle(Sizes{ConfigMaps: []ConfigMap{{Name: "pay-vm", Bytes: 1<<20 + 1}}})
	require.Len(t, found, 1)
	require.Equal(t, "ConfigMap pay-vm holds 1048577 bytes, and Kubernetes takes 1048576", found[0].Message)
}

func TestCloudInitVersions(t *testing.T) {
	for version, old := range map[string]bool{"22.4": false, "22.4.2": false, "22.3.9": true, "22.10": false, "23.1": false, "9.9": true, "100.0": false, "0.7": true} {
		list := found(t, "  workloads: [{name: pay, groups: [{name: a}]}]\n  vm: {cloudInit: {minVersion: \""+version+"\"}}\n")
		if !old {
			require.Empty(t, list, version)
			continue
		}
		require.Len(t, list, 1, version)
		require.Equal(t, "spec.vm.cloudInit.minVersion", list[0].At.String())
	}
}

// No one asks for sizes while a mesh has errors; an ignored finding about them is then no leftover.
func TestSuppressKnowsWhatWasNotAsked(t *testing.T) {
	const ignore = "  lint: {ignore: [{rule: VM901, path: spec, reason: tested}]}\n"
	list := found(t, twins+ignore)
	require.Len(t, list, 1)
	require.Equal(t, "VM113", list[0].Rule)
	list = found(t, "  workloads: [{name: pay, groups: [{name: a}]}]\n"+ignore)
	require.Len(t, list, 1)
	require.Equal(t, "VM098", list[0].Rule)
}

func TestBundleTableIsSorted(t *testing.T) {
	for n := 1; n < len(BundleTable); n++ {
		require.Less(t, BundleTable[n-1].ID, BundleTable[n].ID)
	}
}
