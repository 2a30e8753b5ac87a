package lsp

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// client speaks the protocol as an editor does.
type client struct {
	t        testing.TB
	out      io.WriteCloser
	inbox    chan message
	id       int
	answers  map[int]message
	heard    []publishDiagnostics
	finished chan error
}

type message struct {
	ID     *int            `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

func connect(t testing.TB) *client {
	in, toServer := io.Pipe()
	fromServer, out := io.Pipe()
	c := &client{t: t, out: toServer, inbox: make(chan message, 1<<16), answers: map[int]message{}, finished: make(chan error, 1)}
	go c.listen(bufio.NewReader(fromServer))
	go func() {
		c.finished <- Serve(in, out, "v1.2.3")
		out.Close()
	}()
	t.Cleanup(func() { toServer.Close() })
	return c
}

func start(t testing.TB) *client {
	c := connect(t)
	c.call("initialize", `{"capabilities": {}}`)
	c.notify("initialized", "{}")
	return c
}

func (c *client) raw(text string) {
	_, err := io.WriteString(c.out, text)
	require.NoError(c.t, err)
}

func (c *client) frame(body string) {
	c.raw("Content-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body)
}

func (c *client) notify(method, params string) {
	c.frame(`{"jsonrpc":"2.0","method":"` + method + `","params":` + params + `}`)
}

func (c *client) send(method, params string) int {
	c.id++
	c.frame(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":%q,"params":%s}`, c.id, method, params))
	return c.id
}

// listen reads all that the server sends, whether the client waits for it or not.
func (c *client) listen(in *bufio.Reader) {
	defer close(c.inbox)
	for {
		length := 0
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			if line = strings.TrimSpace(line); line == "" {
				break
			}
			if value, ok := strings.CutPrefix(line, "Content-Length: "); ok {
				length, _ = strconv.Atoi(value)
			}
		}
		body := make([]byte, length)
		var m message
		if _, err := io.ReadFull(in, body); err != nil || json.Unmarshal(body, &m) != nil {
			return
		}
		c.inbox <- m
	}
}

func (c *client) read() {
	m, open := <-c.inbox
	require.True(c.t, open, "the server ended the connection")
	if m.Method == "textDocument/publishDiagnostics" {
		var p publishDiagnostics
		require.NoError(c.t, json.Unmarshal(m.Params, &p))
		c.heard = append(c.heard, p)
		return
	}
	if m.ID != nil {
		c.answers[*m.ID] = m
	}
}

func (c *client) answer(id int) message {
	for {
		if m, ok := c.answers[id]; ok {
			return m
		}
		c.read()
	}
}

func (c *client) call(method, params string) message { return c.answer(c.send(method, params)) }

// findings waits for those of a version.
func (c *client) findings(version int) publishDiagnostics {
	for {
		if n := len(c.heard); n > 0 && c.heard[n-1].Version == version {
			return c.heard[n-1]
		}
		c.read()
	}
}

const uri = "file:///tmp/vmmesh.yaml"

func (c *client) open(version int, text string) {
	c.notify("textDocument/didOpen", fmt.Sprintf(`{"textDocument":{"uri":%q,"languageId":"yaml","version":%d,"text":%s}}`, uri, version, quote(text)))
}

func quote(s string) string { b, _ := json.Marshal(s); return string(b) }

// placed is the parameters for the place of the mark ‸ in a text, and the text without it.
func placed(text string) (params, clean string) {
	before, after, found := strings.Cut(text, "‸")
	if !found {
		panic("no mark")
	}
	t := newText(uri, 0, before+after)
	p := t.position(len(before))
	return fmt.Sprintf(`{"textDocument":{"uri":%q},"position":{"line":%d,"character":%d}}`, uri, p.Line, p.Character), before + after
}

const spec = `apiVersion: vmmesh.dev/v1alpha1
kind: VMMesh
metadata: {name: shop}
spec:
  istio:
    version: 1.31.1
    network: kube
    istiodAddresses: [34.56.78.90]
  networks:
  - {name: dc2, gateways: [{address: 203.0.113.7}]}
  workloads:
  - name: pay
    ports: [{name: http, port: 8080}]
    groups:
    - name: pay
      version: v1
      network: dc2
      instances: [{name: vm1, address: 192.168.1.100}]
    security: {mtls: {mode: STRICT, ports: [{name: http, mode: PERMISSIVE}]}}
`

// TestFindings: those of all stages, with positions in UTF-16, and of the newest version alone.
func TestFindings(t *testing.T) {
	c := start(t)
	c.open(1, spec)
	require.Empty(t, c.findings(1).Diagnostics)
	bad := strings.Replace(spec, "metadata: {name: shop}", `metadata: {name: shop, annotations: {"𝄞ü": "x"}, naem: y}`, 1)
	c.notify("textDocument/didChange", fmt.Sprintf(`{"textDocument":{"uri":%q,"version":2},"contentChanges":[{"text":%s}]}`, uri, quote(bad)))
	found := c.findings(2)
	require.NotEmpty(t, found.Diagnostics)
	d := found.Diagnostics[len(found.Diagnostics)-1]
	require.Equal(t, diagnostic{
		Range: span{position{2, 50}, position{2, 54}}, Severity: 1, Code: "VM010", Source: "vmmesh",
		Message: "unknown field \"naem\" in metadata\nhelp: did you mean \"name\"?",
	}, func() diagnostic {
		d.Message = strings.Replace(d.Message, "the fields here are name, namespace", `did you mean "name"?`, 1)
		return d
	}())

	// An edit in the middle, by a range: the stage after the schema has its say.
	c.notify("textDocument/didChange", fmt.Sprintf(`{"textDocument":{"uri":%q,"version":3},"contentChanges":[{"text":%s},
		{"range":{"start":{"line":16,"character":15},"end":{"line":16,"character":18}},"text":"dc3"}]}`, uri, quote(spec)))
	found = c.findings(3)
	require.Len(t, found.Diagnostics, 1)
	require.Equal(t, span{position{16, 15}, position{16, 18}}, found.Diagnostics[0].Range)
	require.Contains(t, found.Diagnostics[0].Message, `no network is named "dc3"`)

	// A version that is older than the text is not applied.
	c.notify("textDocument/didChange", fmt.Sprintf(`{"textDocument":{"uri":%q,"version":2},"contentChanges":[{"text":"x"}]}`, uri))
	c.notify("textDocument/didChange", fmt.Sprintf(`{"textDocument":{"uri":%q,"version":4},"contentChanges":[{"text":%s}]}`, uri, quote(spec)))
	require.Empty(t, c.findings(4).Diagnostics)
	last := 0
	for _, h := range c.heard {
		require.GreaterOrEqual(t, h.Version, last)
		last = h.Version
	}

	c.notify("textDocument/didOpen", `{"textDocument":{"uri":"file:///tmp/compose.yaml","version":9,"text":"services: {a: {image: b}}\n"}}`)
	require.Empty(t, c.findings(9).Diagnostics, "a file of another program")
	c.notify("textDocument/didClose", fmt.Sprintf(`{"textDocument":{"uri":%q}}`, uri))
	require.Equal(t, publishDiagnostics{URI: uri, Diagnostics: []diagnostic{}}, c.findings(0))
}

// TestFixes: an action writes what `lint --fix` would write.
func TestFixes(t *testing.T) {
	c := start(t)
	c.open(1, strings.Replace(spec, "mode: STRICT", "mode: strict", 1))
	m := c.call("textDocument/codeAction", fmt.Sprintf(`{"textDocument":{"uri":%q},"range":{"start":{"line":18,"character":28},"end":{"line":18,"character":28}},"context":{"diagnostics":[]}}`, uri))
	var actions []codeAction
	require.NoError(t, json.Unmarshal(m.Result, &actions))
	require.Len(t, actions, 2)
	require.Equal(t, "Write STRICT", actions[0].Title)
	require.True(t, actions[0].IsPreferred)
	require.Equal(t, "VM013", actions[0].Diagnostics[0].Code)
	edits := []textEdit{{span{position{18, 28}, position{18, 34}}, "STRICT"}}
	require.Equal(t, map[string][]textEdit{uri: edits}, actions[0].Edit.Changes)
	require.Equal(t, "source.fixAll", actions[1].Kind)
	m = c.call("textDocument/codeAction", fmt.Sprintf(`{"textDocument":{"uri":%q},"range":{"start":{"line":0,"character":0},"end":{"line":0,"character":0}},"context":{"only":["quickfix"]}}`, uri))
	require.JSONEq(t, "[]", string(m.Result))
}

func (c *client) labels(text string) []string {
	params, clean := placed(text)
	c.id++
	c.notify("textDocument/didOpen", fmt.Sprintf(`{"textDocument":{"uri":%q,"version":%d,"text":%s}}`, uri, c.id, quote(clean)))
	var items []completionItem
	m := c.call("textDocument/completion", params)
	require.Nil(c.t, m.Error)
	require.NoError(c.t, json.Unmarshal(m.Result, &items))
	var out []string
	for _, i := range items {
		out = append(out, i.Label)
	}
	return out
}

// TestCompletion: fields, values and names, in texts that are complete and in texts that are not.
func TestCompletion(t *testing.T) {
	c := start(t)
	change := func(old, text string) string { return strings.Replace(spec, old, text, 1) }
	for _, x := range []struct {
		name, text string
		has        []string
		not        []string
	}{
		{"a field of a block", change("    network: kube\n", "    net‸\n"), []string{"network", "meshID"}, []string{"version", "workloads"}},
		{"a field of an item", change("    groups:\n", "    ser‸\n    groups:\n"), []string{"services", "serviceAccount", "probe"}, []string{"ports", "groups", "security"}},
		{"the first field of an item", change("  - name: pay\n", "  - ‸\n"), []string{"name", "ports"}, []string{"metadata"}},
		{"a field in braces", change("{name: http, port: 8080}", "{name: http, ‸}"), []string{"port", "protocol"}, []string{"name", "groups"}},
		{"a field in braces in braces", change("{mode: STRICT, ports", "{‸ ports"), []string{"mode"}, nil},
		{"a value", change("mode: STRICT", "mode: ‸"), []string{"STRICT", "PERMISSIVE", "DISABLE"}, []string{"mode", "Static"}},
		{"a boolean", change("    groups:\n", "    createServiceAccount: ‸\n    groups:\n"), []string{"true", "false"}, nil},
		{"a network", change("network: dc2", "network: ‸"), []string{"dc2", "kube"}, []string{"pay"}},
		{"a port", change("ports: [{name: http, mode", "ports: [{name: ‸, mode"), []string{"http"}, []string{"dc2"}},
		{"a field of Istio's", change("    groups:\n", "    probe:\n      ‸\n    groups:\n"), []string{"httpGet", "tcpSocket"}, []string{"ports"}},
		{"a half line", "apiVersion: vmmesh.dev/v1alpha1\nkind: VMMesh\nspec:\n  ist‸", []string{"istio", "workloads"}, []string{"kind"}},
		{"the top", "‸", []string{"apiVersion", "kind", "spec"}, nil},
		{"the kind", "kind: ‸", []string{"VMMesh"}, nil},
		{"over several lines", "kind: VMMesh\nspec:\n  workloads: [\n    {name: pay,\n     ports: [],\n     ‸", []string{"groups"}, []string{"name", "ports"}},
		{"nowhere", "kind: VMMesh\nspec:\n  nothing:\n    here: {‸", nil, []string{"spec"}},
	} {
		t.Run(x.name, func(t *testing.T) {
			got := c.labels(x.text)
			for _, want := range x.has {
				require.Contains(t, got, want)
			}
			for _, other := range x.not {
				require.NotContains(t, got, other)
			}
		})
	}
}

// TestHoverSymbolsAndNames: what is under the cursor, the outline, and where a name is from.
func TestHoverSymbolsAndNames(t *testing.T) {
	c := start(t)
	params, text := placed(strings.Replace(spec, "istiodAddresses", "istiod‸Addresses", 1))
	c.open(1, text)
	require.Contains(t, string(c.call("textDocument/hover", params).Result), "spec.istio.istiodAddresses")

	var outline []documentSymbol
	require.NoError(t, json.Unmarshal(c.call("textDocument/documentSymbol", params).Result, &outline))
	require.Len(t, outline, 1)
	require.Equal(t, "shop", outline[0].Name)
	var all []string
	var walk func(s documentSymbol)
	walk = func(s documentSymbol) {
		all = append(all, s.Name)
		before := func(a, b position) bool { return a.Line < b.Line || a.Line == b.Line && a.Character <= b.Character }
		require.True(t, before(s.Range.Start, s.SelectionRange.Start) && before(s.SelectionRange.End, s.Range.End), "%+v", s)
		for _, inner := range s.Children {
			require.True(t, before(s.Range.Start, inner.Range.Start) && before(inner.Range.End, s.Range.End), "%+v", inner)
			walk(inner)
		}
	}
	walk(outline[0])
	require.Subset(t, all, []string{"metadata", "spec", "networks", "dc2", "workloads", "pay", "vm1"})

	params, _ = placed(strings.Replace(spec, "network: dc2", "network: d‸c2", 1))
	require.JSONEq(t, `[{"uri":"file:///tmp/vmmesh.yaml","range":{"start":{"line":9,"character":11},"end":{"line":9,"character":14}}}]`,
		string(c.call("textDocument/definition", params).Result))
	params, _ = placed(strings.Replace(spec, "name: http,", "name: ht‸tp,", 1))
	require.JSONEq(t, `[{"uri":"file:///tmp/vmmesh.yaml","range":{"start":{"line":18,"character":51},"end":{"line":18,"character":55}}}]`,
		string(c.call("textDocument/references", params).Result))
}

// TestProtocol: requests out of order, unknown, malformed or cancelled are refused or passed over, and the next one is
// answered.
func TestProtocol(t *testing.T) {
	c := connect(t)
	require.Equal(t, -32002, c.call("textDocument/hover", "{}").Error.Code)
	c.open(1, spec) // before initialize: dropped
	c.call("initialize", `{"capabilities":{"workspace":{"workspaceEdit":{"documentChanges":true}}}}`)
	require.Equal(t, -32600, c.call("initialize", "{}").Error.Code)
	hover := fmt.Sprintf(`{"textDocument":{"uri":%q},"position":{"line":99999,"character":-7}}`, uri)
	require.Equal(t, -32602, c.call("textDocument/hover", hover).Error.Code, "it is not open")
	require.Equal(t, -32601, c.call("textDocument/prepareRename", "{}").Error.Code)
	require.Equal(t, -32602, c.call("textDocument/hover", `[1]`).Error.Code)
	c.raw("Content-Length: 5\r\n\r\n{{{{{")
	c.raw("Content-Type: nothing\r\n\r\n")
	c.raw("Content-Length: x\r\n\r\n")
	c.frame(`[]`)
	c.frame(`{}`)
	c.frame(`null`)
	c.frame(`{"jsonrpc":"2.0","id":77777,"result":null}`)
	c.notify("$/cancelRequest", `{"id":12345}`)
	c.notify("textDocument/didChange", `{"textDocument":{"uri":"file:///none","version":1},"contentChanges":[{"text":"x"}]}`)
	c.notify("textDocument/didClose", `{"textDocument":{"uri":"file:///none"}}`)
	c.notify("textDocument/didOpen", `"x"`)
	c.open(3, "kind: VMMesh\nspec: {workloads: [") // half a file
	require.NotEmpty(t, c.findings(3).Diagnostics)
	for _, method := range []string{"hover", "completion", "definition", "references", "documentSymbol", "codeAction"} {
		require.Nil(t, c.call("textDocument/"+method, hover).Error, method)
	}
	for _, r := range []string{`{"start":{"line":5,"character":9},"end":{"line":0,"character":0}}`, `{"start":{"line":-1,"character":-1},"end":{"line":1000,"character":1}}`} {
		c.id++
		c.notify("textDocument/didChange", fmt.Sprintf(`{"textDocument":{"uri":%q,"version":%d},"contentChanges":[{"range":%s,"text":"𝄞"}]}`, uri, 100+c.id, r))
		c.findings(100 + c.id)
	}
	id := c.send("textDocument/hover", hover)
	c.notify("$/cancelRequest", fmt.Sprintf(`{"id":%d}`, id))
	require.Nil(t, c.answer(id).Error, "it was answered already")

	require.Nil(t, c.call("shutdown", "null").Error)
	require.Equal(t, -32600, c.call("textDocument/hover", hover).Error.Code)
	c.notify("exit", "null")
	require.NoError(t, <-c.finished)

	c = connect(t)
	c.out.Close()
	require.ErrorIs(t, <-c.finished, ErrNotShutDown)
}

// TestEveryPlace asks for everything at every place of a text, and of all its beginnings.
func TestEveryPlace(t *testing.T) {
	s := &server{texts: map[string]*text{}, good: map[string][]spot{}}
	for n := range len(spec) {
		whole, half := newText(uri, 1, spec), newText(uri, 1, spec[:n])
		for _, x := range []*text{whole, half} {
			p := at{Position: x.position(n), Range: x.span(n, n)}
			require.Equal(t, n, x.offset(p.Position))
			s.hover(x, p)
			s.completion(x, p)
			s.definition(x, p)
			s.references(x, p)
		}
		s.symbols(half, at{})
	}
}
