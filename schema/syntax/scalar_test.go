package syntax

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

func TestResolve(t *testing.T) {
	for kind, texts := range map[Kind][]string{
		Null: {"", "~", "null", "Null", "NULL"},
		Bool: {"true", "True", "TRUE", "false", "False", "FALSE"},
		Int: {"0", "1", "-1", "+1", "-0", "8080", "0x1F", "0xff", "0o17", "9223372036854775807", "9223372036854775808",
			"18446744073709551616", "-99999999999999999999", strings.Repeat("9", maxDigits)},
		Float: {"1.5", "-1.5", "+1.5", "1.", ".5", "-.5", "1e3", "1E+3", "1.5e-3", "0.5", "1e308", "1e-999", ".inf", "-.inf", "+.Inf", ".nan", ".NaN", "01.5"},
		String: {"on", "off", "yes", "no", "y", "n", "On", "tRue", "nUll", "nil", "0755", "00", "-01", "1_000", "0b11", "-0x1F", "+0o17", "0o8", "0xg", "0x", "0o",
			"2024-01-01", "2024-01-01T00:00:00Z", "12:30:45", "10.0.0.1", "1.2.3", "1e", "1e+", "e3", ".", "-", "+", "..", "-.", ".e3", "1e400", ".INf", "+.nan", "inf", "nan", "0X1F", "0O17",
			"1 000", "1,5", "٣", "<<", strings.Repeat("9", maxDigits+1)},
	} {
		for _, text := range texts {
			require.Equal(t, kind, resolve(text), "of %q", text)
		}
	}
}

// Where readers do not disagree, the library resolves alike.
func TestResolveAsTheLibrary(t *testing.T) {
	tags := map[string]Kind{"!!null": Null, "!!bool": Bool, "!!int": Int, "!!float": Float, "!!str": String, "!!timestamp": String}
	differs := map[string]bool{ // text here, a number there, or the other way round
		"0755": true, "00": true, "-01": true, "1_000": true, "0b11": true, "-0x1F": true, "+0o17": true, "0X1F": true, "0O17": true,
		"18446744073709551616": true, "-99999999999999999999": true,
	}
	for _, text := range []string{
		"~", "null", "true", "False", "on", "yes", "y", "n", "0", "-1", "+1", "0x1F", "0o17", "9223372036854775808", "1.5", "1.", ".5", "1e3", "1.5e-3", "1e400", "1e-999",
		".inf", "-.Inf", ".nan", "+.nan", "2024-01-01", "2024-1-1", "12:30:45", "10.0.0.1", "1e", ".", "..", "+", "x", "e3", "0o8", "0xg", "0x", "01.5", "0755", "00", "-01",
		"1_000", "0b11", "-0x1F", "+0o17", "0X1F", "0O17", "18446744073709551616", "-99999999999999999999",
	} {
		var n yaml.Node
		require.NoError(t, yaml.Unmarshal([]byte("- "+text), &n))
		theirs, ok := tags[n.Content[0].Content[0].Tag]
		require.True(t, ok)
		require.Equal(t, !differs[text], theirs == resolve(text), "of %q: %s there, %s here", text, theirs, resolve(text))
	}
}
