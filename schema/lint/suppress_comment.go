package lint

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/vmmesh/vmmesh/schema/diag"
)

var ignoreComment = diag.Rule{
	ID: "VM099", Name: "ignore-comment", Severity: diag.Warning,
	Doc: "A comment that ignores a rule names it, says why, and silences something.",
	Long: "`# vmmesh:ignore VM209 the new VM is twice as large` silences the rule on its own line, or on the next one if nothing else is on its line. Without a reason it silences nothing: whoever comes later must be able to know whether it still " +
		"holds. A comment that matches no finding is a leftover. Warnings and notes can be ignored, and errors of the catalogue (VM101 and up).",
	Bad:  "# vmmesh:ignore VM209 it was here once\nspec: {}",
	Good: "spec: {}",
}

// CommentRule is the id of the rule about comments that ignore.
const CommentRule = "VM099"

// mark is what a comment begins with that ignores a rule.
const mark = "vmmesh:ignore"

// The form of such a comment: rules, then the reason.
var (
	comment   = regexp.MustCompile(`(?:^|[\t ])#[\t ]*vmmesh:ignore\b[\t ]*(.*)$`)
	firstRule = regexp.MustCompile(`^(VM\d{3})(?:[\t ,:]+|$)`)
)

// ignoring is one such comment, or the part of it that is about one rule.
type ignoring struct {
	source *diag.Source
	pos    diag.Pos // of the comment
	lines  [2]int   // its own line and, where it is alone on its line, the next that is not a comment
	rule   string
	reason string
	used   bool
	refuse bool // it matched an error that leaves no mesh
}

// SuppressByComment drops the findings that a comment beside them asks to ignore, and adds one for each comment that
// silences nothing or does not say why. Sources are all texts that were read; only their names and texts count. A text of
// which no finding has a line is left alone, and so is one that is not a file.
func SuppressByComment(found diag.List, sources []*diag.Source) diag.List {
	type line struct {
		source string
		number int
	}
	at := map[line][]*ignoring{}
	var all []*ignoring
	seen := map[string]bool{}
	for _, s := range sources {
		if s == nil || seen[s.Name] {
			continue
		}
		seen[s.Name] = true // documents of one stream share a text, which is searched once
		if !bytes.Contains(s.Text, []byte(mark)) {
			continue
		}
		for _, i := range ignorings(s) {
			all = append(all, i)
			for _, n := range i.lines {
				if n > 0 && i.rule != "" && i.reason != "" {
					at[line{s.Name, n}] = append(at[line{s.Name, n}], i)
				}
			}
		}
	}
	if len(all) == 0 {
		return found
	}
	var kept diag.List
	for _, d := range found {
		ignored := false
		if s := d.At.Source(); s != nil {
			for _, i := range at[line{s.Name, d.Pos().Line}] {
				switch {
				case i.rule != d.Rule:
				case suppressible(d):
					i.used, ignored = true, true
				default:
					i.refuse = true
				}
			}
		}
		if !ignored {
			kept = append(kept, d)
		}
	}
	for _, i := range all {
		var d diag.Diagnostic
		place := diag.Root(i.source)
		switch {
		case i.used:
			continue
		case i.rule == "":
			d = ignoreComment.At(place, "this comment names no rule").WithHelp("write # %s VM209 and the reason", mark)
		case i.reason == "":
			d = ignoreComment.At(place, "this comment does not say why %s is ignored, and so it is not", i.rule).WithHelp("add the reason behind the rule")
		case i.refuse:
			d = ignoreComment.At(place, "%s cannot be ignored: nothing can be built until it is fixed", i.rule).WithHelp("fix the finding, and delete this comment")
		default:
			d = ignoreComment.At(place, "nothing to ignore: no finding of %s is on this line or the next", i.rule).WithHelp("delete this comment")
		}
		d.Where = i.pos
		kept = append(kept, d)
	}
	return kept
}

// ignorings finds the comments of a text.
func ignorings(s *diag.Source) []*ignoring {
	var all, open []*ignoring // open are those that are alone and wait for the next line
	source := &diag.Source{Name: s.Name, Text: s.Text}
	number := 0
	for text := range bytes.Lines(s.Text) {
		number++
		text = bytes.TrimRight(text, "\r\n")
		trimmed := bytes.TrimLeft(text, " \t")
		alone := len(trimmed) > 0 && trimmed[0] == '#'
		if !alone && len(trimmed) > 0 {
			for _, i := range open {
				i.lines[1] = number
			}
			open = nil
		}
		match := comment.FindSubmatchIndex(text)
		if match == nil {
			continue
		}
		col := 1 + match[0] + bytes.IndexByte(text[match[0]:], '#')
		rest := strings.TrimSpace(string(text[match[2]:match[3]]))
		var rules []string
		for {
			m := firstRule.FindStringSubmatch(rest)
			if m == nil {
				break
			}
			rules = append(rules, m[1])
			rest = strings.TrimSpace(rest[len(m[0]):])
		}
		if len(rules) == 0 {
			rules = []string{""}
		}
		for _, rule := range rules {
			i := &ignoring{source: source, pos: diag.Pos{Line: number, Col: col}, rule: rule, reason: rest, lines: [2]int{number, 0}}
			all = append(all, i)
			if alone {
				open = append(open, i)
			}
		}
	}
	return all
}
