package diag

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	_ "github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif" // whose source has the standard's schema
	"github.com/santhosh-tekuri/jsonschema/v5"
	"github.com/stretchr/testify/require"
)

// standardSchema is the JSON schema of SARIF 2.1.0 (OASIS, errata 01) as go-sarif holds it, in a constant of its own: its
// own Validate would judge only what its types can hold.
func standardSchema(t *testing.T) string {
	t.Helper()
	dir, err := exec.Command("go", "list", "-f", "{{.Dir}}", "github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif").Output()
	require.NoError(t, err)
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(strings.TrimSpace(string(dir)), "schema.go"), nil, 0)
	require.NoError(t, err)
	literal := file.Scope.Lookup("schema").Decl.(*ast.ValueSpec).Values[0].(*ast.BasicLit)
	schema, err := strconv.Unquote(literal.Value)
	require.NoError(t, err)
	require.Contains(t, schema, sarifSchema)
	return schema
}

// scanned prints the findings as SARIF, holds the report to the standard's own schema, and reads it back.
func scanned(t *testing.T, findings List, rules ...*Rule) sarifLog {
	t.Helper()
	var b strings.Builder
	require.NoError(t, Report(&b, SARIF, findings, Options{Rules: rules}))

	compiler := jsonschema.NewCompiler()
	compiler.Draft = jsonschema.Draft4
	compiler.AssertFormat = true
	require.NoError(t, compiler.AddResource(sarifSchema, strings.NewReader(standardSchema(t))))
	compiled, err := compiler.Compile(sarifSchema)
	require.NoError(t, err)
	var value any
	require.NoError(t, json.Unmarshal([]byte(b.String()), &value))
	require.NoError(t, compiled.Validate(value), b.String())
	value.(map[string]any)["runs"].([]any)[0].(map[string]any)["results"] = "broken"
	require.Error(t, compiled.Validate(value), "the schema finds nothing wrong with anything")

	var log sarifLog
	require.NoError(t, json.Unmarshal([]byte(b.String()), &log))
	require.Equal(t, "2.1.0", log.Version)
	require.Len(t, log.Runs, 1)
	return log
}

func TestSARIF(t *testing.T) {
	rule := &Rule{ID: "VM010", Name: "unknown-field", Severity: Error, Doc: "A field exists.", Long: "It <is> dropped.", Bad: "a: 1\n", Good: "b: 1\n"}
	other := &Rule{ID: "VM011", Name: "other", Severity: Info, Doc: "Other.", Long: "Other.", Bad: "c", Good: "d"}
	text := "één: 1\nspec: {größe: 1}\n"
	at := Root(sourceOf("dir/a b.yaml", text, map[string]Pos{"spec": {2, 15}, "": {1, 1}})).Key("spec")
	log := scanned(t, List{
		{Rule: "VM010", Severity: Warning, At: at, Message: "unknown field", Help: "did you mean…"},
		{Rule: "VM010", Severity: Error, At: Root(&Source{Name: "payments"}).Key("spec").Key("x"), Message: "m"},
		{Rule: "VM999", Severity: Info, At: Root(sourceOf("-", text, map[string]Pos{"": {1, 1}})), Message: "of nobody"},
		{Rule: "VM010", Severity: Info, Message: "nowhere"},
		{Rule: "VM010", Severity: Info, At: Root(sourceOf("/etc/a.yaml", "", map[string]Pos{"": {9, 1}})), Message: "far"},
	}, rule, other)
	driver := log.Runs[0].Tool.Driver
	require.Len(t, driver.Rules, 1, "rules of which nothing was found are left out")
	require.Equal(t, "VM010", driver.Rules[0].ID)
	require.Equal(t, "error", driver.Rules[0].Default.Level)
	require.Contains(t, driver.Rules[0].Help.Markdown, "It <is> dropped.\n\nDraws the finding:\n\n```yaml\na: 1\n```\n")

	byURI := map[string]sarifResult{}
	for _, r := range log.Runs[0].Results {
		uri := ""
		if len(r.Locations) > 0 && r.Locations[0].Physical != nil {
			uri = r.Locations[0].Physical.Artifact.URI
		}
		byURI[uri+" "+r.Message.Text] = r
	}
	require.Len(t, byURI, 5)
	r := byURI["dir/a%20b.yaml unknown field\nhelp: did you mean…"]
	require.Equal(t, "warning", r.Level)
	require.Equal(t, 0, *r.RuleIndex)
	require.Equal(t, &sarifRegion{StartLine: 2, StartColumn: 13}, r.Locations[0].Physical.Region, "characters, and not bytes")
	require.Equal(t, []sarifLogical{{"spec"}}, r.Locations[0].Logical)
	r = byURI["payments m"]
	require.Nil(t, r.Locations[0].Physical.Region, "no lines in function mode")
	require.Equal(t, "spec.x", r.Locations[0].Logical[0].Name)
	require.Nil(t, byURI[" of nobody"].Locations, "standard input is no file")
	require.Nil(t, byURI[" of nobody"].RuleIndex)
	require.Equal(t, "note", byURI[" nowhere"].Level)
	require.Contains(t, byURI, "file:///etc/a.yaml far")
}

func TestSARIFWithoutFindings(t *testing.T) {
	log := scanned(t, nil)
	require.NotNil(t, log.Runs[0].Results)
	require.Empty(t, log.Runs[0].Results)
}

// A finding keeps its fingerprint when lines move, and two of one place have two.
func TestSARIFFingerprints(t *testing.T) {
	of := func(line int, messages ...string) []string {
		var l List
		for _, m := range messages {
			l = append(l, Diagnostic{Rule: "VM010", Severity: Error, At: Root(sourceOf("a.yaml", "", map[string]Pos{"spec": {line, 1}})).Key("spec"), Message: m})
		}
		var all []string
		for _, r := range scanned(t, l).Runs[0].Results {
			all = append(all, r.Fingerprints["vmmesh/v1"])
		}
		return all
	}
	require.Equal(t, of(1, "a", "b"), of(7, "a", "b"))
	require.NotEqual(t, of(1, "a", "b")[0], of(1, "a", "b")[1])
}
