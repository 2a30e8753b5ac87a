package fn_test

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vmmesh/vmmesh/fn"
	"github.com/vmmesh/vmmesh/generators"
	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/compare"
)

// specSum is used as the checksum of a spec's text.
const specSum = "b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c"

// treeOf is an output tree as a build leaves it.
func treeOf(out *outputs) compare.Old {
	lock := &compare.Lock{SpecSHA256: specSum}
	for path, text := range out.files {
		sum := sha256.Sum256([]byte(text))
		lock.Files = append(lock.Files, compare.Locked{Path: path, SHA256: hex.EncodeToString(sum[:]), Mode: cmp.Or(out.modes[path], 0o644)})
	}
	return compare.Old{Name: "deploy", Lock: lock, Read: func(path string) (compare.File, error) {
		text, ok := out.files[path]
		if !ok {
			return compare.File{}, fs.ErrNotExist
		}
		return compare.File{Path: path, Text: []byte(text)}, nil
	}}
}

// TestDiff compares what each good case builds with itself, as a tree and as a stream: nothing would change. Compared
// with nothing, and nothing with it, every object of it would.
func TestDiff(t *testing.T) {
	for name, path := range cases(t) {
		t.Run(name, func(t *testing.T) {
			src, err := os.ReadFile(path)
			require.NoError(t, err)
			out := mustBuild(t, "vmmesh.yaml", src)
			docs, _ := schema.Parse("vmmesh.yaml", src)
			diff := func(old compare.Old) compare.Changes {
				changes, findings, err := fn.Diff(docs, specSum, old)
				require.NoError(t, err)
				require.False(t, findings.HasErrors())
				return changes
			}
			require.Equal(t, compare.Changes{}, diff(treeOf(out)))
			stream := compare.Old{Files: []compare.File{{Path: "old.yaml", Text: out.stream.Bytes()}}}
			require.Equal(t, compare.Changes{}, diff(stream))

			added := diff(compare.Old{})
			for _, o := range added.Objects {
				require.Equal(t, compare.Added, o.Change)
			}
			require.Empty(t, added.Consequences, "what is new breaks nothing that was there")
			files := diff(treeOf(&outputs{})).Files
			require.Len(t, files, len(out.files))
			for _, f := range files {
				require.Equal(t, compare.Added, f.Change)
			}

			empty, _ := schema.Parse("vmmesh.yaml", []byte("apiVersion: vmmesh.dev/v1alpha1\nkind: VMMesh\nmetadata: {name: x}\nspec: {istio: {version: 1.31.1}}\n"))
			removed, findings, err := fn.Diff(empty, specSum, stream)
			require.NoError(t, err)
			require.Empty(t, findings)
			left := 0 // a Deployment that no build makes is another owner's
			for _, g := range generators.Table {
				for _, o := range added.Objects {
					if g.Shared && g.Name == o.ID.Kind {
						left++
					}
				}
			}
			require.Len(t, removed.Objects, len(added.Objects)-left)
			for _, o := range removed.Objects {
				require.Equal(t, compare.Removed, o.Change)
			}
		})
	}
}

// A spec with errors is compared with nothing.
func TestDiffOfABadSpec(t *testing.T) {
	docs, _ := schema.Parse("vmmesh.yaml", []byte("apiVersion: vmmesh.dev/v1alpha1\nkind: VMMesh\nmetadata: {name: x}\nspec: {}\n"))
	changes, findings, err := fn.Diff(docs, specSum, compare.Old{})
	require.NoError(t, err)
	require.True(t, findings.HasErrors())
	require.Equal(t, compare.Changes{}, changes)
}

// A gateway of another network is one of many Gateways in a cluster, but a file of an output tree that goes is ours.
func TestDiffOfANetworksGateway(t *testing.T) {
	src, err := os.ReadFile("../testdata/diff/way-removed/vmmesh.yaml")
	require.NoError(t, err)
	without, err := os.ReadFile("../testdata/diff/way-removed/old-vmmesh.yaml")
	require.NoError(t, err)
	docs, _ := schema.Parse("vmmesh.yaml", without)
	changes, findings, err := fn.Diff(docs, specSum, treeOf(mustBuild(t, "vmmesh.yaml", src)))
	require.NoError(t, err)
	require.Empty(t, findings)
	var said []string
	for _, c := range changes.Consequences {
		said = append(said, c.Severity.String()+" "+c.Object.Name+": "+c.Message)
	}
	require.Equal(t, []string{
		"risk istio-remote-dc2-15443: a gateway of network dc2 goes: where it was the last, others dial that network's VMs themselves",
		"risk istio-remote-dc3-15443: a gateway of network dc3 goes: where it was the last, others dial that network's VMs themselves",
	}, said)
}
