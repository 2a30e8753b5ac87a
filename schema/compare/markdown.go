package compare

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strings"
)

// The Markdown report, for a comment on a pull request: what it means first, then what to do, and all that differs
// folded away. It fits into a comment of GitHub and of GitLab, whatever the size of the change.

// Marker begins the Markdown report, so that a script finds its own comment again.
const Marker = "<!-- vmmesh diff -->"

// mostMarkdown bounds the report in bytes. GitHub takes 65,536 characters in a comment.
const mostMarkdown = 60000

// markdownText is a text in which Markdown finds nothing but code in backquotes: names in it come from files.
var markdownText = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "|", `\|`, "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`,
	"@", "&#64;", "#", `\#`, "~", `\~`, "!", `\!`)

// markdown is a text for Markdown. What is between backquotes stays as it is, as code.
func markdown(s string) string {
	parts := strings.Split(s, "`")
	if len(parts)%2 == 0 { // an odd number of backquotes encloses nothing
		return markdownText.Replace(strings.ReplaceAll(s, "`", "'"))
	}
	for i := range parts {
		if i%2 == 0 {
			parts[i] = markdownText.Replace(parts[i])
		} else {
			parts[i] = strings.ReplaceAll(parts[i], "|", `\|`) // a cell of a table ends at it, in code too
		}
	}
	return strings.Join(parts, "`")
}

// WriteMarkdown prints all changes as a comment on a pull request. The error is the writer's.
func WriteMarkdown(w io.Writer, c *Changes) error {
	var out bytes.Buffer
	fmt.Fprintf(&out, "%s\n### vmmesh diff: %s\n", Marker, c.headline())
	left := func() int { return mostMarkdown - out.Len() }
	more := func(n int, noun string) { fmt.Fprintf(&out, "\n… and %s more\n", count(n, noun)) }
	if len(c.Consequences) > 0 {
		out.WriteString("\n| | object | what it means |\n|---|---|---|\n")
		for i := range c.Consequences {
			m := &c.Consequences[i]
			row := fmt.Sprintf("| **%s** | %s | %s", m.Severity, markdown(strings.ReplaceAll(m.about(), "`", "'")),
				markdown(m.Message))
			for n, step := range m.Steps {
				row += fmt.Sprintf("<br>%d. %s", n+1, markdown(step))
			}
			if row += " |\n"; len(row) > left()-mostMarkdown/2 {
				more(len(c.Consequences)-i, "row")
				break
			}
			out.WriteString(row)
		}
	}
	section := func(title string, lines []string) {
		if len(lines) == 0 {
			return
		}
		fmt.Fprintf(&out, "\n<details><summary>%s</summary>\n\n```diff\n", markdownText.Replace(title))
		for i, line := range lines {
			line = strings.ReplaceAll(line, "```", "'''")
			if len(line)+300 > left() {
				fmt.Fprintf(&out, "# … and %s more\n", count(len(lines)-i, "line"))
				break
			}
			out.WriteString(line + "\n")
		}
		out.WriteString("```\n</details>\n")
	}
	if lines := c.setupLines(); len(lines) > 0 {
		section("VMs that run install.sh again: "+setupSummary(c.Setup), lines)
	}
	if len(c.Deletions) > 0 {
		title := count(len(c.Deletions), "object") + " not made any more, and what deletes them"
		section(title, c.deletionLines())
	}
	section(count(len(c.Objects), "object"), c.shortObjects())
	section(count(len(c.Files), "file"), c.shortFiles())
	var also []string
	for _, path := range c.Strangers {
		also = append(also, printable(path)+" was not written by vmmesh; a build leaves it")
	}
	section("also", append(also, c.Notes...))
	_, err := w.Write(out.Bytes())
	return err
}

// headline is what a reviewer reads first.
func (c *Changes) headline() string {
	if c.Same() {
		return "nothing would change"
	}
	breaks, risks, notes := c.tally()
	return fmt.Sprintf("%s; %d breaks, %s, %s", c.Summary(), breaks, count(risks, "risk"), count(notes, "note"))
}

// tally counts the consequences by severity.
func (c *Changes) tally() (breaks, risks, notes int) {
	for i := range c.Consequences {
		switch c.Consequences[i].Severity {
		case Breaks:
			breaks++
		case Risk:
			risks++
		case Note:
			notes++
		}
	}
	return breaks, risks, notes
}

// shortObjects are the objects that differ, as lines of a diff: one with a single change is one line.
func (c *Changes) shortObjects() []string {
	var lines []string
	for _, f := range foldObjects(c.Objects) {
		title := diffMark(f.Change) + " " + f.title
		var fields []string
		for _, field := range f.Fields {
			fields = append(fields, field.lines(palette{})...)
		}
		if len(fields) == 1 {
			lines = append(lines, title+": "+fields[0])
			continue
		}
		lines = append(lines, title)
		for _, field := range fields {
			lines = append(lines, "    "+field)
		}
	}
	return lines
}

// shortFiles are the files that differ, as lines of a diff.
func (c *Changes) shortFiles() []string {
	var lines []string
	for _, f := range foldFiles(c.Files) {
		title := diffMark(f.Change) + " " + f.title
		if f.Why != "" {
			title += " (" + printable(f.Why) + ")"
		}
		if len(f.Lines) == 1 {
			lines = append(lines, title+": "+f.Lines[0].Text)
			continue
		}
		lines = append(lines, title)
		for _, l := range cut(f.Lines) {
			lines = append(lines, "    "+string(rune(l.Change))+" "+l.Text)
		}
	}
	return lines
}

// diffMark is a change in a diff, where ! is a line that changed.
func diffMark(c Change) string {
	if c == Changed || c == Renamed {
		return "!"
	}
	return string(rune(c))
}

// What GitHub's runner turns back: in a message, and in a property besides.
var (
	githubMessage  = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	githubProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

// WriteGitHub prints what the changes mean as workflow commands, which Actions shows as annotations. The error is the
// writer's.
func WriteGitHub(w io.Writer, c *Changes) error {
	out := bufio.NewWriter(w)
	for i := range c.Consequences {
		m := &c.Consequences[i]
		command := map[Severity]string{Breaks: "error", Risk: "warning", Note: "notice"}[m.Severity]
		title := "vmmesh diff: " + m.Severity.String() + ", " + m.Meaning
		message := m.about() + ": " + m.Message
		for n, step := range m.Steps {
			message += fmt.Sprintf("\n%d. %s", n+1, step)
		}
		fmt.Fprintf(out, "::%s title=%s::%s\n", command, githubProperty.Replace(title), githubMessage.Replace(message))
	}
	if !c.Same() {
		fmt.Fprintf(out, "::notice title=vmmesh diff::%s\n", githubMessage.Replace(c.headline()))
	}
	return out.Flush()
}

// WriteStat prints the changes in numbers, a line each. The error is the writer's.
func WriteStat(w io.Writer, c *Changes) error {
	out := bufio.NewWriter(w)
	counts := func(title string, n int, of func(Change) int) {
		if n == 0 {
			return
		}
		var parts []string
		for _, change := range []Change{Added, Removed, Changed, Renamed} {
			if k := of(change); k > 0 {
				parts = append(parts, fmt.Sprintf("%d %s", k, change.name()))
			}
		}
		fmt.Fprintf(out, "%s: %s\n", title, strings.Join(parts, ", "))
	}
	kinds := map[string]map[Change]int{}
	total := map[Change]int{}
	for _, o := range c.Objects {
		if kinds[o.ID.Kind] == nil {
			kinds[o.ID.Kind] = map[Change]int{}
		}
		kinds[o.ID.Kind][o.Change]++
		total[o.Change]++
	}
	counts("objects", len(c.Objects), func(how Change) int { return total[how] })
	for _, kind := range sortedKeys(kinds) {
		counts("  "+printable(kind), 1, func(how Change) int { return kinds[kind][how] })
	}
	files := map[Change]int{}
	for _, f := range c.Files {
		files[f.Change]++
	}
	counts("files", len(c.Files), func(how Change) int { return files[how] })
	if breaks, risks, notes := c.tally(); breaks+risks+notes > 0 {
		fmt.Fprintf(out, "meaning: %d breaks, %s, %s\n", breaks, count(risks, "risk"), count(notes, "note"))
	}
	if len(c.Setup) > 0 {
		fmt.Fprintf(out, "install.sh again: %s\n", setupSummary(c.Setup))
	}
	if len(c.Deletions) > 0 {
		var parts []string
		for _, t := range tools {
			deleted, _ := t.split(c.Deletions)
			parts = append(parts, fmt.Sprintf("%s %d", t.name, len(deleted)))
		}
		fmt.Fprintf(out, "deleted, of %s: %s\n", count(len(c.Deletions), "object"), strings.Join(parts, ", "))
	}
	return out.Flush()
}
