package fn_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/vmmesh/vmmesh/"

// rooms says which of our own packages each package may import: arrows go down only, and siblings under generators do
// not know each other. A package that is not listed here fails the test: say where it stands.
var rooms = map[string][]string{
	"schema/secret":            {},
	"schema/diag":              {"schema/secret"},
	"schema/syntax":            {"schema/diag"},
	"schema/manifest":          {"schema/diag", "schema/syntax"},
	"schema/webhook":           {"schema/diag"},
	"schema":                   {"schema/diag", "schema/secret", "schema/syntax", "schema/manifest"},
	"schema/mesh":              {"schema/diag", "schema/manifest", "schema", "schema/webhook"},
	"schema/lint":              {"schema/diag", "schema/syntax", "schema/manifest", "schema/mesh", "schema/webhook"},
	"schema/importer":          {"schema/diag", "schema/syntax", "schema/manifest", "schema", "schema/mesh"},
	"schema/compare":           {"schema/diag", "schema/secret", "schema/syntax"},
	"schema/crds":              {},
	"generators/manifests":     {"schema/manifest", "schema/mesh"},
	"generators/handbook":      {"schema/manifest", "schema/mesh"},
	"generators/vms":           {"schema/manifest", "schema/mesh", "generators/vms/cloudinit", "generators/vms/scripts"},
	"generators/controlplane":  {"schema/manifest", "schema/mesh"},
	"generators/graph":         {"schema/mesh"},
	"generators/fleet":         {"schema/manifest", "schema/mesh"},
	"generators/monitoring":    {"schema/manifest", "schema/mesh"},
	"generators":               {"schema/manifest", "schema/mesh", "generators/handbook", "generators/manifests", "generators/controlplane", "generators/fleet", "generators/monitoring", "generators/vms"},
	"fn":                       {"schema/diag", "schema/syntax", "schema/manifest", "schema", "schema/mesh", "schema/webhook", "schema/lint", "schema/importer", "schema/compare", "generators", "generators/manifests", "generators/fleet", "generators/graph", "generators/vms"},
	"fn/krm":                   {"schema/diag", "schema/syntax", "schema/manifest", "schema", "fn"},
	"cmd/vmmesh/tree":          {"schema/manifest"},
	"cmd/vmmesh/lsp":           {"schema/diag", "schema/syntax", "schema", "fn"},
	"cmd/vmmesh":               {"schema/diag", "schema/secret", "schema/syntax", "schema/manifest", "schema", "schema/mesh", "schema/lint", "schema/importer", "schema/compare", "fn", "fn/krm", "cmd/vmmesh/tree", "cmd/vmmesh/lsp"},
	"testdata/bench":           {},
	"testdata/gate":            {"internal/need"},
	"testdata/bench/floor":     {},
	"generators/vms/scripts":   {"schema/manifest"},
	"generators/vms/cloudinit": {"schema/manifest"},
}

// impure are the packages through which time, chance, the machine or the network would come in. They stay above cmd, in
// tests and in programs that `go generate` runs.
var impure = []string{"os", "os/exec", "os/user", "net", "net/http", "math/rand", "math/rand/v2", "crypto/rand", "syscall", "log", "log/slog"}

// TestWalls reads the imports of every file that is no test.
func TestWalls(t *testing.T) {
	seen := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() && (strings.HasPrefix(e.Name(), ".") && e.Name() != ".." || e.Name() == "e2e") {
			return fs.SkipDir
		}
		if e.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		room, err := filepath.Rel("..", filepath.Dir(path))
		if err != nil || strings.Contains(room, "internal") { // programs that `go generate` runs
			return err
		}
		room = filepath.ToSlash(room)
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		seen[room] = true
		allowed, listed := rooms[room]
		require.True(t, listed, "%s is in no room that the plan knows", path)
		for _, spec := range file.Imports {
			name := strings.Trim(spec.Path.Value, `"`)
			if own, ours := strings.CutPrefix(name, module); ours {
				require.Contains(t, allowed, own, "%s may not import it", path)
			}
			if below(room) {
				require.False(t, slices.Contains(impure, name), "%s imports %s", path, name)
			}
			if strings.HasPrefix(name, "go.yaml.in/") || strings.HasPrefix(name, "sigs.k8s.io/yaml") {
				require.Contains(t, []string{"schema/syntax", "schema/crds"}, room, "%s sees a YAML library's nodes", path)
			}
		}
		if below(room) {
			ast.Inspect(file, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.GoStmt:
					t.Errorf("%s starts a goroutine", path)
				case *ast.FuncDecl:
					if n.Recv == nil && n.Name.Name == "init" {
						t.Errorf("%s has an init function", path)
					}
				case *ast.SelectorExpr:
					if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" && (n.Sel.Name == "Now" || n.Sel.Name == "Since") {
						t.Errorf("%s reads the clock", path)
					}
				}
				return true
			})
		}
		return nil
	})
	require.NoError(t, err)
	for room := range rooms {
		require.True(t, seen[room], "the plan knows a room %s that does not exist", room)
	}
}

// below tells whether a room is part of the pure pipeline.
func below(room string) bool {
	return !strings.HasPrefix(room, "cmd/") && !strings.HasPrefix(room, "testdata/")
}
