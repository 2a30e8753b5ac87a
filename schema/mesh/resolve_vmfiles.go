package mesh

import (
	"slices"

	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
)

// maxConfigMapKey is how long a key of a ConfigMap may be (kubernetes: apimachinery, validation.IsConfigMapKey).
const maxConfigMapKey = 253

// vmFiles checks what follows from a group's VMs having files: names of their folders, and the objects beside them.
func (r *resolver) vmFiles(in *schema.Group, g *Group) {
	w := g.Workload
	if w.Namespace == ScriptsFolder && slices.Contains(VMFileNames, g.Name) {
		r.say(ruleObjectClash.At(in.At.Key("name"), "vms/%s/%s is one of the VMs' scripts, and the group's folder would be at the same path", ScriptsFolder, g.Name).
			WithHelp("give the group another name"))
	}
	inMap := w.Spec.GitOps.VMFiles == "ConfigMap"
	for n := range in.Instances {
		i := &in.Instances[n]
		switch {
		case slices.Contains(VMFileNames, i.Name):
			r.say(ruleObjectClash.At(i.At.Key("name"), "%s is a file in the folder of the group's VMs, where the instance has its own folder", i.Name).
				WithHelp("give the instance another name"))
		case inMap && len(i.Name)+len(".")+len("cluster.env") > maxConfigMapKey:
			r.say(ruleNameTooLong.At(i.At.Key("name"), "the instance's files are keys of a ConfigMap, <instance>.<file>, and its name has %d characters", len(i.Name)).
				WithHelp("shorten it to %d", maxConfigMapKey-len(".cluster.env")))
		}
	}
	if inMap {
		r.claim("ConfigMap", w.Namespace, VMFilesName(g.Name), in.At)
		r.objectName(VMFilesName(g.Name), "its ConfigMap", in.At.Key("name"))
	}
	if g.VM.Identity.Type == "TokenRequest" {
		r.bootstrap(w, g.VM.At.Key("identity"))
	}
}

// bootstrap counts the right to ask for a service account's tokens among what is emitted, once for each account.
func (r *resolver) bootstrap(w *Workload, at diag.Path) {
	key := w.Namespace + "/" + w.ServiceAccount
	if other := r.bootstraps[key]; other != nil {
		other.GitOps = other.GitOps.and(w.Spec.GitOps)
		r.serviceAccount(w, other.Name, at)
		return
	}
	b := &Bootstrap{At: at, Namespace: w.Namespace, Name: BootstrapName(w.ServiceAccount), Account: w.ServiceAccount, GitOps: w.Spec.GitOps}
	r.bootstraps[key] = b
	r.mesh.Bootstraps = append(r.mesh.Bootstraps, b)
	r.objectName(b.Name, "the bootstrap account", w.At)
	r.serviceAccount(w, b.Name, at)
}

// lentAccounts finds workloads whose identity is an account by which other VMs ask for tokens: its credential lies on
// those VMs, and would be the workload's.
func (r *resolver) lentAccounts() {
	names := map[string]*Bootstrap{}
	for _, b := range r.mesh.Bootstraps {
		names[b.Namespace+"/"+b.Name] = b
	}
	for _, w := range r.mesh.Workloads {
		if b := names[w.Namespace+"/"+w.ServiceAccount]; b != nil {
			r.say(ruleObjectClash.At(w.At, "the ServiceAccount %s/%s is that by which VMs ask for tokens of %s", b.Namespace, b.Name, b.Account).
				WithHelp("a credential for it lies on those VMs: give this workload another `serviceAccount`"))
		}
	}
}
