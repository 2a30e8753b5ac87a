package krm_test

import (
	"bytes"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vmmesh/vmmesh/fn"
	"github.com/vmmesh/vmmesh/fn/krm"
	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
)

// streamSpec is a spec of the given name, and in a namespace of that name.
func streamSpec(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(`apiVersion: vmmesh.dev/v1alpha1
kind: VMMesh
metadata: {name: NAME}
spec:
  istio: {version: 1.31.1, istiodAddresses: [203.0.113.10]}
  namespace: NAME
  workloads:
  - name: NAME
    ports: [{name: http, port: 8080}]
    groups: [{name: NAME, instances: [{name: vm1, address: 192.0.2.1NUMBER}]}]
`, "NAME", name), "NUMBER", strconv.Itoa(len(name)))
}

// objectsOf is what `vmmesh build` prints.
func objectsOf(t *testing.T, spec string) string {
	docs, findings := schema.Parse("-", []byte(spec))
	require.Empty(t, findings)
	var texts []string
	findings, err := fn.Print(docs, func(_ string, text []byte) error {
		texts = append(texts, string(text))
		return nil
	})
	require.NoError(t, err)
	require.False(t, findings.HasErrors())
	return strings.Join(texts, "---\n")
}

func expanded(t *testing.T, src string) (string, *krm.Stream) {
	s := krm.ExpandStream("-", []byte(src))
	require.False(t, s.Findings.HasErrors(), "%v", s.Findings)
	var out bytes.Buffer
	require.NoError(t, s.Write(&out))
	return out.String(), s
}

// TestStreamKeepsTheRest expands a spec in the middle of every kind of document: all of them come out as they went in.
func TestStreamKeepsTheRest(t *testing.T) {
	spec := streamSpec("cart")
	objects := objectsOf(t, spec)
	for name, around := range map[string]string{
		"comments":          "# above\napiVersion: v1\nkind: ConfigMap   # beside\nmetadata: {name: x}\n# below\n",
		"odd style":         "kind:   'ConfigMap'\nmetadata:\n      {\"name\" : x ,}\n\n\n",
		"a spec in a text":  "kind: ConfigMap\ndata:\n  a: |\n    ---\n    apiVersion: vmmesh.dev/v1alpha1\n    kind: VMMesh\n",
		"markers in a text": "a: |\n  ---\n  ...\nb: ----\n",
		"carriage returns":  "kind: ConfigMap\r\nmetadata: {name: x}\r\n",
		"tags and anchors":  "a: &x !vault |\n  secret\nb: *x\n<<: *x\n",
		"duplicate keys":    "a: 1\na: 2\n",
		"no YAML":           "{{ if .Values.vmmesh }} kind: [VMMesh\n\t%%%\n",
		"a list":            "[1, 2]\n",
		"the check":         "apiVersion: vmmesh.dev/v1alpha1\nkind: VMMeshCheck\nmetadata: {name: check}\n",
		"another's kind":    "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nspec: {names: {kind: VMMesh}}\n",
		"JSON":              `{"kind": "ConfigMap", "metadata": {"name": "VMMesh"}}` + "\n",
		"nothing":           "",
		"Latin-1":           "a: \xe9\n",
	} {
		t.Run(name, func(t *testing.T) {
			same, s := expanded(t, around)
			require.Equal(t, around, same)
			require.Zero(t, s.Specs)
			same, _ = expanded(t, "---\n"+around+"---\n"+around)
			require.Equal(t, "---\n"+around+"---\n"+around, same)

			got, s := expanded(t, around+"---\n"+spec+"---\n"+around)
			require.Equal(t, around+"---\n"+objects+"---\n"+around, got)
			require.Equal(t, 1, s.Specs)
			got, _ = expanded(t, spec+"--- # after\n"+around)
			require.Equal(t, objects+"--- # after\n"+around, got)
			if around != "" {
				got, _ = expanded(t, around+"---\n"+strings.TrimSuffix(spec, "\n"))
				require.Equal(t, around+"---\n"+objects, got)
			}
		})
	}
}

// TestStreamForms expands specs in every form that a document of a stream has.
func TestStreamForms(t *testing.T) {
	spec := streamSpec("cart")
	objects := objectsOf(t, spec)
	inline := `{"apiVersion": "vmmesh.dev/v1alpha1", "kind": "VMMesh", "metadata": {"name": "cart"}, "spec": {"namespace": "cart", ` +
		`"istio": {"version": "1.31.1", "istiodAddresses": ["203.0.113.10"]}, "workloads": [{"name": "cart", "ports": [{"name": "http", "port": 8080}], ` +
		`"groups": [{"name": "cart", "instances": [{"name": "vm1", "address": "192.0.2.14"}]}]}]}}`
	for name, c := range map[string]struct{ in, want string }{
		"alone":                    {spec, objects},
		"first separator":          {"---\n" + spec, "---\n" + objects},
		"comment of Helm":          {"---\n# Source: a\n" + spec, "---\n# Source: a\n" + objects},
		"byte order mark":          {"\ufeff" + spec, objects},
		"end marker":               {spec + "...\n", objects + "...\n"},
		"document without mark":    {spec + "...\na: 1\n", objects + "...\na: 1\n"},
		"directive":                {"%YAML 1.2\n---\na: 1\n...\n%YAML 1.2\n---\n" + spec, "%YAML 1.2\n---\na: 1\n...\n%YAML 1.2\n---\n" + objects},
		"carriage returns":         {strings.ReplaceAll("a: 1\n---\n"+spec, "\n", "\r\n"), "a: 1\r\n---\r\n" + objects},
		"JSON":                     {inline, objects},
		"JSON behind a separator":  {"--- " + inline + "\n---\na: 1\n", "---\n" + objects + "---\na: 1\n"},
		"escapes":                  {strings.Replace(spec, "kind: VMMesh", `kind: "VMM\u0065sh"`, 1), objects},
		"empty documents":          {"---\n---\n" + spec + "---\n---\n", "---\n---\n" + objects + "---\n---\n"},
		"two specs":                {spec + "---\na: 1\n---\n" + streamSpec("pay"), objects + "---\na: 1\n---\n" + objectsOf(t, streamSpec("pay"))},
		"two specs one by one":     {spec + "---\n" + streamSpec("pay"), objects + "---\n" + objectsOf(t, streamSpec("pay"))},
		"an equal object is there": {spec + "---\nkind: Namespace\napiVersion: v1\n" + rest(objects), dropped(objects) + "---\nkind: Namespace\napiVersion: v1\n" + rest(objects)},
	} {
		t.Run(name, func(t *testing.T) {
			got, _ := expanded(t, c.in)
			require.Equal(t, c.want, got)
			again, s := expanded(t, got)
			require.Equal(t, got, again)
			require.Zero(t, s.Specs)
		})
	}
}

// rest is the first of some objects, the Namespace, without its apiVersion and kind; dropped is all others.
func rest(objects string) string {
	first, _, _ := strings.Cut(objects, "---\n")
	return strings.TrimPrefix(first, "apiVersion: v1\nkind: Namespace\n")
}

func dropped(objects string) string {
	_, others, _ := strings.Cut(objects, "---\n")
	return others
}

// TestStreamRefuses names what must not reach a cluster: a spec that is not one, and an object that differs from a spec's.
func TestStreamRefuses(t *testing.T) {
	spec := streamSpec("cart")
	for name, c := range map[string]struct{ in, want string }{
		"broken spec":         {"a: 1\n---\n" + strings.Replace(spec, "{name: cart}", "{name: cart", 1), "-:5:"},
		"broken JSON":         {`{"apiVersion": "vmmesh.dev/v1alpha1", "kind": "VMMesh"`, "-:1:"},
		"JSON stream":         {"{\"kind\": \"ConfigMap\"}\n{\"apiVersion\": \"v1\", \"kind\": \"VMMesh\"}\n", "-:2:"},
		"unknown field":       {"a: 1\n---\n" + strings.Replace(spec, "  namespace:", "  namespaec:", 1), "-:8:3: error VM010"},
		"old version":         {strings.Replace(spec, "v1alpha1", "v1alpha0", 1), "-:1:13: error VM004"},
		"misspelled kind":     {strings.Replace(spec, "VMMesh", "VmMesh", 1), "-:2:7: error VM004"},
		"two of one name":     {spec + "---\n" + spec, "error VM"},
		"item of a list":      {"a: 1\n---\nkind: List\nitems:\n- apiVersion: vmmesh.dev/v1alpha1\n  kind: VMMesh\n  metadata: {name: cart}\n", "-:5:3: error VM959"},
		"another Namespace":   {spec + "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: cart}\n", "error VM956"},
		"in a list":           {spec + "---\nkind: List\nitems:\n- apiVersion: v1\n  kind: Namespace\n  metadata: {name: cart}\n", "error VM956"},
		"another API version": {spec + "---\napiVersion: networking.istio.io/v1beta1\nkind: WorkloadGroup\nmetadata: {name: cart, namespace: cart}\n", "error VM956"},
	} {
		t.Run(name, func(t *testing.T) {
			s := krm.ExpandStream("-", []byte(c.in))
			require.True(t, s.Findings.HasErrors())
			var report bytes.Buffer
			require.NoError(t, diag.Report(&report, diag.Text, s.Findings, diag.Options{NoExcerpts: true}))
			require.Contains(t, report.String(), c.want)
		})
	}
}
