package diag

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestGitHub(t *testing.T) {
	at := func(name string, places map[string]Pos) Path { return Root(sourceOf(name, "", places)).Key("spec") }
	here := map[string]Pos{"spec": {3, 5}}
	for name, c := range map[string]struct {
		finding Diagnostic
		want    string
	}{
		"error": {
			Diagnostic{Rule: "VM010", Severity: Error, At: at("a.yaml", here), Message: "unknown field: a, b", Help: "drop it"},
			"::error file=a.yaml,line=3,col=5,title=VM010::unknown field: a, b%0Ahelp: drop it",
		},
		"warning": {Diagnostic{Rule: "VM101", Severity: Warning, At: at("a.yaml", here), Message: "m"}, "::warning file=a.yaml,line=3,col=5,title=VM101::m"},
		"info":    {Diagnostic{Rule: "VM101", Severity: Info, At: at("a.yaml", here), Message: "m"}, "::notice file=a.yaml,line=3,col=5,title=VM101::m"},
		"escapes": {
			Diagnostic{Rule: "VM001", Severity: Error, At: at("C:\\50%,\r\n.yaml", here), Message: "50%\r\n::error::x"},
			"::error file=C%3A\\50%25%2C%0D%0A.yaml,line=3,col=5,title=VM001::50%25%0D%0A::error::x",
		},
		"no lines": {Diagnostic{Rule: "VM101", Severity: Error, At: at("a.yaml", nil), Message: "m"}, "::error file=a.yaml,title=VM101::spec: m"},
		"standard input is no file": {
			Diagnostic{Rule: "VM101", Severity: Error, At: at("-", here), Message: "m"},
			"::error title=VM101::-:3:5: m",
		},
		"nowhere": {Diagnostic{Rule: "VM101", Severity: Error, Message: "m"}, "::error title=VM101::m"},
		"a line without a column": {
			Diagnostic{Rule: "VM101", Severity: Error, At: at("a.yaml", map[string]Pos{"spec": {3, 0}}), Message: "m"},
			"::error file=a.yaml,line=3,title=VM101::m",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var b strings.Builder
			require.NoError(t, Write(&b, GitHub, List{c.finding}, true))
			require.Equal(t, c.want+"\n", b.String())
		})
	}
}
