package cloudinit

import (
	"bytes"
	"path"
	"testing"

	"github.com/stretchr/testify/require"
	"mvdan.cc/sh/v3/syntax"

	"github.com/vmmesh/vmmesh/generators/vms/scripts"
)

func TestUncommented(t *testing.T) {
	const script = `#!/bin/bash
# what it does
set -e # stays, as does its line
	# indented
cat <<-"END" >file
	# a line of the file
END
# gone
cat <<<"# a word"
#
echo '
  # text between quotes
' $# ${#a[@]}
cat <<END
# kept
`
	require.Equal(t, `#!/bin/bash
set -e # stays, as does its line
cat <<-"END" >file
	# a line of the file
END
cat <<<"# a word"
echo '
  # text between quotes
' $# ${#a[@]}
cat <<END
# kept
`, string(uncommented([]byte(script), true)))
	require.Equal(t, "# first\n[Unit]\nA=<<END\n", string(uncommented([]byte("# first\n[Unit]\n  # more\nA=<<END\n#last"), false)))
}

// A shell's own parser sees the same program before and after, in each script that VMs get.
func TestLeanScriptsAreTheSame(t *testing.T) {
	files := scripts.Files()
	saved := 0
	for i, f := range lean(files) {
		require.Equal(t, files[i].Path, f.Path)
		require.Equal(t, files[i].Mode, f.Mode)
		saved += len(files[i].Data) - len(f.Data)
		if path.Ext(f.Path) == ".sh" {
			require.Equal(t, program(t, files[i].Data), program(t, f.Data), f.Path)
		}
	}
	require.Positive(t, saved)
}

// program is a script as the parser sees it, without comments or layout.
func program(t *testing.T, script []byte) string {
	tree, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(bytes.NewReader(script), "")
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, syntax.NewPrinter(syntax.Minify(true)).Print(&out, tree))
	return out.String()
}
