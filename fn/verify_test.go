package fn_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vmmesh/vmmesh/fn"
	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/lint"
	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/webhook"
)

// verify checks one text of manifests. Below a line `# file: NAME` it is the text of another file.
func verify(name, text string) diag.List {
	var texts []fn.Manifests
	for i, part := range strings.Split("\n"+text, "\n# file: ") {
		if i == 0 {
			texts = append(texts, fn.Manifests{Name: name, Text: []byte(strings.TrimPrefix(part, "\n"))})
			continue
		}
		file, rest, _ := strings.Cut(part, "\n")
		texts = append(texts, fn.Manifests{Name: file, Text: []byte(rest)})
	}
	return fn.Verify(texts)
}

// aboutManifests tells whether a rule speaks about manifests alone, so that no spec can draw it.
func aboutManifests(id string) bool {
	is := func(r *diag.Rule) bool { return r.ID == id }
	return slices.ContainsFunc(manifest.SetRules, is) || slices.ContainsFunc(webhook.ObjectRules, is) ||
		slices.ContainsFunc(lint.Table, func(r lint.Rule) bool { return r.ID == id && r.Set != nil && r.Mesh == nil })
}

// TestVerifyIsSilentAboutOurs checks everything that vmmesh itself emits, as a stream and as a tree: the generators
// prevent whatever the rules find.
func TestVerifyIsSilentAboutOurs(t *testing.T) {
	for name, path := range cases(t) {
		t.Run(name, func(t *testing.T) {
			src, err := os.ReadFile(path)
			require.NoError(t, err)
			out := mustBuild(t, path, src)
			found := verify("-", out.stream.String())
			if name == "lint-ignore" { // its spec asks to ignore these two
				require.Len(t, found, 2)
				require.True(t, drawn(found, "VM113") && drawn(found, "VM209"))
				return
			}
			require.Empty(t, report(t, found))

			var tree []fn.Manifests
			for file, text := range out.files {
				if strings.HasSuffix(file, ".yaml") || fn.VMFile(filepath.Base(file)) { // the command reads no others
					tree = append(tree, fn.Manifests{Name: file, Text: []byte(text)})
				}
			}
			require.Empty(t, report(t, fn.Verify(tree)))
		})
	}
}

// TestVerifyExamples checks each rule's examples: the bad one draws the rule, the good one nothing.
func TestVerifyExamples(t *testing.T) {
	seen := 0
	for _, rule := range fn.Rules() {
		if !aboutManifests(rule.ID) {
			continue
		}
		seen++
		t.Run(rule.ID, func(t *testing.T) {
			found := verify("bad.yaml", rule.Bad)
			require.True(t, drawn(found, rule.ID), "%s\n%s", rule.Bad, report(t, found))
			require.Len(t, found, 1, "%s\n%s", rule.Bad, report(t, found))
			require.Empty(t, report(t, verify("good.yaml", rule.Good)), rule.Good)
		})
	}
	require.GreaterOrEqual(t, seen, 30)
}

// TestVerifyCases checks the manifests in testdata/verify: a file, or a folder with the files of VMs. One that is named
// after a rule draws exactly the findings in the .txt beside it; one of the folder silent, which is a near miss of the rule
// that it is named after, draws none.
func TestVerifyCases(t *testing.T) {
	paths := verifyCases(t, "../testdata/verify")
	for _, path := range paths {
		name := filepath.Base(path)
		t.Run(strings.TrimSuffix(name, ".yaml"), func(t *testing.T) {
			got := report(t, fn.Verify(textsOf(t, path)))
			rule, _, _ := strings.Cut(name, "-")
			require.Contains(t, got, " "+rule+": ", "the case is named after a rule that does not speak")
			golden := strings.TrimSuffix(path, ".yaml") + ".txt"
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), got)
		})
	}
	expected, err := filepath.Glob("../testdata/verify/*.txt")
	require.NoError(t, err)
	require.Len(t, expected, len(paths), "each case has its .txt, and no .txt is left over")

	silent := verifyCases(t, "../testdata/verify/silent")
	for _, path := range silent {
		t.Run("silent/"+strings.TrimSuffix(filepath.Base(path), ".yaml"), func(t *testing.T) {
			require.Empty(t, report(t, fn.Verify(textsOf(t, path))))
		})
	}
	for _, rule := range lint.Table {
		if rule.Set == nil {
			continue
		}
		of := func(path string) bool { return strings.HasPrefix(filepath.Base(path), rule.ID+"-") }
		require.True(t, slices.ContainsFunc(paths, of), "no case in testdata/verify draws %s (%s)", rule.ID, rule.Name)
		require.True(t, slices.ContainsFunc(silent, of), "no near miss of %s (%s) in testdata/verify/silent", rule.ID, rule.Name)
	}
}

// verifyCases lists the files and folders of a folder that are named after a rule.
func verifyCases(t *testing.T, dir string) []string {
	t.Helper()
	all, err := filepath.Glob(dir + "/VM*")
	require.NoError(t, err)
	return slices.DeleteFunc(all, func(path string) bool { return filepath.Ext(path) == ".txt" })
}

// textsOf reads a case: a file by its name, or every file of a folder by its path in it.
func textsOf(t *testing.T, path string) []fn.Manifests {
	t.Helper()
	info, err := os.Stat(path)
	require.NoError(t, err)
	if !info.IsDir() {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		return []fn.Manifests{{Name: filepath.Base(path), Text: text}}
	}
	var texts []fn.Manifests
	for name, text := range readTree(t, path) {
		texts = append(texts, fn.Manifests{Name: name, Text: []byte(text)})
	}
	return texts
}
