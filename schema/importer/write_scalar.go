package importer

import (
	"strings"

	"github.com/vmmesh/vmmesh/schema/manifest"
)

// scalarOf writes a string so that it is read back as itself on a line with others: as the encoder of manifests does, and
// in quotes too where a comma or colon would end it between brackets, or a star or @ looks like something else.
func scalarOf(s string) string {
	if strings.ContainsAny(s, ",:*@") && !plainURL(s) {
		return quoted(s)
	}
	if version(s) != "" {
		return s // no YAML parser reads two dots as a number
	}
	var e manifest.Encoder
	e.Value(strings.ReplaceAll(s, "\n", " "))
	if text := strings.TrimSuffix(string(e.Bytes()), "\n"); text == s {
		return s
	}
	return quoted(s)
}

// plainURL reports whether the colons of a string are inside words: host:port, spiffe://…
func plainURL(s string) bool {
	return !strings.ContainsAny(s, ",*@ ") && !strings.HasSuffix(s, ":") && s != "" && (s[0] >= 'a' && s[0] <= 'z' || s[0] >= 'A' && s[0] <= 'Z')
}

// quoted is a string in double quotes, escaped as the encoder of manifests does.
func quoted(s string) string {
	var e manifest.Encoder
	// The encoder writes no literal block for what ends in two newlines, and a leading bell makes it quote.
	e.Value("\a" + s + "\n\n")
	text := strings.TrimSuffix(string(e.Bytes()), "\n")
	return `"` + strings.TrimSuffix(strings.TrimPrefix(text, `"\u0007`), `\n\n"`) + `"`
}

func keyOf(key string) string { return scalarOf(key) }

// printableBlock reports whether a text of several lines can be a literal block as it is.
func printableBlock(s string) bool {
	if strings.HasSuffix(s, "\n\n") || s[0] == ' ' || s[0] == '\n' || s[0] == '\t' {
		return false
	}
	for line := range strings.Lines(s) {
		line = strings.TrimSuffix(line, "\n")
		if strings.TrimRight(line, " \t") != line || line == "" || strings.ContainsFunc(line, func(r rune) bool { return r < ' ' && r != '\t' || r > '~' }) {
			return false
		}
	}
	return true
}
