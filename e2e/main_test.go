package e2e

import (
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMain runs the tests in a sandbox; there, the same program is also what runs on virtual machines.
func TestMain(m *testing.M) {
	if ports := os.Getenv(appEnv); ports != "" {
		fmt.Fprintln(os.Stderr, application(ports, os.Getenv(appNameEnv)))
		os.Exit(1)
	}
	os.Exit(Sandbox(m.Run))
}

// TestMesh runs everything on one API server. Its parts run one after the other: they share the namespaces of specs.
func TestMesh(t *testing.T) {
	c := StartCluster(t)
	t.Run("judges", func(t *testing.T) { testJudges(t, c) })
	t.Run("apply", func(t *testing.T) { testApply(t, c) })
	t.Run("parity", func(t *testing.T) { testParity(t, c) })
	t.Run("join", func(t *testing.T) { testJoin(t, c) })
	t.Run("first VM", func(t *testing.T) { testFirstVM(t, c) })
	t.Run("traffic", func(t *testing.T) { testTraffic(t, c) })
	t.Run("control plane", func(t *testing.T) { testControlPlane(t, c) })
	t.Run("views", func(t *testing.T) { testViews(t, c) })
	t.Run("gitops", func(t *testing.T) { testGitOps(t, c) })
	t.Run("accepted", func(t *testing.T) { testAccepted(t, c) })
	t.Run("faults", func(t *testing.T) { testFaults(t, c) })
	t.Run("packets", func(t *testing.T) { testPackets(t, c) })
	t.Run("rules", func(t *testing.T) { testRules(t, c) })
}

// TestMutationsApply sees that the code which each mutation changes is still there: `make mutants` runs them.
func TestMutationsApply(t *testing.T) { require.GreaterOrEqual(t, len(Mutations(t)), 23) }
