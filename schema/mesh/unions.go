package mesh

import (
	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
)

// vmUnions checks the unions of a vm block as it was written.
func (r *resolver) vmUnions(in *schema.VM) {
	c, i := &in.Cloud, &in.Identity
	r.union("cloud", c.At, c.Type, []branch{
		{"AWS", "aws", c.AWS != nil, ""}, {"GCP", "gcp", c.GCP != nil, ""},
		{"Azure", "azure", c.Azure != nil, ""}, {"OpenStack", "openstack", c.OpenStack != nil, ""},
	})
	r.union("identity", i.At, i.Type, []branch{
		{"TokenFile", "tokenFile", i.TokenFile != nil, ""},
		{"TokenRequest", "tokenRequest", i.TokenRequest != nil, "{server: https://<the Kubernetes API>:6443, credentialFile: /etc/vmmesh/bootstrap-token}"},
		{"HTTP", "http", i.HTTP != nil, "{url: https://<where a token comes from>}"},
		{"Command", "command", i.Command != nil, "{argv: [/usr/local/bin/get-token]}"},
		{"GCE", "gce", i.GCE != nil, ""}, {"SPIRE", "spire", i.SPIRE != nil, ""},
	})
}

// branch is one block of a union: the type that it belongs to, its key, whether it was written, and an example where
// its type needs it.
type branch struct {
	of, key string
	said    bool
	example string
}

// union checks that only the block of its type stands in a union.
func (r *resolver) union(name string, at diag.Path, kind string, branches []branch) {
	for _, b := range branches {
		if b.said && b.of != kind {
			d := ruleUnion.At(at.Key(b.key), "the block %s belongs to type: %s", b.key, b.of).Key()
			if kind == "" {
				d = d.WithHelp("add `type: %s` to %s", b.of, name)
			} else {
				d = d.WithHelp("the type of %s is %s: write `type: %s`, or drop the block", name, kind, b.of)
			}
			r.say(d)
		}
		if b.example != "" && !b.said && b.of == kind {
			r.say(ruleUnion.At(at.Key("type"), "type: %s needs the block %s", kind, b.key).WithHelp("add `%s: %s`", b.key, b.example))
		}
	}
}
