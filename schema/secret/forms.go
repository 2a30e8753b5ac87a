package secret

import (
	"encoding/base64"
	"encoding/json"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// form is a credential that is recognized by how it looks.
type form struct {
	need byte   // a character without which there is none
	hint string // a text without which there is none, compared without case where fold is set
	fold bool
	re   *regexp.Regexp
	kind *Kind
	ok   func(match string) bool // nil: each match is one
}

var forms = []form{
	{need: ' ', hint: "PuTTY-User-Key-File", re: regexp.MustCompile(`PuTTY-User-Key-File[\s\S]*Private-Lines[\s\S]*`), kind: PrivateKey},
	{need: '-', hint: "AGE-SECRET-KEY-1", re: regexp.MustCompile(`AGE-SECRET-KEY-1[0-9A-Z]{20,}`), kind: PrivateKey},
	{need: '.', hint: "ey", re: regexp.MustCompile(`\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*|\bey[A-I][\w-]{8,}\.[\w-]{8,}\.[\w-]*`), kind: JWT, ok: jwt},
	{need: '.', hint: "ewo", re: regexp.MustCompile(`\bewo[\w-]{8,}\.[\w-]{8,}\.[\w-]*`), kind: JWT, ok: jwt},
	{need: ' ', hint: "basic", fold: true, re: regexp.MustCompile(`(?i)\bbasic\s+[A-Za-z0-9+/_-]{4,}={0,2}`), kind: Authorize, ok: basic},
	{need: ' ', hint: "bearer", fold: true, re: regexp.MustCompile(`(?i)\bauthorization["']?\s*[:=]\s*["']?bearer\s+[A-Za-z0-9+/=._~-]{8,}`),
		kind: Authorize, ok: lastLooksRandom},
	{need: '/', hint: "://", re: regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#"'<>\\]+@`), kind: URL, ok: userinfo},
	{need: '/', hint: "hooks.slack.com", re: regexp.MustCompile(`hooks\.slack\.com/\w+/[\w/-]{16,}`), kind: URL},
	{need: '=', hint: "accountkey", fold: true, re: azure, kind: Token},
	{need: '=', hint: "sharedaccess", fold: true, re: azure, kind: Token},
	{need: '=', hint: "sig=", re: regexp.MustCompile(`(?:^|[?&;\s"'])sig=[A-Za-z0-9%+/=_-]{16,}`), kind: Token},
	{need: '~', hint: "8Q~", re: regexp.MustCompile(`\b[\w.~-]{3}8Q~[\w.~-]{31,34}`), kind: Token},
	{need: ':', hint: ":AA", re: regexp.MustCompile(`\b[0-9]{8,10}:AA[\w-]{33}\b`), kind: Token},
}

var azure = regexp.MustCompile(`(?i)\b(?:AccountKey|SharedAccessKey|SharedAccessSignature)\s*=\s*[^\s;"'$<{]{8,}`)

// token is a form that begins with a prefix that its issuer uses for nothing else.
type token struct {
	prefix string
	re     *regexp.Regexp // of what follows the prefix
	random bool           // the rest has to look random: the prefix may begin an ordinary name
}

// The prefixes of tokens, by their first byte.
var tokens = byFirst([]token{
	after("AKIA", `[A-Z0-9]{16}\b`), after("ASIA", `[A-Z0-9]{16}\b`), after("ABIA", `[A-Z0-9]{16}\b`), after("ACCA", `[A-Z0-9]{16}\b`),
	after("ghp_", word16), after("gho_", word16), after("ghu_", word16), after("ghs_", word16), after("ghr_", word16),
	after("github_pat_", `\w{16,}`),
	after("glpat-", name16), after("gldt-", name16), after("glrt-", name16), after("glcbt-", name16), after("glptt-", name16),
	after("glft-", name16), after("glsoat-", name16), after("glagent-", name16), after("glimt-", name16), after("gloas-", name16),
	after("xoxa-", name10), after("xoxb-", name10), after("xoxc-", name10), after("xoxd-", `[\w%-]{10,}`), after("xoxe-", name10),
	after("xoxo-", name10), after("xoxp-", name10), after("xoxr-", name10), after("xoxs-", name10), after("xoxe.xox", `[\w.-]{10,}`),
	after("xapp-", name10),
	after("AIza", `[\w-]{30,}`), after("ya29.", `[\w-]{16,}`), after("GOCSPX-", `[\w-]{16,}`), after("1//0", `[\w-]{30,}`),
	after("sk_live_", word10), after("sk_test_", word10), after("rk_live_", word10), after("rk_test_", word10), after("whsec_", word16),
	after("hvs.", name16), after("hvb.", name16), after("hvr.", name16), looks("s.", `[A-Za-z0-9]{24}\b`),
	after("npm_", `[A-Za-z0-9]{20,}`), looks("pypi-", `[\w-]{16,}`), after("rubygems_", `[0-9a-f]{32,}`),
	after("SG.", `[\w-]{16,}\.[\w-]{16,}`), after("SK", `[0-9a-f]{32}\b`), after("key-", `[0-9a-f]{32}\b`),
	after("dop_v1_", word16), after("doo_v1_", word16), after("dor_v1_", word16), after("dapi", `[0-9a-f]{32}`),
	looks("hf_", `[A-Za-z0-9]{30,}`), looks("sk-", `[\w-]{20,}`), after("dckr_pat_", name16), after("dckr_oat_", name16),
	after("shpat_", word16), after("shpca_", word16), after("shppa_", word16), after("shpss_", word16),
	after("ATATT3", `[\w=-]{20,}`), after("ATCTT3", `[\w=-]{20,}`), after("lin_api_", word16), after("NRAK-", `[A-Z0-9]{20,}`),
	after("glsa_", word16), after("glc_", word16), after("tskey-", `[\w-]{16,}`), after("dp.pt.", word16), after("dp.st.", name16),
	after("sq0csp-", name16), after("sq0atp-", name16), after("pscale_tkn_", name16), after("pscale_pw_", name16),
	after("pul-", `[0-9a-f]{40}`), after("PMAK-", `[0-9a-f]{16,}`), after("CCIPAT_", word16), after("sntrys_", word16), after("sntryu_", word16),
	after("EAACEdEose0cBA", word10), after("secret_", `[A-Za-z0-9]{43}\b`), after("ntn_", `[A-Za-z0-9]{40,}`), after("figd_", name16),
	after("nvapi-", `[\w-]{40,}`), after("gsk_", `[A-Za-z0-9]{40,}`), after("r8_", `[A-Za-z0-9]{30,}`), after("xai-", `[A-Za-z0-9]{40,}`),
})

// What follows a prefix, mostly.
const (
	word10 = `[A-Za-z0-9_]{10,}`
	word16 = `[A-Za-z0-9_]{16,}`
	name10 = `[A-Za-z0-9-]{10,}`
	name16 = `[\w.-]{16,}`
)

func after(prefix, rest string) token {
	return token{prefix: prefix, re: regexp.MustCompile("^(?:" + rest + ")")}
}

func looks(prefix, rest string) token {
	t := after(prefix, rest)
	t.random = true
	return t
}

func byFirst(all []token) (by [256][]token) {
	for _, t := range all {
		by[t.prefix[0]] = append(by[t.prefix[0]], t)
	}
	return by
}

// find returns where the first credential of a text begins and ends, and its kind; nil where there is none.
func find(text string) ([]int, *Kind) {
	var has [256]bool
	for i := 0; i < len(text); i++ {
		has[text[i]] = true
	}
	has[' '] = has[' '] || has['\t'] || has['\n'] || has['\r']
	span, kind := findToken(text), Token
	if key := findPEM(text); key != nil && (span == nil || key[0] < span[0]) {
		span, kind = key, PrivateKey
	}
	for i := range forms {
		f := &forms[i]
		if !has[f.need] || !f.hinted(text) {
			continue
		}
		for _, s := range f.re.FindAllStringIndex(text, -1) {
			if f.ok == nil || f.ok(text[s[0]:s[1]]) {
				if span == nil || s[0] < span[0] {
					span, kind = s, f.kind
				}
				break
			}
		}
	}
	return span, kind
}

// findToken looks for prefixes where a word begins.
func findToken(text string) []int {
	word := false // the byte before is part of a word
	for i := 0; i < len(text); i++ {
		c := text[i]
		if !word {
			for k := range tokens[c] {
				t := &tokens[c][k]
				if !strings.HasPrefix(text[i:], t.prefix) {
					continue
				}
				rest := text[i+len(t.prefix):]
				if end := t.re.FindStringIndex(rest); end != nil && (!t.random || mixed(rest[:end[1]])) {
					return []int{i, i + len(t.prefix) + end[1]}
				}
			}
		}
		word = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_'
	}
	return nil
}

func (f *form) hinted(text string) bool {
	if !f.fold {
		return strings.Contains(text, f.hint)
	}
	for n := len(f.hint); n <= len(text); n++ {
		if c := text[n-len(f.hint)] | 0x20; c == f.hint[0] && strings.EqualFold(text[n-len(f.hint):n], f.hint) {
			return true
		}
	}
	return false
}

var (
	pemBegin = regexp.MustCompile(`-{4,5} ?BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)? ?-{4,5}`)
	pemEnd   = regexp.MustCompile(`-{4,5} ?END [A-Z0-9 ]*PRIVATE KEY`)
	pemLine  = regexp.MustCompile(`^[A-Za-z0-9+/]{16,}={0,2}$`)
)

// lineBreaks are written out where a key is in JSON.
var lineBreaks = strings.NewReplacer(`\n`, "\n", `\r`, "\n")

// findPEM returns where a private key begins and the text ends; nil where there is none.
func findPEM(text string) []int {
	if !strings.Contains(text, "PRIVATE KEY") {
		return nil
	}
	begins := pemBegin.FindAllStringIndex(text, -1)
	for i, at := range begins {
		end := len(text)
		if i+1 < len(begins) {
			end = begins[i+1][0]
		}
		alone := len(begins) == 1 && strings.Trim(text[:at[0]], " \t\r\n\"'") == ""
		if privateKey(text[at[1]:end], alone) {
			return []int{at[0], len(text)}
		}
	}
	return nil
}

// privateKey reports whether what follows a header line is a key. Prose that names the line has none. The line alone, where
// it is the whole value, is a key that was cut.
func privateKey(body string, alone bool) bool {
	if strings.Trim(body, " \t\r\n\"'") == "" {
		return alone
	}
	body = lineBreaks.Replace(body)
	end := pemEnd.FindStringIndex(body)
	if end != nil {
		body = body[:end[0]]
	}
	letters, coded := 0, false
	for _, word := range strings.Fields(body) {
		if pemLine.MatchString(word) && mixed(word) {
			return true
		}
		if strings.Trim(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=") != "" {
			continue
		}
		letters += len(word)
		coded = coded || len(word) >= 3 && (strings.ContainsAny(word, "0123456789+/=") || strings.ToUpper(word) == word || innerUpper(word))
	}
	return end != nil && letters >= 4 && coded
}

// innerUpper reports whether a word has a capital after its first letter.
func innerUpper(s string) bool { return strings.ContainsFunc(s[1:], unicode.IsUpper) }

// mixed reports whether a text looks random: no word or name has its mix of letters and digits.
func mixed(s string) bool {
	lower := strings.ContainsFunc(s, func(c rune) bool { return c >= 'a' && c <= 'z' })
	upper := strings.ContainsFunc(s, func(c rune) bool { return c >= 'A' && c <= 'Z' })
	digit := strings.ContainsFunc(s, func(c rune) bool { return c >= '0' && c <= '9' })
	if strings.Trim(s, "0123456789abcdef") == "" {
		return digit && lower && len(s) >= 20
	}
	return upper && lower && (digit || len(s) >= 24) || upper && digit && len(s) >= 16 ||
		len(s) >= 64 && strings.TrimRight(s, "A=") == "" // a key of zeros
}

// jwt reports whether the first part of a token is a JSON object. The usual beginning of one, {" as base64, is enough.
func jwt(match string) bool {
	if strings.HasPrefix(match, "eyJ") {
		return true
	}
	head, _, _ := strings.Cut(match, ".")
	text, ok := decode(head)
	return ok && json.Valid([]byte(text))
}

// basic reports whether what follows Basic is a user and a password.
func basic(match string) bool {
	fields := strings.Fields(match)
	text, ok := decode(fields[len(fields)-1])
	return ok && strings.Contains(text, ":") && printable(text)
}

// lastLooksRandom reports whether the last word of a match can be a token, and not a word of a language.
func lastLooksRandom(match string) bool {
	fields := strings.Fields(match)
	return opaque(fields[len(fields)-1])
}

// bearerValue reports whether a text is the value of an Authorization header: a scheme and a token, nothing else.
func bearerValue(text string) bool {
	fields := strings.Fields(text)
	if len(fields) != 2 || len(fields[1]) < 8 || strings.Trim(fields[1], bearerChars) != "" {
		return false
	}
	switch strings.ToLower(fields[0]) {
	case "bearer", "token", "apikey":
		return opaque(fields[1])
	}
	return false
}

const bearerChars = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=._~-"

// opaque reports whether a text is no word of a language: it has a digit or an inner capital, or is longer than words are.
func opaque(s string) bool {
	if strings.HasPrefix(s, "/") {
		return false // a path
	}
	return strings.ContainsAny(s, "0123456789=+~") || innerUpper(s) || len(s) >= 16 && !strings.ContainsAny(s, "-./_")
}

// userinfo reports whether the part of a URL before its @ has a credential. A user alone is one where HTTP would send it,
// as services take a token there, unless it looks like
// a name; elsewhere (ssh://git@…) it is a name.
func userinfo(match string) bool {
	scheme, rest, _ := strings.Cut(match, "://")
	user, password, _ := strings.Cut(strings.TrimSuffix(rest, "@"), ":")
	if password == "" {
		s := strings.ToLower(scheme)
		return (strings.HasSuffix(s, "http") || strings.HasSuffix(s, "https")) && literal(user) && !userName.MatchString(user)
	}
	return literal(password)
}

// userName is a short name in lower case; a token is longer, or has digits or capitals.
var userName = regexp.MustCompile(`^[a-z][a-z._-]{0,11}$`)

// decode reads base64 in any of its alphabets, with or without padding.
func decode(s string) (string, bool) {
	s = strings.TrimRight(s, "=")
	if strings.ContainsAny(s, "-_") {
		s = strings.ReplaceAll(strings.ReplaceAll(s, "-", "+"), "_", "/")
	}
	out, err := base64.RawStdEncoding.DecodeString(s)
	return string(out), err == nil
}

// printable reports whether bytes are a text.
func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(c rune) bool { return unicode.IsControl(c) && !unicode.IsSpace(c) })
}

// inBase64 opens base64: a value as a whole, also of several lines, or words of it that begin as a PEM file or JSON.
func inBase64(value string, depth int) *Kind {
	if whole := encoded(value); whole != "" {
		if text, ok := decode(whole); ok && printable(text) {
			if k := of("", text, depth+1); k != nil {
				return k
			}
		}
	}
	if inBase64Words(value) {
		return PrivateKey
	}
	return nil
}

// encoded returns a value without its blanks, where it can be base64; "" where it cannot.
func encoded(value string) string {
	if i := strings.Index(value, ";base64,"); i >= 0 && strings.HasPrefix(value, "data:") {
		value = value[i+len(";base64,"):]
	}
	if len(value) < 16 {
		return ""
	}
	blanks, upper := false, false
	for i := 0; i < len(value); i++ {
		c := value[i]
		upper = upper || c >= 'A' && c <= 'Z'
		switch {
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '+' || c == '/' || c == '-' || c == '_' || c == '=':
		case c == ' ' || c == '\n' || c == '\r' || c == '\t':
			blanks = true
		default:
			return ""
		}
	}
	if !upper {
		return "" // base64 of a text has capitals
	}
	if blanks {
		return strings.Join(strings.Fields(value), "")
	}
	return value
}

var pemInBase64 = regexp.MustCompile(`LS0tLS1CRUdJTi[A-Za-z0-9+/_-]{10,}`)

// inBase64Words reports whether a text has a PEM file of a private key in base64 within it.
func inBase64Words(value string) bool {
	if !strings.Contains(value, "LS0tLS1CRUdJTi") {
		return false
	}
	for _, word := range pemInBase64.FindAllString(value, -1) {
		text, ok := decode(word[:len(word)/4*4])
		if ok && strings.Contains(text, "PRIVATE KEY") {
			return true
		}
	}
	return false
}
