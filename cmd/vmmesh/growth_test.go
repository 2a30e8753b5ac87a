package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vmmesh/vmmesh/internal/need"
)

// growth is an input that grows in one dimension, and the command that reads it.
type growth struct {
	name string
	args []string
	n    int                // the smallest size; it is doubled twice
	make func(n int) []file // the files of size n
}

type file struct{ path, text string }

// The work of a command is counted, not timed: a binary that counts its statements (those of vmmesh, and of the packages
// that sort and search for it) runs each input at n, 2n and 4n. From 2n to 4n it may do at most 2.6 times what it did more
// from n to 2n: n·log n passes, and an exponent of 1.4 does not.
func TestWorkGrowsLikeTheInput(t *testing.T) {
	need.All(t)
	program := filepath.Join(t.TempDir(), "vmmesh")
	out, err := exec.Command("go", "build", "-cover", "-covermode=count",
		"-coverpkg=github.com/vmmesh/vmmesh/...,slices,sort,strings,bytes", "-o", program, ".").CombinedOutput()
	require.NoError(t, err, "%s", out)
	for _, c := range growths {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var work [3]int64
			for i := range work {
				work[i] = statements(t, program, c, c.n<<i)
			}
			first, second := work[1]-work[0], work[2]-work[1]
			ratio := float64(second) / float64(first)
			t.Logf("%s %d: %v statements, ratio %.2f", c.name, c.n, work, ratio)
			require.Positive(t, first, "the input does not grow: %v", work)
			require.LessOrEqual(t, ratio, 2.6, "statements at n = %d, %d and %d: %v", c.n, 2*c.n, 4*c.n, work)
		})
	}
}

// statements runs the command on the input of size n, and returns how many statements it executed.
func statements(t *testing.T, program string, c growth, n int) int64 {
	dir, counts := t.TempDir(), t.TempDir()
	for _, f := range c.make(n) {
		path := filepath.Join(dir, f.path)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(f.text), 0o644))
	}
	cmd := exec.Command(program, c.args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOCOVERDIR="+counts)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		require.True(t, ok && exit.ExitCode() == exitFindings, "%v: %.2000s", err, stderr.String())
	}
	profile := filepath.Join(counts, "profile")
	out, err := exec.Command("go", "tool", "covdata", "textfmt", "-i="+counts, "-o="+profile).CombinedOutput()
	require.NoError(t, err, "%s", out)
	text, err := os.Open(profile)
	require.NoError(t, err)
	defer text.Close()
	var sum int64
	for lines := bufio.NewScanner(text); lines.Scan(); {
		// github.com/vmmesh/vmmesh/fn/build.go:12.3,14.5 2 17: two statements, executed 17 times
		if f := strings.Fields(lines.Text()); len(f) == 3 {
			size, err := strconv.ParseInt(f[1], 10, 64)
			require.NoError(t, err)
			times, err := strconv.ParseInt(f[2], 10, 64)
			require.NoError(t, err)
			sum += size * times
		}
	}
	return sum
}

const specHead = "apiVersion: vmmesh.dev/v1alpha1\nkind: VMMesh\nmetadata: {name: %s}\nspec:\n  istio: {version: 1.31.1}\n  namespace: shop\n"

// each repeats a format for 0 to n-1; the format has the number once or more often, as %[1]d.
func each(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// ip is an address of its own for each number.
func ip(i int) string { return fmt.Sprintf("10.%d.%d.%d", i>>16&255, i>>8&255, i&255) }

func addresses(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i, ip(i))
	}
	return b.String()
}

// spec is one vmmesh.yaml: the head, and what follows.
func spec(text string) []file { return []file{{"vmmesh.yaml", fmt.Sprintf(specHead, "a") + text}} }

const oneGroup = "groups: [{name: v1, network: vm-net, instances: [{name: a, address: 10.0.0.1}]}]"

// The parts of a set of manifests.
const (
	someEntries = "---\napiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: e%[1]d, namespace: p}\n" +
		"spec: {address: %[2]s, serviceAccount: a, network: n, labels: {app: a, version: v%[1]d}}\n"
	oneEntry = "apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: e, namespace: p}\n" +
		"spec: {address: 10.0.0.1, serviceAccount: a, labels: {app: a}}\n"
)

// squared is n entries, and n objects that each select them all.
func squared(n int, object string) []file {
	return []file{{"a.yaml", addresses(n, someEntries) + each(n, object)}}
}

var growths = []growth{
	{name: "lint/instances", args: []string{"lint"}, n: 2000, make: func(n int) []file {
		return spec("  workloads:\n  - name: pay\n    ports: [{name: http, port: 8080}]\n    groups:\n    - name: v1\n      instances:\n" +
			addresses(n, "      - {name: i%d, address: %s}\n"))
	}},
	{name: "build/instances", args: []string{"build", "-o", "out"}, n: 250, make: func(n int) []file {
		return spec("  workloads:\n  - name: pay\n    ports: [{name: http, port: 8080}]\n    groups:\n    - name: v1\n      instances:\n" +
			addresses(n, "      - {name: i%d, address: %s}\n"))
	}},
	{name: "lint/workloads", args: []string{"lint"}, n: 1000, make: func(n int) []file {
		return spec("  workloads:\n" + addresses(n, "  - name: w%[1]d\n    ports: [{name: http, port: 8080}]\n    groups: [{name: v1, instances: [{name: a, address: %[2]s}]}]\n"))
	}},
	{name: "build/workloads", args: []string{"build", "-o", "out"}, n: 60, make: func(n int) []file {
		return spec("  workloads:\n" + addresses(n, "  - name: w%[1]d\n    ports: [{name: http, port: 8080}]\n    groups: [{name: v1, instances: [{name: a, address: %[2]s}]}]\n"))
	}},
	{name: "lint/groups", args: []string{"lint"}, n: 1000, make: func(n int) []file {
		return spec("  workloads:\n  - name: pay\n    ports: [{name: http, port: 8080}]\n    groups:\n" +
			addresses(n, "    - {name: g%d, instances: [{name: a, address: %s}]}\n"))
	}},
	{name: "lint/ports", args: []string{"lint"}, n: 2000, make: func(n int) []file {
		return spec("  workloads:\n  - name: pay\n    groups: [{name: v1, instances: [{name: a, address: 10.0.0.1}]}]\n    ports:\n" +
			each(n, "    - {name: http-%[1]d, port: 1%04[1]d}\n"))
	}},
	{name: "lint/ignore", args: []string{"lint"}, n: 2000, make: func(n int) []file {
		return spec("  workloads:\n" + addresses(n, "  - name: w%[1]d\n    ports: [{name: http, port: 8080}]\n    groups: [{name: v1, instances: [{name: a, address: %[2]s}]}]\n") +
			"  lint:\n    ignore:\n" + each(n, "    - {rule: VM301, path: 'spec.workloads[w%[1]d]', reason: known}\n"))
	}},
	{name: "lint/specs", args: []string{"lint"}, n: 400, make: func(n int) []file {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "---\n"+specHead+"  workloads: [{name: w%[2]d, ports: [{name: http, port: 8080}], groups: [{name: v1, instances: [{name: a, address: %[3]s}]}]}]\n",
				fmt.Sprint("s", i), i, ip(i))
		}
		return []file{{"vmmesh.yaml", b.String()}}
	}},
	{name: "lint/specs of one name", args: []string{"lint"}, n: 400, make: func(n int) []file {
		return []file{{"vmmesh.yaml", strings.Repeat("---\n"+fmt.Sprintf(specHead, "a")+"  workloads: [{name: w, ports: [{name: http, port: 8080}], "+oneGroup+"}]\n", n)}}
	}},
	{name: "lint/networks with gateways", args: []string{"lint"}, n: 1000, make: func(n int) []file {
		return spec("  networks:\n" + addresses(n, "  - {name: n%d, gateways: [{address: %s}]}\n") +
			"  workloads:\n" + addresses(n, "  - name: w%[1]d\n    ports: [{name: http, port: 8080}]\n    groups: [{name: v1, network: n%[1]d, instances: [{name: a, address: %[2]s}]}]\n"))
	}},
	{name: "lint/unknown fields", args: []string{"lint"}, n: 4000, make: func(n int) []file { return spec(each(n, "  a%d: 1\n")) }},
	{name: "lint/one long unknown field", args: []string{"lint"}, n: 80000, make: func(n int) []file {
		return spec("  " + strings.Repeat("k", n) + ": 1\n")
	}},
	{name: "build/services", args: []string{"build", "-o", "out"}, n: 60, make: func(n int) []file {
		return spec("  workloads:\n" + addresses(n, "  - name: w%[1]d\n    ports: [{name: http, port: 8080}]\n    service: {name: s%[1]d}\n    groups: [{name: v1, instances: [{name: a, address: %[2]s}]}]\n"))
	}},
	{name: "verify/entries", args: []string{"verify", "."}, n: 2000, make: func(n int) []file {
		return []file{{"a.yaml", addresses(n, someEntries)}}
	}},
	{name: "verify/files", args: []string{"verify", "."}, n: 800, make: func(n int) []file {
		var all []file
		for i := range n {
			all = append(all, file{fmt.Sprintf("%d.yaml", i), fmt.Sprintf(someEntries, i, ip(i))})
		}
		return all
	}},
	{name: "verify/Sidecars × entries", args: []string{"verify", "."}, n: 800, make: func(n int) []file {
		return squared(n, "---\napiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {name: s%[1]d, namespace: p}\nspec: {workloadSelector: {labels: {app: a}}, egress: [{hosts: ['./*']}]}\n")
	}},
	{name: "verify/PeerAuthentications × entries", args: []string{"verify", "."}, n: 800, make: func(n int) []file {
		return squared(n, "---\napiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: s%[1]d, namespace: p}\nspec: {selector: {matchLabels: {app: a}}, mtls: {mode: STRICT}}\n")
	}},
	{name: "verify/Telemetry × entries", args: []string{"verify", "."}, n: 800, make: func(n int) []file {
		return squared(n, "---\napiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {name: s%[1]d, namespace: p}\nspec: {selector: {matchLabels: {app: a}}, tracing: [{disableSpanReporting: true}]}\n")
	}},
	{name: "import/entries", args: []string{"import", ".", "-o", "-"}, n: 1000, make: func(n int) []file {
		return []file{{"a.yaml", addresses(n, someEntries)}}
	}},
	{name: "import/groups", args: []string{"import", "."}, n: 400, make: func(n int) []file {
		return []file{{"a.yaml", each(n, "---\napiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: {name: g%[1]d, namespace: p}\n"+
			"spec: {metadata: {labels: {app: a%[1]d}}, template: {serviceAccount: a, network: n, ports: {http: 8080}}}\n")}}
	}},
	{name: "import/AuthorizationPolicies × entries", args: []string{"import", "."}, n: 400, make: func(n int) []file {
		return squared(n, "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: s%[1]d, namespace: p}\n"+
			"spec: {selector: {matchLabels: {app: a}}, rules: [{from: [{source: {namespaces: [n%[1]d]}}]}]}\n")
	}},
	{name: "diff/instances", args: []string{"diff", "--against", "old.yaml"}, n: 250, make: func(n int) []file {
		text := "  workloads:\n  - name: pay\n    ports: [{name: http, port: 8080}]\n    groups:\n    - name: v1\n      instances:\n"
		return append(spec(text+addresses(n, "      - {name: i%d, address: %s}\n")),
			file{"old.yaml", addresses(n, someEntries)})
	}},
	{name: "diff/renamed", args: []string{"diff", "--against", "old.yaml"}, n: 250, make: func(n int) []file {
		text := "  workloads:\n  - name: pay\n    ports: [{name: http, port: 8080}]\n    groups:\n"
		return append(spec(text+addresses(n, "    - {name: new%d, instances: [{name: vm, address: %s}]}\n")), file{"old.yaml", addresses(n,
			"---\napiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: old%[1]d-vm, namespace: shop}\nspec: {address: %[2]s}\n"+
				"---\napiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: {name: old%[1]d, namespace: shop}\n"+
				"spec: {metadata: {labels: {app: pay, class: vm}}}\n")})
	}},
	{name: "diff/policies", args: []string{"diff", "--against", "old.yaml"}, n: 250, make: func(n int) []file {
		text := "  workloads:\n"
		for i := range n {
			text += fmt.Sprintf("  - {name: w%[1]d, ports: [{name: http, port: 8080}], groups: [{name: w%[1]d, registration: Auto}], "+
				"security: {allow: [{name: a, from: [{serviceAccounts: [x/w%[1]d]}]}]}}\n", i)
		}
		return append(spec(text), file{"old.yaml", each(n, "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\n"+
			"metadata: {name: old%[1]d, namespace: shop}\nspec: {selector: {matchLabels: {app: w%[1]d, class: vm}}, rules: [{}]}\n"+
			"---\napiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: old%[1]d, namespace: shop}\n"+
			"spec: {selector: {matchLabels: {app: w%[1]d, class: vm}}, mtls: {mode: STRICT}}\n"+
			"---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: gone%[1]d, namespace: shop}\n"+
			"---\napiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: {name: w%[1]d, namespace: shop}\n"+
			"spec: {metadata: {labels: {app: w%[1]d, class: vm}}, template: {serviceAccount: gone%[1]d}}\n")})
	}},
}
