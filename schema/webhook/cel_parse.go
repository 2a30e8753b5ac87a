package webhook

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// celTokens cuts an expression as CEL's lexer does (github.com/google/cel-go, parser/gen/CEL.g4): the longest token first.
var celTokens = func() *regexp.Regexp {
	const escape = `\\(?:[abfnrtv"'\\?` + "`" + `]|[xX][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-3][0-7][0-7])`
	const text = `(?:'''(?:[^\\]|` + escape + `)*?'''|"""(?:[^\\]|` + escape + `)*?"""|'(?:[^\\\n\r']|` + escape + `)*'|"(?:[^\\\n\r"]|` + escape + `)*"` +
		`|[rR](?:'''(?s:.)*?'''|"""(?s:.)*?"""|'[^\n\r']*'|"[^\n\r"]*"))`
	re := regexp.MustCompile(`^(?:` + strings.Join([]string{
		`(?P<space>[\t\n\f\r ]+|//[^\n]*)`,
		`(?P<text>[bB]?` + text + `)`,
		`(?P<float>[0-9]+\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+|\.[0-9]+(?:[eE][+-]?[0-9]+)?)`,
		`(?P<uint>(?:0x[0-9a-fA-F]+|[0-9]+)[uU])`,
		`(?P<int>0x[0-9a-fA-F]+|[0-9]+)`,
		`(?P<name>[a-zA-Z_][a-zA-Z0-9_]*)`,
		"(?P<quoted>`[a-zA-Z0-9_.\\-/ ]+`)",
		`(?P<mark>==|!=|<=|>=|&&|\|\||[-+*/%<>!?:.,()\[\]{}])`,
	}, `|`) + `)`)
	re.Longest()
	return re
}()

type celToken struct{ kind, text string }

// celParser reads an expression by CEL's grammar. Only whether it can be read counts.
type celParser struct {
	tokens []celToken
	depth  int
	shape  celShape   // of what was read last
	shapes []celShape // of the arguments that were read last
}

// celShape is what macros ask of their arguments.
type celShape int

const (
	celOther celShape = iota
	celName           // a name alone
	celField          // a field of something
)

// Limits and reserved names are those of github.com/google/cel-go/parser.
const maxCELDepth = 250

var celReserved = []string{
	"as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in", "let", "loop", "namespace", "null", "package",
	"return", "true", "var", "void", "while",
}

// celUnreadable returns the part of an expression that CEL's grammar does not allow; "" where it can be read. At its end
// that is "its end".
func celUnreadable(text string) string {
	p := &celParser{}
	names := celTokens.SubexpNames()
	for rest := text; rest != ""; {
		m := celTokens.FindStringSubmatchIndex(rest)
		if m == nil || m[1] == 0 {
			return strconv.Quote(clip(rest))
		}
		for i := 1; i < len(names); i++ {
			if m[2*i] >= 0 && names[i] != "space" {
				p.tokens = append(p.tokens, celToken{names[i], rest[:m[1]]})
				break
			}
		}
		rest = rest[m[1]:]
	}
	if p.expression() && len(p.tokens) == 0 {
		return ""
	}
	if len(p.tokens) == 0 {
		return "its end"
	}
	return strconv.Quote(clip(p.tokens[0].text))
}

func clip(s string) string {
	if len(s) > 20 {
		return strings.ToValidUTF8(s[:20], "") + "…"
	}
	return s
}

// next reports whether the next token is this mark or name, and takes it.
func (p *celParser) next(text string) bool {
	if len(p.tokens) > 0 && p.tokens[0].text == text && (p.tokens[0].kind == "mark" || p.tokens[0].kind == "name") {
		p.tokens = p.tokens[1:]
		return true
	}
	return false
}

func (p *celParser) kind(kinds ...string) bool {
	if len(p.tokens) > 0 && slices.Contains(kinds, p.tokens[0].kind) {
		p.tokens = p.tokens[1:]
		return true
	}
	return false
}

func (p *celParser) expression() bool {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > maxCELDepth || !p.operation() {
		return false
	}
	if !p.next("?") {
		return true
	}
	ok := p.operation() && p.next(":") && p.expression()
	p.shape = celOther
	return ok
}

var celOperators = []string{"||", "&&", "<", "<=", ">=", ">", "==", "!=", "in", "*", "/", "%", "+", "-"}

// operation reads values with operators between them. Which of them binds first makes no difference to whether it can be
// read.
func (p *celParser) operation() bool {
	for n := 0; ; n++ {
		if !p.unary() {
			return false
		}
		if n > 0 {
			p.shape = celOther
		}
		if !slices.ContainsFunc(celOperators, p.next) {
			return true
		}
	}
}

func (p *celParser) unary() bool {
	negated := true
	switch {
	case p.next("!"):
		for p.next("!") {
		}
	case p.next("-"):
		for p.next("-") {
		}
		if p.number() {
			return p.members()
		}
	default:
		negated = false
	}
	if p.next("-") { // after a !, of a number
		return p.number() && p.members()
	}
	ok := p.primary() && p.members()
	if negated {
		p.shape = celOther
	}
	return ok
}

// number reads a number that Go can hold, as CEL demands.
func (p *celParser) number() bool {
	if len(p.tokens) == 0 {
		return false
	}
	t := p.tokens[0]
	var err error
	switch t.kind {
	case "int":
		_, err = strconv.ParseUint(t.text, 0, 64)
		if strings.TrimLeft(t.text, "0") != t.text && !strings.HasPrefix(t.text, "0x") { // decimal all the same
			_, err = strconv.ParseUint(t.text, 10, 64)
		}
	case "uint":
		_, err = strconv.ParseUint(strings.TrimRight(t.text, "uU"), 0, 64)
	case "float":
		_, err = strconv.ParseFloat(t.text, 64)
	default:
		return false
	}
	if err != nil {
		return false
	}
	p.tokens = p.tokens[1:]
	p.shape = celOther
	return true
}

// members reads what follows a value: fields, calls and indices.
func (p *celParser) members() bool {
	for {
		switch {
		case p.next("."):
			p.shape = celField
			if p.kind("quoted") {
				continue
			}
			if len(p.tokens) == 0 || p.tokens[0].kind != "name" || slices.Contains([]string{"in", "true", "false", "null"}, p.tokens[0].text) {
				return false
			}
			name := p.tokens[0].text
			p.tokens = p.tokens[1:]
			if p.next("(") {
				if !p.arguments(")") || iterates(name, len(p.shapes)) && p.shapes[0] != celName {
					return false
				}
				p.shape = celOther
			}
		case p.next("["):
			if !p.expression() || !p.next("]") {
				return false
			}
			p.shape = celOther
		case p.next("{"): // a message of this type
			if !p.entries(true) {
				return false
			}
			p.shape = celOther
		default:
			return true
		}
	}
}

// iterates reports whether a call is a macro whose first argument is the name of a variable.
func iterates(name string, arguments int) bool {
	switch name {
	case "all", "exists", "exists_one", "existsOne", "filter":
		return arguments == 2
	case "map":
		return arguments == 2 || arguments == 3
	}
	return false
}

func (p *celParser) primary() bool {
	p.shape = celOther
	switch {
	case len(p.tokens) == 0:
		return false
	case p.kind("text"), p.next("true"), p.next("false"), p.next("null"):
		return true
	case p.next("("):
		return p.expression() && p.next(")")
	case p.next("["):
		ok := p.arguments("]")
		p.shape = celOther
		return ok
	case p.next("{"):
		ok := p.entries(false)
		p.shape = celOther
		return ok
	case p.number():
		return true
	}
	p.next(".")
	if len(p.tokens) == 0 || p.tokens[0].kind != "name" || slices.Contains(celReserved, p.tokens[0].text) {
		return false
	}
	name := p.tokens[0].text
	p.tokens = p.tokens[1:]
	p.shape = celName
	if !p.next("(") {
		return true
	}
	if !p.arguments(")") || name == "has" && len(p.shapes) == 1 && p.shapes[0] != celField {
		return false
	}
	p.shape = celOther
	return true
}

// arguments reads values with commas between them, up to the bracket that closes them. Only a list may end with a comma.
func (p *celParser) arguments(end string) bool {
	var shapes []celShape
	defer func() { p.shapes = shapes }()
	if p.next(end) {
		return true
	}
	for p.expression() {
		shapes = append(shapes, p.shape)
		if p.next(end) {
			return true
		}
		if !p.next(",") {
			return false
		}
		if end == "]" && p.next(end) {
			return true
		}
	}
	return false
}

// entries reads keys and values up to the bracket that closes them. Fields of a message have names for keys.
func (p *celParser) entries(fields bool) bool {
	for !p.next("}") {
		if fields && !p.kind("name", "quoted") || !fields && !p.expression() {
			return false
		}
		if !p.next(":") || !p.expression() {
			return false
		}
		if p.next("}") {
			return true
		}
		if !p.next(",") {
			return false
		}
	}
	return true
}
