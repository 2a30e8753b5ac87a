package fn_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/vmmesh/vmmesh/schema/crds"
)

// keyedLists are the lists of a spec that are merged by name: their order says nothing. The lists inside Istio's own
// blocks are not among them.
var keyedLists = map[string]bool{
	"spec.istio.revisions": true, "spec.networks": true, "spec.workloads": true, "spec.workloads.ports": true,
	"spec.workloads.groups": true, "spec.workloads.groups.ports": true, "spec.workloads.groups.instances": true,
	"spec.workloads.groups.instances.ports": true, "spec.workloads.services": true, "spec.workloads.services.traffic.subsets": true,
	"spec.workloads.security.mtls.ports": true, "spec.workloads.security.allow": true, "spec.workloads.security.deny": true,
	"spec.externalServices": true, "spec.vm.env": true, "spec.workloads.groups.vm.env": true,
}

// shuffle puts keys of maps and items of keyed lists in another order.
func shuffle(n *yaml.Node, path string, r *rand.Rand) {
	switch n.Kind {
	case yaml.DocumentNode:
		shuffle(n.Content[0], "", r)
	case yaml.MappingNode:
		for i := 0; i < len(n.Content); i += 2 {
			child := n.Content[i].Value
			if path != "" {
				child = path + "." + child
			}
			shuffle(n.Content[i+1], child, r)
		}
		r.Shuffle(len(n.Content)/2, func(i, j int) {
			n.Content[2*i], n.Content[2*j] = n.Content[2*j], n.Content[2*i]
			n.Content[2*i+1], n.Content[2*j+1] = n.Content[2*j+1], n.Content[2*i+1]
		})
	case yaml.SequenceNode:
		for _, item := range n.Content {
			shuffle(item, path, r)
		}
		if keyedLists[path] {
			r.Shuffle(len(n.Content), func(i, j int) { n.Content[i], n.Content[j] = n.Content[j], n.Content[i] })
		}
	}
}

// TestOrderSaysNothing builds every good case with its keys and keyed lists shuffled: same bytes.
func TestOrderSaysNothing(t *testing.T) {
	for name, path := range cases(t) {
		t.Run(name, func(t *testing.T) {
			src, err := os.ReadFile(path)
			require.NoError(t, err)
			want := mustBuild(t, path, src).files
			r := rand.New(rand.NewSource(1))
			for range 6 {
				docs := documents(t, src)
				for _, doc := range docs {
					shuffle(doc, "", r)
				}
				text := printed(t, docs)
				require.Equal(t, want, mustBuild(t, path, text).files, "%s", text)
			}
		})
	}
}

// oneMore is the VM that TestOneMore adds, where all VMs of a group are listed for Prometheus.
var oneMore = regexp.MustCompile(`(?m)^ *- targets:\n *- "203\.0\.113\.250:\d+"\n *labels:\n *pod: one-more\n`)

// TestOneMore adds a VM to each static group in turn: nothing else changes.
func TestOneMore(t *testing.T) {
	for name, path := range cases(t) {
		t.Run(name, func(t *testing.T) {
			src, err := os.ReadFile(path)
			require.NoError(t, err)
			built := mustBuild(t, path, src)
			before := objects(t, built)
			docs := documents(t, src)
			for _, list := range instanceLists(&yaml.Node{Content: docs}) {
				var vm yaml.Node
				require.NoError(t, yaml.Unmarshal([]byte("{name: one-more, address: 203.0.113.250}"), &vm))
				list.Content = append([]*yaml.Node{vm.Content[0]}, list.Content...)
				text := printed(t, docs)
				list.Content = list.Content[1:]

				more, findings := build(t, path, text)
				require.False(t, findings.HasErrors(), "%s", report(t, findings)) // its address may not be one of its network's
				after := objects(t, more)
				for file, content := range more.files {
					base := file[strings.LastIndexByte(file, '/')+1:]
					ofMany := base == "instances" || base == "user-data" || strings.HasPrefix(base, "firewall.")
					if strings.HasPrefix(file, "vms/") && !strings.Contains(file, "/one-more/") && !ofMany {
						was := built.files[file]
						if base == "vm.env" && strings.Contains(content, "VMMESH_FIREWALL='") && !strings.Contains(content, "VMMESH_FIREWALL='None'") {
							was, content = hashless(was), hashless(content) // the firewall lets the new VM in
						}
						require.Equal(t, was, content, file)
					}
				}
				added := 0
				for id, object := range after {
					if _, known := before[id]; !known {
						require.Contains(t, id, "one-more")
						added++
						continue
					}
					if strings.HasSuffix(id, "-vm-files") { // all of a group's VMs are in it
						before, object := filesOfVMs(t, before[id]), filesOfVMs(t, object)
						require.NotEmpty(t, before)
						for file, text := range before {
							require.Equal(t, text, object[file], id+" "+file)
						}
						continue
					}
					require.Equal(t, before[id], oneMore.ReplaceAllLiteralString(object, ""), id)
				}
				require.Equal(t, len(before)+added, len(after), "an object went")
				require.LessOrEqual(t, added, 1)
			}
		})
	}
}

// filesOfVMs are the files of a ConfigMap, but for the table of a group's instances and what repeats it.
func filesOfVMs(t testing.TB, object string) map[string]string {
	var o struct {
		Data map[string]string `yaml:"data"`
	}
	require.NoError(t, yaml.Unmarshal([]byte(object), &o))
	delete(o.Data, "instances")
	delete(o.Data, "user-data")
	return o.Data
}

// documents reads a stream of specs for editing.
func documents(t testing.TB, src []byte) []*yaml.Node {
	t.Helper()
	var docs []*yaml.Node
	for decoder := yaml.NewDecoder(bytes.NewReader(src)); ; {
		doc := &yaml.Node{}
		err := decoder.Decode(doc)
		if errors.Is(err, io.EOF) {
			return docs
		}
		require.NoError(t, err)
		writeOut(doc)
		docs = append(docs, doc)
	}
}

// writeOut puts values in the places of their aliases, which would not survive another order.
func writeOut(n *yaml.Node) {
	for _, child := range n.Content {
		writeOut(child)
	}
	n.Anchor = ""
	if n.Kind == yaml.AliasNode {
		*n = *copied(n.Alias)
	}
}

func copied(n *yaml.Node) *yaml.Node {
	c := *n
	c.Content = nil
	for _, child := range n.Content {
		c.Content = append(c.Content, copied(child))
	}
	return &c
}

func printed(t testing.TB, docs []*yaml.Node) []byte {
	t.Helper()
	var text bytes.Buffer
	encoder := yaml.NewEncoder(&text)
	for _, doc := range docs {
		require.NoError(t, encoder.Encode(doc))
	}
	require.NoError(t, encoder.Close())
	return text.Bytes()
}

// instanceLists finds every list of instances.
func instanceLists(n *yaml.Node) []*yaml.Node {
	var found []*yaml.Node
	for i, child := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 1 && n.Content[i-1].Value == "instances" {
			found = append(found, child)
			continue
		}
		found = append(found, instanceLists(child)...)
	}
	return found
}

// objects takes a stream apart: text by kind, namespace and name.
func objects(t testing.TB, out *outputs) map[string]string {
	t.Helper()
	found := map[string]string{}
	for document := range strings.SplitSeq(out.stream.String(), "---\n") {
		var o struct {
			Kind     string
			Metadata struct{ Namespace, Name string }
		}
		require.NoError(t, yaml.Unmarshal([]byte(document), &o))
		found[fmt.Sprintf("%s %s/%s", o.Kind, o.Metadata.Namespace, o.Metadata.Name)] = document
	}
	return found
}

// FuzzBuild feeds arbitrary texts to the whole pipeline: it never panics, says the same twice, writes nothing beside an
// error, and what it writes is valid.
func FuzzBuild(f *testing.F) {
	for _, path := range slices.Sorted(mapValues(cases(f))) {
		src, err := os.ReadFile(path)
		require.NoError(f, err)
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		out, findings := build(t, "fuzz.yaml", src)
		again, more := build(t, "fuzz.yaml", bytes.Clone(src))
		require.Equal(t, report(t, findings), report(t, more))
		require.Equal(t, out.files, again.files)
		if findings.HasErrors() {
			require.Empty(t, out.files)
			return
		}
		if out.stream.Len() > 0 {
			require.NoError(t, crds.ValidateStream(out.stream.Bytes()))
		}
	})
}

func mapValues(m map[string]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for _, v := range m {
			if !yield(v) {
				return
			}
		}
	}
}
