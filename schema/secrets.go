package schema

import (
	"encoding/json"
	"net/url"
	"regexp"
	"strings"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/syntax"
)

// Secrets finds values that look like secrets, anywhere in the document: a spec lives in Git, and what it says comes out
// again in manifests and user-data. The values themselves are never repeated in a finding.
func (d *Document) Secrets() diag.List {
	var found diag.List
	if hasSecret(d.Root, "") { // paths are made only for documents that have one
		findSecrets(d.Root, d.At, "", &found)
	}
	return found
}

func hasSecret(n *syntax.Node, key string) bool {
	switch n.Kind {
	case syntax.Map:
		for i := range n.Fields {
			if hasSecret(&n.Fields[i].Value, n.Fields[i].Key) {
				return true
			}
		}
	case syntax.Seq:
		for i := range n.Items {
			if hasSecret(&n.Items[i], key) {
				return true
			}
		}
	case syntax.String:
		what, _ := secret(key, n.Value)
		return what != ""
	}
	return false
}

func findSecrets(n *syntax.Node, at diag.Path, key string, found *diag.List) {
	switch n.Kind {
	case syntax.Map:
		for i := range n.Fields {
			f := &n.Fields[i]
			findSecrets(&f.Value, at.Key(f.Key), f.Key, found)
		}
	case syntax.Seq:
		for i := range n.Items {
			item := &n.Items[i]
			name := ""
			if v := item.Get("name"); v != nil {
				name = v.Value
			}
			findSecrets(item, at.Item(i, name), key, found)
		}
	case syntax.String:
		if what, help := secret(key, n.Value); what != "" {
			*found = append(*found, ruleSecret.At(at, "this looks like %s", what).WithHelp("%s", help))
		}
	}
}

var (
	jwt           = regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*`)
	authorization = regexp.MustCompile(`(?i)\b(bearer|basic)\s+[A-Za-z0-9+/=._~-]{8,}`)
)

// secret tells what kind of secret a value looks like, and what to do instead; "" for an honest value.
func secret(key, value string) (what, help string) {
	if len(value) < 8 {
		return "", ""
	}
	switch {
	case strings.Contains(value, "PRIVATE KEY-----"):
		return "a private key", "no field is for one: keys are made on the VM and never leave it"
	case strings.Contains(value, "eyJ") && jwt.MatchString(value):
		return "a token (JWT)", "no field is for one: say in vm.identity where the VM gets its token"
	case strings.Contains(value, " ") && authorization.MatchString(value), strings.EqualFold(key, "authorization"):
		return "an Authorization header", "keep credentials in a file on the VM, such as identity.http.headersFile"
	case strings.Contains(value, "://") && hasPassword(value):
		return "a password in a URL", "keep credentials in a file on the VM"
	case strings.Contains(value, `"kty"`) && privateJWKS(value):
		return "a private or symmetric key (JWKS)", "give public keys only, without `d`, `k` and keys of type `oct`; better a jwksUri"
	}
	return "", ""
}

func hasPassword(s string) bool {
	u, err := url.Parse(s)
	if err != nil || u.User == nil {
		return false
	}
	password, said := u.User.Password()
	return said && password != ""
}

// privateJWKS tells whether a JSON Web Key Set, or a single key, has a private part (RFC 7518 section 6).
func privateJWKS(s string) bool {
	type jwk struct {
		Kty string `json:"kty"`
		D   any    `json:"d"`
		K   any    `json:"k"`
	}
	var set struct {
		jwk
		Keys []jwk `json:"keys"`
	}
	if json.Unmarshal([]byte(s), &set) != nil {
		return false
	}
	for _, key := range append(set.Keys, set.jwk) {
		if key.Kty == "oct" || key.D != nil || key.K != nil {
			return true
		}
	}
	return false
}

var ruleSecret = &diag.Rule{
	ID: "VM018", Name: "secret", Severity: diag.Error,
	Doc: "No value looks like a secret: private keys, tokens, Authorization headers, passwords in URLs, private parts of a JWKS.",
	Long: "A spec lives in Git, and what it says comes out again in manifests and in user-data that every process on the VM can read. " +
		"No field is for a secret: `vm.identity` says where the VM finds its credential, and the credential itself never passes through here.",
	Bad:  "http: [{headers: {request: {set: {Authorization: \"Bearer c2VjcmV0LXRva2Vu\"}}}}]",
	Good: "vm: {identity: {type: HTTP, http: {url: \"https://tokens.example.com\", headersFile: /etc/vmmesh/headers}}}",
}
