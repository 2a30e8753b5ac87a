// Package scripts holds what is the same on every VM: the scripts that make it a member and keep it one, their units and
// drop-ins. They are static; what differs from group to group is data that they read, above all vm.env.
package scripts

import (
	"embed"
	"path"

	"github.com/vmmesh/vmmesh/schema/manifest"
)

//go:embed *.sh *.conf *.service *.timer *.logrotate
var static embed.FS

// Files are the scripts, units and drop-ins, by name. Their paths are bare names: they lie beside a group's own files.
func Files() []manifest.File {
	entries, err := static.ReadDir(".")
	if err != nil {
		panic(err) // they are part of the program
	}
	all := make([]manifest.File, 0, len(entries))
	for _, e := range entries {
		data, err := static.ReadFile(e.Name())
		if err != nil {
			panic(err) // as above
		}
		mode := uint32(0o644)
		if path.Ext(e.Name()) == ".sh" {
			mode = 0o755
		}
		all = append(all, manifest.File{Path: e.Name(), Mode: mode, Data: data})
	}
	return all
}
