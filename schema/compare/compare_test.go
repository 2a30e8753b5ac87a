package compare

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// stream is one side as manifests from anywhere.
func stream(text string) Old { return Old{Files: []File{{Path: "old.yaml", Text: []byte(text)}}} }

// made is what a build would make.
func made(text string) New {
	return New{Files: []File{{Path: "manifests/all.yaml", Text: []byte(text)}}, Kinds: map[string]bool{
		"Service": true, "DestinationRule": true, "VirtualService": true, "WorkloadGroup": true, "WorkloadEntry": true,
		"PeerAuthentication": true, "AuthorizationPolicy": true, "ServiceEntry": true, "Namespace": true,
	}}
}

func compared(t *testing.T, old, new string) Changes {
	t.Helper()
	c, findings, err := Compare(stream(old), made(new))
	require.NoError(t, err)
	require.Empty(t, findings)
	return c
}

func text2(t *testing.T, c Changes, colour bool) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, WriteText(&b, &c, colour))
	return b.String()
}

func doc(apiVersion, kind, name, rest string) string {
	return "---\napiVersion: " + apiVersion + "\nkind: " + kind + "\nmetadata: {name: " + name + ", namespace: ns}\n" + rest
}

// A spec cannot route to a subset that is not there; manifests that passed through an overlay can.
func TestSubsetRemovedWhileRouted(t *testing.T) {
	rule := func(version, subsets string) string {
		return doc("networking.istio.io/"+version, "DestinationRule", "pay", "spec: {host: pay.ns.svc.cluster.local, subsets: ["+subsets+"]}\n")
	}
	for _, route := range []string{
		`{http: [{route: [{destination: {host: pay, subset: v2}}]}]}`,
		`{http: [{route: [{destination: {host: x}}], mirror: {host: pay.ns.svc.cluster.local, subset: v2}}]}`,
		`{http: [{route: [{destination: {host: x}}], mirrors: [{destination: {host: pay.ns.svc.cluster.local, subset: v2}}]}]}`,
		`{tcp: [{route: [{destination: {host: pay.ns.svc.cluster.local, subset: v2}}]}]}`,
		`{tls: [{route: [{destination: {host: pay.ns.svc.cluster.local, subset: v2}}]}]}`,
	} {
		routes := doc("networking.istio.io/v1", "VirtualService", "pay", "spec: "+route+"\n")
		c := compared(t, rule("v1beta1", "{name: v1}, {name: v2}")+routes, rule("v1", "{name: v1}")+routes)
		require.Equal(t, []Consequence{{
			Severity: Breaks, Meaning: "subset-removed", Object: ID{networking, "DestinationRule", "ns", "pay"},
			Message: "subset v2 goes while routes of VirtualService ns/pay still lead there: those requests get 503",
		}}, c.Consequences, route)
		// The version of an API is a field like others.
		require.Contains(t, text2(t, c, false), "    apiVersion: networking.istio.io/v1beta1 → networking.istio.io/v1\n")
	}
	// Each VirtualService is named once.
	twice := doc("networking.istio.io/v1", "VirtualService", "a", "spec: {http: [{route: [{destination: {host: pay, subset: v2}}]}, {route: [{destination: {host: pay, subset: v2}}]}]}\n")
	again := strings.Replace(twice, "name: a", "name: b", 1)
	found := compared(t, rule("v1", "{name: v1}, {name: v2}")+twice+again, rule("v1", "{name: v1}")+twice+again).Consequences
	require.Equal(t, "subset v2 goes while routes of VirtualService ns/a, VirtualService ns/b still lead there: those requests get 503", found[0].Message)
	// Another host's subset of the same name is another.
	routes := doc("networking.istio.io/v1", "VirtualService", "pay", "spec: {http: [{route: [{destination: {host: other, subset: v2}}]}]}\n")
	c := compared(t, rule("v1", "{name: v1}, {name: v2}")+routes, rule("v1", "{name: v1}")+routes)
	require.Equal(t, Note, c.Consequences[0].Severity)
}

func TestSelectorThatMatchesNoVM(t *testing.T) {
	group := doc("networking.istio.io/v1", "WorkloadGroup", "g", "spec: {metadata: {labels: {app: pay}}}\n")
	service := func(selector string) string { return doc("v1", "Service", "pay", "spec: {selector: "+selector+"}\n") }
	c := compared(t, group+service("{app: pay}"), group+service("{app: pay, env: prod}"))
	require.Len(t, c.Consequences, 1)
	require.Equal(t, Breaks, c.Consequences[0].Severity)
	require.Equal(t, "it selects {app: pay, env: prod} from now on, which no WorkloadGroup or static entry has: calls reach no VM", c.Consequences[0].Message)

	// Both labels are there, but on two VMs.
	half := doc("networking.istio.io/v1", "WorkloadEntry", "x-1", "spec: {labels: {app: pay, env: dev}}\n") +
		doc("networking.istio.io/v1", "WorkloadEntry", "x-2", "spec: {labels: {app: web, env: prod}}\n")
	c = compared(t, half+service("{app: pay}"), half+service("{app: pay, env: prod}"))
	require.Equal(t, Breaks, c.Consequences[0].Severity)

	entry := func(selector string) string {
		return doc("networking.istio.io/v1", "ServiceEntry", "pay", "spec: {workloadSelector: {labels: "+selector+"}}\n")
	}
	c = compared(t, group+entry("{app: pay}"), group+entry("{app: other}"))
	require.Equal(t, "selector-changed", c.Consequences[0].Meaning)
	require.Equal(t, Breaks, c.Consequences[0].Severity)
}

func TestServiceBecomesServiceEntry(t *testing.T) {
	old := doc("v1", "Service", "pay", "spec: {}\n")
	c := compared(t, old, doc("networking.istio.io/v1", "ServiceEntry", "pay", "spec: {hosts: [pay.ns.svc.cluster.local]}\n"))
	require.Equal(t, Note, c.Consequences[0].Severity)
	c = compared(t, old, doc("networking.istio.io/v1", "ServiceEntry", "pay", "spec: {hosts: [pay.example.com]}\n"))
	require.Equal(t, Breaks, c.Consequences[0].Severity)
}

// Groups, their entries and their VMs, with an export of a cluster that has those that registered.
func TestVMs(t *testing.T) {
	group := func(name, labels, template string) string {
		return doc("networking.istio.io/v1", "WorkloadGroup", name, "spec: {metadata: {labels: {"+labels+"}}, template: {"+template+"}}\n")
	}
	entry := func(name, spec string) string {
		return doc("networking.istio.io/v1", "WorkloadEntry", name, "spec: {"+spec+"}\n")
	}
	registered := func(group string, names ...string) (all string) {
		for _, name := range names {
			all += "---\napiVersion: networking.istio.io/v1\nkind: WorkloadEntry\n" +
				"metadata: {name: " + name + ", namespace: ns, annotations: {istio.io/autoRegistrationGroup: " + group + "}}\n"
		}
		return all
	}
	account := func(name string) string { return doc("v1", "ServiceAccount", name, "") }
	const namespace = "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: ns}\n"

	for _, c := range []struct {
		name, old, new string
		want           []string
	}{
		{"all that a group has", group("g", "a: b", "") + entry("g-1", "") + registered("g", "g-10.0.0.1", "g-10.0.0.2"), group("other", "a: c", ""), []string{
			"breaks group-removed: WorkloadGroup ns/g: it goes, and with it 1 static entry (g-1) and 2 registered VMs (g-10.0.0.1, g-10.0.0.2): those VMs take no more traffic",
		}},
		{"several static entries", group("g", "", "") + entry("g-1", "") + entry("g-2", ""), "{}", []string{
			"breaks group-removed: WorkloadGroup ns/g: it goes, and with it 2 static entries (g-1, g-2): those VMs take no more traffic, and neither does any VM that registered in it",
		}},
		{"an entry that stays beside one that goes", group("g", "", "") + entry("g-1", "") + entry("g-2", ""), entry("g-1", ""), []string{
			"breaks group-removed: WorkloadGroup ns/g: it goes, and with it 1 static entry (g-2): that VM takes no more traffic, and neither does any VM that registered in it",
		}},
		{"entries that stay", group("g", "", "") + entry("g-1", "") + entry("g-2", ""), entry("g-1", "") + entry("g-2", ""), []string{
			"breaks group-removed: WorkloadGroup ns/g: it goes, and with it every registered VM; its 2 static entries stay",
		}},
		{"another name", group("g", "a: b", "") + registered("g", "g-10.0.0.1"), group("h", "a: b", ""), []string{
			"breaks group-renamed: WorkloadGroup ns/g: it becomes h: 1 registered VM (g-10.0.0.1) is dropped from the mesh with the old group until set up again for h",
		}},
		{"two groups cannot become one", group("f", "a: b", "") + group("g", "a: b", ""), group("h", "a: b", ""), []string{
			"breaks group-removed: WorkloadGroup ns/g: it goes, and with it every registered VM: it has no static entries, so its VMs registered by themselves, and only the cluster has their number",
			"breaks group-renamed: WorkloadGroup ns/f: it becomes h: every registered VM is dropped from the mesh with the old group until set up again for h",
		}},
		{"groups without labels are not one renamed", group("g", "", ""), doc("networking.istio.io/v1", "WorkloadGroup", "h", ""), []string{
			"breaks group-removed: WorkloadGroup ns/g: it goes, and with it every registered VM: it has no static entries, so its VMs registered by themselves, and only the cluster has their number",
		}},
		{"a group that is changed", group("g", "a: b", "ports: {http: 1}") + registered("g", "g-10.0.0.1"), group("g", "a: b", "ports: {http: 2}"), []string{
			"risk group-changed: WorkloadGroup ns/g: what changes (ports) is for VMs that register from now on: the entries that istiod made of 1 registered VM (g-10.0.0.1) stay as they are",
		}},
		{"a group with static entries that is changed", group("g", "a: b", "ports: {http: 1}") + entry("g-1", ""), group("g", "a: b", "ports: {http: 2}") + entry("g-1", ""), nil},
		{"annotations for VMs", doc("networking.istio.io/v1", "WorkloadGroup", "g", "spec: {metadata: {annotations: {a: b}}}\n"),
			doc("networking.istio.io/v1", "WorkloadGroup", "g", "spec: {metadata: {annotations: {a: c}}, probe: {periodSeconds: 3}}\n"), []string{
				"risk group-changed: WorkloadGroup ns/g: what changes (annotations) is for VMs that register from now on: the entries that istiod made of every registered VM stay as they are",
			}},
		{"the group with the longest name", group("g", "", "") + group("g-h", "", "") + entry("g-h-1", "") + entry("g-1", ""), group("g", "", "") + group("g-h", "", "") + entry("g-1", ""), []string{
			"breaks entry-removed: WorkloadGroup ns/g-h: it loses 1 static entry (g-h-1) and has none left: only VMs that register by themselves take its traffic",
		}},
		{"entries of no group", entry("x-1", "address: 10.0.0.1") + entry("x-2", "address: 10.0.0.2"), entry("x-2", "address: 10.0.0.3"), []string{
			"breaks entry-removed: WorkloadEntry ns/x-1: it goes: its VM, 10.0.0.1, takes no more traffic",
			"risk entry-address: WorkloadEntry ns/x-2: callers dial 10.0.0.3 instead of 10.0.0.2: a VM that is still at the old address takes no more traffic",
		}},
		{"several entries of a group", group("g", "", "") + entry("g-1", "") + entry("g-2", "") + entry("g-3", "") + entry("g-4", "") + entry("g-5", "") + entry("g-6", "") + entry("g-7", ""),
			group("g", "", "") + entry("g-6", "") + entry("g-7", ""), []string{
				"risk entry-removed: WorkloadGroup ns/g: it loses 5 static entries (g-1, g-2, g-3 and 2 more): those VMs take no more traffic, and the other 2 take all of it",
			}},
		{"several addresses of a group", group("g", "", "") + entry("g-1", "address: 1.1.1.1") + entry("g-2", "address: 1.1.1.2"), group("g", "", "") + entry("g-1", "address: 1.1.2.1") + entry("g-2", "address: 1.1.2.2"), []string{
			"risk entry-address: WorkloadGroup ns/g: 2 static entries have other addresses (g-1, g-2): a VM that is still at its old one takes no more traffic",
		}},
		{"an account of entries that differ from their group", group("g", "", "serviceAccount: a") + entry("g-1", "serviceAccount: b") + entry("g-2", "serviceAccount: b") + entry("g-3", "serviceAccount: a"),
			group("g", "", "serviceAccount: a") + entry("g-1", "") + entry("g-2", "") + entry("g-3", "serviceAccount: a"), []string{
				"breaks identity-changed: WorkloadGroup ns/g: the identity of 2 VMs (g-1, g-2) becomes ns/default instead of ns/b: each needs a token for the new one, and policies that name the old one no longer match",
			}},
		{"policies that name the old account, or another", group("g", "", "serviceAccount: a") + entry("g-1", "serviceAccount: a"),
			group("g", "", "serviceAccount: b") + entry("g-1", "serviceAccount: b") +
				doc("security.istio.io/v1", "AuthorizationPolicy", "p", "spec: {action: AUDIT, rules: [{from: [{source: {principals: [cluster.local/ns/ns/sa/a]}}]}]}\n") +
				doc("security.istio.io/v1", "AuthorizationPolicy", "q", "spec: {action: AUDIT, rules: [{from: [{source: {principals: [cluster.local/ns/other/sa/a], serviceAccounts: [other/a]}}]}]}\n"), []string{
				"breaks identity-changed: WorkloadGroup ns/g: the identity of its VMs becomes ns/b instead of ns/a: each needs a token for the new one, and policies that name the old one no longer match (here AuthorizationPolicy ns/p)",
			}},
		{"no account is the default one", group("g", "", "serviceAccount: default") + entry("g-1", "serviceAccount: default"), group("g", "", "") + entry("g-1", ""), nil},
		{"an account that is not used here", account("a"), "{}", []string{
			"risk account-removed: ServiceAccount ns/a: it goes: its tokens are not valid any more, here or wherever else it is used",
		}},
		{"an account that a new group uses", account("a"), group("g", "", "serviceAccount: a"), []string{
			"breaks account-removed: ServiceAccount ns/a: it goes while 1 WorkloadGroup (g) still uses it: unless it is made elsewhere, their VMs get no token",
		}},
		{"the whole namespace", namespace + account("a") + group("g", "a: b", "") + entry("g-1", "") + registered("g", "g-10.0.0.1") + doc("v1", "Service", "s", "") +
			doc("networking.istio.io/v1", "ServiceEntry", "e", "spec: {hosts: [a.b]}\n") + doc("networking.istio.io/v1", "DestinationRule", "d", "spec: {host: s, subsets: [{name: v1}]}\n"), "{}", []string{
			"breaks namespace-removed: Namespace ns: it goes, with all that is in it, whoever made it: here 1 WorkloadGroup, 1 static entry and 1 registered VM; clients of 1 Service (s) fail",
		}},
		{"a namespace that stays", namespace + account("a"), namespace, []string{
			"risk account-removed: ServiceAccount ns/a: it goes: its tokens are not valid any more, here or wherever else it is used",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			with := made(c.new)
			with.Kinds["ServiceAccount"] = true
			changes, findings, err := Compare(stream(c.old), with)
			require.NoError(t, err)
			require.Empty(t, findings)
			for _, m := range changes.Consequences {
				got = append(got, m.Severity.String()+" "+m.Meaning+": "+m.Object.String()+": "+m.Message)
			}
			require.Equal(t, c.want, got)
		})
	}
}

func TestHostsAndPorts(t *testing.T) {
	service := func(spec string) string { return doc("v1", "Service", "s", "spec: {"+spec+"}\n") }
	entry := func(spec string) string {
		return doc("networking.istio.io/v1", "ServiceEntry", "e", "spec: {"+spec+"}\n")
	}
	routes := func(spec string) string {
		return doc("networking.istio.io/v1", "VirtualService", "r", "spec: {"+spec+"}\n")
	}
	to := func(hosts ...string) string { return "http: [{route: [" + strings.Join(hosts, ", ") + "]}]" }
	for _, c := range []struct {
		old, new string
		want     []string
	}{
		{service("ports: [{name: a, port: 1}, {name: b, port: 2}]"), service("ports: [{name: b, port: 2}, {name: a, port: 3}]"),
			[]string{"breaks: port 1 (a) becomes 3: clients that dial 1 fail"}},
		{service("ports: [{port: 1}, {port: 2}]"), service("ports: [{port: 2}]"), []string{"breaks: port 1 (none) goes: clients that dial it fail"}},
		{service("ports: [{name: a, port: 1, targetPort: 1}]"), service("ports: [{name: z, port: 1}]"), nil},
		{entry("ports: [{name: a, number: 1}]"), entry("ports: [{name: a, number: 1, targetPort: 2}]"),
			[]string{"risk: port 1 leads to port 2 of its VMs instead of 1: they must listen there first"}},
		{entry("hosts: [a.b, c.d, e.f]"), entry("hosts: [c.d]"), []string{"breaks: a.b, e.f go: clients that call them fail, or leave the mesh unseen"}},
		{entry("hosts: [a.b]"), entry("hosts: [a.b]"), nil},
		{routes("hosts: [a, b]"), routes("hosts: [b, a]"), nil},
		{routes("hosts: [a, b]"), routes("hosts: [b, c]"), []string{"risk: its routes are no longer for a: calls there go where they would go without it"}},
		{routes(to("{destination: {host: a}}")), routes(to("{destination: {host: a}, weight: 70}", "{destination: {host: b.c}, weight: 30}")),
			[]string{"note: traffic shifts: a.ns.svc 100 → 70"}},
		{routes(to("{destination: {host: a}, weight: 1}", "{destination: {host: b}}")), routes(to("{destination: {host: a.ns.svc.x}, weight: 1}", "{destination: {host: b}, weight: 0}")), nil},
		{routes("http: [{route: [{destination: {host: a}, weight: 1}]}, {}]"), routes(to("{destination: {host: a}, weight: 2}")), nil},
		{routes("tcp: [{route: [{destination: {host: a}, weight: 1}]}], tls: [{route: [{destination: {host: b}, weight: 1}]}]"),
			routes("tcp: [{route: [{destination: {host: a}, weight: 2}]}], tls: [{route: [{destination: {host: b}, weight: 3}]}]"),
			[]string{"note: traffic shifts: a.ns.svc 1 → 2, b.ns.svc 1 → 3"}},
	} {
		var got []string
		for _, m := range compared(t, c.old, c.new).Consequences {
			got = append(got, m.Severity.String()+": "+m.Message)
		}
		require.Equal(t, c.want, got, "%s to %s", c.old, c.new)
	}
}

// A policy that gets another action.
func TestActionChanges(t *testing.T) {
	group := doc("networking.istio.io/v1", "WorkloadGroup", "g", "spec: {metadata: {labels: {app: pay}}}\n")
	policy := func(action string) string {
		return doc("security.istio.io/v1", "AuthorizationPolicy", "p", "spec: {selector: {matchLabels: {app: pay}}, rules: [{}]"+action+"}\n")
	}
	meanings := func(old, new string) (found []string) {
		for _, m := range compared(t, group+old, group+new).Consequences {
			found = append(found, m.Severity.String()+" "+m.Meaning)
		}
		return found
	}
	require.Empty(t, meanings(policy(""), policy(", action: ALLOW")))
	require.Equal(t, []string{"breaks deny-changed", "risk allow-removed"}, meanings(policy(""), policy(", action: DENY")))
	require.Equal(t, []string{"breaks allow-added", "risk deny-changed"}, meanings(policy(", action: DENY"), policy("")))
	// One of another selector makes no difference.
	other := strings.Replace(strings.Replace(policy(""), "name: p", "name: q", 1), "app: pay", "app: web", 1)
	require.Equal(t, []string{"breaks allow-added"}, meanings(other, other+policy("")))
	second := strings.NewReplacer("name: p", "name: q", "rules: [{}]", "rules: [{a: 1}]").Replace(policy(""))
	require.Equal(t, []string{"risk allow-added"}, meanings(second, second+policy("")))
	require.Equal(t, []string{"breaks allow-removed"}, meanings(second+policy(""), second))
	// One of the whole namespace counts for each workload in it, and not the other way round.
	wide := strings.NewReplacer("name: p", "name: w", "selector: {matchLabels: {app: pay}}, ", "", "rules: [{}]", "rules: [{b: 1}]").Replace(policy(""))
	require.Equal(t, []string{"risk allow-added"}, meanings(wide, wide+policy("")))
	require.Equal(t, []string{"breaks allow-removed"}, meanings(wide+policy(""), wide))
	require.Equal(t, []string{"breaks allow-added"}, meanings(policy(""), wide+policy("")))
}

func TestRules(t *testing.T) {
	policy := func(action, rules string) string {
		return doc("security.istio.io/v1", "AuthorizationPolicy", "p", "spec: {action: "+action+", rules: ["+rules+"]}\n")
	}
	for _, c := range []struct{ action, old, new, want string }{
		{"ALLOW", "{a: 1}", "{a: 1}, {a: 2}", "note: who is allowed changes: 1 rule added"},
		{"ALLOW", "{a: 1}, {a: 2}", "{a: 1}", "risk: who is allowed changes: 1 rule removed"},
		{"ALLOW", "{a: 1}, {a: 2}", "{a: 1}, {a: 3}", "risk: who is allowed changes: 1 rule changed"},
		{"DENY", "{a: 1}", "{a: 1}, {a: 2}", "risk: who is denied changes: 1 rule added"},
		{"DENY", "{a: 1}, {a: 2}", "{a: 1}", "note: who is denied changes: 1 rule removed"},
		{"AUDIT", "", "{a: 1}", "note: who is subject to AUDIT changes: 1 rule added"},
	} {
		found := compared(t, policy(c.action, c.old), policy(c.action, c.new)).Consequences
		require.Len(t, found, 1)
		require.Equal(t, c.want, found[0].Severity.String()+": "+found[0].Message)
	}
}

// What the modes of mTLS mean, from and to each, for all ports and for one.
func TestModes(t *testing.T) {
	group := doc("networking.istio.io/v1", "WorkloadGroup", "g", "spec: {metadata: {labels: {app: pay}}}\n")
	policy := func(spec string) string {
		return doc("security.istio.io/v1", "PeerAuthentication", "p", "spec: {selector: {matchLabels: {app: pay}}"+spec+"}\n")
	}
	mtls := func(mode string) string { return ", mtls: {mode: " + mode + "}" }
	port := func(mode string) string { return `, portLevelMtls: {"8080": {mode: ` + mode + `}}` }
	for _, c := range []struct{ old, new, want string }{
		{mtls("STRICT"), mtls("STRICT"), ""},
		{mtls("PERMISSIVE"), "", ""},
		{mtls("PERMISSIVE"), mtls("STRICT"), "breaks mtls-stricter: mTLS becomes STRICT"},
		{"", mtls("STRICT"), "breaks mtls-stricter: mTLS becomes STRICT"},
		{mtls("DISABLE"), mtls("PERMISSIVE"), "note mtls-stricter: mTLS becomes PERMISSIVE"},
		{mtls("DISABLE"), mtls("STRICT"), "breaks mtls-stricter: mTLS becomes STRICT"},
		{mtls("STRICT"), mtls("PERMISSIVE"), "risk mtls-looser: mTLS becomes PERMISSIVE"},
		{mtls("PERMISSIVE"), mtls("DISABLE"), "risk mtls-looser: mTLS becomes DISABLE"},
		{mtls("STRICT"), mtls("STRICT") + port("PERMISSIVE"), "risk mtls-looser: mTLS of port 8080 becomes PERMISSIVE"},
		{mtls("STRICT") + port("DISABLE"), mtls("STRICT"), "breaks mtls-stricter: mTLS of port 8080 becomes STRICT"},
		{mtls("STRICT") + port("UNSET"), mtls("STRICT"), ""},
		{mtls("STRICT") + port("PERMISSIVE"), mtls("PERMISSIVE") + port("PERMISSIVE"), "risk mtls-looser: mTLS becomes PERMISSIVE"},
	} {
		found := compared(t, group+policy(c.old), group+policy(c.new)).Consequences
		if c.want == "" {
			require.Empty(t, found, "%s to %s", c.old, c.new)
			continue
		}
		require.Len(t, found, 1, "%s to %s", c.old, c.new)
		require.True(t, strings.HasPrefix(found[0].Severity.String()+" "+found[0].Meaning+": "+strings.Replace(found[0].Message, " of g ", " ", 1), c.want), found[0])
	}
	// The namespace's own mode holds where a policy sets none.
	wide := doc("security.istio.io/v1", "PeerAuthentication", "default", "spec: {mtls: {mode: STRICT}}\n")
	require.Empty(t, compared(t, group+wide+policy(mtls("STRICT")), group+wide).Consequences)
	require.Empty(t, compared(t, group+wide, group+wide+policy(mtls("STRICT"))).Consequences)
	both := compared(t, group+wide+policy(mtls("STRICT")), group).Consequences
	require.Len(t, both, 1)
	require.Equal(t, []ID{{security, "PeerAuthentication", "ns", "p"}}, both[0].Others)
	elsewhere := strings.Replace(wide, "namespace: ns", "namespace: elsewhere", 1)
	require.Len(t, compared(t, group+elsewhere, group+elsewhere+policy(mtls("STRICT"))).Consequences, 1)
	// A policy without a VM that was there before means nothing to anyone.
	require.Empty(t, compared(t, "", group+policy(mtls("STRICT"))).Consequences)
}

func TestColour(t *testing.T) {
	c := compared(t, doc("v1", "Service", "a", "spec: {x: 1}\n"), doc("v1", "Service", "a", "spec: {x: 2}\n")+doc("v1", "Service", "b", ""))
	coloured := text2(t, c, true)
	require.Contains(t, coloured, "\x1b[33m~\x1b[0m Service ns/a\n")
	require.Contains(t, coloured, "\x1b[32m+\x1b[0m Service ns/b\n")
	plain := text2(t, c, false)
	require.NotContains(t, plain, "\x1b")
	for _, code := range []string{"\x1b[33m", "\x1b[32m", "\x1b[1m", "\x1b[0m"} {
		coloured = strings.ReplaceAll(coloured, code, "")
	}
	require.Equal(t, plain, coloured)
}

// Names from a file do not reach the terminal unescaped.
func TestHostileNames(t *testing.T) {
	c := compared(t, doc("v1", "Service", `"a\e[2J\u202e"`, "spec: {}\n")+doc("example.com/v1", `"Evil\e[2J"`, "x", ""), "")
	require.NotContains(t, text2(t, c, false), "\x1b")
	require.Contains(t, text2(t, c, false), `- Service "ns/a\x1b[2J\u202e"`)
	require.Equal(t, []string{`1 object that vmmesh does not make was not compared ("Evil\x1b[2J")`}, c.Notes)
}

// Programs rely on every field of this.
func TestJSON(t *testing.T) {
	c := compared(t, doc("v1", "Service", "a", "spec: {x: [1, <y>]}\n"), doc("v1", "Service", "a", "spec: {z: {b: true}}\n"))
	c.Files = []FileChange{{Change: Changed, Path: "kustomization.yaml", Why: "changed by hand", Lines: []Line{{Added, "x"}}}}
	c.Consequences = []Consequence{{
		Severity: Risk, Meaning: "weights", Object: c.Objects[0].ID, Others: []ID{{Kind: "Namespace", Name: "x"}}, Message: "so so", Steps: []string{"one"},
	}}
	c.Setup = []Setup{{Group: ID{networking, "WorkloadGroup", "ns", "g"}, VMs: []string{"g-1"}, Restart: true, Files: []string{"vm.env"}}}
	c.Deletions = []Deletion{{ID: ID{Kind: "Service", Namespace: "ns", Name: "old"}, Now: c.Objects[0].ID, Flux: true, Pruned: true}}
	c.Strangers, c.Notes = []string{"mine.yaml"}, []string{"a note"}
	var b bytes.Buffer
	require.NoError(t, WriteJSON(&b, &c))
	require.Equal(t, `{
  "objects": [
    {"change":"changed","group":"","kind":"Service","namespace":"ns","name":"a","was":"","fields":[`+
		`{"change":"removed","path":"spec.x","old":[1,"<y>"],"new":null},{"change":"added","path":"spec.z","old":null,"new":{"b":true}}]}
  ],
  "files": [
    {"change":"changed","path":"kustomization.yaml","why":"changed by hand","lines":["+ x"]}
  ],
  "meanings": [
    {"severity":"risk","meaning":"weights","object":"Service ns/a","others":["Namespace x"],"message":"so so","steps":["one"]}
  ],
  "setup": [
    {"group":"WorkloadGroup ns/g","vms":["g-1"],"restart":true,"files":["vm.env"]}
  ],
  "deletions": [
    {"object":"Service ns/old","now":"Service ns/a","by":["kubectlPrune","flux"]}
  ],
  "delete": [
    "kubectl delete -n ns service old"
  ],
  "strangers": [
    "mine.yaml"
  ],
  "notes": [
    "a note"
  ],
  "same": false
}
`, b.String())
	require.True(t, json.Valid(b.Bytes()))
	b.Reset()
	require.NoError(t, WriteJSON(&b, &Changes{}))
	require.Equal(t, `{
  "objects": [],
  "files": [],
  "meanings": [],
  "setup": [],
  "deletions": [],
  "delete": [],
  "strangers": [],
  "notes": [],
  "same": true
}
`, b.String())
}

func TestJSONOfNumbersThatJSONLacks(t *testing.T) {
	c := compared(t, doc("v1", "Service", "a", "spec: {x: .inf, y: [.nan, {z: -.inf}]}\n"), doc("v1", "Service", "a", "spec: {x: 1}\n"))
	var b bytes.Buffer
	require.NoError(t, WriteJSON(&b, &c))
	require.Contains(t, b.String(), `"old":".inf"`)
	require.Contains(t, b.String(), `".nan"`)
	require.Contains(t, b.String(), `"-.inf"`)
}

// A lock of a tree whose files are all as a build would write them.
func TestLock(t *testing.T) {
	const text = "a: 1\n"
	other := sum([]byte("other"))
	right := Locked{Path: "manifests/all.yaml", SHA256: sum([]byte(text)), Mode: 0o644}
	list := func(change func(*Locked)) []Locked {
		f := right
		change(&f)
		return []Locked{f}
	}
	const stale = "its list of files is not that of a build"
	for _, c := range []struct {
		name  string
		spec  string
		files []Locked
		want  string
	}{
		{"right", "s", []Locked{right}, ""},
		{"a spec with other comments", "r", []Locked{right}, ""},
		{"empty", "s", nil, stale},
		{"another sum", "s", list(func(f *Locked) { f.SHA256 = other }), stale},
		{"another mode", "s", list(func(f *Locked) { f.Mode = 0o755 }), stale},
		{"one that is gone, and nowhere else", "s", []Locked{right, {Path: "manifests/gone.yaml", SHA256: other, Mode: 0o644}}, stale},
	} {
		old := Old{Lock: &Lock{SpecSHA256: c.spec, Files: c.files}, Read: func(path string) (File, error) {
			if path != right.Path {
				return File{}, fs.ErrNotExist
			}
			return File{Text: []byte(text), Mode: 0o644}, nil
		}}
		with := made(text)
		with.SpecSHA256, with.Files[0].Mode = "s", 0o644
		got, _, err := Compare(old, with)
		require.NoError(t, err)
		if c.want == "" {
			require.Equal(t, Changes{}, got, c.name)
			continue
		}
		require.Equal(t, []FileChange{{Change: Changed, Path: LockName, Why: c.want}}, got.Files, c.name)
		require.False(t, got.Same())
	}
}

// A file that cannot be read is an error of its own; that it is missing is not.
func TestReadFails(t *testing.T) {
	broken := errors.New("broken disk")
	old := Old{Lock: &Lock{}, Read: func(string) (File, error) { return File{}, broken }}
	_, _, err := Compare(old, made("a: 1\n"))
	require.ErrorIs(t, err, broken)
	old.Read = func(string) (File, error) { return File{}, fs.ErrNotExist }
	c, _, err := Compare(old, made("a: 1\n"))
	require.NoError(t, err)
	require.Equal(t, []FileChange{{Change: Added, Path: "manifests/all.yaml"}}, c.Files)
}

// What we write ourselves and cannot read is a bug of ours, and not a finding.
func TestOurOwnOutputIsBroken(t *testing.T) {
	_, _, err := Compare(stream("{}"), made("a: [\n"))
	require.ErrorContains(t, err, "our own output cannot be read: manifests/all.yaml:")
}

// Two YAML streams of any content: no panic; what is read on both sides is the same as itself; all reports can be
// written.
func FuzzCompare(f *testing.F) {
	group := doc("networking.istio.io/v1", "WorkloadGroup", "g", "spec: {metadata: {labels: {app: pay}}, template: {serviceAccount: a}}\n")
	entry := doc("networking.istio.io/v1", "WorkloadEntry", "g-vm1", "spec: {address: 10.0.0.1, labels: {app: pay}, weight: 3}\n")
	policies := doc("security.istio.io/v1", "PeerAuthentication", "p", "spec: {mtls: {mode: STRICT}, portLevelMtls: {\"80\": {mode: DISABLE}}}\n") +
		doc("security.istio.io/v1", "AuthorizationPolicy", "p", "spec: {rules: [{from: [{source: {principals: [x/ns/ns/sa/a]}}]}]}\n")
	traffic := doc("networking.istio.io/v1", "DestinationRule", "d", "spec: {host: pay, subsets: [{name: v1}]}\n") +
		doc("networking.istio.io/v1", "VirtualService", "d", "spec: {hosts: [pay], http: [{route: [{destination: {host: pay, subset: v1}, weight: 1}]}]}\n")
	service := doc("v1", "Service", "pay", "spec: {selector: {app: pay}, ports: [{name: http, port: 80, targetPort: 81}]}\n") +
		doc("networking.istio.io/v1", "ServiceEntry", "e", "spec: {hosts: [a.b], ports: [{number: 1, name: x}]}\n")
	for _, seed := range []string{"", "{}", "[]", "a: [1, {name: x}]", group + entry, policies, traffic, service, "kind: List\nitems: [{apiVersion: v1, kind: Service, metadata: 3}]"} {
		f.Add(seed, group+entry+policies+traffic+service)
		f.Add(group+entry+policies+traffic+service, seed)
		f.Add(strings.ReplaceAll(group+entry+policies+traffic+service, "{", "[{"), strings.ReplaceAll(seed, "name:", "kind:"))
	}
	f.Fuzz(func(t *testing.T, old, new string) {
		for _, pair := range [][2]string{{old, new}, {new, old}, {old, old}} {
			c, findings, err := Compare(stream(pair[0]), made(pair[1]))
			if err != nil || findings.HasErrors() {
				continue
			}
			var b bytes.Buffer
			require.NoError(t, WriteText(&b, &c, false))
			require.NotContains(t, b.String(), "\x1b")
			require.NoError(t, WriteList(&b, &c, true))
			require.NoError(t, WriteJSON(&b, &c))
			if pair[0] == pair[1] {
				for _, o := range c.Objects {
					require.NotEqual(t, Changed, o.Change, "%s is not the same as itself", o.ID)
				}
			}
		}
	})
}
