package lint

import (
	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/syntax"
)

var olderReading = diag.Rule{
	ID: "VM027", Name: "older-yaml", Severity: diag.Error,
	Doc: "Text without quotes is not text to the API server, which reads YAML 1.1.",
	Long: "kubectl and the API server read `yes`, `no`, `on` and `off` as booleans, `0755` as 493 and `1_000` as 1000. A label with such a value is refused, " +
		"and a port becomes another one. Quote what is text, and write numbers in decimal digits alone.",
	Bad:  "apiVersion: v1\nkind: Service\nmetadata: {name: pay, namespace: shop, labels: {version: on}}",
	Good: "apiVersion: v1\nkind: Service\nmetadata: {name: pay, namespace: shop, labels: {version: \"on\"}}",
}

// findOlderReadings judges every scalar of every object.
func findOlderReadings(s *manifest.Set, report Report) {
	for _, r := range s.All() {
		if hasOlderReading(r.Root) { // paths are made only where there is one
			findOlderReading(r.Root, r.At, report)
		}
	}
}

func hasOlderReading(n *syntax.Node) bool {
	for i := range n.Fields {
		if n.Fields[i].OlderKey() != "" || hasOlderReading(&n.Fields[i].Value) {
			return true
		}
	}
	for i := range n.Items {
		if hasOlderReading(&n.Items[i]) {
			return true
		}
	}
	return n.OlderReading() != ""
}

func findOlderReading(n *syntax.Node, at diag.Path, report Report) {
	for i := range n.Fields {
		f := &n.Fields[i]
		findOlderReading(&f.Value, at.Key(f.Key), report)
		if read := f.OlderKey(); read != "" {
			report(olderReading.At(at.Key(f.Key), "the API server reads the key %s as %q", f.Key, read).Key().WithHelp("quote it: %q", f.Key))
		}
	}
	for i := range n.Items {
		findOlderReading(&n.Items[i], at.Item(i, ""), report)
	}
	read := n.OlderReading()
	switch key := at.LastKey(); {
	case read == "", key == "mode" || key == "defaultMode": // the modes of files are in octal digits on purpose
		return
	}
	switch read {
	case "true", "false":
		report(olderReading.At(at, "the API server reads %s as the boolean %s", n.Value, read).
			WithHelp("quote it where text is wanted: %q; write %s where a boolean is", n.Value, read))
	default:
		report(olderReading.At(at, "the API server reads %s as the number %s", n.Value, read).
			WithHelp("quote it where text is wanted: %q; write %s, or the number that you want, where a number is", n.Value, read))
	}
}
