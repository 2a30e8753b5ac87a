package importer

import (
	"bytes"
	"fmt"
	"reflect"
	"strconv"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
)

// Changed compares the objects of a tree with those that its own specs build, and returns what was changed, removed and
// added since. Of have and want only those need to be there that are in files with a difference. at is the place of a
// file that is missing.
func Changed(have, want *manifest.Set, at func(file string) diag.Path) diag.List {
	var found diag.List
	read := map[string]*manifest.Resource{}
	for _, r := range have.All() {
		read[r.Group+"/"+r.String()] = r
	}
	for _, built := range want.All() {
		key := built.Group + "/" + built.String()
		r := read[key]
		if r == nil {
			found = append(found, ruleNotExpressed.At(at(built.At.Source().Name),
				"%s is missing here, and the spec of this tree makes it", built).
				WithHelp("remove it from the spec, or build the tree again"))
			continue
		}
		delete(read, key)
		d := changes{r: r}
		d.walk(r.At, "", r.Root.Plain(), built.Root.Plain())
		found = append(found, d.found...)
	}
	for _, r := range have.All() {
		if read[r.Group+"/"+r.String()] != nil {
			found = append(found, ruleLeft.At(r.Place("metadata", "name"),
				"%s stays outside the spec: the spec of this tree does not make it", r).WithHelp(keepBeside))
		}
	}
	return found
}

// ChangedFile is the finding of a file, or of several of one kind, that a tree does not have as its specs build it.
func ChangedFile(at diag.Path, subject, what string, have, want []byte) diag.Diagnostic {
	d := ruleNotExpressed.At(at, "%s %s from what the spec of this tree builds", subject, what)
	if what == "is missing" {
		d = ruleNotExpressed.At(at, "%s is missing, and the spec of this tree builds it", subject)
		return d.WithHelp("build the tree again")
	}
	d.Where = firstDifference(have, want)
	return d.WithHelp("it was changed by hand, or written by another version of vmmesh: " +
		"make the change in the spec, since a build writes its own")
}

// firstDifference is the first line in which two texts differ.
func firstDifference(have, want []byte) diag.Pos {
	line := 1
	for a, b := have, want; ; line++ {
		x, restA, moreA := bytes.Cut(a, []byte("\n"))
		y, restB, moreB := bytes.Cut(b, []byte("\n"))
		if !bytes.Equal(x, y) || moreA != moreB || !moreA {
			return diag.Pos{Line: line, Col: 1}
		}
		a, b = restA, restB
	}
}

// PartFile is the finding of a file, or of several like it, of a tree without a lock that the imported spec does not build
// as it is.
func PartFile(at diag.Path, subject, what string, have, want []byte) diag.Diagnostic {
	const help = "no manifest has what it comes from: set it in the spec, under vm, observability, networks or controlPlane, " +
		"and compare with 'vmmesh diff --against'; a tree with its .vmmesh.lock gives its spec back whole"
	if what != "differs" {
		return ruleNotExpressed.At(at, "%s: the spec does not build it", subject).WithHelp(help)
	}
	d := ruleNotExpressed.At(at, "%s: the spec builds it differently from this line on", subject)
	d.Where = firstDifference(have, want)
	return d.WithHelp(help)
}

// NotCompared is the finding that the files of a tree are not compared, since the spec cannot be built yet.
func NotCompared(tree string) diag.Diagnostic {
	d := ruleMissing.At(diag.Root(&diag.Source{Name: tree}), "VM files, monitoring and control plane of this tree are not compared: the spec cannot be built yet")
	return d.WithHelp("add what it lacks by flags, such as --istio-version, and import again; a tree with its .vmmesh.lock gives its spec back whole")
}

// changes finds each field of an object that was changed since it was built.
type changes struct {
	r     *manifest.Resource
	found diag.List
}

func (c *changes) walk(at diag.Path, path string, have, want any) {
	a, isMap := have.(map[string]any)
	b, both := want.(map[string]any)
	if isMap && both {
		keys := map[string]bool{}
		for k := range a {
			keys[k] = true
		}
		for k := range b {
			keys[k] = true
		}
		for _, k := range sorted(keys) {
			next := pathKey(path, k)
			if path == "" {
				next = k
			}
			c.walk(at.Key(k), next, a[k], b[k])
		}
		return
	}
	list, isList := have.([]any)
	other, bothLists := want.([]any)
	if isList && bothLists && len(list) == len(other) {
		for n := range list {
			c.walk(at.Item(n, nameIn(list[n])), path+"["+first(nameIn(list[n]), strconv.Itoa(n))+"]", list[n], other[n])
		}
		return
	}
	if reflect.DeepEqual(have, want) {
		return
	}
	message := fmt.Sprintf("%s: %s was changed from %s to %s since it was built", c.r, path, printed(want), printed(have))
	switch {
	case want == nil:
		message = fmt.Sprintf("%s: %s was added since it was built", c.r, said(path, have))
	case have == nil:
		message = fmt.Sprintf("%s: %s was removed since it was built", c.r, said(path, want))
	}
	c.found = append(c.found, ruleNotExpressed.At(at, "%s", message).
		WithHelp("make the same change in the spec: a build without it takes the change back"))
}
