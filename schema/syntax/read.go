package syntax

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/vmmesh/vmmesh/schema/diag"
)

// Limits of what is read. They hold for one text.
const (
	MaxBytes = 64 << 20 // size of a text, in bytes
	MaxDepth = 100      // maps and lists inside one another

	maxValues   = 4 << 20 // values in all, which bounds the memory that a text can ask for
	maxExpanded = 100_000 // values made by expanding aliases
	maxKey      = 1000    // bytes of a key in the subset; the library allows 1,024 characters before the colon
)

// Document is one document of a stream. Path is its root; its Source locates paths in the text.
type Document struct {
	Root *Node
	Path diag.Path
}

const byteOrderMark = "\ufeff"

// Read reads a stream of YAML documents. Documents without content are skipped; the Doc of a Source counts the
// others, from 0. All findings are reported, not the first alone, but text after a syntax error is not looked at.
// Documents come with the findings so far as they could be read.
//
// Keys are text: a plain key such as 8080 or true is taken as it is written. Positions are lines and columns from 1,
// columns in bytes (the three of a byte order mark count); a value that is not written (`key:`) is where it would be.
func Read(name string, src []byte) ([]Document, diag.List) {
	in := input{name: name, src: src}
	if finding, bad := in.check(); bad {
		return nil, diag.List{finding}
	}
	in.text = string(src)
	if strings.HasPrefix(in.text, byteOrderMark) {
		in.text, in.mark = in.text[len(byteOrderMark):], len(byteOrderMark)
	}
	in.text = withoutSurrogates(in.text)

	roots, ok := readSubset(&in)
	var findings diag.List
	if !ok {
		roots, findings = readAny(&in)
	}
	documents := make([]Document, 0, len(roots))
	for i, root := range roots {
		if root != nil {
			documents = append(documents, Document{Root: root, Path: in.path(i, root)})
		}
	}
	if len(roots) == 0 && len(findings) == 0 {
		d := ruleNoDocument.At(in.path(0, nil), "there is no document in this file")
		d.Where = diag.Pos{Line: 1, Col: 1}
		findings = append(findings, d.WithHelp("a spec begins with apiVersion, kind and metadata"))
	}
	return documents, findings
}

// input is a text on its way to becoming documents.
type input struct {
	name  string
	src   []byte
	text  string // src without a byte order mark
	mark  int    // length of the byte order mark
	paths []diag.Path
}

// path is the root of the document with this index; root may be nil where it could not be read.
func (in *input) path(doc int, root *Node) diag.Path {
	for len(in.paths) <= doc {
		in.paths = append(in.paths, diag.Root(&diag.Source{Name: in.name, Text: in.src, Doc: len(in.paths)}))
	}
	if root != nil {
		in.paths[doc].Source().Locate = (&locator{root: root}).locate
	}
	return in.paths[doc]
}

// check finds what forbids even to begin: size and characters.
func (in *input) check() (diag.Diagnostic, bool) {
	at := func(offset int) diag.Pos {
		before := in.src[:offset]
		return diag.Pos{Line: 1 + bytes.Count(before, []byte("\n")), Col: offset - bytes.LastIndexByte(before, '\n')}
	}
	if len(in.src) > MaxBytes {
		d := ruleTooLarge.At(in.path(0, nil), "the text is larger than %d MiB", MaxBytes>>20)
		d.Where = at(0)
		return d.WithHelp("split a fleet of this size into several specs"), true
	}
	if offset := badCharacter(in.src); offset >= 0 {
		message, help := describeCharacter(in.src, offset)
		d := ruleCharacters.At(in.path(0, nil), "%s", message)
		d.Where = at(offset)
		return d.WithHelp("%s", help), true
	}
	// Every value but the first of its document stands next to one of these.
	if len(in.src) > maxValues {
		n := 0
		for _, c := range []string{",", ":", "-", "?", "[", "{"} {
			n += bytes.Count(in.src, []byte(c))
		}
		if n > maxValues {
			d := ruleTooLarge.At(in.path(0, nil), "the text may hold some %d values; the limit is %d", n, maxValues)
			d.Where = at(0)
			return d.WithHelp("split a fleet of this size into several specs"), true
		}
	}
	return diag.Diagnostic{}, false
}

// badCharacter is the offset of the first character that may not be in a text, -1 where there is none.
func badCharacter(src []byte) int {
	for i := 0; i < len(src); {
		c := src[i]
		if c >= ' ' && c < 0x7f || c == '\n' || c == '\t' {
			i++
			continue
		}
		if c == '\r' && i+1 < len(src) && src[i+1] == '\n' {
			i += 2
			continue
		}
		if c < utf8.RuneSelf {
			return i
		}
		r, size := utf8.DecodeRune(src[i:])
		switch {
		case r == utf8.RuneError && size == 1,
			r < 0xa0, // C1 control characters, the next-line character among them
			r == '\u2028' || r == '\u2029',
			r == '\ufffe' || r == '\uffff',
			r == '\ufeff' && i > 0:
			return i
		}
		i += size
	}
	return -1
}

func describeCharacter(src []byte, offset int) (message, help string) {
	if offset == 0 && len(src) > 1 && (src[0] == 0xff && src[1] == 0xfe || src[0] == 0xfe && src[1] == 0xff) {
		return "the text is UTF-16; it must be UTF-8", "save the file as UTF-8"
	}
	r, size := utf8.DecodeRune(src[offset:])
	switch {
	case r == utf8.RuneError && size == 1:
		return fmt.Sprintf("the text is not UTF-8: the byte 0x%02X cannot stand here", src[offset]), "save the file as UTF-8"
	case r == 0 && offset < 4:
		return "there is a NUL character in the text, which may be UTF-16 or a binary file", "save the file as UTF-8"
	case r == '\r':
		return "a carriage return stands alone, without a line feed", `end lines with a line feed; in a text in double quotes write \r`
	case r == '\ufeff':
		return "there is a byte order mark inside the text", "remove it; files that were joined may each have had one"
	case r == '\u2028' || r == '\u2029' || r == '\u0085':
		return fmt.Sprintf("the character U+%04X ends a line for some readers and not for others", r),
			fmt.Sprintf(`remove it, or write it as "\u%04x" in double quotes`, r)
	}
	return fmt.Sprintf("the control character U+%04X is not allowed", r), fmt.Sprintf(`remove it, or write it as "\u%04x" in double quotes`, r)
}
