package manifest

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	types "istio.io/api/type/v1beta1"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/syntax"
)

func seconds(n int64) *durationpb.Duration { return &durationpb.Duration{Seconds: n} }

func selectorOf(key, value string) *types.WorkloadSelector {
	return &types.WorkloadSelector{MatchLabels: map[string]string{key: value}}
}

// nodeOf makes the tree of a JSON text.
func nodeOf(t testing.TB, text []byte) *syntax.Node {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	n := jsonNode(t, dec)
	return &n
}

func jsonNode(t testing.TB, dec *json.Decoder) syntax.Node {
	token, err := dec.Token()
	require.NoError(t, err)
	switch v := token.(type) {
	case bool:
		if v {
			return syntax.Node{Kind: syntax.Bool, Value: "true"}
		}
		return syntax.Node{Kind: syntax.Bool, Value: "false"}
	case json.Number:
		if bytes.ContainsAny([]byte(v), ".eE") {
			return syntax.Node{Kind: syntax.Float, Value: v.String()}
		}
		return syntax.Node{Kind: syntax.Int, Value: v.String()}
	case string:
		return syntax.Node{Kind: syntax.String, Value: v, Quoted: true}
	case json.Delim:
		n := syntax.Node{Kind: syntax.Map}
		if v == '[' {
			n.Kind = syntax.Seq
		}
		for dec.More() {
			if v == '[' {
				n.Items = append(n.Items, jsonNode(t, dec))
				continue
			}
			key, err := dec.Token()
			require.NoError(t, err)
			n.Fields = append(n.Fields, syntax.Field{Key: key.(string), Value: jsonNode(t, dec)})
		}
		_, err := dec.Token()
		require.NoError(t, err)
		return n
	}
	return syntax.Node{}
}

// unreadable returns the findings that say a value could not be read; random values break constraints at will.
func unreadable(found diag.List) []string {
	var list diag.List
	for _, d := range found {
		if d.Rule != ruleLimit.ID {
			list = append(list, d)
		}
	}
	return lines(list)
}

func TestDecodeReadsIstiosJSON(t *testing.T) {
	for _, m := range printed() {
		t.Run(nameOfMessage(m), func(t *testing.T) {
			for seed := range int64(60) {
				want := random(m, seed)
				text, err := protojson.Marshal(want)
				require.NoError(t, err)
				n := nodeOf(t, text)
				// Proto3 JSON prints 64 bits as text, which is read where no CRD says otherwise.
				d := &decoder{}
				got := m.ProtoReflect().New().Interface()
				d.message(n, got.ProtoReflect(), nil, diag.Root(nil))
				require.Empty(t, unreadable(d.found), "seed %d", seed)
				require.True(t, proto.Equal(want, got), "seed %d: %s", seed, text)
			}
		})
	}
}

func TestDecodeReadsWhatIsEncoded(t *testing.T) {
	for _, m := range printed() {
		t.Run(nameOfMessage(m), func(t *testing.T) {
			for seed := range int64(60) {
				want := random(m, seed)
				yaml := text(t, want)
				docs, found := syntax.Read("encoded.yaml", []byte(yaml))
				require.Empty(t, found, "seed %d: %s", seed, yaml)
				got := m.ProtoReflect().New().Interface()
				if len(docs) > 0 {
					require.Empty(t, unreadable(Terms{Version: "1.31.1"}.Decode(docs[0].Root, got, docs[0].Path)), "seed %d: %s", seed, yaml)
				}
				require.True(t, proto.Equal(want, got), "seed %d:\n%s\n%v\n%v", seed, yaml, want, got)
			}
		})
	}
}

// Whatever the tree, decoding ends and says where.
func FuzzDecodeMessage(f *testing.F) {
	all := printed()
	f.Add(0, []byte("host: a\nsubsets: [{name: v1, trafficPolicy: {tls: {mode: SIMPLE}}}]\n"))
	f.Add(3, []byte("hosts: [a]\nports: [{number: 1e3, name: x}, {number: \"1\"}]\nendpoints: [{address: 'unix://'}]\n"))
	f.Add(7, []byte("portLevelMtls: {99999999999: {}, -1: ~}\nselector: []\n"))
	f.Add(11, []byte("extensionProviders: [{name: a, envoyFileAccessLog: {logFormat: {labels: {a: [.nan, 1e999]}}}}]\n"))
	f.Add(12, []byte("- 1\n"))
	f.Fuzz(func(t *testing.T, which int, yaml []byte) {
		docs, _ := syntax.Read("fuzz.yaml", yaml)
		for _, doc := range docs {
			m := proto.Clone(all[uint(which)%uint(len(all))])
			for _, d := range Decode(doc.Root, m, doc.Path, "1.25.0") {
				require.NotEmpty(t, d.Message)
				if !bytes.ContainsRune(yaml, '%') {
					require.NotContains(t, d.Message+d.Help, "%!", "a message with the wrong verbs")
				}
				require.NotZero(t, d.Pos().Line)
			}
		}
	})
}
