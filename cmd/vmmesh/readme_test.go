package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestReadme runs every command that the README shows, in its order, in an empty folder with the examples, and holds its
// pictures of specs and findings to what the program really takes and says.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	makefile, err := os.ReadFile("../../Makefile")
	require.NoError(t, err)
	minimal, err := os.ReadFile("../../examples/minimal/vmmesh.yaml")
	require.NoError(t, err)
	finding, err := os.ReadFile("../../testdata/bad/VM035-policy-by-service-port.yaml")
	require.NoError(t, err)
	examples, err := filepath.Abs("../../examples")
	require.NoError(t, err)
	stages, err := filepath.Glob(filepath.Join(filepath.Dir(examples), ".ci/stages/*-test.sh"))
	require.NoError(t, err)
	require.Len(t, stages, 1)
	gate, err := os.ReadFile(stages[0])
	require.NoError(t, err)

	t.Chdir(t.TempDir())
	require.NoError(t, os.CopyFS("examples", os.DirFS(examples)))

	ran := 0
	for _, block := range fenced(string(text), "sh") {
		for line := range strings.Lines(block) {
			command, _, _ := strings.Cut(strings.TrimSpace(line), "  #")
			command = strings.TrimSpace(command)
			switch {
			case command == "":
				continue
			case command == "make test":
				require.Contains(t, string(makefile), "\ntest: ")
				require.Contains(t, string(gate), "make test", "CI does not run what the README says")
			default:
				args, ok := strings.CutPrefix(command, "go run ./cmd/vmmesh ")
				if !ok {
					args, ok = strings.CutPrefix(command, "vmmesh ")
				}
				require.True(t, ok, "the README shows a command that no test knows: %s", command)
				got := run(strings.Fields(args)...)
				require.Zero(t, got.code, "%s\n%s%s", command, got.out, got.err)
			}
			ran++
		}
	}
	require.GreaterOrEqual(t, ran, 10)

	// What installs vmmesh cannot run in a test: the release stage does the same with what it has just made.
	release, err := os.ReadFile(filepath.Join(filepath.Dir(stages[0]), "62-release.sh"))
	require.NoError(t, err)
	installs := map[string]string{
		"tar -xzf vmmesh_":                                 "tar -xzf ",
		"sudo dpkg --install vmmesh":                       "dpkg --install /vmmesh.deb",
		"sudo rpm --install vmmesh":                        "--install --nodeps --noscripts",
		"podman load --input vmmesh":                       " load --input ",
		"go install github.com/vmmesh/vmmesh/cmd/vmmesh@v": "go install ./cmd/vmmesh",
	}
	for _, block := range fenced(string(text), "bash") {
		for line := range strings.Lines(block) {
			known := false
			for command, tried := range installs {
				if strings.HasPrefix(line, command) {
					known = true
					require.Contains(t, string(release), tried)
				}
			}
			require.True(t, known, "the README shows a command that no test knows: %s", line)
		}
	}
	require.FileExists(t, "build/kustomization.yaml")

	require.Equal(t, []string{string(minimal)}, fenced(string(text), "yaml"))
	require.NoError(t, os.WriteFile("vmmesh.yaml", finding, 0o644))
	require.Equal(t, []string{run("lint").out}, fenced(string(text), "text"))

	for _, link := range regexp.MustCompile(`\]\(([^)#]+)\)`).FindAllStringSubmatch(string(text), -1) {
		if !strings.Contains(link[1], "://") {
			_, err := os.Stat(filepath.Join(filepath.Dir(examples), link[1]))
			require.NoError(t, err, "a link leads nowhere")
		}
	}
}

// fenced lists the code blocks of one language.
func fenced(markdown, language string) []string {
	var blocks []string
	for _, part := range strings.Split(markdown, "```"+language+"\n")[1:] {
		block, _, _ := strings.Cut(part, "```")
		blocks = append(blocks, block)
	}
	return blocks
}

// TestSecurityPromises holds each test that SECURITY.md names to being there.
func TestSecurityPromises(t *testing.T) {
	page, err := os.ReadFile("../../SECURITY.md")
	require.NoError(t, err)
	tests := map[string]bool{}
	require.NoError(t, filepath.WalkDir("../..", func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && strings.HasSuffix(path, "_test.go") {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			for _, f := range regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`).FindAllStringSubmatch(string(text), -1) {
				tests[f[1]] = true
			}
		}
		return err
	}))
	named := regexp.MustCompile("`((?:Test|Fuzz)\\w+)`").FindAllStringSubmatch(string(page), -1)
	require.Greater(t, len(named), 15)
	for _, n := range named {
		require.True(t, tests[n[1]], "%s is named and not there", n[1])
	}
	for _, path := range regexp.MustCompile("`((?:testdata|schema|fn)/[^`*]+)`").FindAllStringSubmatch(string(page), -1) {
		_, err := os.Stat(filepath.Join("../..", path[1]))
		require.NoError(t, err)
	}
}
