package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// version is set by the linker where a release is built: -ldflags "-X main.version=v1.2.3".
var version string

// versionInfo is what `version -o json` prints. Fields may be added to it, none is renamed or removed.
type versionInfo struct {
	Version    string       `json:"version"`          // v1.2.3, or "devel"
	Commit     string       `json:"commit,omitempty"` // where the build knew it
	Modified   bool         `json:"modified"`         // built from a tree that differs from the commit
	Go         string       `json:"go"`
	Platform   string       `json:"platform"`
	APIVersion string       `json:"apiVersion"` // of the specs that it reads
	Istio      istioVersion `json:"istio"`
}

// istioVersion is the range of Istio's releases that a spec can name, both ends included.
type istioVersion struct {
	Oldest string `json:"oldest"`
	Newest string `json:"newest"`
}

// describeVersion puts together what the linker said and what the Go tool wrote into the binary, which may be nil.
func describeVersion(linked string, build *debug.BuildInfo) versionInfo {
	v := versionInfo{
		Version:    linked,
		Go:         runtime.Version(),
		Platform:   runtime.GOOS + "/" + runtime.GOARCH,
		APIVersion: schema.APIVersion,
		Istio:      istioVersion{Oldest: fmt.Sprintf("1.%d", mesh.OldestMinor), Newest: fmt.Sprintf("1.%d", mesh.NewestMinor)},
	}
	if build != nil {
		if build.Main.Version != "(devel)" {
			v.Version = cmp.Or(v.Version, build.Main.Version)
		}
		for _, s := range build.Settings {
			switch s.Key {
			case "vcs.revision":
				v.Commit = s.Value
			case "vcs.modified":
				v.Modified = s.Value == "true"
			}
		}
	}
	v.Version = cmp.Or(v.Version, "devel")
	return v
}

func thisVersion() versionInfo {
	build, _ := debug.ReadBuildInfo()
	return describeVersion(version, build)
}

// String is the version in a few lines.
func (v versionInfo) String() string {
	text := "vmmesh " + v.Version + "\n"
	if v.Commit != "" {
		text += "commit " + v.Commit
		if v.Modified {
			text += ", modified"
		}
		text += "\n"
	}
	return text + fmt.Sprintf("%s %s\nreads  %s\nIstio  %s … %s\n", v.Go, v.Platform, v.APIVersion, v.Istio.Oldest, v.Istio.Newest)
}

func (a *app) versionCommand() *cobra.Command {
	output := outputText
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Long: `Print the version of vmmesh, the commit and Go version that it was built with, the API version of
the specs that it reads and the releases of Istio that it knows.

Exit codes: 0 printed; 2 the command line makes no sense; 3 standard output could not be written.`,
		Example: `  vmmesh version
  vmmesh version -o json`,
		Args:              none,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: a.runs(func([]string) error {
			if output == outputJSON {
				enc := json.NewEncoder(a.out)
				enc.SetIndent("", "  ")
				return enc.Encode(thisVersion())
			}
			_, err := a.out.WriteString(thisVersion().String())
			return err
		}),
	}
	cmd.Flags().VarP(&output, "output", "o", "FORMAT: text or json, whose fields are stable")
	words(cmd, "output", string(outputText), string(outputJSON))
	return cmd
}
