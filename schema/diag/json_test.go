package diag

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestJSON(t *testing.T) {
	root := Root(sourceOf("a.yaml", sample, map[string]Pos{"kind": {2, 7}}))
	var b strings.Builder
	require.NoError(t, Write(&b, JSON, List{
		{Rule: "VM101", Severity: Warning, At: Root(&Source{Name: "b"}).Key("spec"), Message: "odd"},
		{Rule: "VM004", Severity: Error, At: root.Key("kind"), Message: `"<x>" & y`, Help: "h\nh"},
	}, true))
	require.Equal(t, `{
  "findings": [
    {
      "rule": "VM004",
      "severity": "error",
      "message": "\"<x>\" & y",
      "help": "h\nh",
      "file": "a.yaml",
      "line": 2,
      "column": 7,
      "path": "kind"
    },
    {
      "rule": "VM101",
      "severity": "warning",
      "message": "odd",
      "help": "",
      "file": "b",
      "line": 0,
      "column": 0,
      "path": "spec"
    }
  ],
  "summary": {
    "errors": 1,
    "warnings": 1,
    "infos": 0
  }
}
`, b.String())
}

func TestJSONWithoutFindings(t *testing.T) {
	var b strings.Builder
	require.NoError(t, Write(&b, JSON, nil, false))
	require.JSONEq(t, `{"findings": [], "summary": {"errors": 0, "warnings": 0, "infos": 0}}`, b.String())
}
