package syntax

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vmmesh/vmmesh/schema/diag"
)

// What a rule gives as bad draws that rule's finding, and what it gives as good draws none.
func TestRules(t *testing.T) {
	require.True(t, slices.IsSortedFunc(Rules, func(a, b *diag.Rule) int { return strings.Compare(a.ID, b.ID) }))
	for _, r := range Rules {
		_, findings := Read("bad.yaml", []byte(r.Bad))
		require.Len(t, findings, 1, r.ID)
		require.Equal(t, r.ID, findings[0].Rule)
		docs, findings := Read("good.yaml", []byte(r.Good))
		require.Empty(t, findings, r.ID)
		require.Len(t, docs, 1, r.ID)
	}
}
