package manifest

import (
	"bytes"
	"encoding/json"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/syntax"
)

// readDocuments reads the documents of a text: YAML, or JSON values one after another, as `jq -c` and `kubectl get -o json`
// for several objects print them and as kubectl reads them.
func readDocuments(name string, src []byte) ([]syntax.Document, diag.List) {
	values := jsonStream(src)
	if values == nil {
		return syntax.Read(name, src)
	}
	var documents []syntax.Document
	var findings diag.List
	line, lineStart, read := 0, 0, 0 // of what was read already
	for i, v := range values {
		for n, c := range src[read:v.start] {
			if c == '\n' {
				line, lineStart = line+1, read+n+1
			}
		}
		read = v.start
		lines, columns := line, v.start-lineStart
		shift := func(p diag.Pos) diag.Pos {
			if p.Line == 1 {
				p.Col += columns
			}
			p.Line += lines
			return p
		}
		docs, faults := syntax.Read(name, src[v.start:v.end])
		for _, d := range docs {
			source := d.Path.Source()
			locate := source.Locate
			source.Text, source.Doc = src, i
			source.Locate = func(p diag.Path, onKey bool) diag.Pos { return shift(locate(p, onKey)) }
		}
		for k := range faults {
			if faults[k].Where != (diag.Pos{}) {
				faults[k].Where = shift(faults[k].Where)
			}
			if source := faults[k].At.Source(); source != nil {
				source.Text = src
			}
		}
		documents, findings = append(documents, docs...), append(findings, faults...)
	}
	return documents, findings
}

// span is where a value of a stream begins and ends.
type span struct{ start, end int }

// jsonStream finds the values of a text that is several JSON objects one after another; nil for any other text.
func jsonStream(src []byte) []span {
	rest := bytes.TrimLeft(src, " \t\r\n")
	if len(rest) == 0 || rest[0] != '{' || len(src) > syntax.MaxBytes {
		return nil
	}
	in := json.NewDecoder(bytes.NewReader(src))
	var values []span
	for in.More() {
		var value json.RawMessage
		if in.Decode(&value) != nil || len(value) == 0 || value[0] != '{' {
			return nil
		}
		end := int(in.InputOffset())
		values = append(values, span{end - len(value), end})
	}
	if len(values) < 2 {
		return nil
	}
	return values
}
