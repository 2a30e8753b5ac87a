package importer

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/syntax"
)

// FuzzWrite writes any text where a spec may have it, on lines with others and alone, and reads it back.
func FuzzWrite(f *testing.F) {
	for _, s := range []string{
		"", "a", "yes", "007", "1.31.1", "1e3", "a: b", "a,b", "[a]", "{a}", "#", "a #b", "- a", "*", "@a", "http://a:80/*", "x:", "a\nb\n", "a\n\nb", "a\nb",
		" a\n", "a \nb\n", "\t", "é\u2028", "\"", "'", "\\", "$((a))", "2001:db8::1", "?", "? a", "!a", "&a", "%a", "`a`", "null", "~", "<<", "=", "-1", ".5", "0x1f", "\a",
	} {
		f.Add(s, "b")
		f.Add("b", s)
	}
	f.Fuzz(func(t *testing.T, one, two string) {
		one, two = strings.ToValidUTF8(one, "?"), strings.ToValidUTF8(two, "?")
		if one == two || strings.ContainsAny(one+two, "\r\u0085\u2028\u2029\ufeff") {
			return // line breaks of YAML 1.1 and byte order marks are the encoder's own tests' matter
		}
		s := &schema.VMMesh{APIVersion: schema.APIVersion, Kind: schema.KindVMMesh, Metadata: schema.Metadata{Name: one}}
		s.Spec.Istio.RootCert = two
		s.Spec.Workloads = []schema.Workload{{
			Name: "w", Annotations: map[string]string{one: two, two: one, "long": strings.Repeat(one, 9)},
			Groups:   []schema.Group{{Name: "g", Instances: []schema.Instance{{Name: one, Address: two, Labels: map[string]string{one: two}}}}},
			Services: []schema.Service{{Name: two, Hosts: []string{one, two, one}}},
		}}
		text := write([]*schema.VMMesh{s}, []notes{{"spec.istio.version": "TODO " + strings.Join(strings.Fields(one), " "), "spec.workloads[w].labels": "none"}})
		documents, found := syntax.Read("vmmesh.yaml", []byte(text))
		require.Empty(t, found, text)
		require.Len(t, documents, 1, text)
		root := documents[0].Root
		value := func(want string, n *syntax.Node) {
			t.Helper()
			if want == "" {
				require.True(t, n == nil || n.Value == "", text) // unset
				return
			}
			require.NotNil(t, n, text)
			require.Equal(t, syntax.String, n.Kind, text)
			require.Equal(t, want, n.Value, text)
		}
		value(one, root.Get("metadata").Get("name"))
		value(two, root.Get("spec").Get("istio").Get("rootCert"))
		w := &root.Get("spec").Get("workloads").Items[0]
		value(two, w.Get("annotations").Get(one))
		value(one, w.Get("annotations").Get(two))
		value("w", w.Get("name"))
		value(strings.Repeat(one, 9), w.Get("annotations").Get("long"))
		instance := &w.Get("groups").Items[0].Get("instances").Items[0]
		value(one, instance.Get("name"))
		value(two, instance.Get("address"))
		value(two, instance.Get("labels").Get(one))
		hosts := w.Get("services").Items[0].Get("hosts")
		value(one, &hosts.Items[0])
		value(two, &hosts.Items[1])
	})
}

func TestReadEnv(t *testing.T) {
	at := diag.Root(&diag.Source{Name: "cluster.env"})
	env, found := readEnv(at, []byte("# a comment\n\nA='x y'\nB=''\nC='it'\"'\"'s'\nD=bare\nE=\"double quoted\"\r\n  F='=#'  \n_g1='{\"a\":\"b\"}'\n"))
	require.Empty(t, found)
	require.Equal(t, map[string]string{"A": "x y", "B": "", "C": "it's", "D": "bare", "E": "double quoted", "F": "=#", "_g1": `{"a":"b"}`}, env)

	for _, line := range []string{"A", "A='x", "A=\"x", "A=$B", "A=\"$B\"", "A=`b`", "A=b c", "1A=x", "=x", "A=x;y", "A=a\\b", "export A=b", "A=x # y"} {
		env, found := readEnv(at, []byte("OK=1\n"+line+"\n"))
		require.Equal(t, map[string]string{"OK": "1"}, env, line)
		require.Len(t, found, 1, line)
		require.Equal(t, diag.Pos{Line: 2, Col: 1}, found[0].Pos(), line)
	}
}
