package vms

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"mvdan.cc/sh/v3/syntax"

	"github.com/vmmesh/vmmesh/generators/vms/scripts"
)

// TestUsed: what a spec does not use is left out of its user-data, and what remains is a script, for each choice.
func TestUsed(t *testing.T) {
	for _, backend := range []string{"None", "UFW", "Nftables", "Firewalld"} {
		for _, identity := range []string{"TokenFile", "TokenRequest", "HTTP", "Command", "SPIRE"} {
			for _, source := range []string{"DefaultRoute", "Interface", "Metadata"} {
				for _, f := range scripts.Files() {
					got := used(f.Data, []string{backend, identity, source})
					if bytes.HasPrefix(f.Data, []byte("#!")) {
						_, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(bytes.NewReader(got), f.Path)
						require.NoError(t, err)
					}
					require.NotContains(t, string(got), "# only: ")
					switch f.Path {
					case "firewall.sh":
						require.Equal(t, backend == "UFW", bytes.Contains(got, []byte("ufw show added | sed")))
						require.Equal(t, backend == "Firewalld", bytes.Contains(got, []byte("policy()")))
					case "identity.sh":
						require.Equal(t, identity == "TokenRequest", bytes.Contains(got, []byte("kubernetes()")))
						require.Equal(t, identity == "TokenRequest" || identity == "HTTP", bytes.Contains(got, []byte("ask()")))
					case "address.sh":
						require.Equal(t, source == "Metadata", bytes.Contains(got, []byte("metadata()")))
					}
				}
			}
		}
	}
}
