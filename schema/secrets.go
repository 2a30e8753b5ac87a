package schema

import (
	"strings"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/secret"
	"github.com/vmmesh/vmmesh/schema/syntax"
)

// Secrets finds values that look like secrets, anywhere in the document: a spec is kept in Git, and its values appear in
// manifests and user-data. A finding never repeats the value.
func (d *Document) Secrets() diag.List {
	var found diag.List
	for _, s := range d.secrets() {
		found = append(found, s.finding())
	}
	return found
}

// Conceal removes the secrets of documents from findings: the value from messages that quote it, and the excerpts of the
// lines that it is on. It changes the list and returns it.
func Conceal(findings diag.List, docs ...*Document) diag.List {
	if len(findings) == 0 {
		return findings
	}
	type place struct {
		file, path string
		line       int
	}
	values := map[place]*secretValue{}
	hidden := map[place]bool{}
	for _, d := range docs {
		all := d.secrets()
		for i := range all {
			file := fileOf(d.At)
			values[place{file: file, path: all[i].at.String()}] = &all[i]
			for line := all[i].from; line <= all[i].to; line++ {
				hidden[place{file: file, line: line}] = true
			}
		}
	}
	for i := range findings {
		if len(values) == 0 {
			break
		}
		f := &findings[i]
		file := fileOf(f.At)
		f.NoExcerpt = f.NoExcerpt || hidden[place{file: file, line: f.Pos().Line}]
		for at := f.At; at != nil && f.Rule != ruleSecret.ID; at = at.Parent() {
			if s := values[place{file: file, path: at.String()}]; s != nil && s.quotedIn(f) {
				f.Message, f.Help = secret.Redact(f.Message), secret.Redact(f.Help)
				if s.quotedIn(f) {
					f.Message, f.Help = "this value is wrong, and is not shown: it looks like "+s.kind.What, ""
				}
			}
		}
	}
	return findings
}

// fileOf returns the name of the text that a path leads into.
func fileOf(at diag.Path) string {
	if s := at.Source(); s != nil {
		return s.Name
	}
	return ""
}

// secretValue is a value that looks like a secret, or a key of a map that does.
type secretValue struct {
	kind     *secret.Kind
	at       diag.Path
	key      diag.Pos // of a key that is itself the secret
	value    string
	from, to int // its lines
}

func (s *secretValue) finding() diag.Diagnostic {
	f := ruleSecret.At(s.at, "this looks like %s", s.kind.What).WithHelp("%s", s.kind.Help)
	f.Where, f.NoExcerpt = s.key, true
	return f
}

// quotedIn reports whether a finding repeats the value, or how it begins.
func (s *secretValue) quotedIn(f *diag.Diagnostic) bool {
	begin := strings.TrimSpace(s.value)
	begin = begin[:min(len(begin), 8)]
	return len(begin) >= 3 && (strings.Contains(f.Message, begin) || strings.Contains(f.Help, begin))
}

// secrets finds the secrets of a document, in its order.
func (d *Document) secrets() []secretValue {
	quick := secretSearch{}
	quick.value(d.Root, nil, "")
	if !quick.any { // paths are made only for documents that have one
		return nil
	}
	full := secretSearch{paths: true}
	full.value(d.Root, d.At, "")
	return full.found
}

type secretSearch struct {
	paths bool // false: only whether there is any
	any   bool
	open  bool // the last secret may go on until the next value
	found []secretValue
}

// passed notes the line that the next key or value is on: a text of several lines before it may reach that far.
func (s *secretSearch) passed(line int32) {
	if s.open {
		last := &s.found[len(s.found)-1]
		last.to = max(last.to, int(line))
		s.open = false
	}
}

func (s *secretSearch) add(v secretValue) {
	s.any = true
	if s.paths {
		s.found = append(s.found, v)
		s.open = strings.ContainsAny(v.value, " \n") || len(v.value) > 60
	}
}

// value searches a value. name is what it is stored under: the key of its map, or the name beside it ({name: A, value: b}).
func (s *secretSearch) value(n *syntax.Node, at diag.Path, name string) {
	if s.any && !s.paths {
		return
	}
	s.passed(n.Line)
	switch n.Kind {
	case syntax.Map:
		s.fields(n, at, name)
	case syntax.Seq:
		flag := ""
		for i := range n.Items {
			item := &n.Items[i]
			path := at
			if s.paths {
				key := ""
				if v := item.Get("name"); v != nil {
					key = v.Value
				}
				path = at.Item(i, key)
			}
			of := name
			if flag != "" { // a command: --password, hunter2
				of = flag
			}
			s.value(item, path, of)
			flag = ""
			if item.Kind == syntax.String && strings.HasPrefix(item.Value, "-") && secret.Named(strings.TrimLeft(item.Value, "-")) {
				flag = strings.TrimLeft(item.Value, "-")
			}
		}
	case syntax.String, syntax.Int, syntax.Float:
		if k := secret.Of(name, n.Value); k != nil {
			line := int(n.Line)
			s.add(secretValue{kind: k, at: at, value: n.Value, from: line, to: line})
		}
	}
}

func (s *secretSearch) fields(n *syntax.Node, at diag.Path, name string) {
	pair := pairName(n)
	if privateJWK(n) {
		s.add(secretValue{kind: secret.JWKS, at: at, from: int(n.Line), to: int(n.Fields[len(n.Fields)-1].Line)})
	}
	for i := range n.Fields {
		f := &n.Fields[i]
		s.passed(f.Line)
		path := at
		if k := secret.Of("", f.Key); k != nil {
			s.add(secretValue{kind: k, at: at, key: diag.Pos{Line: int(f.Line), Col: int(f.Col)}, value: f.Key,
				from: int(f.Line), to: int(f.Line)})
		}
		if s.paths {
			path = at.Key(f.Key)
		}
		of := f.Key
		switch f.Key {
		case "value", "values", "notValues":
			if pair != "" {
				of = pair
			}
		case "exact":
			if name != "" { // of a header that a route matches
				of = name
			} else {
				of = pair
			}
		}
		s.value(&f.Value, path, of)
	}
}

// pairName returns the name in a map of a name and its value: of a header, a variable or a condition.
func pairName(n *syntax.Node) string {
	for i := range n.Fields {
		f := &n.Fields[i]
		if len(f.Key) < 3 || len(f.Key) > 10 || f.Value.Kind != syntax.String {
			continue
		}
		switch strings.ToLower(f.Key) {
		case "name", "key", "header", "headername":
			if secret.Named(f.Value.Value) {
				return f.Value.Value
			}
		}
	}
	return ""
}

// privateJWK reports whether a map is a JSON Web Key with a part that is not public.
func privateJWK(n *syntax.Node) bool {
	key, hidden := false, false
	for i := range n.Fields {
		f := &n.Fields[i]
		if len(f.Key) > 8 {
			continue
		}
		if strings.EqualFold(f.Key, "kty") {
			key = true
			hidden = hidden || strings.EqualFold(f.Value.Value, "oct")
		}
		hidden = hidden || secret.IsPrivateMember(f.Key) && f.Value.Kind != syntax.Null && f.Value.Value != ""
	}
	return key && hidden
}

var ruleSecret = &diag.Rule{
	ID: "VM018", Name: "secret", Severity: diag.Error,
	Doc: "A value looks like a secret: a private key, token, password, credential in a header or URL, private part of a JWKS.",
	Long: "A spec is kept in Git, and its values appear in manifests and in user-data that every process on the VM can read. " +
		"No field takes a secret: `vm.identity` says where the VM finds its credential. Values are judged by their form (PEM, JWT, " +
		"prefixes such as `ghp_`, `user:password@` in a URL) and by their name (`Authorization`, `DB_PASSWORD`). " +
		"Paths, references such as `$TOKEN` and public keys are accepted. No report repeats the value or shows its line.",
	Bad:  "http: [{headers: {request: {set: {Authorization: \"Bearer c2VjcmV0LXRva2Vu\"}}}}]",
	Good: "vm: {identity: {type: HTTP, http: {url: \"https://tokens.example.com\", headersFile: /etc/vmmesh/headers}}}",
}
