package lsp

import (
	"regexp"
	"slices"
	"strings"

	"github.com/vmmesh/vmmesh/schema"
)

// place is where a cursor is in a text that may be incomplete.
type place struct {
	path  []string // keys around it
	value bool     // it is in the value of the last of path, and not in a key
	start int      // where the token begins that the cursor is in
	taken []string // keys that the block has already
}

// keyOf finds the key of a line, after the dashes of lists.
var keyOf = regexp.MustCompile(`^(\s*(?:-[ ]+)*)(?:"([^"]*)"|'([^']*)'|([^\s#:\[\]{}"',&*!|>%@-][^:#\[\]{},]*?))\s*:(\s|$)`)

// placeOf finds where an offset is: from the brackets around it, and from the indentation of the lines above.
func (t *text) placeOf(offset int) place {
	// The line on which the brackets around the offset are opened.
	row := t.position(offset).Line
	first, depth := row, 0
	for n := row - 1; n >= 0 && n > row-200; n-- {
		if depth += closed(t.line(n)); depth < 0 {
			first, depth = n, 0
		}
	}
	head := t.src[t.starts[first]:offset]
	indent, dashes := 0, []int{}
	for indent < len(head) && (head[indent] == ' ' || head[indent] == '-' && (indent+1 == len(head) || head[indent+1] == ' ')) {
		if head[indent] == '-' {
			dashes = append(dashes, indent)
		}
		indent++
	}
	p := place{start: t.starts[first] + indent}
	p.path, p.taken = t.above(first, indent, dashes)
	flow(&p, head[indent:])
	return p
}

// closed counts brackets that a line closes, less those that it opens.
func closed(line string) int {
	n := 0
	var quote rune
	for i, c := range line {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			if i == 0 || strings.ContainsRune(" [{,:", rune(line[i-1])) {
				quote = c
			}
		case c == '#' && (i == 0 || line[i-1] == ' '):
			return n
		case c == '[' || c == '{':
			n--
		case c == ']' || c == '}':
			n++
		}
	}
	return n
}

// above finds the keys around a line by their indentation, and the keys beside it.
func (t *text) above(row, indent int, dashes []int) (path, taken []string) {
	collect := true // keys of the same block
	sibling := func(line string) {
		if m := keyOf.FindStringSubmatch(line); m != nil && len(m[1]) == indent && collect {
			taken = append(taken, m[2]+m[3]+m[4])
		}
	}
	limit, list := indent, false // a parent's key is before limit; of a list's item also at it
	if len(dashes) > 0 {
		limit, list, collect = dashes[0], true, false
	}
	first := limit
	for n := row - 1; n >= 0 && limit >= 0; n-- {
		line := t.line(n)
		if strings.HasPrefix(line, "---") {
			break
		}
		m := keyOf.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		column, dash := len(m[1]), strings.IndexByte(m[1], '-')
		key := m[2] + m[3] + m[4]
		switch {
		case limit == first && column == limit && !list:
			sibling(line)
			if dash >= 0 { // the first key of this item
				limit, list, collect = dash, true, false
			}
		case column < limit || list && column == limit && dash < 0:
			path = append([]string{key}, path...)
			limit, list, collect = column, false, false
			first = -1
			if dash >= 0 {
				limit, list = dash, true
			}
		}
		if limit == 0 && !list {
			break
		}
	}
	if len(dashes) == 0 { // the keys after it
		for n := row + 1; n < len(t.starts); n++ {
			line := t.line(n)
			content := strings.TrimLeft(line, " ")
			if content == "" || content[0] == '#' {
				continue
			}
			if len(line)-len(content) < indent {
				break
			}
			if m := keyOf.FindStringSubmatch(line); m != nil && len(m[1]) == indent && !strings.Contains(m[1], "-") {
				taken = append(taken, m[2]+m[3]+m[4])
			}
		}
	}
	return path, taken
}

// flow follows keys and brackets from where the block's own key begins up to the cursor.
func flow(p *place, head string) {
	type frame struct {
		key   string
		list  bool
		taken []string
	}
	var stack []frame
	key, begin, valued := "", 0, false
	taken := p.taken
	for i := 0; i < len(head); i++ {
		switch c := head[i]; {
		case (c == '"' || c == '\'') && strings.TrimSpace(head[begin:i]) == "":
			end := strings.IndexByte(head[i+1:], c)
			if end < 0 {
				i = len(head)
				continue
			}
			i += end + 1
		case c == '#' && i > 0 && (head[i-1] == ' ' || head[i-1] == '\n'):
			for i < len(head) && head[i] != '\n' {
				i++
			}
			begin = i
		case c == ':' && !valued && (i+1 >= len(head) || strings.IndexByte(" \n[{\"'", head[i+1]) >= 0):
			key, begin, valued = strings.Trim(strings.TrimSpace(head[begin:i]), `"'`), i+1, true
		case c == '{' || c == '[':
			stack = append(stack, frame{key, c == '[', taken})
			key, begin, valued, taken = "", i+1, false, nil
		case (c == '}' || c == ']') && len(stack) > 0:
			key, taken = stack[len(stack)-1].key, stack[len(stack)-1].taken
			stack = stack[:len(stack)-1]
			begin, valued = i+1, key != ""
		case c == ',' && len(stack) > 0:
			if key != "" {
				taken = append(slices.Clone(taken), key)
			}
			key, begin, valued = "", i+1, false
		}
	}
	for begin < len(head) && strings.IndexByte(" \n\t\"'", head[begin]) >= 0 {
		begin++
	}
	for _, f := range stack {
		if f.key != "" {
			p.path = append(p.path, f.key)
		}
	}
	if len(stack) > 0 {
		valued = valued || stack[len(stack)-1].list
		p.taken = nil
	}
	if key != "" {
		p.path = append(p.path, key)
	}
	p.value = valued
	p.taken = append(p.taken, taken...)
	p.start += min(begin, len(head))
}

// complete proposes what may be written at an offset.
func (t *text) complete(offset int, known []spot) []completionItem {
	p := t.placeOf(offset)
	items := []completionItem{}
	if p.start > offset {
		return items
	}
	edit := func(text string) textEdit { return textEdit{t.span(p.start, offset), text} }
	block, ok := schema.Explain(strings.Join(p.path, "."))
	if len(p.path) == 0 {
		block, ok = schema.Explain("")
	}
	if !ok {
		return items
	}
	path := strings.ReplaceAll(strings.Join(p.path, "."), "[]", "")
	if p.value {
		allowed := block.Allowed
		switch {
		case block.Type == "boolean":
			allowed = []string{"true", "false"}
		case path == "apiVersion":
			allowed = []string{schema.APIVersion}
		case path == "kind":
			allowed = []string{schema.KindVMMesh}
		}
		for _, v := range allowed {
			items = append(items, completionItem{Label: v, Kind: 12, Documentation: block.Description, TextEdit: edit(v)})
		}
		if n, ok := nameAt(path); ok && !n.declares {
			seen := map[string]bool{}
			for _, s := range known {
				if m, ok := nameAt(s.path); ok && m.kind == n.kind && m.declares && !s.key && s.value != "" && !seen[s.value] {
					seen[s.value] = true
					items = append(items, completionItem{Label: s.value, Kind: 18, Detail: n.kind, TextEdit: edit(s.value)})
				}
			}
		}
		if len(items) > 0 || !strings.HasPrefix(block.Type, "list") {
			return items
		}
	}
	for _, f := range block.Fields {
		if slices.Contains(p.taken, f.Name) {
			continue
		}
		item := completionItem{Label: f.Name, Kind: 5, Detail: f.Type, Documentation: f.Description, TextEdit: edit(f.Name + ": ")}
		item.SortText = "1" + f.Name
		if f.Required {
			item.Detail += ", required"
			item.SortText = "0" + f.Name
		}
		items = append(items, item)
	}
	return items
}
