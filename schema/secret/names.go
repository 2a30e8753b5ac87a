package secret

import (
	"regexp"
	"strings"
)

// trust is how much the name of a value says about it.
type trust int

const (
	innocent trust = iota
	perhaps        // `token` as a key of a map: a value that looks random is a credential
	secretly       // DB_PASSWORD: any literal value
	header         // Authorization
)

// headers are the HTTP headers that carry credentials, in lower case.
var headers = map[string]bool{
	"authorization": true, "proxy-authorization": true, "x-authorization": true, "cookie": true,
	"x-api-key": true, "api-key": true, "apikey": true, "x-apikey": true, "x-auth-key": true, "x-functions-key": true,
	"private-token": true, "job-token": true, "auth-token": true, "x-auth": true, "ocp-apim-subscription-key": true,
	"x-forwarded-access-token": true, "dd-api-key": true, "dd-application-key": true, "api-token": true,
	"x-shared-secret": true, "x-secret": true, "x-password": true,
}

// endings are those of names of credentials, without what separates words.
var (
	passwords = []string{"password", "passwd", "passphrase", "passwort"}
	endings   = []string{"token", "secret", "apikey", "accesskey", "secretkey", "privatekey", "signingkey", "encryptionkey", "accountkey",
		"sharedkey", "masterkey", "authkey", "credential", "credentials", "secretkeybase", "clientkeydata", "appkey", "licensekey"}
)

var separators = strings.NewReplacer("-", "", "_", "", ".", "", " ", "")

// ofName returns what a name says about its value.
func ofName(name string) trust {
	if len(name) < 5 || len(name) > 128 {
		return ofShortName(name)
	}
	if inner, ok := headerOf(name); ok {
		name = inner
	}
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		name = name[i+1:] // of an annotation
	}
	if name == "" || !mayEnd(name) {
		return innocent
	}
	lower := strings.ToLower(name)
	upper := strings.ToUpper(name) == name
	if headers[strings.ReplaceAll(lower, "_", "-")] && !(upper && strings.Contains(name, "_")) {
		return header
	}
	plain := separators.Replace(lower)
	plain = strings.TrimRight(plain, "0123456789")
	for _, suffix := range []string{"base", "b", "value", "plaintext", "text"} {
		if cut, ok := strings.CutSuffix(plain, suffix); ok && (suffix != "b" && suffix != "base" || strings.HasSuffix(lower, "64")) {
			plain = cut
			break
		}
	}
	if ends(plain, passwords) || upper && (ends(plain, endings) || strings.HasSuffix(name, "_PWD") || strings.HasSuffix(name, "_PASS")) {
		return secretly
	}
	if ends(plain, endings) {
		if strings.HasPrefix(lower, "x-") {
			return header
		}
		return perhaps
	}
	return innocent
}

// ofShortName is for names that are shorter than the endings of most.
func ofShortName(name string) trust {
	switch strings.ToLower(name) {
	case "pwd", "pass":
		return perhaps
	}
	return innocent
}

// lastWords are how the names end that may be a credential's, by the last letter.
var lastWords = map[byte][]string{
	's': {"credentials", "pass"}, 'd': {"password", "passwd", "pwd"}, 'e': {"passphrase", "cookie", "base", "value"},
	'n': {"token", "authorization"}, 't': {"secret", "passwort", "text"}, 'y': {"key"}, 'l': {"credential"}, 'a': {"data"}, 'h': {"auth"},
}

// mayEnd reports whether the end of a name can be that of a credential's: most names are done with here.
func mayEnd(name string) bool {
	last := name[len(name)-1]
	if last >= '0' && last <= '9' {
		return true
	}
	for _, w := range lastWords[last|0x20] {
		if len(name) >= len(w) && strings.EqualFold(name[len(name)-len(w):], w) {
			return true
		}
	}
	return false
}

func ends(s string, all []string) bool {
	for _, e := range all {
		if strings.HasSuffix(s, e) {
			return true
		}
	}
	return false
}

// headerOf returns the header in a condition's key: request.headers[authorization].
func headerOf(name string) (string, bool) {
	if !strings.HasSuffix(name, "]") {
		return "", false
	}
	inner, ok := strings.CutPrefix(strings.TrimSuffix(name, "]"), "request.headers[")
	return strings.Trim(inner, `"'`), ok
}

// Named reports whether the name of a value says that it may be a credential.
func Named(name string) bool { return ofName(name) != innocent }

// byName judges a value by the name that it is stored under.
func byName(name, value string) *Kind {
	switch ofName(name) {
	case header:
		if !credential(value) {
			return nil
		}
		if strings.HasSuffix(strings.ToLower(strings.TrimSuffix(name, "]")), "authorization") {
			return Authorize
		}
		return Header
	case secretly:
		if literal(value) && (strings.ToUpper(name) == name || !strings.Contains(strings.TrimSpace(value), " ")) {
			if small(value) && !ends(strings.ToLower(name), passwords) {
				return nil
			}
			return Password
		}
	case perhaps:
		if literal(value) && len(value) >= 12 && !strings.ContainsAny(value, " \n") && random(value) {
			return Password
		}
	}
	return nil
}

// credential reports whether the value of a header is more than its scheme.
func credential(value string) bool {
	value = strings.Trim(value, "* ")
	for _, scheme := range []string{"bearer", "basic", "digest", "token", "negotiate", "apikey"} {
		if len(value) >= len(scheme) && strings.EqualFold(value[:len(scheme)], scheme) {
			rest := value[len(scheme):]
			if strings.Trim(rest, " *") == "" {
				return false
			}
			if rest[0] == ' ' {
				value = rest
				break
			}
		}
	}
	return literal(strings.Trim(value, "* "))
}

// random reports whether a value looks made by a machine.
func random(s string) bool {
	digits := 0
	for i := 0; i < len(s); i++ {
		if s[i] >= '0' && s[i] <= '9' {
			digits++
		}
	}
	plain := strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789") == ""
	return mixed(s) || plain && digits >= 3 && len(s) >= 16
}

var (
	reference = regexp.MustCompile(`%[^%\s]+%|\$\{[^}]*\}|\$\([^)]*\)|\$[A-Za-z_][A-Za-z0-9_]*|\{\{[^}]*\}\}|<[^<>]*>`)
	duration  = regexp.MustCompile(`^(?:[0-9.]+(?:ns|us|ms|s|m|h|d))+$`)
	digits    = regexp.MustCompile(`^[0-9]+$`)
	plainPath = regexp.MustCompile(`^(?:~|\.{1,2}|[A-Za-z]:)?[/\\]`)
	remote    = regexp.MustCompile(`^(?:arn:|vault:|secretref:|ssm:|file:|sm:|op:|ref\+|projects/)`)
)

// literal reports whether a value of a credential is the credential, and not where it is or whether there is one.
func literal(value string) bool {
	value = strings.Trim(strings.TrimSpace(value), `"'`)
	if value == "" {
		return false
	}
	switch strings.ToLower(value) {
	case "true", "false", "yes", "no", "on", "off", "none", "null", "required", "optional", "enabled", "disabled", "redacted",
		"absent", "present", "auto", "file", "vault", "env", "never", "always":
		return false
	}
	if strings.Trim(value, "*x.…-_") == "" || plainPath.MatchString(value) || duration.MatchString(value) || remote.MatchString(value) {
		return false
	}
	if strings.Contains(value, "://") {
		return false // where it is; byForm judges a password in it
	}
	if reference.MatchString(value) {
		rest := reference.ReplaceAllString(value, "")
		return len(strings.Trim(rest, " :;,.=-_/|\"'")) >= 8
	}
	return true
}

// small reports whether a value is a number that counts something: MAX_TOKEN: 4096.
func small(value string) bool { return digits.MatchString(value) && len(value) < 7 }

var (
	namedValue = regexp.MustCompile(
		`(?i)\b(?:name|key|header)["']?\s*:\s*["']?([A-Za-z0-9_.\[\]-]+)["']?\s*,.*\b(?:value|values|exact|notValues)["']?\s*:\s*\[?["']?([^"',}\]]+)`)
	assignment = regexp.MustCompile(`(?:^|[\s;&?"',-])([A-Za-z][A-Za-z0-9_.-]*)\s?=\s?["']?([^\s;&"',]+)`)
	line       = regexp.MustCompile(`(?m)^[ \t\-"'{,]*([A-Za-z][A-Za-z0-9_./-]*)["']?[ \t]*:[ \t]*["']?([^"'\n]+?)["',} \t\r]*$`)
)

// inLines looks for credentials that a text within the value names: a header as curl takes it, NAME=value in a command or
// connection string, a kubeconfig, a file of settings.
func inLines(text string) *Kind {
	if strings.IndexByte(text, '=') >= 0 {
		for _, m := range assignment.FindAllStringSubmatch(text, -1) {
			if k := assigned(m[1], m[2]); k != nil {
				return k
			}
		}
	}
	if strings.IndexByte(text, ':') < 0 {
		return nil
	}
	for _, m := range line.FindAllStringSubmatch(text, -1) {
		k := assigned(m[1], m[2])
		switch {
		case k == nil:
		case strings.Contains(text, "clusters:") || strings.Contains(text, "current-context:") || m[1] == "client-key-data":
			return Kubeconfig
		default:
			return k
		}
	}
	return nil
}

// assigned judges a name and a value that a text contains. Prose has such pairs too ("authorization: at the edge"), so a
// value of several words is none, and a word of a language is none after a header.
func assigned(name, value string) *Kind {
	k := byName(name, value)
	if k == nil {
		return nil
	}
	value = strings.TrimSpace(value)
	fields := strings.Fields(value)
	switch {
	case strings.EqualFold(name, "cookie") && strings.Contains(value, "="):
	case ofName(name) == header && (len(fields) > 2 || !opaque(fields[len(fields)-1])):
		return nil
	case ofName(name) == secretly && len(fields) > 1:
		return nil
	}
	return k
}
