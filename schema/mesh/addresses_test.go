package mesh

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vmmesh/vmmesh/schema/diag"
)

func TestAddress(t *testing.T) {
	for text, rule := range map[string]string{
		"192.168.1.1": "", "2001:db8::1": "", "::ffff:192.168.1.1": "", "169.253.1.1": "", "": "",
		"192.168.1": "VM040", "192.168.01.1": "VM040", "fe80::1%eth0": "VM040", "[::1]": "VM040", "vm1": "VM040", " 1.2.3.4": "VM040", "1.2.3.4/32": "VM040",
		"0.0.0.0": "VM042", "::": "VM042", "127.1.2.3": "VM042", "::1": "VM042", "169.254.169.254": "VM042", "fe80::1": "VM042", "224.0.0.1": "VM042",
		"ff02::1": "VM042", "255.255.255.255": "VM042", "::ffff:127.0.0.1": "VM042",
	} {
		r := &resolver{}
		a := r.address(text, diag.Root(&diag.Source{}))
		if rule == "" {
			require.Empty(t, r.findings, text)
			require.Equal(t, text != "", a.IsValid(), text)
			continue
		}
		require.Equal(t, []string{rule}, rules(r.findings), text)
	}
	r := &resolver{}
	require.Equal(t, netip.MustParseAddr("192.168.1.1"), r.address("::ffff:192.168.1.1", nil), "one address has one form")
}

func TestPrefixes(t *testing.T) {
	r := &resolver{}
	at := diag.Root(&diag.Source{})
	require.Equal(t, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("2001:db8::/32")},
		r.prefixes([]string{"10.0.0.0/8", "192.0.2.1", "2001:db8::/32"}, at))
	require.Empty(t, r.findings)
	require.Empty(t, r.prefixes([]string{"10.0.0.1/8", "10.0.0.0/33", "*", "example.com", ""}, at))
	require.Equal(t, []string{"VM041", "VM041", "VM041", "VM041", "VM041"}, rules(r.findings))
	require.Equal(t, "[3]", r.findings[3].At.String())
}
