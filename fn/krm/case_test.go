package krm_test

import (
	"bytes"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/vmmesh/vmmesh/fn/krm"
	"github.com/vmmesh/vmmesh/schema/diag"
)

var update = flag.Bool("update", false, "rewrite the expected outputs")

// run is the function over a text: the list, or "" where there is none, and what it says.
func run(t testing.TB, src []byte) (list, said string, answer *krm.Answer) {
	t.Helper()
	answer = krm.Run(src)
	var out, text bytes.Buffer
	if answer.HasList() {
		require.NoError(t, answer.Write(&out))
	}
	require.NoError(t, diag.Write(&text, diag.Text, answer.Findings, false))
	return out.String(), text.String(), answer
}

// resourceList is a list as kyaml reads it.
type resourceList struct {
	APIVersion     string       `yaml:"apiVersion"`
	Kind           string       `yaml:"kind"`
	Items          []yaml.Node  `yaml:"items"`
	FunctionConfig yaml.Node    `yaml:"functionConfig"`
	Results        []listResult `yaml:"results"`
}

// listResult is a result as kyaml's framework defines it.
type listResult struct {
	Message     string                  `yaml:"message"`
	Severity    string                  `yaml:"severity"`
	ResourceRef yaml.ResourceIdentifier `yaml:"resourceRef"`
	Field       struct {
		Path string `yaml:"path"`
	} `yaml:"field"`
	File struct {
		Path  string `yaml:"path"`
		Index int    `yaml:"index"`
	} `yaml:"file"`
	Tags map[string]string `yaml:"tags"`
}

func readList(t testing.TB, text string) resourceList {
	t.Helper()
	var l resourceList
	require.NoError(t, yaml.Unmarshal([]byte(text), &l), "%s", text)
	require.Equal(t, "ResourceList", l.Kind)
	return l
}

// TestCases runs every folder in testdata/krm: what comes out is out.yaml, and what is said is errors.txt; where there
// is no such file, nothing must be.
func TestCases(t *testing.T) {
	paths, err := filepath.Glob("../../testdata/krm/*/in.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	drawn := map[string]bool{}
	for _, path := range paths {
		dir := filepath.Dir(path)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			src, err := os.ReadFile(path)
			require.NoError(t, err)
			list, said, answer := run(t, src)
			for _, d := range answer.Findings {
				drawn[d.Rule] = true
			}
			require.Equal(t, strings.HasPrefix(filepath.Base(dir), "bad-"), answer.Failed(), "%s", said)
			golden(t, filepath.Join(dir, "out.yaml"), list)
			golden(t, filepath.Join(dir, "errors.txt"), said)
			if list == "" {
				require.True(t, answer.Failed())
				return
			}
			l := readList(t, list)
			if len(answer.Findings) > 0 {
				require.Len(t, l.Results, len(answer.Findings))
			}
			for i, d := range answer.Findings { // the results say what is said on standard error
				require.Equal(t, d.Severity.String(), l.Results[i].Severity)
				require.Equal(t, d.Rule, l.Results[i].Tags["rule"])
				require.Contains(t, l.Results[i].Message, d.Message)
				require.Contains(t, said, d.Message)
			}
			if answer.Failed() {
				require.Equal(t, values(t, readList(t, string(src)).Items), values(t, l.Items), "a failed function changes nothing")
				return
			}
			again, _, _ := run(t, []byte(list))
			require.Equal(t, list, again, "a second run changes something")
		})
	}
	drawn["VM959"] = true // of streams: TestStreamRefuses
	for _, rule := range krm.Rules {
		require.True(t, drawn[rule.ID], "no case in testdata/krm draws %s (%s)", rule.ID, rule.Name)
	}
}

// golden holds a text to a file, which must not be there when there is no text.
func golden(t testing.TB, path, got string) {
	t.Helper()
	if *update {
		if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
			require.NoError(t, err)
		}
		if got != "" {
			require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
		}
	}
	want, err := os.ReadFile(path)
	if got == "" {
		require.ErrorIs(t, err, fs.ErrNotExist, "%s", want)
		return
	}
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

// values are nodes as plain values, by way of YAML's own rules and without a type for anything.
func values(t testing.TB, nodes []yaml.Node) []any {
	t.Helper()
	all := make([]any, 0, len(nodes))
	for i := range nodes {
		all = append(all, value(&nodes[i]))
	}
	return all
}

// value is a node's value. Maps of any kind of key and odd tags are no trouble to it; the order of keys says nothing.
func value(n *yaml.Node) any {
	switch n.Kind {
	case yaml.AliasNode:
		return value(n.Alias)
	case yaml.SequenceNode:
		all := make([]any, 0, len(n.Content))
		for _, c := range n.Content {
			all = append(all, value(c))
		}
		return all
	case yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			m[n.Content[i].Value] = value(n.Content[i+1])
		}
		return m
	}
	return n.Value + " " + n.ShortTag()
}
