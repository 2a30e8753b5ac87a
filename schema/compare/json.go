package compare

import (
	"encoding/json"
	"io"
	"math"

	"github.com/vmmesh/vmmesh/schema/syntax"
)

// The JSON report, for programs. Fields may be added to it, none is ever renamed, removed or left out:
//
//	{
//	  "objects": [{
//	    "change": "changed",                    "added", "removed" or "changed"
//	    "group": "networking.istio.io",         "" for the core
//	    "kind": "WorkloadGroup",
//	    "namespace": "vm-workloads",            "" for a cluster-scoped kind
//	    "name": "pay",
//	    "fields": [{                            [] unless it is changed
//	      "change": "changed",
//	      "path": "spec.template.network",
//	      "old": "dc1",                         null where it is added
//	      "new": "dc2"                          null where it is removed
//	    }]
//	  }],
//	  "files": [{"change": "changed", "path": "kustomization.yaml", "why": ""}],
//	  "meanings": [{"severity": "breaks", "meaning": "group-removed", "object": "WorkloadGroup vm-workloads/pay", "message": "…"}],
//	  "strangers": ["manifests/vm-workloads/mine.yaml"],
//	  "notes": ["…"],
//	  "same": false
//	}
type jsonReport struct {
	Objects   []jsonObject  `json:"objects"`
	Files     []jsonFile    `json:"files"`
	Meanings  []jsonMeaning `json:"meanings"`
	Strangers []string      `json:"strangers"`
	Notes     []string      `json:"notes"`
	Same      bool          `json:"same"`
}

type jsonObject struct {
	Change    string      `json:"change"`
	Group     string      `json:"group"`
	Kind      string      `json:"kind"`
	Namespace string      `json:"namespace"`
	Name      string      `json:"name"`
	Fields    []jsonField `json:"fields"`
}

type jsonField struct {
	Change string `json:"change"`
	Path   string `json:"path"`
	Old    any    `json:"old"`
	New    any    `json:"new"`
}

type jsonFile struct {
	Change string `json:"change"`
	Path   string `json:"path"`
	Why    string `json:"why"`
}

type jsonMeaning struct {
	Severity string `json:"severity"`
	Meaning  string `json:"meaning"`
	Object   string `json:"object"`
	Message  string `json:"message"`
}

// WriteJSON prints all changes, for programs. The error is the writer's.
func WriteJSON(w io.Writer, c *Changes) error {
	// [] and not null
	r := jsonReport{
		Objects: []jsonObject{}, Files: []jsonFile{}, Meanings: []jsonMeaning{},
		Strangers: append([]string{}, c.Strangers...), Notes: append([]string{}, c.Notes...), Same: c.Same(),
	}
	for _, o := range c.Objects {
		j := jsonObject{o.Change.word(), o.ID.Group, o.ID.Kind, o.ID.Namespace, o.ID.Name, []jsonField{}}
		for _, f := range o.Fields {
			j.Fields = append(j.Fields, jsonField{f.Change.word(), f.Path, jsonValue(f.Old), jsonValue(f.New)})
		}
		r.Objects = append(r.Objects, j)
	}
	for _, f := range c.Files {
		r.Files = append(r.Files, jsonFile{f.Change.word(), f.Path, f.Why})
	}
	for _, m := range c.Consequences {
		r.Meanings = append(r.Meanings, jsonMeaning{m.Severity.String(), m.Meaning, m.Object.String(), m.Message})
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
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
			return numberWord(v)
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

func numberWord(v float64) string {
	switch {
	case math.IsInf(v, 1):
		return ".inf"
	case math.IsInf(v, -1):
		return "-.inf"
	}
	return ".nan"
}
