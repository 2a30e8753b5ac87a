package syntax

import (
	"regexp"
	"strconv"
	"strings"
)

// olderFloat is a float of YAML 1.1, as the API server's reader (sigs.k8s.io/yaml) has it.
var olderFloat = regexp.MustCompile(`^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`)

// OlderReading returns what kubectl and the API server read where a plain scalar stands for text here: they read YAML 1.1,
// in which yes and on are booleans, 0755 is 493 and 1_000 is 1000. It is "" where both readings are the same text.
func (n *Node) OlderReading() string {
	if n.Kind != String || n.Quoted {
		return ""
	}
	return olderReading(n.Value)
}

// OlderKey is [Node.OlderReading] of the key.
func (f *Field) OlderKey() string {
	if f.Value.KeyQuoted {
		return ""
	}
	if read := olderReading(f.Key); read != f.Key {
		return read
	}
	return ""
}

func olderReading(text string) string {
	if text == "" {
		return ""
	}
	switch text {
	case "y", "Y", "yes", "Yes", "YES", "on", "On", "ON":
		return "true"
	case "n", "N", "no", "No", "NO", "off", "Off", "OFF":
		return "false"
	}
	if c := text[0]; c != '-' && c != '+' && c != '.' && (c < '0' || c > '9') {
		return ""
	}
	plain := strings.ReplaceAll(text, "_", "")
	if i, err := strconv.ParseInt(plain, 0, 64); err == nil {
		return strconv.FormatInt(i, 10)
	}
	if u, err := strconv.ParseUint(plain, 0, 64); err == nil {
		return strconv.FormatUint(u, 10)
	}
	if olderFloat.MatchString(plain) {
		if f, err := strconv.ParseFloat(plain, 64); err == nil {
			return strconv.FormatFloat(f, 'g', -1, 64)
		}
	}
	return ""
}
