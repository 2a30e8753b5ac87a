package importer

import (
	"strings"

	"github.com/vmmesh/vmmesh/schema/diag"
)

// readEnv reads cluster.env: assignments as a shell reads them, without anything that a shell would expand.
func readEnv(at diag.Path, src []byte) (map[string]string, diag.List) {
	env := map[string]string{}
	var wrong diag.List
	number := 0
	for line := range strings.Lines(string(src)) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		key, quoted, found := strings.Cut(line, "=")
		value, ok := unquote(quoted)
		if !found || !ok || !isName(key) {
			d := ruleFolder.At(at, "line %d is not KEY='value'", number)
			d.Where = diag.Pos{Line: number, Col: 1}
			wrong = append(wrong, d.WithHelp("write it as istioctl does, in single quotes; what a shell would expand is not read"))
			continue
		}
		env[key] = value
	}
	return env, wrong
}

func isName(s string) bool {
	for i, c := range s {
		if c != '_' && !(c >= 'A' && c <= 'Z') && !(c >= 'a' && c <= 'z') && !(i > 0 && c >= '0' && c <= '9') {
			return false
		}
	}
	return s != ""
}

// unquote reads a shell word made of parts in single quotes, in double quotes and bare. It returns false for one that
// does not end, or that a shell would expand.
func unquote(s string) (string, bool) {
	var b strings.Builder
	for s != "" {
		switch c := s[0]; c {
		case '\'':
			part, rest, ended := strings.Cut(s[1:], "'")
			if !ended {
				return "", false
			}
			b.WriteString(part)
			s = rest
		case '"':
			part, rest, ended := strings.Cut(s[1:], `"`)
			if !ended || strings.ContainsAny(part, "$`\\") {
				return "", false
			}
			b.WriteString(part)
			s = rest
		default:
			if strings.ContainsRune(" \t$`\\;&|<>()#", rune(c)) {
				return "", false
			}
			b.WriteByte(c)
			s = s[1:]
		}
	}
	return b.String(), true
}
