package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vmmesh/vmmesh/internal/need"
	"github.com/vmmesh/vmmesh/schema/compare"
	"github.com/vmmesh/vmmesh/schema/syntax"
)

// forge is as much of GitHub's and GitLab's API as a comment needs.
type forge struct {
	mu       sync.Mutex
	comments []forgeComment
	readOnly bool
	token    string // the header that a request must have
	failed   []string
}

type forgeComment struct {
	ID   int    `json:"id"`
	Body string `json:"body"`
}

// set changes what the server serves, which answers on goroutines of its own.
func (f *forge) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

func (f *forge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	name, value, _ := strings.Cut(f.token, ": ")
	if r.Header.Get(name) != value {
		f.failed = append(f.failed, "a request without the token")
	}
	one, list := strings.Contains(r.URL.Path, "/comments/") || strings.Contains(r.URL.Path, "/notes/"), "/issues/7/comments"
	if strings.Contains(r.URL.Path, "/projects/") {
		list = "/projects/12/merge_requests/7/notes"
	}
	if !one && !strings.HasSuffix(r.URL.Path, list) {
		f.failed = append(f.failed, "a request for "+r.URL.Path)
	}
	if r.Method == http.MethodGet {
		page, _ := strconv.Atoi(r.URL.Query().Get("page"))
		from, to := min((page-1)*100, len(f.comments)), min(page*100, len(f.comments))
		_ = json.NewEncoder(w).Encode(f.comments[from:to])
		return
	}
	if f.readOnly {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	var c forgeComment
	text, _ := io.ReadAll(r.Body)
	if err := json.Unmarshal(text, &c); err != nil {
		f.failed = append(f.failed, err.Error())
	}
	switch r.Method {
	case http.MethodPost:
		c.ID = 1000 + len(f.comments)
		f.comments = append(f.comments, c)
	case http.MethodPatch, http.MethodPut:
		for i := range f.comments {
			if strings.HasSuffix(r.URL.Path, "/"+strconv.Itoa(f.comments[i].ID)) {
				f.comments[i].Body = c.Body
			}
		}
	}
	fmt.Fprint(w, "{}")
}

// ours are the comments that the script keeps.
func (f *forge) ours(t *testing.T) (bodies []string) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	require.Empty(t, f.failed)
	for _, c := range f.comments {
		if strings.HasPrefix(c.Body, compare.Marker) {
			bodies = append(bodies, c.Body)
		}
	}
	return bodies
}

// ciStep is the command of an example in examples/ci, and the variables that it sets.
func ciStep(t *testing.T, file string) (command string, env map[string]string) {
	t.Helper()
	text, err := os.ReadFile("../../examples/ci/" + file)
	require.NoError(t, err)
	docs, findings := syntax.Read(file, text)
	require.Empty(t, findings)
	root, env := docs[0].Root, map[string]string{}
	if job := root.Get("vmmesh"); job != nil {
		for _, f := range job.Get("variables").Fields {
			env[f.Key] = f.Value.Text()
		}
		return job.Get("script").Items[0].Text(), env
	}
	step := &root.Get("runs").Get("steps").Items[0]
	for _, f := range step.Get("env").Fields {
		env[f.Key] = f.Value.Text()
	}
	return step.Get("run").Text(), env
}

// TestCIComment runs the commands of the examples for GitHub and GitLab on a pull request of a real repository, with an
// API that keeps comments.
func TestCIComment(t *testing.T) {
	for _, tool := range []string{"bash", "git", "curl", "jq"} {
		need.Tool(t, tool, tool)
	}
	bin := t.TempDir()
	build := exec.Command("go", "build", "-o", filepath.Join(bin, "vmmesh"), ".")
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
	examples, err := filepath.Abs("../../examples/ci")
	require.NoError(t, err)

	for _, host := range []string{"action.yml", "gitlab.yml"} {
		t.Run(host, func(t *testing.T) {
			command, env := ciStep(t, host)
			f := &forge{}
			server := httptest.NewServer(f)
			defer server.Close()

			// A repository with the spec in a folder whose name needs quotes.
			repo := t.TempDir()
			git := func(args ...string) string {
				t.Helper()
				c := exec.Command("git", append([]string{"-C", repo, "-c", "user.name=ci", "-c", "user.email=ci@example.com"}, args...)...)
				out, err := c.CombinedOutput()
				require.NoError(t, err, string(out))
				return strings.TrimSpace(string(out))
			}
			spec := filepath.Join(repo, "the mesh", "vmmesh.yaml")
			require.NoError(t, os.Mkdir(filepath.Dir(spec), 0o755))
			require.NoError(t, os.CopyFS(filepath.Join(repo, "ci"), os.DirFS(examples)))
			git("init", "--quiet")
			writeSpec(t, spec, smallSpec)
			git("add", "--all")
			git("commit", "--quiet", "--message", "base")
			base := git("rev-parse", "HEAD")
			head := base
			event := filepath.Join(t.TempDir(), "event.json")
			writeSpec(t, event, `{"pull_request": {"number": 7}}`)
			summary := filepath.Join(t.TempDir(), "summary.md")

			given := map[string]string{
				"PATH": bin + string(os.PathListSeparator) + os.Getenv("PATH"), "HOME": t.TempDir(),
				"GITHUB_ACTIONS": "true", "GITHUB_ACTION_PATH": filepath.Join(repo, "ci"), "GITHUB_EVENT_PATH": event,
				"GITHUB_API_URL": server.URL, "GITHUB_REPOSITORY": "shop/mesh", "GITHUB_STEP_SUMMARY": summary,
			}
			f.set(func() { f.token = "Authorization: Bearer secret" })
			if host == "gitlab.yml" {
				for name := range given {
					if strings.HasPrefix(name, "GITHUB_") {
						delete(given, name)
					}
				}
				given["CI_API_V4_URL"], given["CI_PROJECT_ID"], given["CI_MERGE_REQUEST_IID"] = server.URL, "12", "7"
				given["CI_MERGE_REQUEST_DIFF_BASE_SHA"] = base
				f.set(func() { f.token = "PRIVATE-TOKEN: secret" })
			}
			run := func(more map[string]string) (string, string, int) {
				t.Helper()
				c := exec.Command("bash", "-c", command)
				c.Dir = repo
				all := map[string]string{}
				for name, value := range env { // what GitHub would put in the place of an expression
					all[name] = map[string]string{
						"${{ github.event.pull_request.base.sha }}": base, "${{ inputs.fail-on }}": "breaks",
					}[value]
					if !strings.Contains(value, "${{") {
						all[name] = value
					}
				}
				all["VMMESH_TOKEN"], all["VMMESH_PATH"] = "secret", "the mesh"
				for _, of := range []map[string]string{given, more} {
					for name, value := range of {
						all[name] = value
					}
				}
				for name, value := range all {
					c.Env = append(c.Env, name+"="+value)
				}
				var stdout, stderr strings.Builder
				c.Stdout, c.Stderr = &stdout, &stderr
				err := c.Run()
				require.NotNil(t, c.ProcessState, "%v", err)
				require.Equal(t, head, git("rev-parse", "HEAD"), "the repository was changed")
				require.Len(t, strings.Split(git("worktree", "list"), "\n"), 1, "a worktree was left")
				return stdout.String(), stderr.String(), c.ProcessState.ExitCode()
			}

			// Nothing changes: no comment.
			text, errs, code := run(nil)
			require.Equal(t, exitOK, code, errs)
			require.Contains(t, text, "nothing would change")
			require.Empty(t, f.ours(t))

			// A port goes, after many comments of others.
			f.set(func() { f.comments = nil })
			for i := range 150 {
				f.set(func() { f.comments = append(f.comments, forgeComment{i, "a remark on " + compare.Marker}) })
			}
			writeSpec(t, spec, strings.Replace(smallSpec, "port: 8080", "port: 8081", 1))
			text, errs, code = run(nil)
			require.Equal(t, exitFindings, code, errs)
			ours := f.ours(t)
			require.Len(t, ours, 1)
			require.Contains(t, ours[0], "port 8080 (http) becomes 8081")
			require.Contains(t, text, ours[0])
			if host == "action.yml" {
				require.Contains(t, text, "::error title=vmmesh diff%3A breaks%2C port-removed::")
				kept, err := os.ReadFile(summary)
				require.NoError(t, err)
				require.Contains(t, string(kept), ours[0])
			}

			// Errors, and below the level: the same comment.
			writeSpec(t, spec, strings.Replace(smallSpec, "8080", "80800", 1))
			_, errs, code = run(nil)
			require.Equal(t, exitFindings, code)
			require.Contains(t, errs, "VM014")
			ours = f.ours(t)
			require.Len(t, ours, 1)
			require.Contains(t, ours[0], "nothing was compared")
			require.Contains(t, ours[0], "VM014")
			writeSpec(t, spec, strings.Replace(smallSpec, "name: http", "name: grpc", 1))
			_, errs, code = run(nil)
			require.Equal(t, exitOK, code, errs)
			require.NotContains(t, f.ours(t)[0], "VM014")
			_, _, code = run(map[string]string{"VMMESH_FAIL_ON": "any"})
			require.Equal(t, exitFindings, code)
			writeSpec(t, spec, smallSpec)
			_, errs, code = run(nil)
			require.Equal(t, exitOK, code, errs)
			require.Len(t, f.ours(t), 1)
			require.Contains(t, f.ours(t)[0], "nothing would change")

			if host != "action.yml" {
				return // what follows is the script alone
			}
			// Against what is given: here an export without anything.
			writeSpec(t, filepath.Join(repo, "live.yaml"), "apiVersion: v1\nkind: List\nitems: []\n")
			text, _, code = run(map[string]string{"VMMESH_AGAINST": "live.yaml"})
			require.Equal(t, exitOK, code)
			require.Contains(t, text, "+ Service vm-workloads/cart\n")

			// A token that only reads, and none, fail nothing; nor does an API that is not there.
			f.set(func() { f.readOnly = true })
			_, errs, code = run(nil)
			require.Equal(t, exitOK, code)
			require.Contains(t, errs, "the comment could not be written")
			f.set(func() { f.readOnly = false })
			_, errs, code = run(map[string]string{"VMMESH_TOKEN": ""})
			require.Equal(t, exitOK, code)
			require.Contains(t, errs, "VMMESH_TOKEN is not set")
			server.Close()
			_, errs, code = run(nil)
			require.Equal(t, exitOK, code)
			require.Contains(t, errs, "the comment could not be written")

			// A base without the spec: everything is new.
			git("rm", "--quiet", "--cached", "-r", "the mesh")
			git("commit", "--quiet", "--message", "no spec")
			head = git("rev-parse", "HEAD")
			text, errs, _ = run(map[string]string{"VMMESH_BASE": head})
			require.Contains(t, errs, "the base does not build")
			require.Contains(t, text, "+ Service vm-workloads/cart\n")
			_, errs, code = run(map[string]string{"VMMESH_BASE": "--upload-pack=x"})
			require.Equal(t, exitUsage, code)
			require.Contains(t, errs, "is not a commit")
		})
	}
}
