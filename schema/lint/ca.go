package lint

import (
	"strings"
	"time"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

var tokensOfCA = diag.Rule{
	ID: "VM140", Name: "token-for-renewal", Severity: diag.Warning,
	Doc: "With a CA that is not istiod, VMs have a source of tokens for each renewal of their certificates.",
	Long: "istiod renews a certificate for whoever shows the old one. Other CAs that speak Istio's protocol, such as cert-manager's " +
		"istio-csr, accept tokens alone (istio issue 49202; cert-manager/istio-csr issue 279). A token in a file ends, and so does " +
		"the membership of the VM, with the certificate that it got for that token.",
	Bad: "istio: {caAddress: \"cert-manager-istio-csr.cert-manager.svc:443\"}",
	Good: "spec:\n  istio: {caAddress: \"cert-manager-istio-csr.cert-manager.svc:443\"}\n" +
		"  vm: {identity: {type: HTTP, http: {url: \"https://tokens.example.com/\"}}}",
}

func findTokensOfCA(m *mesh.Mesh, report Report) {
	for _, w := range m.Workloads {
		ca := w.Istio().CAAddress
		for _, g := range w.Groups {
			if ca == "" || g.VM.Identity.Type != "TokenFile" {
				continue
			}
			life := certificateLife(g)
			report(tokensOfCA.At(w.Istio().At.Key("caAddress"),
				"VMs of group %q are members for %s after their token ends: this CA renews for a valid token only", g.Name, spoken(life)).
				WithHelp("use vm.identity TokenRequest, HTTP or Command; or put a new token into %s before each renewal, every %s",
					g.VM.Identity.Path, spoken(life/2)))
		}
	}
}

// certificateLife is how long a VM's certificate lives: SECRET_TTL, 24 hours by default
// (istio: pilot/cmd/pilot-agent/options/options.go).
func certificateLife(g *mesh.Group) time.Duration {
	text := g.ProxyConfig().GetProxyMetadata()["SECRET_TTL"]
	for _, e := range g.VM.Env {
		if e.Name == "SECRET_TTL" {
			text = e.Value
		}
	}
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return d
	}
	return 24 * time.Hour
}

// spoken is a duration without units that are zero.
func spoken(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
