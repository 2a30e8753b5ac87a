// Package lsp is the language server: what the command line reports and explains, in an editor, while a spec is written.
// It translates to the protocol; the rules are those of the packages below.
package lsp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/sourcegraph/jsonrpc2"

	"github.com/vmmesh/vmmesh/fn"
	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/syntax"
)

// ErrNotShutDown is returned by [Serve] where the client went away without a shutdown.
var ErrNotShutDown = errors.New("the editor ended the connection without a shutdown")

// Serve answers an editor until it says exit or the input ends.
func Serve(in io.Reader, out io.Writer, version string) error {
	s := &server{version: version, texts: map[string]*text{}, good: map[string][]spot{}, exit: make(chan struct{}), wake: make(chan struct{}, 1)}
	stream := jsonrpc2.NewBufferedStream(pipe{in, out}, framing{})
	// Messages are handled one after the other, in the order in which they come: an answer is about the text as it was
	// when the request was sent. Findings are looked for beside that, since nothing waits for them.
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	conn := jsonrpc2.NewConn(ctx, stream, jsonrpc2.HandlerWithError(s.handle), jsonrpc2.SetLogger(silent{}))
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.check(ctx, conn)
	}()
	select {
	case <-conn.DisconnectNotify():
	case <-s.exit:
	}
	stop()
	<-done
	_ = conn.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.down {
		return ErrNotShutDown
	}
	return nil
}

// pipe is standard input and output as one stream.
type pipe struct {
	io.Reader
	io.Writer
}

// Close implements [io.Closer]; the streams are not ours to close.
func (p pipe) Close() error {
	if c, ok := p.Reader.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// silent drops what the library logs: standard error is for people.
type silent struct{}

func (silent) Printf(string, ...any) {}

type server struct {
	version string
	exit    chan struct{}
	wake    chan struct{}

	mu      sync.Mutex
	ready   bool // initialized
	down    bool // shut down
	left    bool // exit was sent
	edits   bool // whether the client takes edits that name a version
	texts   map[string]*text
	good    map[string][]spot // keys and scalars of the last version that could be read
	unheard []string          // documents whose findings are to be published
	latest  findings          // of the text that was checked last
}

// findings are those of a version of a text.
type findings struct {
	text *text
	list diag.List
}

// errorOf is an error that the client sees.
func errorOf(code int64, format string, args ...any) error {
	return &jsonrpc2.Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

func (s *server) handle(_ context.Context, _ *jsonrpc2.Conn, r *jsonrpc2.Request) (result any, err error) {
	defer func() {
		if p := recover(); p != nil {
			result, err = nil, errorOf(jsonrpc2.CodeInternalError, "internal error: %v", p)
		}
	}()
	s.mu.Lock()
	defer s.mu.Unlock()
	switch r.Method {
	case "exit":
		if !s.left {
			s.left = true
			close(s.exit)
		}
		return nil, nil
	case "initialize":
		if s.ready {
			return nil, errorOf(jsonrpc2.CodeInvalidRequest, "initialize was sent before")
		}
		return s.initialize(r)
	}
	if !s.ready || s.down {
		if r.Notif {
			return nil, nil
		}
		if s.down {
			return nil, errorOf(jsonrpc2.CodeInvalidRequest, "the server was shut down")
		}
		return nil, errorOf(-32002, "initialize has to come first")
	}
	if r.Notif {
		return nil, s.notified(r)
	}
	if r.Method == "shutdown" {
		s.down = true
		return nil, nil
	}
	answer, known := map[string]func(*text, at) any{
		"textDocument/hover": s.hover, "textDocument/completion": s.completion, "textDocument/documentSymbol": s.symbols,
		"textDocument/definition": s.definition, "textDocument/references": s.references, "textDocument/codeAction": s.actions,
	}[r.Method]
	if !known {
		return nil, errorOf(jsonrpc2.CodeMethodNotFound, "there is no method %q here", r.Method)
	}
	var p at
	if err := params(r, &p); err != nil {
		return nil, err
	}
	t := s.texts[p.TextDocument.URI]
	if t == nil {
		return nil, errorOf(jsonrpc2.CodeInvalidParams, "the document is not open: %q", p.TextDocument.URI)
	}
	return answer(t, p), nil
}

func params(r *jsonrpc2.Request, to any) error {
	if r.Params == nil {
		return errorOf(jsonrpc2.CodeInvalidParams, "%s lacks its parameters", r.Method)
	}
	if err := json.Unmarshal(*r.Params, to); err != nil {
		return errorOf(jsonrpc2.CodeInvalidParams, "the parameters of %s: %v", r.Method, err)
	}
	return nil
}

func (s *server) initialize(r *jsonrpc2.Request) (any, error) {
	var p struct {
		Capabilities struct {
			Workspace struct {
				WorkspaceEdit struct {
					DocumentChanges bool `json:"documentChanges"`
				} `json:"workspaceEdit"`
			} `json:"workspace"`
		} `json:"capabilities"`
	}
	if r.Params != nil {
		if err := json.Unmarshal(*r.Params, &p); err != nil {
			return nil, errorOf(jsonrpc2.CodeInvalidParams, "the parameters of initialize: %v", err)
		}
	}
	s.ready, s.edits = true, p.Capabilities.Workspace.WorkspaceEdit.DocumentChanges
	return map[string]any{
		"serverInfo": map[string]any{"name": "vmmesh", "version": s.version},
		"capabilities": map[string]any{
			"positionEncoding":       "utf-16",
			"textDocumentSync":       map[string]any{"openClose": true, "change": 2},
			"hoverProvider":          true,
			"completionProvider":     map[string]any{"triggerCharacters": []string{" ", "{", "[", ","}},
			"documentSymbolProvider": true,
			"definitionProvider":     true,
			"referencesProvider":     true,
			"codeActionProvider":     map[string]any{"codeActionKinds": []string{"quickfix", "source.fixAll"}},
		},
	}, nil
}

func (s *server) notified(r *jsonrpc2.Request) error {
	switch r.Method {
	case "textDocument/didOpen":
		var p didOpen
		if err := params(r, &p); err != nil {
			return err
		}
		s.put(newText(p.TextDocument.URI, p.TextDocument.Version, p.TextDocument.Text))
	case "textDocument/didChange":
		var p didChange
		if err := params(r, &p); err != nil {
			return err
		}
		t := s.texts[p.TextDocument.URI]
		if t == nil || p.TextDocument.Version != nil && *p.TextDocument.Version <= t.version {
			return nil // not open, or a change of an older version
		}
		version := t.version + 1
		if p.TextDocument.Version != nil {
			version = *p.TextDocument.Version
		}
		for _, c := range p.ContentChanges {
			src := c.Text
			if c.Range != nil {
				start, end := t.offset(c.Range.Start), t.offset(c.Range.End)
				start, end = min(start, end), max(start, end)
				src = t.src[:start] + c.Text + t.src[end:]
			}
			t = newText(t.uri, version, src)
		}
		t.version = version
		s.put(t)
	case "textDocument/didClose":
		var p at
		if err := params(r, &p); err != nil {
			return err
		}
		if s.texts[p.TextDocument.URI] != nil {
			delete(s.texts, p.TextDocument.URI)
			delete(s.good, p.TextDocument.URI)
			s.changed(p.TextDocument.URI)
		}
	}
	return nil
}

func (s *server) put(t *text) {
	s.texts[t.uri] = t
	s.changed(t.uri)
}

// changed has the findings of a document published.
func (s *server) changed(uri string) {
	if !slices.Contains(s.unheard, uri) {
		s.unheard = append(s.unheard, uri)
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// check publishes findings of documents that changed. Those of a version that was replaced meanwhile are dropped.
func (s *server) check(ctx context.Context, conn *jsonrpc2.Conn) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		}
		for {
			s.mu.Lock()
			if len(s.unheard) == 0 {
				s.mu.Unlock()
				break
			}
			uri := s.unheard[0]
			s.unheard = s.unheard[1:]
			t := s.texts[uri]
			s.mu.Unlock()

			report := publishDiagnostics{URI: uri, Diagnostics: []diagnostic{}}
			var found findings
			if t != nil {
				found = findings{t, lint(t)}
				report.Version, report.Diagnostics = t.version, t.diagnostics(found.list)
			}
			s.mu.Lock()
			if s.texts[uri] == t && !s.down {
				s.latest = found
				_ = conn.Notify(ctx, "textDocument/publishDiagnostics", report) // a client that is gone is seen by the reader
			}
			s.mu.Unlock()
		}
	}
}

// lint finds what is wrong with a text: all that the command line would report.
func lint(t *text) (list diag.List) {
	defer func() {
		if p := recover(); p != nil {
			list = nil
		}
	}()
	if !ours(t) {
		return nil
	}
	docs, list := schema.Parse(t.uri, []byte(t.src))
	return append(list, fn.Lint(docs)...).Sorted()
}

// ours reports whether a text is to be a spec: an editor may send every YAML file.
func ours(t *text) bool {
	lower := strings.ToLower(t.uri[strings.LastIndexByte(t.uri, '/')+1:])
	return strings.Contains(lower, "vmmesh") || strings.Contains(t.src, "vmmesh.dev/") || strings.Contains(strings.ToLower(t.src), "kind: vmmesh")
}

// diagnostics are findings as an editor shows them, no more than a report has.
func (t *text) diagnostics(list diag.List) []diagnostic {
	out := make([]diagnostic, 0, min(len(list), diag.Limit))
	for _, d := range list[:min(len(list), diag.Limit)] {
		out = append(out, t.diagnostic(d))
	}
	return out
}

func (t *text) diagnostic(d diag.Diagnostic) diagnostic {
	message := d.Message
	if d.Help != "" {
		message += "\nhelp: " + d.Help
	}
	start := t.at(d.Pos())
	severity := map[diag.Severity]int{diag.Error: 1, diag.Warning: 2, diag.Info: 3}[d.Severity]
	return diagnostic{t.span(start, t.token(start)), severity, d.Rule, "vmmesh", message}
}

// spots are the keys and scalars of a text, or of the last version of it that could be read.
func (s *server) spots(t *text) []spot {
	docs, found := schema.Parse(t.uri, []byte(t.src))
	if !found.HasErrors() && len(docs) > 0 {
		s.good[t.uri] = t.spots(docs)
		return s.good[t.uri]
	}
	if len(docs) > 0 {
		return t.spots(docs)
	}
	return nil
}

func (s *server) hover(t *text, p at) any {
	of, ok := spotAt(s.spots(t), t.offset(p.Position))
	if !ok {
		return nil
	}
	f, ok := schema.Explain(of.path)
	if !ok {
		return nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "**%s** · %s", f.Path, f.Type)
	if f.Required {
		b.WriteString(", required")
	}
	b.WriteString("\n\n" + f.Description + "\n")
	for _, fact := range []struct{ name, value string }{
		{"Default", f.Default}, {"One of", strings.Join(f.Allowed, ", ")}, {"Form", f.Form},
	} {
		if fact.value != "" {
			b.WriteString("\n" + fact.name + ": " + fact.value + "\n")
		}
	}
	for _, example := range f.Examples {
		b.WriteString("\n```yaml\n" + example + "\n```\n")
	}
	return hover{markup{"markdown", b.String()}, t.span(of.start, of.end)}
}

func (s *server) completion(t *text, p at) any {
	known := s.spots(t)
	if known == nil {
		known = s.good[t.uri]
	}
	return t.complete(t.offset(p.Position), known)
}

func (s *server) symbols(t *text, _ at) any {
	docs, _ := schema.Parse(t.uri, []byte(t.src))
	return t.symbols(docs)
}

func (s *server) definition(t *text, p at) any {
	all := s.spots(t)
	of, ok := spotAt(all, t.offset(p.Position))
	if !ok {
		return nil
	}
	declared, _ := same(all, of)
	return t.locations(declared)
}

func (s *server) references(t *text, p at) any {
	all := s.spots(t)
	of, ok := spotAt(all, t.offset(p.Position))
	if !ok {
		return nil
	}
	declared, referred := same(all, of)
	if p.Context.IncludeDeclaration {
		referred = append(declared, referred...)
	}
	return t.locations(referred)
}

func (t *text) locations(spots []spot) []location {
	out := []location{}
	for _, s := range spots {
		out = append(out, location{t.uri, t.span(s.start, s.end)})
	}
	return out
}

// actions are the fixes of the findings in a range, and one for all that are certain.
func (s *server) actions(t *text, p at) any {
	if s.latest.text != t {
		s.latest = findings{t, lint(t)}
	}
	start, end := t.offset(p.Range.Start), t.offset(p.Range.End)
	wanted := func(kind string) bool {
		return len(p.Context.Only) == 0 || slices.ContainsFunc(p.Context.Only, func(only string) bool {
			return only == kind || strings.HasPrefix(kind, only+".")
		})
	}
	out := []codeAction{}
	var certain []textEdit
	for _, e := range syntax.Edits([]byte(t.src), s.latest.list) {
		edit := textEdit{t.span(e.Start, e.End), e.Text}
		if e.Finding.Fix.Certain {
			certain = append(certain, edit)
		}
		if e.Start > end || e.End < start || !wanted("quickfix") {
			continue
		}
		out = append(out, codeAction{
			Title: "Write " + diag.Clean(e.Text), Kind: "quickfix", Diagnostics: []diagnostic{t.diagnostic(e.Finding)},
			IsPreferred: e.Finding.Fix.Certain, Edit: s.edit(t, []textEdit{edit}),
		})
	}
	if len(certain) > 0 && wanted("source.fixAll") {
		out = append(out, codeAction{Title: "Fix all that is certain", Kind: "source.fixAll", Edit: s.edit(t, certain)})
	}
	return out
}

func (s *server) edit(t *text, edits []textEdit) workspaceEdit {
	if s.edits {
		version := t.version
		return workspaceEdit{DocumentChanges: []documentEdit{{documentID{t.uri, &version}, edits}}}
	}
	return workspaceEdit{Changes: map[string][]textEdit{t.uri: edits}}
}
