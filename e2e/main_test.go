package e2e

import (
	"os"
	"testing"
)

func TestMain(m *testing.M) { os.Exit(Sandbox(m.Run)) }

// TestMesh runs everything on one API server. Its parts run one after the other: they share the namespaces of specs.
func TestMesh(t *testing.T) {
	c := StartCluster(t)
	t.Run("judges", func(t *testing.T) { testJudges(t, c) })
	t.Run("apply", func(t *testing.T) { testApply(t, c) })
}
