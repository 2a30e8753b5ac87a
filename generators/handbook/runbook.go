// Package handbook writes RUNBOOK.md: what to do when something is wrong, with this mesh's own names in every command.
package handbook

import (
	"fmt"
	"iter"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// most is how many workloads and groups are spelled out; a larger fleet's others have the same commands with other names.
const most = 20

// Files makes RUNBOOK.md at the top of the tree, where there are VMs. Alerts and diagnose.sh name its sections.
func Files(m *mesh.Mesh) iter.Seq[manifest.File] {
	return func(yield func(manifest.File) bool) {
		if slices.ContainsFunc(m.Workloads, func(w *mesh.Workload) bool { return len(w.Groups) > 0 }) {
			yield(manifest.File{Path: "RUNBOOK.md", Mode: 0o644, Data: runbook(m)})
		}
	}
}

// page is the text as it grows.
type page struct {
	strings.Builder
	mesh  *mesh.Mesh
	istio *mesh.Istio // the same in every spec, as far as this page goes
}

func runbook(m *mesh.Mesh) []byte {
	p := &page{mesh: m, istio: m.Specs[0].Istio}
	p.overview()
	for _, s := range sections {
		p.line("\n## " + s.title + "\n")
		s.write(p)
	}
	text := blanks.ReplaceAllString(p.String(), "\n\n")
	return []byte(strings.TrimRight(text, "\n") + "\n")
}

// blanks are more than one empty line, as where a block of commands follows another.
var blanks = regexp.MustCompile(`\n{3,}`)

func (p *page) line(text string) { p.WriteString(text + "\n") }

// sh is a block of commands. What workloads or groups have in common stands there once.
func (p *page) sh(commands ...string) {
	var once []string
	for _, c := range commands {
		if !slices.Contains(once, c) {
			once = append(once, c)
		}
	}
	p.line("\n```sh\n" + strings.Join(once, "\n") + "\n```\n")
}

// onVM is a block of commands that run on the VM.
func (p *page) onVM(commands ...string) {
	p.sh(append([]string{"# on the VM"}, commands...)...)
}

// workloads makes commands for each workload; others, where there are too many, have them with their own names.
func (p *page) workloads(of func(*mesh.Workload) []string) []string {
	var all []string
	for n, w := range p.mesh.Workloads {
		if n == most {
			return append(all, fmt.Sprintf("# and so on for %d more workloads", len(p.mesh.Workloads)-most))
		}
		all = append(all, of(w)...)
	}
	return all
}

// groups are those that are spelled out, and how many are not.
func (p *page) groups() ([]*mesh.Group, int) {
	var all []*mesh.Group
	more := 0
	for _, w := range p.mesh.Workloads {
		for _, g := range w.Groups {
			if len(all) < most {
				all = append(all, g)
			} else {
				more++
			}
		}
	}
	return all, more
}

// table prints rows of cells below a head.
func (p *page) table(head []string, rows [][]string, more string) {
	p.line("| " + strings.Join(head, " | ") + " |")
	p.line("|" + strings.Repeat("---|", len(head)))
	for _, row := range rows {
		p.line("| " + strings.Join(row, " | ") + " |")
	}
	if more != "" {
		p.line("\n" + more)
	}
}

// code is a word as it stands, in a table's cell too.
func code(word string) string {
	if word == "" {
		return "–"
	}
	word = strings.NewReplacer("|", `\|`, "\n", " ", "\r", " ").Replace(word)
	fence := "`"
	for strings.Contains(word, fence) {
		fence += "`"
	}
	if len(fence) > 1 {
		return fence + " " + word + " " + fence
	}
	return fence + word + fence
}

// quote is a word as a shell takes it.
func quote(word string) string {
	plain := strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-") == ""
	if plain && word != "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'"'"'`) + "'"
}

func number(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}
