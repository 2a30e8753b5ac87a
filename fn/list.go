package fn

import (
	"github.com/vmmesh/vmmesh/generators/fleet"
	"github.com/vmmesh/vmmesh/generators/vms"
	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
)

// List lists the VMs of the specs, each with the hash of its files. With an error among the findings it is empty.
func List(docs []*schema.Document) (fleet.List, diag.List) {
	m, findings := check(docs)
	if findings.HasErrors() || len(docs) == 0 {
		return fleet.List{}, findings
	}
	return fleet.Of(m, vms.Hashes()), findings
}
