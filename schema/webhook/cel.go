package webhook

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// celFault returns why a text is not an expression of CEL, the language of filters, with a help; "" where it is one. It
// reads the text as istiod's webhook does: by the grammar (github.com/google/cel-spec, doc/langdef.md, Syntax), not by what
// names mean. The usual slips get messages of their own first.
func celFault(text string) (fault, help string) {
	c := celReader{rest: text, text: text}
	for {
		t, err := c.next()
		if err != "" {
			return err, c.help
		}
		if t == "" {
			break
		}
		if err := c.take(t); err != "" {
			return err, c.help
		}
	}
	if fault, help := c.end(); fault != "" {
		return fault, help
	}
	if part := celUnreadable(text); part != "" {
		return "CEL cannot read the expression from " + part + " on", celExample
	}
	return "", ""
}

// celReader reads an expression token by token. Its state is whether a value has to come next, and which brackets are
// open.
type celReader struct {
	text, rest string
	valued     bool   // a value is directly before
	before     string // the token before
	open       []byte
	calls      []bool // whether a value is before each of them
	help       string
}

const celExample = `write an expression such as response.code >= 400 || response.flags != ""`

// wrong returns a fault, and keeps its help.
func (c *celReader) wrong(help, format string, args ...any) string {
	c.help = help
	return fmt.Sprintf(format, args...)
}

// next cuts the next token off: a name, a number, a text as `""`, a mark.
func (c *celReader) next() (token, fault string) {
	for {
		c.rest = strings.TrimLeft(c.rest, " \t\r\n\f")
		if !strings.HasPrefix(c.rest, "//") {
			break
		}
		_, c.rest, _ = strings.Cut(c.rest, "\n")
	}
	s := c.rest
	if s == "" {
		return "", ""
	}
	cut := func(n int) (string, string) {
		c.rest = s[n:]
		return s[:n], ""
	}
	word := 0
	for word < len(s) && (s[word] == '_' || s[word] >= '0' && s[word] <= '9' || s[word]|0x20 >= 'a' && s[word]|0x20 <= 'z') {
		word++
	}
	digit := s[0] >= '0' && s[0] <= '9'
	switch {
	case word > 0 && word < len(s) && (s[word] == '"' || s[word] == '\'') && !digit && strings.Trim(strings.ToLower(s[:word]), "rb") == "":
		return c.quoted(s[word:], strings.ContainsAny(s[:word], "rR"))
	case digit:
		n := word
		for n < len(s) && (s[n] == '.' && n+1 < len(s) && s[n+1] >= '0' && s[n+1] <= '9' || (s[n] == '+' || s[n] == '-') && s[n-1]|0x20 == 'e' && !strings.HasPrefix(s, "0x")) {
			n++
			for n < len(s) && (s[n] >= '0' && s[n] <= '9' || s[n]|0x20 >= 'a' && s[n]|0x20 <= 'z') {
				n++
			}
		}
		return cut(n)
	case word > 0:
		return cut(word)
	case s[0] == '"' || s[0] == '\'':
		return c.quoted(s, false)
	}
	for _, mark := range []string{"==", "!=", "<=", ">=", "&&", "||"} {
		if strings.HasPrefix(s, mark) {
			return cut(2)
		}
	}
	switch s[0] {
	case '=', '&', '|':
		return "", c.wrong(fmt.Sprintf("write %c%[1]c", s[0]), "%q is not an operator of CEL", s[:1])
	}
	if strings.ContainsRune("+-*/%<>!?:.,()[]{}", rune(s[0])) {
		return cut(1)
	}
	r, _ := utf8.DecodeRuneInString(s)
	return "", c.wrong(celExample, "%q has no meaning in CEL", r)
}

// quoted cuts a text off that begins with its quotes.
func (c *celReader) quoted(s string, raw bool) (token, fault string) {
	quotes := s[:1]
	if strings.HasPrefix(s, strings.Repeat(quotes, 3)) {
		quotes = s[:3]
	}
	for i := len(quotes); i < len(s); i++ {
		switch {
		case s[i] == '\\' && !raw:
			i++
		case strings.HasPrefix(s[i:], quotes):
			c.rest = s[i+len(quotes):]
			return `""`, ""
		case s[i] == '\n' && len(quotes) == 1:
			i = len(s)
		}
	}
	return "", c.wrong("close it with "+quotes, "the text that begins with %s is not closed", quotes)
}

var closes = map[string]byte{")": '(', "]": '[', "}": '{'}

// take puts a token behind those before it.
func (c *celReader) take(t string) string {
	before := c.before
	c.before = t
	if opened, closing := closes[t]; closing {
		if len(c.open) == 0 || c.open[len(c.open)-1] != opened {
			return c.wrong(celExample, "%q closes nothing", t)
		}
		if !c.valued && before != string(opened) && (before != "," || t == ")") {
			return c.wrong(celExample, "a value is missing before %q", t)
		}
		called := c.calls[len(c.calls)-1]
		c.calls = c.calls[:len(c.calls)-1]
		if t == ")" && before == "(" && !called {
			return c.wrong(celExample, "there is nothing between the brackets")
		}
		c.open = c.open[:len(c.open)-1]
		c.valued = true
		return ""
	}
	switch t {
	case "(", "[", "{":
		c.calls = append(c.calls, c.valued)
		c.open, c.valued = append(c.open, t[0]), false
	case "!":
		if c.valued {
			return c.wrong("write != to compare", "an operator is missing before \"!\"")
		}
	case "-":
		c.valued = false // of a number, or between two
	case ".":
		if before == "." {
			return c.wrong(celExample, "a name is missing between two dots")
		}
		c.valued = false
	case "==", "!=", "<=", ">=", "&&", "||", "<", ">", "+", "*", "/", "%", "?", ":", ",", "in":
		if !c.valued {
			return c.wrong(celExample, "a value is missing before %q", t)
		}
		c.valued = false
	default:
		if c.valued {
			help := "put an operator between the two, such as && or =="
			switch strings.ToLower(t) {
			case "and":
				help = "write &&"
			case "or":
				help = "write ||"
			}
			return c.wrong(help, "an operator is missing before %q", t)
		}
		c.valued = true
	}
	return ""
}

// end is what is wrong when no token is left.
func (c *celReader) end() (fault, help string) {
	switch {
	case len(c.open) > 0:
		return fmt.Sprintf("the bracket %q is not closed", c.open[len(c.open)-1]), "close it"
	case !c.valued:
		return fmt.Sprintf("a value is missing after %q", c.before), celExample
	}
	return "", ""
}
