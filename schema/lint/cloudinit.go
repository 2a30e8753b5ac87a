package lint

import (
	"strconv"
	"strings"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

var oldCloudInit = diag.Rule{
	ID: "VM904", Name: "old-cloud-init", Severity: diag.Warning,
	Doc: "No image has a cloud-init older than 22.4.",
	Long: "User-data is written for cloud-init 22.4 (Debian 12) and later, and is checked against that release's schema and run by it. " +
		"Older ones probably take it, and no one has tried.",
	Bad:  "vm: {cloudInit: {minVersion: \"21.1\"}}",
	Good: "vm: {cloudInit: {minVersion: \"22.4\"}}",
}

func findOldCloudInit(m *mesh.Mesh, report Report) {
	for _, w := range m.Workloads {
		for _, g := range w.Groups {
			if older(g.VM.CloudInit, 22, 4) {
				report(oldCloudInit.At(g.VM.At.Key("cloudInit").Key("minVersion"), "cloud-init %s is older than 22.4, which user-data is written for", g.VM.CloudInit).
					WithHelp("use images with cloud-init 22.4 or later; vms/<namespace>/<group>/install.sh also runs without any"))
			}
		}
	}
}

// older compares a version, of which the schema knows that it begins with two numbers.
func older(version string, major, minor int) bool {
	parts := strings.Split(version, ".")
	first, _ := strconv.Atoi(parts[0])
	second := 0
	if len(parts) > 1 {
		second, _ = strconv.Atoi(parts[1])
	}
	return first < major || first == major && second < minor
}
