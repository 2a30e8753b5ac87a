package compare

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"

	"github.com/vmmesh/vmmesh/schema/syntax"
)

// The JSON report, for programs. Every object, file and meaning is one line. Fields may be added to it, none is ever
// renamed, removed or left out:
//
//	{
//	  "objects": [{
//	    "change": "changed",                    "added", "removed", "changed" or "renamed"
//	    "group": "networking.istio.io",         "" for the core
//	    "kind": "WorkloadGroup",
//	    "namespace": "vm-workloads",            "" for a cluster-scoped kind
//	    "name": "pay",
//	    "was": "",                              the old name of one that is renamed, with a namespace if that differs
//	    "fields": [{                            [] unless it is changed or renamed
//	      "change": "changed",
//	      "path": "spec.template.network",
//	      "old": "dc1",                         null where it is added
//	      "new": "dc2"                          null where it is removed
//	    }]
//	  }],
//	  "files": [{"change": "changed", "path": "kustomization.yaml", "why": "", "lines": ["- a", "+ b"]}],
//	  "meanings": [{"severity": "breaks", "meaning": "group-removed", "object": "WorkloadGroup vm-workloads/pay",
//	    "others": [], "message": "…", "steps": ["…"]}],
//	  "setup": [{"group": "WorkloadGroup vm-workloads/pay", "vms": ["pay-vm1"], "restart": true, "files":
//
// ["vm.env"]}],
//
//	"deletions": [{"object": "WorkloadEntry vm-workloads/pay-vm1", "now": "", "by": ["kubectlPrune", "argocd",
//
// "flux"]}],
//
//	  "delete": ["kubectl delete -n vm-workloads workloadentry.networking.istio.io pay-vm1"],
//	  "strangers": ["manifests/vm-workloads/mine.yaml"],
//	  "notes": ["…"],
//	  "same": false
//	}
type jsonObject struct {
	Change    string      `json:"change"`
	Group     string      `json:"group"`
	Kind      string      `json:"kind"`
	Namespace string      `json:"namespace"`
	Name      string      `json:"name"`
	Was       string      `json:"was"`
	Fields    []jsonField `json:"fields"`
}

type jsonField struct {
	Change string `json:"change"`
	Path   string `json:"path"`
	Old    any    `json:"old"`
	New    any    `json:"new"`
}

type jsonFile struct {
	Change string   `json:"change"`
	Path   string   `json:"path"`
	Why    string   `json:"why"`
	Lines  []string `json:"lines"`
}

type jsonMeaning struct {
	Severity string   `json:"severity"`
	Meaning  string   `json:"meaning"`
	Object   string   `json:"object"`
	Others   []string `json:"others"`
	Message  string   `json:"message"`
	Steps    []string `json:"steps"`
}

type jsonSetup struct {
	Group   string   `json:"group"`
	VMs     []string `json:"vms"`
	Restart bool     `json:"restart"`
	Files   []string `json:"files"`
}

type jsonDeletion struct {
	Object string   `json:"object"`
	Now    string   `json:"now"`
	By     []string `json:"by"`
}

// WriteJSON prints all changes, for programs. The error is the writer's.
func WriteJSON(w io.Writer, c *Changes) error {
	out := bufio.NewWriter(w)
	var failed error
	value := func(v any) []byte {
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(v); err != nil && failed == nil {
			failed = err
		}
		return bytes.TrimRight(b.Bytes(), "\n")
	}
	first := true
	field := func(name string, n int, item func(int) any) {
		if !first {
			fmt.Fprint(out, ",\n")
		}
		first = false
		fmt.Fprintf(out, "  %q: [", name)
		for i := range n {
			if i > 0 {
				fmt.Fprint(out, ",")
			}
			fmt.Fprintf(out, "\n    %s", value(item(i)))
		}
		if n > 0 {
			fmt.Fprint(out, "\n  ")
		}
		fmt.Fprint(out, "]")
	}
	fmt.Fprint(out, "{\n")
	field("objects", len(c.Objects), func(i int) any {
		o := &c.Objects[i]
		j := jsonObject{o.Change.name(), o.ID.Group, o.ID.Kind, o.ID.Namespace, o.ID.Name, "", []jsonField{}}
		if o.Change == Renamed {
			j.Was = nameFrom(o.Was, o.ID)
		}
		for _, f := range o.Fields {
			j.Fields = append(j.Fields, jsonField{f.Change.name(), f.Path, jsonValue(f.Old), jsonValue(f.New)})
		}
		return j
	})
	field("files", len(c.Files), func(i int) any {
		f := &c.Files[i]
		j := jsonFile{f.Change.name(), f.Path, f.Why, []string{}}
		for _, l := range f.Lines {
			j.Lines = append(j.Lines, string(rune(l.Change))+" "+l.Text)
		}
		return j
	})
	field("meanings", len(c.Consequences), func(i int) any {
		m := &c.Consequences[i]
		return jsonMeaning{
			m.Severity.String(), m.Meaning, m.Object.String(), idNames(m.Others), m.Message, append([]string{},
				m.Steps...),
		}
	})
	field("setup", len(c.Setup), func(i int) any {
		s := &c.Setup[i]
		return jsonSetup{s.Group.String(), append([]string{}, s.VMs...), s.Restart, append([]string{}, s.Files...)}
	})
	var ids []ID
	field("deletions", len(c.Deletions), func(i int) any {
		d := c.Deletions[i]
		ids = append(ids, d.ID)
		j := jsonDeletion{Object: d.ID.String(), By: []string{}}
		if d.Now != (ID{}) {
			j.Now = d.Now.String()
		}
		for _, t := range tools {
			if t.deletes(d) {
				j.By = append(j.By, t.key)
			}
		}
		return j
	})
	commands := deleteCommands(ids)
	field("delete", len(commands), func(i int) any { return commands[i] })
	field("strangers", len(c.Strangers), func(i int) any { return c.Strangers[i] })
	field("notes", len(c.Notes), func(i int) any { return c.Notes[i] })
	fmt.Fprintf(out, ",\n  \"same\": %t\n}\n", c.Same())
	if failed != nil {
		return failed
	}
	return out.Flush()
}

// jsonValue is a value as JSON has it; infinities and NaN, which it has not, are texts.
func jsonValue(n *syntax.Node) any {
	if n == nil {
		return nil
	}
	return finite(n.Plain())
}

func finite(v any) any {
	switch v := v.(type) {
	case float64:
		if math.IsInf(v, 0) || math.IsNaN(v) {
			return numberName(v)
		}
	case []any:
		for i := range v {
			v[i] = finite(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = finite(v[key])
		}
	}
	return v
}

func numberName(v float64) string {
	switch {
	case math.IsInf(v, 1):
		return ".inf"
	case math.IsInf(v, -1):
		return "-.inf"
	}
	return ".nan"
}
