package compare

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// reported are the consequences of a change, and the objects that differ.
func reported(c Changes) (lines []string) {
	for _, o := range c.Objects {
		line := string(rune(o.Change)) + " " + o.ID.String()
		if o.Change == Renamed {
			line += " was " + o.Was.String()
		}
		lines = append(lines, line)
	}
	for i := range c.Consequences {
		m := &c.Consequences[i]
		lines = append(lines, m.Severity.String()+" "+m.Meaning+": "+m.about())
	}
	return lines
}

// What only changes its name is the same object under another one.
func TestRenames(t *testing.T) {
	group := func(name, labels string) string {
		return doc("networking.istio.io/v1", "WorkloadGroup", name, "spec: {metadata: {labels: {"+labels+"}}}\n")
	}
	entry := func(name, spec string) string {
		return doc("networking.istio.io/v1", "WorkloadEntry", name, "spec: {"+spec+"}\n")
	}
	policy := func(kind, name, spec string) string {
		return doc("security.istio.io/v1", kind, name, "spec: {"+spec+"}\n")
	}
	vm := group("g", "app: pay")
	const pay, web = "selector: {matchLabels: {app: pay}}", "selector: {matchLabels: {app: web}}"
	const r1, r2 = "{from: [{source: {namespaces: [a, b]}}]}", "{from: [{source: {namespaces: [c]}}]}"
	for _, c := range []struct {
		name, old, new string
		want           []string
	}{
		{"a policy that allows", vm + policy("AuthorizationPolicy", "p", pay+", rules: ["+r1+"]"),
			vm + policy("AuthorizationPolicy", "q", pay+", action: ALLOW, rules: ["+r1+"]"),
			[]string{"> AuthorizationPolicy ns/q was AuthorizationPolicy ns/p", "note policy-renamed: AuthorizationPolicy ns/q"}},
		{"a policy that denies", vm + policy("AuthorizationPolicy", "p", pay+", action: DENY, rules: ["+r1+"]"),
			vm + policy("AuthorizationPolicy", "q", pay+", action: DENY, rules: ["+r1+"]"),
			[]string{"> AuthorizationPolicy ns/q was AuthorizationPolicy ns/p", "note policy-renamed: AuthorizationPolicy ns/q"}},
		{"a policy of other workloads", vm + policy("AuthorizationPolicy", "p", pay+", rules: ["+r1+"]"),
			vm + policy("AuthorizationPolicy", "q", web+", rules: ["+r1+"]"),
			[]string{"- AuthorizationPolicy ns/p", "+ AuthorizationPolicy ns/q", "risk allow-removed: AuthorizationPolicy ns/p"}},
		{"a policy that acts otherwise", vm + policy("AuthorizationPolicy", "p", pay+", rules: ["+r1+"]"),
			vm + policy("AuthorizationPolicy", "q", pay+", action: DENY, rules: ["+r1+"]"),
			[]string{"- AuthorizationPolicy ns/p", "+ AuthorizationPolicy ns/q", "breaks deny-changed: AuthorizationPolicy ns/q", "risk allow-removed: AuthorizationPolicy ns/p"}},
		{"a policy with another rule", vm + policy("AuthorizationPolicy", "p", pay+", rules: ["+r1+", "+r2+"]"),
			vm + policy("AuthorizationPolicy", "q", pay+", rules: ["+r1+"]"),
			[]string{"> AuthorizationPolicy ns/q was AuthorizationPolicy ns/p", "risk rules-changed: AuthorizationPolicy ns/p", "note policy-renamed: AuthorizationPolicy ns/q"}},
		{"two policies become one", vm + policy("AuthorizationPolicy", "p", pay+", rules: ["+r1+"]") + policy("AuthorizationPolicy", "p2", pay+", rules: ["+r2+"]"),
			vm + policy("AuthorizationPolicy", "q", pay+", rules: ["+r2+", "+strings.Replace(r1, "a, b", "b, a", 1)+"]"),
			[]string{"- AuthorizationPolicy ns/p2", "> AuthorizationPolicy ns/q was AuthorizationPolicy ns/p", "note policy-renamed: AuthorizationPolicy ns/q"}},
		{"one policy becomes two", vm + policy("AuthorizationPolicy", "q", pay+", rules: ["+r2+", "+r1+"]"),
			vm + policy("AuthorizationPolicy", "p", pay+", rules: ["+r1+"]") + policy("AuthorizationPolicy", "q", pay+", rules: ["+r2+"]"),
			[]string{"+ AuthorizationPolicy ns/p", "~ AuthorizationPolicy ns/q"}},
		{"mTLS", vm + policy("PeerAuthentication", "p", pay+", mtls: {mode: STRICT}"), vm + policy("PeerAuthentication", "q", pay+", mtls: {mode: STRICT}"),
			[]string{"> PeerAuthentication ns/q was PeerAuthentication ns/p", "note policy-renamed: PeerAuthentication ns/q"}},
		{"mTLS that is looser under another name", vm + policy("PeerAuthentication", "p", pay+", mtls: {mode: STRICT}"),
			vm + policy("PeerAuthentication", "q", pay+", mtls: {mode: PERMISSIVE}"),
			[]string{"> PeerAuthentication ns/q was PeerAuthentication ns/p", "risk mtls-looser: PeerAuthentication ns/q", "note policy-renamed: PeerAuthentication ns/q"}},
		{"an entry", vm + entry("g-1", "address: 10.0.0.1") + entry("g-2", "address: 10.0.0.2"), vm + entry("g-a", "address: 10.0.0.1") + entry("g-2", "address: 10.0.0.2"),
			[]string{"> WorkloadEntry ns/g-a was WorkloadEntry ns/g-1", "risk entry-renamed: WorkloadGroup ns/g"}},
		{"an entry at another address", vm + entry("g-1", "address: 10.0.0.1") + entry("g-2", "address: 10.0.0.2"), vm + entry("g-a", "address: 10.0.0.3") + entry("g-2", "address: 10.0.0.2"),
			[]string{"- WorkloadEntry ns/g-1", "+ WorkloadEntry ns/g-a", "risk entry-removed: WorkloadGroup ns/g"}},
		{"an address in another network is another VM", vm + entry("g-1", "address: 10.0.0.1, network: a"), vm + entry("g-a", "address: 10.0.0.1, network: b"),
			[]string{"- WorkloadEntry ns/g-1", "+ WorkloadEntry ns/g-a", "risk entry-removed: WorkloadGroup ns/g"}},
		{"two entries at one address", vm + entry("g-1", "address: 10.0.0.1, weight: 1") + entry("g-2", "address: 10.0.0.1, weight: 2"),
			vm + entry("g-a", "address: 10.0.0.1, weight: 2") + entry("g-b", "address: 10.0.0.1, weight: 1"),
			[]string{"> WorkloadEntry ns/g-a was WorkloadEntry ns/g-2", "> WorkloadEntry ns/g-b was WorkloadEntry ns/g-1", "risk entry-renamed: WorkloadGroup ns/g"}},
		{"an entry in another group", vm + group("h", "app: h") + entry("g-1", "address: 10.0.0.1") + entry("g-2", "address: 10.0.0.2"),
			vm + group("h", "app: h") + entry("h-1", "address: 10.0.0.1") + entry("g-2", "address: 10.0.0.2"),
			[]string{"> WorkloadEntry ns/h-1 was WorkloadEntry ns/g-1", "risk entry-renamed: WorkloadGroup ns/h"}},
		{"a group whose labels change, too", group("g", "app: g") + entry("g-1", "address: 10.0.0.1"), group("h", "app: h") + entry("h-1", "address: 10.0.0.1"),
			[]string{"> WorkloadEntry ns/h-1 was WorkloadEntry ns/g-1", "> WorkloadGroup ns/h was WorkloadGroup ns/g", "risk group-renamed: WorkloadGroup ns/g"}},
		{"of two groups with the same labels that with the same VMs", group("a", "app: x") + entry("a-1", "address: 10.0.0.1") + group("b", "app: x") + entry("b-1", "address: 10.0.0.2"),
			group("c", "app: x") + entry("c-1", "address: 10.0.0.2") + group("d", "app: x") + entry("d-1", "address: 10.0.0.1"), []string{
				"> WorkloadEntry ns/c-1 was WorkloadEntry ns/b-1", "> WorkloadGroup ns/c was WorkloadGroup ns/b",
				"> WorkloadEntry ns/d-1 was WorkloadEntry ns/a-1", "> WorkloadGroup ns/d was WorkloadGroup ns/a",
				"risk group-renamed: WorkloadGroup ns/a", "risk group-renamed: WorkloadGroup ns/b",
			}},
		{"a DestinationRule, and its subsets stay", doc("networking.istio.io/v1", "DestinationRule", "a", "spec: {host: pay, subsets: [{name: v1}]}\n"),
			doc("networking.istio.io/v1", "DestinationRule", "b", "spec: {host: pay.ns.svc.cluster.local, subsets: [{name: v1}]}\n"),
			[]string{"> DestinationRule ns/b was DestinationRule ns/a"}},
		{"a Service is its name", doc("v1", "Service", "a", "spec: {selector: {app: pay}}\n"), doc("v1", "Service", "b", "spec: {selector: {app: pay}}\n"),
			[]string{"- Service ns/a", "+ Service ns/b", "breaks host-removed: Service ns/a"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := reported(compared(t, c.old, c.new))
			require.ElementsMatch(t, c.want, got)
		})
	}
}

// What each tool deletes is read of the object in the cluster, not of the one that the build makes.
func TestDeletions(t *testing.T) {
	kept := "annotations: {argocd.argoproj.io/sync-options: 'Delete=false, Prune=false', kustomize.toolkit.fluxcd.io/prune: disabled}"
	object := func(kind, apiVersion, name, annotations string) string {
		return strings.Replace(doc(apiVersion, kind, name, "spec: {}\n"), "namespace: ns", "namespace: ns, "+annotations, 1)
	}
	old := "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: ns, " + kept + "}\n" +
		object("WorkloadGroup", "networking.istio.io/v1", "g", kept) +
		doc("security.istio.io/v1", "PeerAuthentication", "p", "spec: {}\n") +
		doc("networking.istio.io/v1", "WorkloadEntry", "g-1", "spec: {address: 10.0.0.1}\n") +
		object("WorkloadEntry", "networking.istio.io/v1", "g-2", "annotations: {argocd.argoproj.io/sync-options: Prune=false}") +
		object("Service", "v1", "s", "annotations: {kustomize.toolkit.fluxcd.io/prune: disabled}") +
		doc("v1", "Service", "it's", "")
	c := compared(t, old, "{}")
	var b strings.Builder
	require.NoError(t, WriteText(&b, &c, false))
	_, section, _ := strings.Cut(b.String(), "what is deleted:\n")
	require.Equal(t, `  kubectl apply -k: nothing; 7 objects stay until deleted, in this order:
    kubectl delete -n ns service 'it'\''s' s
    kubectl delete -n ns workloadentry.networking.istio.io g-1 g-2
    kubectl delete -n ns workloadgroup.networking.istio.io g
    kubectl delete -n ns peerauthentication.security.istio.io p
    kubectl delete namespace ns
  kubectl apply -k --prune: 5 of 7 objects; WorkloadGroup ns/g, Namespace ns stay (not in its list of kinds, or without its label)
  Argo CD with pruning: 4 of 7 objects; WorkloadEntry ns/g-2, WorkloadGroup ns/g, Namespace ns stay (Prune=false)
  Flux with pruning: 4 of 7 objects; Service ns/s, WorkloadGroup ns/g, Namespace ns stay (prune: disabled)
`, section)
	var meanings []string
	for i := range c.Consequences {
		meanings = append(meanings, c.Consequences[i].Severity.String()+" "+c.Consequences[i].about())
	}
	// The Namespace stays, so its Services are named.
	require.Contains(t, meanings, "breaks Service ns/it's")
	require.Contains(t, meanings, "breaks Service ns/s")
	require.Contains(t, meanings, "note Namespace ns")
}

// A renamed object is deleted under its old name.
func TestDeletionsOfRenames(t *testing.T) {
	group := doc("networking.istio.io/v1", "WorkloadGroup", "g", "spec: {}\n")
	entry := func(name string) string {
		return doc("networking.istio.io/v1", "WorkloadEntry", name, "spec: {address: 10.0.0.1}\n")
	}
	c := compared(t, group+entry("g-1"), group+entry("g-2"))
	id := ID{networking, "WorkloadEntry", "ns", "g-1"}
	require.Equal(t, []Deletion{{ID: id, Now: ID{networking, "WorkloadEntry", "ns", "g-2"}, ArgoCD: true, Flux: true, Pruned: true, version: "networking.istio.io/v1"}}, c.Deletions)
	require.Equal(t, []Setup{{Group: ID{networking, "WorkloadGroup", "ns", "g"}, VMs: []string{"g-2"}, Restart: true, Files: []string{"all, for the new name"}}}, c.Setup)
	require.Empty(t, compared(t, group+entry("g-1"), group+entry("g-1")).Deletions)
}

// A text of several lines is compared by its lines, and no line of a credential is shown.
func TestLinesOfTexts(t *testing.T) {
	text := func(value string) string {
		return doc("v1", "Service", "a", "data:\n  x: |\n    "+strings.ReplaceAll(value, "\n", "\n    ")+"\n")
	}
	shown := func(old, new string) string { return text2(t, compared(t, text(old), text(new)), false) }
	require.Contains(t, shown("a\nb\nc", "a\nd\nc"), "    data.x:\n      - b\n      + d\n")
	require.Contains(t, shown("a\nb\nc", "a\nb\nc\nd\ne"), "    data.x:\n      + d\n      + e\n")
	require.Contains(t, shown("a\n"+strings.Repeat("b\n", 60)+"c", "a\nc"), "      … and 20 lines more\n")
	const key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj%s\nAgEAAoIBAQC7VJTUt9Us8cKj\n-----END PRIVATE KEY-----"
	got := shown("k:\n"+strings.Replace(key, "%s", "AAAA", 1), "k:\n"+strings.Replace(key, "%s", "BBBB", 1))
	require.NotContains(t, got, "MIIEvQ")
	require.Contains(t, got, "data.x: differs in what is left out, or in white space\n")
}

// Equal lines are one: of objects, of files, and of what changes mean.
func TestFolds(t *testing.T) {
	var was, will strings.Builder
	for _, name := range []string{"g-1", "g-2", "g-3", "g-4", "g-5", "g-6"} {
		was.WriteString(doc("networking.istio.io/v1", "WorkloadEntry", name, "spec: {address: 10.0.0."+name[2:]+", weight: 1}\n"))
		will.WriteString(doc("networking.istio.io/v1", "WorkloadEntry", name, "spec: {address: 10.0.0."+name[2:]+", weight: 2}\n"))
	}
	group := doc("networking.istio.io/v1", "WorkloadGroup", "g", "spec: {}\n")
	require.Contains(t, text2(t, compared(t, group+was.String(), group+will.String()), false),
		"objects:\n~ WorkloadEntry ns/g-1, ns/g-2, ns/g-3 and 3 more\n    spec.weight: 1 → 2\nwhat it means:\n")
	require.Contains(t, text2(t, compared(t, group, group+will.String()), false), "objects:\n+ WorkloadEntry ns/g-1, ns/g-2, ns/g-3 and 3 more\n")

	old, made := map[string]string{}, map[string]string{}
	for _, name := range []string{"a", "b", "c"} {
		old["vms/ns/"+name+"/vm.env"], made["vms/ns/"+name+"/vm.env"] = "VMMESH_X='1'\n", "VMMESH_X='2'\n"
		old["vms/ns/"+name+"/hosts"], made["vms/ns/"+name+"/hosts"] = "1.1.1.1 "+name+"\n", "1.1.1.2 "+name+"\n"
	}
	old["vms/ns/gone/vm.env"], old["vms/ns/gone/1/cluster.env"] = "x", "y"
	c := trees(t, old, made)
	var b strings.Builder
	require.NoError(t, WriteText(&b, &c, false))
	require.Contains(t, b.String(), `files:
~ vms/ns/a/hosts
    - 1.1.1.1 a
    + 1.1.1.2 a
~ vms/ns/a/vm.env and 2 more vm.env: VMMESH_X: '1' → '2'
~ vms/ns/b/hosts
    - 1.1.1.1 b
    + 1.1.1.2 b
~ vms/ns/c/hosts
    - 1.1.1.1 c
    + 1.1.1.2 c
- vms/ns/gone/ (2 files)
what it means:
  risk: WorkloadGroup ns/a, ns/b, ns/c: what changes for its VMs (hosts; vm.env) reaches them `)
	b.Reset()
	require.NoError(t, WriteList(&b, &c, false)) // the list is for programs
	require.Equal(t, 8, strings.Count(b.String(), "\n"))
}

// A comment fits into what GitHub takes, has no markup of names, and ends where a row of the table ends.
func TestMarkdown(t *testing.T) {
	var was strings.Builder
	for i := range 3000 {
		was.WriteString(doc("v1", "Service", "s-"+strings.Repeat("x", 40)+"-"+strings.Repeat("y", i%7)+string(rune('a'+i%26))+strings.Repeat("z", i/182), "spec: {x: 1}\n"))
	}
	c, findings, err := Compare(stream(was.String()), made("{}"))
	require.NoError(t, err)
	require.Empty(t, findings)
	var b strings.Builder
	require.NoError(t, WriteMarkdown(&b, &c))
	require.Less(t, b.Len(), 65536)
	require.Equal(t, strings.Count(b.String(), "<details>"), strings.Count(b.String(), "</details>"))
	require.Zero(t, strings.Count(b.String(), "```")%2)
	require.Contains(t, b.String(), " more\n")

	hostile := compared(t, doc("v1", "Service", `"a|b <img src=x> @team [x](y) *"`, "spec: {}\n")+
		doc("v1", "Service", `"with `+"```"+` fence"`, "spec: {x: 1}\n"), doc("v1", "Service", `"with `+"```"+` fence"`, "spec: {x: 2}\n"))
	b.Reset()
	require.NoError(t, WriteMarkdown(&b, &hostile))
	table, rest, _ := strings.Cut(b.String(), "<details>")
	for _, markup := range []string{"<img", "@team", "[x](", "a|b"} {
		require.NotContains(t, table, markup)
	}
	require.Zero(t, strings.Count(rest, "```")%2)
	require.NotContains(t, rest, "with ```")
}
