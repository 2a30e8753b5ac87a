package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
)

// suggest says what may have been meant by a word that is no field and no rule.
func suggest(word string, rules []*diag.Rule) string {
	if paths := schema.ExplainNear(word); len(paths) > 0 {
		for i, path := range paths {
			paths[i] = typed(path)
		}
		return "; did you mean " + either(paths) + "?"
	}
	var names []string
	for _, r := range rules {
		names = append(names, r.Name)
	}
	if near := diag.Nearest(word, names); near != "" {
		return "; did you mean " + near + "?"
	}
	return "; 'vmmesh explain' lists the fields, 'vmmesh explain rules' the rules"
}

// either joins words as a choice.
func either(words []string) string {
	last := len(words) - 1
	if last == 0 {
		return words[0]
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// completeExplain gives shells the rules, and the fields one key at a time.
func completeExplain(_ *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var words []string
	add := func(word, about string) {
		if strings.HasPrefix(word, typed) {
			words = append(words, cobra.CompletionWithDesc(word, about))
		}
	}
	above := ""
	if dot := strings.LastIndexByte(typed, '.'); dot >= 0 {
		above = typed[:dot+1]
	} else {
		add("rules", "a list of all rules")
		for _, r := range allRules() {
			add(r.ID, r.Doc)
		}
	}
	if block, ok := schema.Explain(strings.TrimSuffix(above, ".")); ok {
		for _, f := range block.Fields {
			add(above+f.Name, f.Description)
		}
	}
	return words, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}
