package schema

import "testing"

// FuzzDecode walks any text through everything that this room does with it. Nothing panics; what the short way of
// Validate lets pass, the validator lets pass too; Default may be repeated.
func FuzzDecode(f *testing.F) {
	f.Add(string(complete(f)))
	for _, spec := range []string{
		"istio: {}", "workloads: [{name: pay, groups: [{name: v1, instances: [{name: vm1, address: 10.0.0.1}]}]}]",
		"workloads:\n- name: pay\n  gruops: []\n  probe: {tcpSocket: {port: 5432}}\n  metrics: {port: 1e3, path: \"\"}",
		"vm: {identity: {type: SPIRE, spire: {}}, interception: {includeInboundPorts: [\"*\", 8080, .nan]}}",
		"controlPlane: {meshConfig: {accessLogFile: x}, eastWestGateway: {selector: {a: null, b: \"\"}}}",
		"externalServices: [{name: x, serviceEntry: {hosts: [a.b]}}]\nlint: {ignore: [{rule: VM101, path: x, reason: y}]}",
		"namespaces: [1]\nnetworks: {a: b}\ngitops: null", "istio: &a {version: 1.31.1}\nvm: *a",
	} {
		f.Add(specOf(spec))
	}
	f.Fuzz(func(t *testing.T, src string) {
		docs, _ := Parse("fuzz.yaml", []byte(src))
		for _, d := range docs {
			findings := d.Validate()
			for _, finding := range findings {
				if finding.Rule == "" || finding.Message == "" || finding.At == nil {
					t.Fatalf("an empty finding: %+v", finding)
				}
			}
			if len(findings) == 0 {
				if more := d.judge(); len(more) > 0 {
					t.Fatalf("let pass, and refused: %v %s", more[0].At, more[0].Message)
				}
			}
			m, _ := d.Decode()
			Default(m)
			once := len(set(m))
			Default(m)
			if again := len(set(m)); again != once {
				t.Fatalf("Default made %d fields, then %d", once, again)
			}
		}
	})
}
