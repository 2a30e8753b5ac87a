package cloudinit

import (
	"bytes"
	"path"
	"regexp"

	"github.com/vmmesh/vmmesh/schema/manifest"
)

// lean is the static files without the lines that are comments only, a third of them: where bytes are short, who wants
// to read them reads the output tree. What they do stays the same: a test compares their syntax trees.
func lean(files []manifest.File) []manifest.File {
	out := make([]manifest.File, len(files))
	for i, f := range files {
		f.Data = uncommented(f.Data, path.Ext(f.Path) == ".sh")
		out[i] = f
	}
	return out
}

// hereDocument is how bash begins text that is no script, and the word that ends it.
var hereDocument = regexp.MustCompile(`(?:^|[^<])<<-?[ \t]*["']?(\w+)`)

// uncommented drops the lines that begin with #, after white space, but for the first, which names the interpreter, and the
// indentation of scripts.
func uncommented(text []byte, script bool) []byte {
	out := make([]byte, 0, len(text))
	var end []byte // what ends the here document that is being read
	var quote byte // the quotes in which a line begins
	first := true
	for line := range bytes.Lines(text) {
		trimmed := bytes.TrimSpace(line)
		switch {
		case end != nil:
			if bytes.Equal(trimmed, end) {
				end = nil
			}
		case !first && quote == 0 && bytes.HasPrefix(trimmed, []byte("#")):
			continue
		case script:
			if m := hereDocument.FindSubmatch(line); m != nil {
				end = m[1]
			}
		}
		if script && end == nil && quote == 0 {
			line = bytes.TrimLeft(line, "\t") // indentation
		}
		if script && end == nil {
			quote = quoted(line, quote)
		}
		out = append(out, line...)
		first = false
	}
	return out
}

// quoted is the quotes that are open at the end of a line of a script, which begins within the given ones; 0: none.
func quoted(line []byte, quote byte) byte {
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\\' && quote != '\'':
			i++
		case quote == 0 && c == '#' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t'):
			return 0 // a comment
		case c == quote:
			quote = 0
		case quote == 0 && (c == '\'' || c == '"'):
			quote = c
		}
	}
	return quote
}
