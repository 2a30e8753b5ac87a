package main

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vmmesh/vmmesh/schema"
)

func (a *app) explainCommand() *cobra.Command {
	list, recursive := false, false
	cmd := &cobra.Command{
		Use:   "explain [FIELD|RULE]",
		Short: "Explain a field of a spec, or a rule",
		Long: `Explain a field of a spec (spec.workloads.probe) or a rule (VM010, or its name). A path may be
written as findings write it, with the names of items: spec.workloads[pay].groups[v1].network.

Without an argument it lists the fields of a spec; "rules" lists all rules. --recursive prints
the whole reference, or that of everything below a field.

Exit codes: 0 explained; 2 there is no such field or rule; 3 standard output could not be written.`,
		Example: `  vmmesh explain spec.workloads
  vmmesh explain spec.istio.version
  vmmesh explain spec.vm --recursive
  vmmesh explain VM010
  vmmesh explain rules`,
		Args:              atMostOne("FIELD or RULE"),
		ValidArgsFunction: completeExplain,
		RunE: a.runs(func(args []string) error {
			switch {
			case list && len(args) > 0:
				return usageError{fmt.Errorf("--list lists the rules, and explains no %q", args[0])}
			case list || len(args) == 1 && args[0] == "rules":
				a.printPage(rulesPage(allRules()))
			case recursive:
				page, err := explainAll(strings.Join(args, ""))
				if err != nil {
					return err
				}
				a.printPage(page)
			case len(args) == 0:
				a.printPage(overview())
			default:
				page, err := explain(args[0])
				if err != nil {
					return err
				}
				a.printPage(page)
			}
			return nil
		}),
	}
	cmd.Flags().BoolVar(&recursive, "recursive", false, "explain every field below FIELD too; all fields without one")
	cmd.Flags().BoolVar(&list, "list", false, "list all rules")
	return cmd
}

// printPage prints to standard output. Its writer remembers an error until it is flushed.
func (a *app) printPage(text string) { _, _ = a.out.WriteString(text) }

// explain finds what a word is: a rule's id or name, or the path of a field.
func explain(word string) (string, error) {
	rules := allRules()
	for _, r := range rules {
		if strings.EqualFold(r.ID, word) {
			return rulePage(r), nil
		}
		if r.Name == word {
			return rulePage(r) + namesake(word), nil
		}
	}
	if ruleID.MatchString(word) {
		return "", usageError{fmt.Errorf("there is no rule %s; 'vmmesh explain rules' lists those that there are", strings.ToUpper(word))}
	}
	if doc, ok := schema.Explain(word); ok && doc.Path == "" {
		return overview(), nil
	} else if ok {
		return fieldPage(doc), nil
	}
	return "", usageError{fmt.Errorf("there is no field or rule %q%s", word, suggest(word, rules))}
}

// explainAll is the reference of everything below a field.
func explainAll(path string) (string, error) {
	if fields, ok := schema.ExplainAll(path); ok {
		return referencePage(fields), nil
	}
	return "", usageError{fmt.Errorf("there is no field %q%s", path, suggest(path, nil))}
}

// namesake says that there is a field too that is called like a rule.
func namesake(name string) string {
	for _, path := range schema.ExplainNear(name) {
		if strings.HasSuffix(path, "."+name) {
			return fmt.Sprintf("\nThe field of this name: 'vmmesh explain %s'.\n", typed(path))
		}
	}
	return ""
}

// typed is a path as one types it: shells take brackets for patterns.
func typed(path string) string { return strings.ReplaceAll(path, "[]", "") }

var ruleID = regexp.MustCompile(`^[vV][mM][0-9]+$`)
