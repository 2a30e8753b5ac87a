package fn_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/vmmesh/vmmesh/internal/need"
)

// promtool runs Prometheus' own checker.
func promtool(t testing.TB, args ...string) {
	t.Helper()
	out, err := exec.Command(need.Tool(t, "prometheus", "promtool"), args...).CombinedOutput()
	require.NoError(t, err, "promtool %s\n%s", strings.Join(args, " "), out)
}

// write writes files below a new directory.
func write(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		name = filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
		require.NoError(t, os.WriteFile(name, []byte(text), 0o644))
	}
	return dir
}

// watched builds every case and answers those that watch their VMs.
func watched(t testing.TB) map[string]*outputs {
	t.Helper()
	all := map[string]*outputs{}
	for name, spec := range cases(t) {
		src, err := os.ReadFile(spec)
		require.NoError(t, err)
		out := mustBuild(t, spec, src)
		if len(out.below("monitoring/", "")) > 0 || strings.Contains(out.stream.String(), "apiVersion: monitoring.coreos.com/") {
			all[name] = out
		}
	}
	require.GreaterOrEqual(t, len(all), 5)
	return all
}

// below are the files of a folder that end in a certain way.
func (o *outputs) below(folder, ending string) map[string]string {
	found := map[string]string{}
	for name, text := range o.files {
		if strings.HasPrefix(name, folder) && strings.HasSuffix(name, ending) {
			found[name] = text
		}
	}
	return found
}

// ofKind are the objects of a kind, by name.
func ofKind(t testing.TB, o *outputs, kind string) map[string]map[string]any {
	t.Helper()
	found := map[string]map[string]any{}
	for name, text := range o.files {
		if !strings.HasPrefix(path.Base(name), strings.ToLower(kind)+"-") {
			continue
		}
		var object map[string]any
		require.NoError(t, yaml.UnmarshalStrict([]byte(text), &object), name)
		require.Equal(t, kind, object["kind"])
		found[field(object, "metadata", "name").(string)] = object
	}
	return found
}

// includes tells whether a Prometheus program takes scrape_config_files, which came with 2.43.
func includes(t testing.TB) bool {
	dir := write(t, map[string]string{"prometheus.yml": "scrape_config_files: []\n"})
	return exec.Command(need.Tool(t, "prometheus", "promtool"), "check", "config", filepath.Join(dir, "prometheus.yml")).Run() == nil
}

// TestPrometheusReadsTheConfiguration has the real Prometheus judge every scrape configuration: as files that it
// includes, where it is new enough for that, and else inside of a plain configuration.
func TestPrometheusReadsTheConfiguration(t *testing.T) {
	including := includes(t)
	checked := 0
	for name, out := range watched(t) {
		jobs := out.below("monitoring/scrape/", ".yaml")
		checked += len(jobs)
		if len(jobs) == 0 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			files := maps.Clone(out.files)
			files["prometheus.yml"] = configuration(t, out, including)
			dir := write(t, files)
			promtool(t, "check", "config", filepath.Join(dir, "prometheus.yml"))
		})
	}
	require.Greater(t, checked, 10)
}

// configuration is a prometheus.yml over the files of a build, at the top of its tree.
func configuration(t testing.TB, out *outputs, including bool) string {
	t.Helper()
	if including {
		return "scrape_config_files: [monitoring/scrape/*.yaml]\nrule_files: [monitoring/rules/*.yaml]\n"
	}
	all := []any{}
	for name, text := range out.below("monitoring/scrape/", ".yaml") {
		var one struct {
			Jobs []map[string]any `json:"scrape_configs"`
		}
		require.NoError(t, yaml.UnmarshalStrict([]byte(text), &one), name)
		for _, job := range one.Jobs {
			if files, ok := job["file_sd_configs"].([]any); ok { // relative to the file that names them
				list := files[0].(map[string]any)["files"].([]any)
				list[0] = "monitoring/scrape/" + list[0].(string)
			}
			all = append(all, job)
		}
	}
	text, err := yaml.Marshal(map[string]any{"scrape_configs": all, "rule_files": []string{"monitoring/rules/*.yaml"}})
	require.NoError(t, err)
	return string(text)
}

// TestConfigMapsHoldTheFiles: what a Prometheus in the cluster mounts is what one outside of it reads.
func TestConfigMapsHoldTheFiles(t *testing.T) {
	compared := 0
	for name, out := range watched(t) {
		for id, object := range ofKind(t, out, "ConfigMap") {
			for key, text := range object["data"].(map[string]any) {
				folder := map[any]string{"scrape": "scrape", "rules": "rules", nil: "dashboards"}[field(object, "metadata", "labels", "vmmesh.dev/prometheus")]
				require.Equal(t, out.files["monitoring/"+folder+"/"+key], text, "%s: %s", name, id)
				compared++
			}
		}
	}
	require.Greater(t, compared, 10)
}

// operatorWords are the names that the Prometheus operator has for what Prometheus calls otherwise.
var operatorWords = strings.NewReplacer(
	"staticConfigs:", "static_configs:", "httpSDConfigs:", "http_sd_configs:", "ec2SDConfigs:", "ec2_sd_configs:",
	"gceSDConfigs:", "gce_sd_configs:", "azureSDConfigs:", "azure_sd_configs:", "openstackSDConfigs:", "openstack_sd_configs:",
	"metricsPath:", "metrics_path:", "scrapeInterval:", "scrape_interval:", "relabelings:", "relabel_configs:",
	"sourceLabels:", "source_labels:", "targetLabel:", "target_label:",
	"authenticationMethod:", "authentication_method:", "subscriptionID:", "subscription_id:", "resourceGroup:", "resource_group:",
	"role: Instance", "role: instance",
)

// TestOperatorScrapesAlike says every scrape configuration in the words of the operator and of Prometheus: the same
// thing, and so for alerts.
func TestOperatorScrapesAlike(t *testing.T) {
	compared := 0
	for _, name := range []string{"monitoring-fragment", "monitoring-operator", "monitoring-clouds"} {
		src, err := os.ReadFile("../testdata/ok/" + name + "/vmmesh.yaml")
		require.NoError(t, err)
		text := string(src)
		plain := mustBuild(t, "vmmesh.yaml", []byte(strings.ReplaceAll(text, "format: ScrapeConfig", "format: Fragment")))
		operated := mustBuild(t, "vmmesh.yaml", []byte(strings.ReplaceAll(text, "format: Fragment", "format: ScrapeConfig")))
		require.Empty(t, operated.below("monitoring/scrape/", ""))
		require.Empty(t, operated.below("monitoring/rules/", ""))
		jobs := ofKind(t, operated, "ScrapeConfig")
		require.Len(t, plain.below("monitoring/scrape/", ""), len(jobs))
		for id, object := range jobs {
			spec, err := yaml.Marshal(object["spec"])
			require.NoError(t, err)
			var got map[string]any
			require.NoError(t, yaml.Unmarshal([]byte(operatorWords.Replace(string(spec))), &got))
			var want map[string][]map[string]any
			require.NoError(t, yaml.Unmarshal([]byte(plain.files["monitoring/scrape/"+strings.TrimPrefix(id, "vms.")+".yaml"]), &want))
			require.Len(t, want["scrape_configs"], 1)
			delete(want["scrape_configs"][0], "job_name") // the operator has names of its own
			require.Equal(t, want["scrape_configs"][0], got, id)
			compared++
		}
		rules := ofKind(t, operated, "PrometheusRule")
		require.Len(t, plain.below("monitoring/rules/", ""), len(rules))
		for id, object := range rules {
			var want map[string]any
			require.NoError(t, yaml.Unmarshal([]byte(plain.files["monitoring/rules/"+strings.TrimPrefix(id, "vms.")+".yaml"]), &want))
			require.Equal(t, want, object["spec"], id)
			compared++
		}
	}
	require.Greater(t, compared, 15)
}

// TestPromQL has Prometheus read every expression of every alert and of the dashboard.
func TestPromQL(t *testing.T) {
	files := map[string]string{}
	for name, out := range watched(t) {
		for file, text := range out.below("monitoring/rules/", ".yaml") {
			files[name+"/"+path.Base(file)] = text
		}
		for id, object := range ofKind(t, out, "PrometheusRule") {
			text, err := yaml.Marshal(object["spec"])
			require.NoError(t, err)
			files[name+"/"+id+".yaml"] = string(text)
		}
		for _, text := range out.below("monitoring/dashboards/", ".json") {
			files["dashboard.yaml"] = recorded(t, text)
		}
	}
	require.GreaterOrEqual(t, len(files), 7)
	require.Contains(t, files, "dashboard.yaml")
	dir := write(t, files)
	args := []string{"check", "rules", "--lint=all", "--lint-fatal"}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		args = append(args, filepath.Join(dir, name))
	}
	promtool(t, args...)
}

// recorded writes each expression of a Grafana dashboard as a recording rule, with what Grafana puts in filled in.
func recorded(t testing.TB, dashboard string) string {
	t.Helper()
	filled := strings.NewReplacer("$__rate_interval", "5m", "$cluster", ".*", "$namespace", ".*", "$workload", "a|b")
	var expressions []string
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for key, value := range v {
				if text, ok := value.(string); ok && key == "expr" {
					expressions = append(expressions, filled.Replace(text))
				}
				walk(value)
			}
		case []any:
			for _, item := range v {
				walk(item)
			}
		}
	}
	var whole any
	require.NoError(t, json.Unmarshal([]byte(dashboard), &whole))
	walk(whole)
	require.Greater(t, len(expressions), 15)
	var rules []map[string]string
	for n, e := range expressions {
		require.NotContains(t, e, "$", "a variable that nobody fills in")
		rules = append(rules, map[string]string{"record": fmt.Sprintf("panel:%d", n), "expr": e})
	}
	text, err := yaml.Marshal(map[string]any{"groups": []any{map[string]any{"name": "dashboard", "rules": rules}}})
	require.NoError(t, err)
	return string(text)
}

// TestDashboard demands what Grafana needs to take the dashboard with whatever data source it has.
func TestDashboard(t *testing.T) {
	for name, out := range watched(t) {
		for id, object := range ofKind(t, out, "ConfigMap") {
			if field(object, "metadata", "labels", "vmmesh.dev/prometheus") != nil {
				continue
			}
			require.Equal(t, "1", field(object, "metadata", "labels", "grafana_dashboard"), "%s: %s", name, id)
			var board struct {
				UID        *string
				Title      string
				Templating struct {
					List []struct{ Name, Type, Query any }
				}
				Panels []struct {
					ID         int
					Title      string
					Datasource struct{ UID string }
					GridPos    struct{ X, Y, W, H int }
					Targets    []struct {
						Expr       string
						Datasource struct{ UID string }
					}
				}
			}
			text := field(object, "data", "vm-fleet.json").(string)
			require.NoError(t, json.Unmarshal([]byte(text), &board))
			require.Equal(t, strings.Count(text, `"uid"`), strings.Count(text, `"uid": "$datasource"`), "everything is of the data source that is chosen")
			require.Nil(t, board.UID)
			require.Equal(t, "VM fleet", board.Title)
			require.Equal(t, "datasource", board.Templating.List[0].Type)
			ids := map[int]bool{}
			taken := map[[2]int]string{}
			for _, p := range board.Panels {
				require.False(t, ids[p.ID], "two panels are number %d", p.ID)
				ids[p.ID] = true
				require.Equal(t, "$datasource", p.Datasource.UID, p.Title)
				require.NotEmpty(t, p.Targets, p.Title)
				for _, target := range p.Targets {
					require.Equal(t, "$datasource", target.Datasource.UID, p.Title)
				}
				require.LessOrEqual(t, p.GridPos.X+p.GridPos.W, 24, p.Title)
				for x := range p.GridPos.W {
					for y := range p.GridPos.H {
						cell := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
						require.Empty(t, taken[cell], "%s stands where another panel does", p.Title)
						taken[cell] = p.Title
					}
				}
			}
		}
	}
}

// TestAlerts runs the unit tests of alerts in testdata/rules: what fires, when, with which labels and words.
func TestAlerts(t *testing.T) {
	paths, err := filepath.Glob("../testdata/rules/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, path := range paths {
		promtool(t, "test", "rules", path)
	}
	// Each alert that any case has is fired by some test.
	var tests strings.Builder
	for _, path := range paths {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		tests.Write(text)
	}
	names := map[string]bool{}
	for _, m := range regexp.MustCompile(`alertname: (\w+)\s+exp_alerts:\s+- exp_labels`).FindAllStringSubmatch(tests.String(), -1) {
		names[m[1]] = true
	}
	for name, out := range watched(t) {
		for _, text := range out.below("monitoring/rules/", ".yaml") {
			for _, m := range regexp.MustCompile(`- alert: (\w+)`).FindAllStringSubmatch(text, -1) {
				require.True(t, names[m[1]], "%s: no test in testdata/rules fires %s", name, m[1])
			}
		}
	}
}

// TestRunbooks follows the link of every alert to its section of RUNBOOK.md, in the same tree.
func TestRunbooks(t *testing.T) {
	followed := 0
	for name, out := range watched(t) {
		sections := map[string]bool{}
		runbook, there := out.files["RUNBOOK.md"]
		for line := range strings.Lines(runbook) {
			if title, ok := strings.CutPrefix(strings.TrimSpace(line), "## "); ok {
				sections[anchor(title)] = true
			}
		}
		for file, text := range out.files {
			for _, m := range regexp.MustCompile(`runbook: "?([^"\s]+)`).FindAllStringSubmatch(text, -1) {
				document, section, _ := strings.Cut(m[1], "#")
				require.Equal(t, "RUNBOOK.md", document, "%s: %s", name, file)
				require.NotEmpty(t, section, "%s: %s", name, file)
				followed++
				if there {
					require.True(t, sections[section], "%s: %s: RUNBOOK.md has no section %s", name, file, section)
				}
			}
		}
	}
	require.Greater(t, followed, 20)
}

// anchor is what a heading is called in links, as on GitHub: small letters, dashes for spaces, no other marks.
func anchor(title string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z':
			return r
		}
		return -1
	}, strings.ToLower(title))
}
