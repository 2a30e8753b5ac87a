package fn_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vmmesh/vmmesh/fn"
	"github.com/vmmesh/vmmesh/fn/internal/rulesdoc"
	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/lint"
)

// chapters are the catalogue's entries: the first and the last of each chapter, between which none is missing.
var chapters = [][2]int{{101, 121}, {201, 221}, {301, 314}, {401, 409}, {501, 516}, {601, 619}}

// TestCatalogue demands an answer to every entry of the catalogue, and that whatever an answer names is there.
func TestCatalogue(t *testing.T) {
	var numbers []int
	for _, c := range chapters {
		for n := c[0]; n <= c[1]; n++ {
			numbers = append(numbers, n)
		}
	}
	require.Len(t, rulesdoc.Catalogue, len(numbers))

	known := map[string]*diag.Rule{}
	for _, r := range fn.Rules() {
		known[r.ID] = r
	}
	tests := testNames(t)
	checked := 0
	for i, e := range rulesdoc.Catalogue {
		require.Equal(t, numbers[i], e.Number, "entries are by number, and none is missing")
		require.Regexp(t, `^[a-z0-9]+(-[a-z0-9]+)*$`, e.Name)
		for _, id := range slices.Concat(e.Spec, e.Manifests) {
			require.Contains(t, known, id, "entry %d names a rule that does not exist", e.Number)
		}
		for _, id := range e.Manifests {
			rule := ruleOf(id)
			require.NotNil(t, rule, "%s of entry %d does not speak about manifests", id, e.Number)
			require.NotNil(t, rule.Set, "%s of entry %d does not speak about manifests", id, e.Number)
		}
		for _, id := range e.Spec {
			require.False(t, aboutManifests(id), "%s of entry %d does not speak about specs", id, e.Number)
		}
		if len(e.Spec)+len(e.Manifests) > 0 {
			checked++
		}
		answered := len(e.Spec)+len(e.Manifests) > 0 || e.Prevented != "" || e.Undecidable != ""
		require.True(t, answered, "entry %d (%s) has no answer", e.Number, e.Name)
		require.Equal(t, e.Prevented != "", e.Proof != "", "entry %d: what is prevented is proven", e.Number)
		require.Equal(t, e.Undecidable != "", e.Instead != "", "entry %d: where no file tells, something else does", e.Number)
		if e.Proof != "" {
			require.Contains(t, tests, e.Proof, "entry %d", e.Number)
		}
	}
	require.GreaterOrEqual(t, checked, 60)
	t.Logf("%d of %d entries are checked", checked, len(rulesdoc.Catalogue))

	// A rule with the number of an entry is an answer to it.
	for _, r := range lint.Table {
		n, err := strconv.Atoi(strings.TrimPrefix(r.ID, "VM"))
		require.NoError(t, err)
		i := slices.IndexFunc(rulesdoc.Catalogue, func(e rulesdoc.Entry) bool { return e.Number == n })
		if i < 0 {
			continue
		}
		e := rulesdoc.Catalogue[i]
		require.Equal(t, r.Mesh != nil, slices.Contains(e.Spec, r.ID), "%s and entry %d", r.ID, n)
		require.Equal(t, r.Set != nil, slices.Contains(e.Manifests, r.ID), "%s and entry %d", r.ID, n)
	}
}

func ruleOf(id string) *lint.Rule {
	for i := range lint.Table {
		if lint.Table[i].ID == id {
			return &lint.Table[i]
		}
	}
	return nil
}

// TestRulesPage holds schema/README.md to the rules.
func TestRulesPage(t *testing.T) {
	page, err := os.ReadFile("../schema/README.md")
	require.NoError(t, err)
	require.Equal(t, rulesdoc.Text(), string(page), "run `make generate`")
	for _, r := range fn.Rules() {
		require.Contains(t, string(page), "\n| "+r.ID+" | "+r.Name+" |")
	}
}

// testNames lists every test of the repository, as package.Test.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Test") {
				names[strings.TrimSuffix(file.Name.Name, "_test")+"."+f.Name.Name] = true
			}
		}
		return nil
	})
	require.NoError(t, err)
	return names
}

// TestIDsAreKept holds every id to the rule that it was first given to, in schema/lint/testdata/ids.txt: a rule that is gone is
// in rulesdoc.Retired, and a new one has an id of its own. -update adds new ones and changes nothing else.
func TestIDsAreKept(t *testing.T) {
	const ledger = "../schema/lint/testdata/ids.txt"
	text, err := os.ReadFile(ledger)
	require.NoError(t, err)
	owner := map[string]string{}
	for line := range strings.Lines(string(text)) {
		id, name, ok := strings.Cut(strings.TrimSpace(line), " ")
		require.True(t, ok, line)
		require.NotContains(t, owner, id, "two rules were given one id")
		owner[id] = name
	}
	now := map[string]bool{}
	var fresh []string
	for _, r := range fn.Rules() {
		now[r.ID] = true
		require.NotContains(t, rulesdoc.Retired, r.ID, "a retired id is used again")
		name, known := owner[r.ID]
		if !known {
			fresh = append(fresh, r.ID+" "+r.Name+"\n")
			continue
		}
		require.Equal(t, name, r.Name, "%s is the id of another rule", r.ID)
	}
	for id, name := range owner {
		require.True(t, now[id] || slices.Contains(rulesdoc.Retired, id), "%s (%s) is gone, and not in rulesdoc.Retired", id, name)
	}
	if *update && len(fresh) > 0 {
		lines := slices.Collect(strings.Lines(string(text) + strings.Join(fresh, "")))
		slices.Sort(lines)
		require.NoError(t, os.WriteFile(ledger, []byte(strings.Join(lines, "")), 0o644))
		return
	}
	require.Empty(t, fresh, "run `make golden`")
}
