package diag

import (
	"fmt"
	"strings"
)

// Limit is the number of findings that a report shows. A document of a megabyte can have a million of them; a report of
// all would be larger than anybody reads, and sixty times the document.
const Limit = 2000

// limited splits sorted findings into those that a report shows and the rest. Where there are too many, the most severe
// are shown, in reading order.
func (l List) limited() (shown, omitted List) {
	if len(l) <= Limit {
		return l, nil
	}
	room := Limit
	take := map[Severity]int{}
	for _, s := range []Severity{Error, Warning, Info} {
		take[s] = min(room, l.Count(s))
		room -= take[s]
	}
	for _, d := range l {
		if take[d.Severity] > 0 {
			take[d.Severity]--
			shown = append(shown, d)
		} else {
			omitted = append(omitted, d)
		}
	}
	return shown, omitted
}

// omission describes the findings that a report does not show, in one line: "and 17 more findings: 12 errors, 5 infos";
// "" where there are none.
func omission(omitted List) string {
	if len(omitted) == 0 {
		return ""
	}
	var parts []string
	for _, s := range []Severity{Error, Warning, Info} {
		if n := omitted.Count(s); n > 0 {
			parts = append(parts, plural(n, s.String()))
		}
	}
	return fmt.Sprintf("and %s: %s; a report shows %d", plural(len(omitted), "more finding"), strings.Join(parts, ", "), Limit)
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
