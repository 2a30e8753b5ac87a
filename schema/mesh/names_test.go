package mesh

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNames(t *testing.T) {
	require.Equal(t, "pay-vm1", EntryName("pay", "vm1"))
	require.Equal(t, "pay.shop.svc.k8s.example.com", ServiceHost("pay", "shop", "k8s.example.com"))
	require.Equal(t, "istiod.istio-system.svc", IstiodHost("", "istio-system"))
	require.Equal(t, "istiod.istio-system.svc", IstiodHost("default", "istio-system"))
	require.Equal(t, "istiod-1-31.istio-system.svc", IstiodHost("1-31", "istio-system"))
	require.Equal(t, "cluster.local/ns/shop/sa/pay", Principal("cluster.local", "shop", "pay"))
}

func TestSubsetName(t *testing.T) {
	for version, name := range map[string]string{"v1": "v1", "1.0": "1-0", "V1_b": "v1-b", "": "", "2026.11.22": "2026-11-22"} {
		require.Equal(t, name, subsetName(version), version)
		require.True(t, name == "" || isDNSLabel(name), name)
	}
}

func TestHostObject(t *testing.T) {
	for host, name := range map[string]string{"db.example.com": "db-db-example-com", "*.example.com": "db-any-example-com"} {
		require.Equal(t, name, hostObject("db", host))
		require.True(t, isDNSName(name))
	}
}

func TestForms(t *testing.T) {
	long := strings.Repeat("a", 64)
	for name, ok := range map[string]bool{"a": true, "a-b": true, "0": true, "": false, "-a": false, "a-": false, "A": false, "a.b": false, long: false, long[1:]: true} {
		require.Equal(t, ok, isDNSLabel(name), name)
	}
	for name, ok := range map[string]bool{"a.b": true, "a..b": false, ".a": false, "a.": false, "*.a": false, "a_b": false, long + ".b": false,
		strings.Repeat("a.", 126) + "a": true, strings.Repeat("a.", 127) + "a": false} {
		require.Equal(t, ok, isDNSName(name), name)
	}
	for value, ok := range map[string]bool{"": true, "A_b.c-1": true, "-a": false, "a b": false, "a/b": false, long: false, long[1:]: true} {
		require.Equal(t, ok, isLabelValue(value), value)
	}
	for key, ok := range map[string]bool{"app": true, "a.b/C_d": true, "/a": false, "a/": false, "A/b": false, "a/b/c": false, "": false, "a/" + long: false} {
		require.Equal(t, ok, isQualifiedKey(key), key)
	}
}
