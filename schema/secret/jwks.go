package secret

import (
	"encoding/json"
	"errors"
	"regexp"
	"strings"
)

// private are the members of a JSON Web Key that are not public (RFC 7518, sections 6.2.2, 6.3.2 and 6.4).
var private = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"}

// IsPrivateMember reports whether a member of a JSON Web Key is not public. Readers differ in whether case matters.
func IsPrivateMember(name string) bool {
	for _, p := range private {
		if len(name) <= 4 && strings.EqualFold(name, p) {
			return true
		}
	}
	return false
}

// loosePrivate finds private members in what only looks like JSON: readers differ in what they forgive.
var loosePrivate = regexp.MustCompile(`(?i)["']?\b(?:d|p|q|dp|dq|qi|k)["']?\s*:\s*["'][A-Za-z0-9+/_=-]{4,}["']|["']?kty["']?\s*:\s*["']oct["']`)

// inJSON judges a text that is JSON: keys of a JWKS, and values by their names.
func inJSON(text string, depth int) *Kind {
	trimmed := strings.TrimLeft(text, " \t\r\n\ufeff")
	if trimmed == "" || trimmed[0] != '{' && trimmed[0] != '[' && trimmed[0] != '"' {
		return nil
	}
	r := newJSONReader(trimmed, depth)
	for r.found == nil && r.dec.More() {
		if r.value("", false) != nil {
			break
		}
	}
	if r.found == nil && strings.Contains(strings.ToLower(text), "kty") && loosePrivate.MatchString(text) {
		return JWKS
	}
	return r.found
}

// jsonReader reads token by token, so that of members that are given twice none is missed.
type jsonReader struct {
	dec   *json.Decoder
	depth int // of encodings
	level int // of objects, each of which is read again
	found *Kind
}

// maxLevel is how deep objects of a JSON text are searched: a key is not deeper than a few.
const maxLevel = 32

var errTooDeep = errors.New("nested too deep")

func newJSONReader(text string, depth int) *jsonReader {
	r := &jsonReader{dec: json.NewDecoder(strings.NewReader(text)), depth: depth}
	r.dec.UseNumber()
	return r
}

// value reads one value; jwk is for one that is among the keys of a JWKS.
func (r *jsonReader) value(name string, jwk bool) error {
	t, err := r.dec.Token()
	if err != nil {
		return err
	}
	switch t := t.(type) {
	case json.Delim:
		if t == '[' {
			for r.dec.More() {
				if err := r.value(name, jwk || strings.EqualFold(name, "keys")); err != nil {
					return err
				}
			}
		} else if err := r.object(jwk); err != nil {
			return err
		}
		_, err = r.dec.Token()
		return err
	case string:
		if k := of(name, t, r.depth+1); k != nil {
			r.found = k
		} else if name == "auth" && basic("basic "+t) { // of a registry
			r.found = Password
		}
	}
	return nil
}

func (r *jsonReader) object(jwk bool) error {
	if r.level > maxLevel {
		return errTooDeep
	}
	hidden := false
	for r.dec.More() {
		t, err := r.dec.Token()
		if err != nil {
			return err
		}
		name, _ := t.(string)
		var raw json.RawMessage
		if err := r.dec.Decode(&raw); err != nil {
			return err
		}
		if strings.EqualFold(name, "kty") {
			jwk = true
			var kty string
			if json.Unmarshal(raw, &kty) == nil && strings.EqualFold(kty, "oct") {
				hidden = true
			}
		}
		if IsPrivateMember(name) && string(raw) != "null" && string(raw) != `""` {
			hidden = true
		}
		inner := newJSONReader(string(raw), r.depth)
		inner.level = r.level + 1
		if err := inner.value(name, jwk && !strings.EqualFold(name, "keys")); err != nil {
			return err
		}
		if r.found == nil {
			r.found = inner.found
		}
	}
	if jwk && hidden {
		r.found = JWKS
	}
	return nil
}
