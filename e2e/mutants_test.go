//go:build mutants

package e2e

import (
	"context"
	"fmt"
	"hash/fnv"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestMutants breaks vmmesh in every way of testdata/mutants.yaml, one after the other, and has the tests run until one
// fails. VMMESH_E2E_MUTANTS=COUNT@COMMIT tries that many of them, others for each commit.
func TestMutants(t *testing.T) {
	all := Mutations(t)
	chosen := all
	if some := os.Getenv("VMMESH_E2E_MUTANTS"); some != "" {
		count, commit, _ := strings.Cut(some, "@")
		n, err := strconv.Atoi(count)
		require.NoError(t, err)
		h := fnv.New32a()
		_, _ = h.Write([]byte(commit))
		first := int(h.Sum32() % uint32(len(all)))
		chosen = append(append([]Mutation{}, all[first:]...), all[:first]...)[:min(n, len(all))]
		fmt.Printf("mutations %d to %d of %d, in turn\n", first+1, (first+len(chosen)-1)%len(all)+1, len(all))
	}
	c := StartCluster(t)
	sound := Mutation{}.build(t)
	passes := map[string]bool{}
	caught := 0
	for _, m := range chosen {
		broken := m.build(t)
		by := parts(t, broken, m.Likely)
		c.tidy(t)
		if by == "" {
			by = parts(t, broken, ".")
			c.tidy(t)
		}
		// A test that fails anyhow catches nothing.
		if part := strings.TrimPrefix(by, "TestMesh/"); by != "" && !passes[part] {
			require.Empty(t, parts(t, sound, part), "it fails with a vmmesh that is not broken")
			passes[part] = true
			c.tidy(t)
		}
		if by == "" {
			fmt.Printf("NOT CAUGHT: %s\n", m.describe())
			t.Errorf("nothing catches: %s", m.describe())
			continue
		}
		caught++
		fmt.Printf("%s: caught by %s\n", m.describe(), by)
	}
	fmt.Printf("%d of %d caught\n", caught, len(chosen))
}

// tidy removes the namespaces that tests of a broken vmmesh may have left.
func (c *Cluster) tidy(t *testing.T) {
	t.Helper()
	all, err := c.Kube.CoreV1().Namespaces().List(context.Background(), metav1.ListOptions{})
	require.NoError(t, err)
	for _, n := range all.Items {
		if !strings.HasPrefix(n.Name, "kube-") {
			c.deleteNamespace(t, n.Name)
		}
	}
}
