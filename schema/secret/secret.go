// Package secret recognizes credentials in text: by their form (private keys, tokens with a known prefix, URLs with a
// password), and by the name that a value is stored under (Authorization, DB_PASSWORD). It finds them for the rule that
// refuses them in specs, and removes them from what reports print.
//
// A false alarm cannot be ignored in a spec, so a form alone decides only where it has no other use, and prose, paths,
// references to environment variables and public keys are never credentials.
package secret

import (
	"strings"
)

// Kind is a kind of credential.
type Kind struct {
	What string // "a private key"
	Help string // what to do instead
}

// The kinds of credentials that are recognized.
var (
	PrivateKey = &Kind{"a private key", "no field is for one: keys are made on the VM and never leave it"}
	JWT        = &Kind{"a token (JWT)", "no field is for one: set in vm.identity where the VM gets its token"}
	Header     = &Kind{"a credential in a header", inFile}
	Authorize  = &Kind{"an Authorization header", inFile}
	URL        = &Kind{"a password or token in a URL", "keep credentials in a file on the VM"}
	JWKS       = &Kind{"a private or symmetric key (JWKS)",
		"give public keys only, without private parameters (`d`, `p`, `q`, `k` …) and keys of type `oct`; better a jwksUri"}
	Token      = &Kind{"an access token", "no field is for one: keep credentials in a file on the VM"}
	Password   = &Kind{"a password, token or key by its name", "keep it in a file on the VM, and give the path of the file"}
	Kubeconfig = &Kind{"a kubeconfig with credentials", "no field is for one: keep it in a file on the VM"}
)

const inFile = "keep credentials in a file on the VM, such as identity.http.headersFile"

// Of returns the kind of credential that a value is, judged by its form and by the name that it is stored under (a key of
// a map, a header, an environment variable; "" for none); nil for an honest value.
func Of(name, value string) *Kind { return of(name, value, 0) }

// maxDepth is how many encodings within each other are opened: base64 of JSON of base64.
const maxDepth = 3

func of(name, value string, depth int) *Kind {
	if value == "" {
		return nil
	}
	if k := byName(name, value); k != nil {
		return k
	}
	if len(value) < 8 || depth > maxDepth {
		return nil
	}
	if k := byForm(value); k != nil {
		return k
	}
	if k := inJSON(value, depth); k != nil {
		return k
	}
	if k := inBase64(value, depth); k != nil {
		return k
	}
	return inLines(value)
}

// byForm returns the kind of the first credential in a text that is recognized by its form alone.
func byForm(text string) *Kind {
	if span, k := find(text); span != nil {
		return k
	}
	if bearerValue(text) {
		return Authorize
	}
	return nil
}

// InLine reports whether a line of a file may show a credential. It judges the text alone, as nothing else is known of a
// file that cannot be parsed, and may be wrong about a line that is harmless.
func InLine(line string) bool {
	return byForm(line) != nil || inLines(line) != nil || pairInLine(line) || inBase64Words(line)
}

// pairInLine reports whether a line has a name and a value as neighbours: {name: Authorization, value: …}.
func pairInLine(line string) bool {
	m := namedValue.FindStringSubmatch(line)
	return m != nil && byName(m[1], m[2]) != nil
}

// Redact replaces the credentials in a text that are recognized by their form. Of an honest text it returns all.
func Redact(text string) string {
	if span, _ := find(text); span == nil {
		return text
	}
	var out strings.Builder
	for {
		span, _ := find(text)
		if span == nil {
			break
		}
		out.WriteString(text[:span[0]])
		out.WriteString("(left out)")
		text = strings.TrimPrefix(text[span[1]:], "…") // where it was cut
	}
	out.WriteString(text)
	return out.String()
}
