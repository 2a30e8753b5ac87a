package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/vmmesh/vmmesh/schema/diag"
)

// report prints the findings to w, which leads to stream. A quiet run shows only what fails it.
func (a *app) report(w io.Writer, stream any, format reportFlag, findings diag.List, on failOn) error {
	if a.quiet {
		var failing diag.List
		for _, d := range findings {
			if on.fails(d.Severity) || d.Severity >= diag.Error {
				failing = append(failing, d)
			}
		}
		findings = failing
	}
	return diag.Report(w, diag.Format(format), findings, diag.Options{Colour: a.coloured(stream), Rules: allRules(), Failing: on.least()})
}

// tellRules says how often each rule was broken.
func (a *app) tellRules(findings diag.List) {
	if !a.verbose {
		return
	}
	counts := map[string]int{}
	for _, d := range findings {
		counts[d.Rule]++
	}
	for _, r := range allRules() {
		if n := counts[r.ID]; n > 0 {
			a.tell("%s %s: %s", r.ID, r.Name, count(n, "finding"))
		}
	}
}

// tally is the findings in numbers: "2 errors, 1 warning", "no findings".
func tally(findings diag.List) string {
	findings = findings.Sorted()
	var parts []string
	for _, s := range []diag.Severity{diag.Error, diag.Warning, diag.Info} {
		if n := findings.Count(s); n > 0 {
			parts = append(parts, count(n, s.String()))
		}
	}
	if len(parts) == 0 {
		return "no findings"
	}
	return strings.Join(parts, ", ")
}

// summary is a line about the whole run: "2 specs, no findings". Where no spec could be read, only the findings count.
func summary(s specs, findings diag.List) string {
	if len(s.docs) == 0 {
		return tally(findings)
	}
	return fmt.Sprintf("%s, %s", count(len(s.docs), "spec"), tally(findings))
}
