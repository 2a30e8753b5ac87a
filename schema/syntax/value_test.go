package syntax

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v5"
	"github.com/stretchr/testify/require"
)

func TestPlain(t *testing.T) {
	huge := strings.Repeat("9", maxDigits)
	for text, want := range map[string]any{
		"~": nil, "True": true, "FALSE": false, "5": 5, "+5": 5, "-5": -5, "0x1F": 31, "0o17": 15, "1.5": 1.5, "1e3": 1000.0, "x": "x", "'5'": "5", "0755": "0755",
		"9223372036854775807": 9223372036854775807, "9223372036854775808": json.Number("9223372036854775808"), "+9223372036854775808": json.Number("9223372036854775808"),
		"-9223372036854775809": json.Number("-9223372036854775809"), "0xFFFFFFFFFFFFFFFFF": json.Number("295147905179352825855"), huge: json.Number(huge),
		".inf": ".inf", "-.Inf": "-.Inf", ".nan": ".nan", "{}": map[string]any{}, "[]": []any{}, "{a: [1, {b: }]}": map[string]any{"a": []any{1, map[string]any{"b": nil}}},
		"{80: x}": map[string]any{"80": "x"},
	} {
		n := one(t, "v: "+text).Root.Get("v")
		require.Equal(t, want, n.Plain(), "of %q", text)
	}
}

// The validator takes every value, and neither panics nor rounds.
func TestPlainForTheValidator(t *testing.T) {
	integer := jsonschema.MustCompileString("https://vmmesh.dev/test/integer", `{"type": "integer", "minimum": 0, "maximum": 9007199254740993}`)
	for text, valid := range map[string]bool{
		"5": true, "0x1F": true, "5.0": true, "5.5": false, "-1": false, "9007199254740993": true, "9007199254740994": false, "99999999999999999999": false,
		strings.Repeat("9", maxDigits): false, ".inf": false, ".nan": false, "-.inf": false, "1e308": false, "1e-999": true, "'5'": false, "0755": false, "~": false,
	} {
		err := integer.Validate(one(t, "v: "+text).Root.Get("v").Plain())
		require.Equal(t, valid, err == nil, "of %q: %v", text, err)
	}
}
