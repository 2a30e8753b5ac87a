package syntax

import (
	"strings"

	"github.com/vmmesh/vmmesh/schema/diag"
)

var ruleSyntax = &diag.Rule{
	ID: "VM001", Name: "syntax", Severity: diag.Error,
	Doc: "The text is not well-formed YAML.",
	Long: "Nothing after the place can be trusted, so the rest of the file is not looked at. " +
		"The usual causes are a missing space after a colon, a quote or bracket that is never closed, a tab in the indentation, " +
		"and a plain value that holds a colon and a space or begins with `*`, `&`, `@`, `%` or `{`: put such a value in quotes.",
	Bad:  "metadata:\n  name:payments\n  namespace: vms\n",
	Good: "metadata:\n  name: payments\n  namespace: vms\n",
}

var ruleDuplicate = &diag.Rule{
	ID: "VM002", Name: "duplicate-key", Severity: diag.Error,
	Doc: "A map has the same key twice.",
	Long: "Readers of YAML disagree about which of the two holds, and most say nothing: one of the settings would be lost in silence. " +
		"Delete one of them, or move both values under one key.",
	Bad:  "metadata:\n  name: payments\n  name: billing\n",
	Good: "metadata:\n  name: payments\n",
}

var ruleAlias = &diag.Rule{
	ID: "VM003", Name: "alias", Severity: diag.Error,
	Doc: "An alias (`*name`) or a merge key (`<<`) cannot be expanded.",
	Long: "An alias stands for the value that is marked `&name` earlier in the same document; it cannot stand inside that value, and aliases of " +
		"aliases must not grow the document without bound. A merge key takes a map, or a list of maps. " +
		"A text that begins with an asterisk, such as a host, is no alias: put it in quotes.",
	Bad:  "labels: *common\n",
	Good: "labels: &common\n  team: payments\nannotations: *common\n",
}

var ruleNoDocument = &diag.Rule{
	ID: "VM005", Name: "no-document", Severity: diag.Error,
	Doc: "The text holds no document: it is empty, or only comments.",
	Long: "A build of nothing would remove everything that an earlier build wrote, so an empty input is taken for a mistake: " +
		"an interrupted write, a wrong path, a template that rendered nothing.",
	Bad:  "# vmmesh.yaml\n---\n",
	Good: "apiVersion: vmmesh.dev/v1alpha1\nkind: VMMesh\n",
}

var ruleTooLarge = &diag.Rule{
	ID: "VM006", Name: "too-large", Severity: diag.Error,
	Doc: "The text is larger, or nested deeper, than a spec can be.",
	Long: "A file may have 64 MiB and some four million values, which is ten times a fleet of 100,000 VMs, and may nest maps and lists 100 levels deep. " +
		"What is larger is another kind of file, or was made to exhaust the memory of whoever reads it. Split a fleet that is really so large into several specs.",
	Bad:  "zones: " + strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth) + "\n",
	Good: "zones: [a, b]\n",
}

var ruleCharacters = &diag.Rule{
	ID: "VM007", Name: "characters", Severity: diag.Error,
	Doc: "The text is not UTF-8, or holds a character that YAML does not allow or that readers take for different things.",
	Long: "Control characters are not part of YAML. A byte order mark inside the text, a lone carriage return, and the line and paragraph separators of " +
		"Unicode are refused as well: some readers end a line there and some do not, so that what looks like a comment may not be one. " +
		"Save the file as UTF-8. A text that really needs such a character can have it as an escape in double quotes.",
	Bad:  "name: pay\u2028ments\n",
	Good: "name: \"pay\\u2028ments\"\n",
}

var ruleTag = &diag.Rule{
	ID: "VM008", Name: "tag-or-key", Severity: diag.Error,
	Doc: "A tag other than YAML's own, a tag that does not fit its value, or a key that is no text.",
	Long: "The tags that mean something here are `!!str`, `!!int`, `!!float`, `!!bool`, `!!null`, `!!map` and `!!seq`. A key is a single word or number, or quoted text, " +
		"never a map or a list. Text in double braces belongs to a template language: render the template first, or quote it where the text itself is meant.",
	Bad:  "name: {{ .Values.name }}\n",
	Good: "name: payments\n",
}

// Rules are the rules of this room, in the order of their ids.
var Rules = []*diag.Rule{ruleSyntax, ruleDuplicate, ruleAlias, ruleNoDocument, ruleTooLarge, ruleCharacters, ruleTag}
