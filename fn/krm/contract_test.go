package krm_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/kustomize/kyaml/kio"
	"sigs.k8s.io/kustomize/kyaml/kio/kioutil"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/vmmesh/vmmesh/fn"
	"github.com/vmmesh/vmmesh/fn/krm"
	"github.com/vmmesh/vmmesh/schema/diag"
)

// TestAnnotations holds what the function writes beside an object to the names that kyaml reads.
func TestAnnotations(t *testing.T) {
	src, err := os.ReadFile("../../testdata/krm/in-place/in.yaml")
	require.NoError(t, err)
	list, _, _ := run(t, src)
	nodes, err := (&kio.ByteReader{Reader: strings.NewReader(list), OmitReaderAnnotations: true}).Read()
	require.NoError(t, err)
	checked := 0
	for _, n := range nodes {
		annotations := n.GetAnnotations()
		if annotations[krm.OwnerAnnotation] == "" {
			continue
		}
		require.True(t, strings.HasPrefix(annotations[kioutil.PathAnnotation], "mesh/manifests/"))
		require.Equal(t, annotations[kioutil.PathAnnotation], annotations[kioutil.LegacyPathAnnotation])
		require.Equal(t, "0", annotations[kioutil.IndexAnnotation])
		require.Equal(t, "0", annotations[kioutil.LegacyIndexAnnotation])
		checked++
	}
	require.Equal(t, 6, checked)
	require.NoError(t, kioutil.ErrorIfMissingAnnotation(nodes[2:], kioutil.PathAnnotation, kioutil.IndexAnnotation))
}

// TestAsKyamlWouldWriteIt holds the answer to kyaml's own reader and writer: the list that came with the outputs put in
// at the end is, as values, what the function wrote.
func TestAsKyamlWouldWriteIt(t *testing.T) {
	for name, path := range cases(t) {
		for _, version := range []string{"v1", "v1beta1"} {
			t.Run(name+"/"+version, func(t *testing.T) {
				src, err := os.ReadFile(path)
				require.NoError(t, err)
				if bytes.Contains(src, []byte("\n---\n")) {
					return // one functionConfig is one spec
				}
				given := "apiVersion: config.kubernetes.io/" + version + "\nkind: ResourceList\nitems: []\nfunctionConfig:\n"
				for line := range strings.Lines(string(src)) {
					given += "  " + line
				}
				list, said, answer := run(t, []byte(given))
				require.False(t, answer.Failed(), "%s", said)

				var written bytes.Buffer
				rw := &kio.ByteReadWriter{Reader: strings.NewReader(given), Writer: &written, KeepReaderAnnotations: true}
				nodes, err := rw.Read()
				require.NoError(t, err)
				docs := built(t, src)
				for _, id := range orderOf(t, list) {
					n, err := yaml.FromMap(plain(docs.values[id]).(map[string]any))
					require.NoError(t, err)
					nodes = append(nodes, n)
				}
				require.NoError(t, rw.Write(nodes))
				ours, theirs := readList(t, list), readList(t, written.String())
				require.Equal(t, theirs.APIVersion, ours.APIVersion)
				require.Equal(t, value(&theirs.FunctionConfig), value(&ours.FunctionConfig))
				require.Equal(t, values(t, theirs.Items), values(t, ours.Items))
			})
		}
	}
}

// orderOf lists what is in a list.
func orderOf(t testing.TB, list string) []string {
	l := readList(t, list)
	ids := make([]string, 0, len(l.Items))
	for i := range l.Items {
		ids = append(ids, identityOf(&l.Items[i]))
	}
	return ids
}

// plain turns what value made back into plain values.
func plain(v any) any {
	switch v := v.(type) {
	case map[string]any:
		m := map[string]any{}
		for k, item := range v {
			m[k] = plain(item)
		}
		return m
	case []any:
		all := []any{}
		for _, item := range v {
			all = append(all, plain(item))
		}
		return all
	}
	text := v.(string)
	cut := strings.LastIndexByte(text, ' ')
	n := &yaml.Node{Kind: yaml.ScalarNode, Value: text[:cut], Tag: text[cut+1:]}
	var out any
	if err := n.Decode(&out); err != nil {
		panic(err)
	}
	return out
}

// TestNothingButStandardInput runs the program with no environment, in an empty directory that nobody can write to and
// that is not its own: the answer is the same as anywhere, and nothing is left behind.
func TestNothingButStandardInput(t *testing.T) {
	src, err := os.ReadFile("../../testdata/krm/generator/in.yaml")
	require.NoError(t, err)
	want, _, _ := run(t, src)
	dir := t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o555))
	for _, args := range [][]string{nil, {"fn"}} {
		cmd := exec.Command(binary, args...)
		cmd.Env, cmd.Dir, cmd.Stdin = []string{}, dir, bytes.NewReader(src)
		var out, said bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &said
		require.NoError(t, cmd.Run(), "%s", said.String())
		require.Equal(t, want, out.String())
		require.Empty(t, said.String())
		require.Empty(t, tree(t, dir))
	}
	loud := exec.Command(binary) // and an environment that asks for this and that
	loud.Env = []string{"CLICOLOR_FORCE=1", "TERM=xterm", "HOME=/nowhere", "PATH=", "LANG=de_DE", "TZ=Asia/Tokyo", "GOMAXPROCS=1", "vmmesh_environment=staging"}
	loud.Dir, loud.Stdin = dir, bytes.NewReader(src)
	out, err := loud.Output()
	require.NoError(t, err)
	require.Equal(t, want, string(out))
}

// TestExitCodes runs the program as an orchestrator does.
func TestExitCodes(t *testing.T) {
	program := func(in string, out *os.File) (code int, stdout, stderr string) {
		cmd := exec.Command(binary)
		cmd.Env, cmd.Dir, cmd.Stdin = []string{}, t.TempDir(), strings.NewReader(in)
		var o, e bytes.Buffer
		cmd.Stdout, cmd.Stderr = &o, &e
		if out != nil {
			cmd.Stdout = out
		}
		if err := cmd.Run(); err != nil {
			require.IsType(t, &exec.ExitError{}, err)
		}
		return cmd.ProcessState.ExitCode(), o.String(), e.String()
	}
	good, err := os.ReadFile("../../testdata/krm/generator/in.yaml")
	require.NoError(t, err)
	bad, err := os.ReadFile("../../testdata/krm/bad-spec-fields/in.yaml")
	require.NoError(t, err)

	code, out, said := program(string(bad), nil)
	require.Equal(t, 1, code)
	require.Contains(t, said, `did you mean "address"?`)
	require.Contains(t, out, `did you mean \"address\"?`)

	code, out, said = program("", nil)
	require.Equal(t, 1, code)
	require.Empty(t, out, "there is no list to write")
	require.Contains(t, said, "standard input is empty")

	// A reader that is gone: one clear error, and no sudden death.
	r, w, err := os.Pipe()
	require.NoError(t, err)
	require.NoError(t, r.Close())
	code, _, said = program(string(good), w)
	require.Equal(t, 1, code)
	require.Equal(t, "vmmesh: cannot write to standard output: broken pipe\n", said)
	require.NoError(t, w.Close())

	if full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0); err == nil {
		code, _, said = program(string(good), full)
		require.Equal(t, 1, code)
		require.Equal(t, "vmmesh: cannot write to standard output: "+syscall.ENOSPC.Error()+"\n", said)
		require.NoError(t, full.Close())
	}
}

// large is a list with a spec and n objects of others.
func large(n int) []byte {
	var b bytes.Buffer
	b.WriteString("apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n")
	for i := range n {
		fmt.Fprintf(&b, `- apiVersion: networking.istio.io/v1
  kind: WorkloadEntry
  metadata:
    name: pay-vm%d # the VM
    namespace: payments
    labels: {app: pay, class: vm}
    annotations:
      config.kubernetes.io/index: '%[1]d'
      config.kubernetes.io/path: 'fleet/entries.yaml'
      internal.config.kubernetes.io/index: '%[1]d'
      internal.config.kubernetes.io/path: 'fleet/entries.yaml'
      internal.config.kubernetes.io/id: '%[1]d'
  spec:
    address: 10.%d.%d.%d
    ports:
      http: 8080
      grpc: 9090
    labels:
      app: pay
      class: vm
    serviceAccount: pay
`, i, i>>16, i>>8&255, i&255)
	}
	spec, err := os.ReadFile("../../examples/minimal/vmmesh.yaml")
	if err != nil {
		panic(err)
	}
	b.WriteString("- ")
	b.WriteString(strings.TrimSuffix(strings.ReplaceAll(string(spec), "\n", "\n  "), "  "))
	return b.Bytes()
}

// TestLinear counts what the function allocates: ten times the items cost ten times as much, and no more.
func TestLinear(t *testing.T) {
	measure := func(n int) (bytesUsed, objects uint64) {
		src := large(n)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		answer := krm.Run(src)
		runtime.ReadMemStats(&after)
		require.False(t, answer.Failed())
		counted := &counter{}
		require.NoError(t, answer.Write(counted))
		require.Greater(t, counted.n, len(src))
		return after.TotalAlloc - before.TotalAlloc, after.Mallocs - before.Mallocs
	}
	measure(10) // what is made once
	smallBytes, smallObjects := measure(3_000)
	largeBytes, largeObjects := measure(30_000)
	require.Less(t, float64(largeBytes), 12*float64(smallBytes))
	require.Less(t, float64(largeObjects), 12*float64(smallObjects))
	require.Less(t, largeObjects, uint64(30_000*40), "allocations an item")
}

type counter struct{ n int }

func (c *counter) Write(p []byte) (int, error) { c.n += len(p); return len(p), nil }

// TestNeighboursStay passes many objects of others through: they come out as they came in, to the byte.
func TestNeighboursStay(t *testing.T) {
	src := large(500)
	list, _, _ := run(t, src)
	require.True(t, strings.HasPrefix(list, string(src)))
}

// TestTooLarge is refused before anything is read.
func TestTooLarge(t *testing.T) {
	list, said, answer := run(t, bytes.Repeat([]byte("- a\n"), 17<<20))
	require.Empty(t, list)
	require.True(t, answer.Failed())
	require.Equal(t, "-: error VM951: the list is larger than 64 MiB\n  help: limit the function to the objects that it is about, or render the specs with 'vmmesh build'\n", said)
}

// TestMillion is a list of a million items, in either style: one clear error, and no list.
func TestMillion(t *testing.T) {
	for _, src := range []string{
		"apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n" + strings.Repeat("- a: b\n", 1_000_000),
		`{"apiVersion": "config.kubernetes.io/v1", "kind": "ResourceList", "items": [` + strings.Repeat(`{"a":1},`, 999_999) + `{"a":1}]}`,
	} {
		list, said, answer := run(t, []byte(src))
		require.Empty(t, list)
		require.True(t, answer.Failed())
		require.Contains(t, said, "-: error VM951: the list has more than 250000 items\n  help: ")
	}
}

// TestRules demands of this room's rules what `vmmesh explain` prints, and that no other room has their ids or names.
func TestRules(t *testing.T) {
	ids, names := map[string]bool{}, map[string]bool{}
	for _, rule := range fn.Rules() {
		ids[rule.ID], names[rule.Name] = true, true
	}
	last := ""
	for _, rule := range krm.Rules {
		require.Regexp(t, `^VM95\d$`, rule.ID)
		require.Less(t, last, rule.ID)
		last = rule.ID
		require.False(t, ids[rule.ID] || names[rule.Name], rule.ID)
		names[rule.Name] = true
		require.Regexp(t, `^[a-z0-9]+(-[a-z0-9]+)*$`, rule.Name)
		require.Contains(t, []diag.Severity{diag.Warning, diag.Error}, rule.Severity, rule.ID)
		require.Regexp(t, `^[^\n]*\.$`, rule.Doc, rule.ID)
		for what, text := range map[string]string{"Long": rule.Long, "Bad": rule.Bad, "Good": rule.Good} {
			require.NotEmpty(t, text, "%s has no %s", rule.ID, what)
			if what != "Long" {
				require.NoError(t, yaml.Unmarshal([]byte(text), &yaml.Node{}), rule.ID)
			}
		}
		require.NotEqual(t, rule.Bad, rule.Good, rule.ID)
	}
}

// FuzzResourceList feeds arbitrary texts to the function: it never panics, what it writes is a ResourceList that kyaml
// reads, a failed run changes no item, a run without a word has changed nothing that was not its own, and a second run
// changes nothing.
func FuzzResourceList(f *testing.F) {
	paths, err := filepath.Glob("../../testdata/krm/*/in.yaml")
	require.NoError(f, err)
	for _, path := range paths {
		src, err := os.ReadFile(path)
		require.NoError(f, err)
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		given := bytes.Clone(src)
		list, said, answer := run(t, src)
		require.Equal(t, given, src, "the input was written to")
		if list == "" {
			require.True(t, answer.Failed())
			require.NotEmpty(t, said)
			return
		}
		var before, after resourceList
		if yaml.Unmarshal(src, &before) != nil {
			return // kyaml does not take what came: odd characters, duplicate keys
		}
		require.NoError(t, yaml.Unmarshal([]byte(list), &after), "%s", list)
		require.Equal(t, "ResourceList", after.Kind)
		if len(answer.Findings) > 0 {
			require.Len(t, after.Results, len(answer.Findings))
		}
		if answer.Failed() {
			require.Len(t, after.Items, len(before.Items))
			return
		}
		require.Less(t, answer.Findings.Worst(), diag.Error)
		again, more, _ := run(t, []byte(list))
		require.Equal(t, list, again, "%s", more)
	})
}
