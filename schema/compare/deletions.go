package compare

import (
	"cmp"
	"slices"
	"strings"
)

// Deletion is an object that a build does not make any more, and which tools delete it.
type Deletion struct {
	ID      ID
	Now     ID     // what it is called from now on; the zero ID where it is gone
	Guarded bool   // of a kind that VMs depend on: it is not in the list of kinds that `kubectl apply --prune` gets
	Spec    string // the value of the label of provenance, by which kubectl finds what to prune
	Pruned  bool   // `kubectl apply --prune` deletes it
	version string // of its API, with the group
	ArgoCD  bool   // Argo CD prunes it
	Flux    bool   // Flux prunes it
}

// The annotations that keep Argo CD and Flux from pruning an object. They are read of the object in the cluster, which
// is
// what the old side has.
const (
	syncOptions = "argocd.argoproj.io/sync-options"
	fluxPrune   = "kustomize.toolkit.fluxcd.io/prune"
)

func prunedByArgoCD(o *object) bool {
	for option := range strings.SplitSeq(o.at("metadata", "annotations", syncOptions).Text(), ",") {
		if strings.TrimSpace(option) == "Prune=false" {
			return false
		}
	}
	return true
}

func prunedByFlux(o *object) bool {
	return o.at("metadata", "annotations", fluxPrune).Text() != "disabled"
}

// isProtected reports whether neither Argo CD nor Flux prunes an object.
func isProtected(o *object) bool { return !prunedByArgoCD(o) && !prunedByFlux(o) }

// order ranks kinds in the order in which they are deleted: first what leads traffic to VMs, then the VMs, and last
// what
// protects them.
var order = []string{
	"VirtualService", "DestinationRule", "ServiceEntry", "Service", "WorkloadEntry", "WorkloadGroup", "Sidecar",
	"Telemetry",
	"AuthorizationPolicy", "RequestAuthentication", "PeerAuthentication", "RoleBinding", "Role", "ServiceAccount",
}

func rank(kind string) int {
	if kind == "Namespace" {
		return len(order) + 1
	}
	if i := slices.Index(order, kind); i >= 0 {
		return i
	}
	return len(order)
}

// guardedKinds are those that VMs depend on with all that they are: their identity, their group, and their namespace.
var guardedKinds = map[string]bool{"Namespace": true, "ServiceAccount": true, "WorkloadGroup": true}

// deletions lists what is not made any more under its old name.
func deletions(p *pair) []Deletion {
	var found []Deletion
	spec := func(o *object) string { return o.at("metadata", "labels", specLabel).Text() }
	labelled := slices.ContainsFunc(p.was.objects, func(o *object) bool { return spec(o) != "" })
	for _, o := range p.was.objects {
		if p.will.index[o.ID] != nil {
			continue
		}
		found = append(found, Deletion{
			ID: o.ID, Now: p.renamed[o.ID], Guarded: guardedKinds[o.Kind], ArgoCD: prunedByArgoCD(o), Spec: spec(o),
			Pruned: !guardedKinds[o.Kind] && (!labelled || spec(o) != ""), version: o.text("apiVersion"),
			Flux: prunedByFlux(o),
		})
	}
	slices.SortStableFunc(found, func(a, b Deletion) int {
		return cmp.Or(cmp.Compare(rank(a.ID.Kind), rank(b.ID.Kind)), cmp.Compare(a.ID.Namespace, b.ID.Namespace))
	})
	return found
}

// deleteCommands are the commands that delete objects, a line for the objects of a kind in a namespace.
func deleteCommands(ids []ID) []string {
	const most = 20 // names on a line
	var lines []string
	for i := 0; i < len(ids); {
		first, names := ids[i], []string(nil)
		like := first
		for i < len(ids) && len(names) < most {
			if like.Name = ids[i].Name; ids[i] != like {
				break
			}
			names = append(names, quoted(ids[i].Name))
			i++
		}
		kind := strings.ToLower(first.Kind)
		if first.Group != "" {
			kind += "." + first.Group
		}
		command := "kubectl delete "
		if first.Namespace != "" {
			command += "-n " + quoted(first.Namespace) + " "
		}
		lines = append(lines, command+quoted(kind)+" "+strings.Join(names, " "))
	}
	return lines
}

// quoted is an argument of a command, for a shell. What a file has as a name need not be one.
func quoted(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:@%+,") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(printable(s), "'", `'\''`) + "'"
}

// tool is a way to apply a tree, and what it does with the objects that are not in it any more.
type tool struct {
	name    string // in a report for people
	key     string // in one for programs
	deletes func(Deletion) bool
	keeps   string // why some stay
}

var tools = []tool{
	{"kubectl apply -k", "kubectl", func(Deletion) bool { return false }, ""},
	{"kubectl apply -k --prune", "kubectlPrune", func(d Deletion) bool { return d.Pruned },
		"not in its list of kinds, or without its label"},
	{"Argo CD with pruning", "argocd", func(d Deletion) bool { return d.ArgoCD }, "Prune=false"},
	{"Flux with pruning", "flux", func(d Deletion) bool { return d.Flux }, "prune: disabled"},
}

// pruneFlags are the flags with which `kubectl apply --prune` deletes what it deletes, and nothing that VMs depend on.
func pruneFlags(all []Deletion) string {
	flags, specs := map[string]bool{}, map[string]bool{}
	for _, d := range all {
		if d.Pruned {
			group := d.version
			if d.ID.Group == "" {
				group = "core/" + d.version
			}
			flags["--prune-allowlist="+quoted(group+"/"+d.ID.Kind)] = true
			specs[d.Spec] = true
		}
	}
	list := sortedKeys(flags)
	switch names := sortedKeys(specs); {
	case len(list) == 0:
		return ""
	case len(names) == 1 && names[0] != "":
		return "-l " + specLabel + "=" + quoted(names[0]) + " " + strings.Join(list, " ")
	}
	return "" // without a label kubectl would prune what others applied
}

// split parts what a tool deletes from what it leaves.
func (t tool) split(all []Deletion) (deleted, left []ID) {
	for _, d := range all {
		if t.deletes(d) {
			deleted = append(deleted, d.ID)
		} else {
			left = append(left, d.ID)
		}
	}
	return deleted, left
}

// idNames are objects as a report names them.
func idNames(ids []ID) []string {
	list := make([]string, len(ids))
	for i, id := range ids {
		list[i] = id.String()
	}
	return list
}
