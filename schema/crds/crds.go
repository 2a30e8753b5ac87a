// Package crds judges finished manifests as a second opinion: by closed JSON Schemas of every kind that is emitted, and
// by Kubernetes' rules for names, labels and annotations. Tests use it; nothing of the program does.
package crds

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// schemas are made from the CRDs of istio.io/api by `go generate` in schema/manifest; core are written by hand, after
// the API reference of Kubernetes and with the fields that vmmesh writes.
//
//go:embed schemas/*.json core/*.json
var files embed.FS

// base is where the schemas' own addresses begin; without one the library would take names for local files.
const base = "https://vmmesh.dev/crds/"

var compiled = sync.OnceValues(compile)

// compile makes every schema ready, by kind.
func compile() (map[string]*jsonschema.Schema, error) {
	byKind := map[string]*jsonschema.Schema{}
	for _, dir := range []string{"schemas", "core"} {
		entries, err := fs.ReadDir(files, dir)
		if err != nil {
			return nil, err
		}
		for _, entry := range entries {
			text, err := fs.ReadFile(files, path.Join(dir, entry.Name()))
			if err != nil {
				return nil, err
			}
			c := jsonschema.NewCompiler()
			c.AssertFormat = true
			if err := c.AddResource(base+entry.Name(), strings.NewReader(string(text))); err != nil {
				return nil, fmt.Errorf("%s: %w", entry.Name(), err)
			}
			schema, err := c.Compile(base + entry.Name())
			if err != nil {
				return nil, fmt.Errorf("%s: %w", entry.Name(), err)
			}
			byKind[strings.TrimSuffix(entry.Name(), ".json")] = schema
		}
	}
	return byKind, nil
}

// Validate judges one object, decoded from JSON or YAML into plain values: by its kind's closed schema, and its metadata
// by Kubernetes' rules. A kind or apiVersion without a schema is an error. The error lists every fault, a line each.
func Validate(obj map[string]any) error {
	schemas, err := compiled()
	if err != nil {
		return err
	}
	kind, _ := obj["kind"].(string)
	name := strings.ToLower(kind)
	if version, _ := obj["apiVersion"].(string); strings.HasPrefix(version, "gateway.networking.k8s.io/") {
		name += ".k8s" // Istio has a kind of that name too
	}
	schema := schemas[name]
	if schema == nil {
		return fmt.Errorf("no schema for kind %q, apiVersion %q", kind, obj["apiVersion"])
	}
	faults := schemaFaults(schema.Validate(obj))
	faults = append(faults, metadataFaults(obj)...)
	if kind == "Service" {
		faults = append(faults, serviceFaults(obj)...)
	}
	if len(faults) == 0 {
		return nil
	}
	slices.Sort(faults)
	return fmt.Errorf("%s:\n  %s", identity(obj), strings.Join(slices.Compact(faults), "\n  "))
}

// schemaFaults lists the leaves of a validation's error.
func schemaFaults(err error) []string {
	var invalid *jsonschema.ValidationError
	if !errors.As(err, &invalid) {
		if err == nil {
			return nil
		}
		return []string{err.Error()}
	}
	var faults []string
	var walk func(*jsonschema.ValidationError)
	walk = func(e *jsonschema.ValidationError) {
		if len(e.Causes) == 0 {
			faults = append(faults, fmt.Sprintf("%s: %s", e.InstanceLocation, e.Message))
		}
		for _, cause := range e.Causes {
			walk(cause)
		}
	}
	walk(invalid)
	return faults
}

// identity names an object: group and kind, namespace, name.
func identity(obj map[string]any) string {
	meta, _ := obj["metadata"].(map[string]any)
	version, _ := obj["apiVersion"].(string)
	group, _, grouped := strings.Cut(version, "/")
	if !grouped {
		group = ""
	}
	return fmt.Sprintf("%v.%s %v/%v", obj["kind"], group, orEmpty(meta["namespace"]), orEmpty(meta["name"]))
}

func orEmpty(v any) any {
	if v == nil {
		return ""
	}
	return v
}
