package vms_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"mvdan.cc/sh/v3/syntax"

	"github.com/vmmesh/vmmesh/generators/vms"
	"github.com/vmmesh/vmmesh/schema/manifest"
)

// hostile are texts that a shell, a template engine, printf or a reader of lines would make something else of.
var hostile = []string{
	"", " ", "'", "''", `"`, "`id`", "$(id)", "${HOME}", "$HOME", "$$", "$'\\n'", `\`, `\'`, `a\`, "!", "!!", "#", "~", "*", "?", "[a-z]",
	"a b", " a", "a ", "\t", "a;b", "a&b", "a|b", "a<b", "a>b", "(a)", "{a,b}", "{{ x }}", "{% x %}", "%s%n%d", "%", "=", "a=b", "-n", "--",
	"'; touch owned; '", "'\"'\"'", "a'b'c", "$(touch owned)", "`touch owned`", "ünïcödé ☃", "\u00a0", "\u2028", "é", "EOF", "\\x27", "\\u0027",
	strings.Repeat("'", 100), strings.Repeat("\\", 101), "a\nb", "\n", "a\r\nb", "\x00", "\x01", "\x1b[0m", "\x7f", "\u0085",
}

// spec gives a text to everything that takes one and reaches a VM.
func spec(text string) string {
	quote := func(s string) string {
		quoted, err := json.Marshal(s)
		if err != nil {
			panic(err)
		}
		return string(quoted)
	}
	return strings.NewReplacer("TEXT", quote(text), "PATH", quote("/"+text)).Replace(`
  istio: {version: 1.31.1, istiodAddresses: [34.56.78.90]}
  workloads:
  - name: pay
    probe: {exec: {command: [/bin/check, TEXT]}}
    ports: [{name: http, port: 8080}]
    groups:
    - name: pay
      instances: [{name: vm1, address: 192.168.1.1, labels: {rack: r2}}]
  - name: web
    probe: {httpGet: {path: PATH, host: localhost, port: 8080}}
    ports: [{name: http, port: 8080}]
    groups: [{name: web}]
  vm:
    env: [{name: FREE, value: TEXT}]
    proxyConfig: {proxyMetadata: {META: TEXT}}
    identity: {type: HTTP, http: {url: "https://a.example.com"}}
`)
}

// TestArrival builds specs with hostile texts, has bash read the files as the start script and our own scripts do, and
// finds every text as it was written. A text that cannot arrive is refused, and no other is.
func TestArrival(t *testing.T) {
	for _, text := range hostile {
		arrived := arrival(t, text)
		control := strings.ContainsFunc(text, func(r rune) bool { return r < 32 && r != '\t' || r == 127 || r == 0x85 })
		require.Equal(t, !control && text != "", arrived, "%q", text) // Istio's CRD refuses an empty word of a command
	}
}

func FuzzArrival(f *testing.F) {
	for _, text := range hostile {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if text == strings.ToValidUTF8(text, "") { // JSON, in which the text is put into the spec, has no other
			arrival(t, text)
		}
	})
}

// arrival tells whether a text was taken, and fails where it did not arrive.
func arrival(t testing.TB, text string) bool {
	t.Helper()
	m, found := resolved(t, spec(text))
	if found.HasErrors() {
		t.Logf("%q is refused: %v", text, found)
		return false
	}
	dir := t.TempDir()
	for f := range vms.Files(m) {
		if strings.HasSuffix(f.Path, ".env") {
			require.NoError(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(f.Path)), 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(dir, f.Path), f.Data, 0o644))
			assignments(t, f)
		}
	}
	pay := filepath.Join(dir, "vms/vm-workloads/pay")
	for _, folder := range []string{pay, filepath.Join(pay, "vm1"), filepath.Join(dir, "vms/vm-workloads/web")} {
		env := read(t, folder, `set -ea; . ./cluster.env; env -0`)
		require.Contains(t, env, "FREE="+text)
		require.Contains(t, env, "META="+text)
		require.Contains(t, env, "ISTIO_NAMESPACE=vm-workloads")
	}
	require.Equal(t, []string{"2", "/bin/check", text}, read(t, pay, `set -eu; . ./vm.env; printf '%s\0' "${#VMMESH_PROBE_COMMAND[@]}" "${VMMESH_PROBE_COMMAND[@]}"`))
	require.Equal(t, []string{"localhost", "/" + text, "0"},
		read(t, filepath.Join(dir, "vms/vm-workloads/web"), `set -eu; . ./vm.env; printf '%s\0' "$VMMESH_PROBE_HOST" "$VMMESH_PROBE_PATH" "${#VMMESH_PROBE_COMMAND[@]}"`))
	entries, err := os.ReadDir(pay)
	require.NoError(t, err)
	require.Len(t, entries, 3, "nothing in a file was run")
	return true
}

// read has bash read files, with nothing else in its environment, and answers what it prints, parted by NULs.
func read(t testing.TB, dir, command string) []string {
	t.Helper()
	c := exec.Command("bash", "--norc", "--noprofile", "-c", command)
	c.Dir, c.Env = dir, []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8"}
	out, err := c.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
}

// assignments holds a file to assignments of single-quoted words, as a parser of bash sees it: nothing in it can be
// expanded, run or redirected.
func assignments(t testing.TB, f manifest.File) {
	t.Helper()
	parsed, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(string(f.Data)), f.Path)
	require.NoError(t, err)
	require.NotEmpty(t, parsed.Stmts)
	word := func(w *syntax.Word) {
		for _, part := range w.Parts {
			switch part := part.(type) {
			case *syntax.SglQuoted:
				require.False(t, part.Dollar, f.Path)
			case *syntax.DblQuoted: // a quote between two quoted words
				require.Len(t, part.Parts, 1, f.Path)
				require.Equal(t, "'", part.Parts[0].(*syntax.Lit).Value, f.Path)
			default:
				require.Fail(t, "not quoted", "%s: %T", f.Path, part)
			}
		}
	}
	for _, s := range parsed.Stmts {
		call, ok := s.Cmd.(*syntax.CallExpr)
		require.True(t, ok, "%s: %T", f.Path, s.Cmd)
		require.Empty(t, call.Args, f.Path)
		require.Empty(t, s.Redirs, f.Path)
		require.False(t, s.Background || s.Negated || s.Coprocess, f.Path)
		for _, a := range call.Assigns {
			require.False(t, a.Append || a.Naked || a.Index != nil, f.Path)
			if a.Value != nil {
				word(a.Value)
			}
			if a.Array != nil {
				for _, e := range a.Array.Elems {
					require.Nil(t, e.Index, f.Path)
					word(e.Value)
				}
			}
		}
	}
}
