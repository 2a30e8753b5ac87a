// Package manifest knows Kubernetes objects as text: what one is, how a typed one is printed (encode) and how
// YAML becomes a typed one (decode). It knows neither specs nor meshes.
package manifest

import "github.com/vmmesh/vmmesh/schema/diag"

// Object is a Kubernetes object that is about to be printed. What a generator yields is only read, and may be
// reused by it after the consumer returns.
type Object struct {
	APIVersion, Kind    string
	Namespace, Name     string // Namespace is "" for a cluster-scoped kind
	Labels, Annotations map[string]string
	Body                []Field   // what follows metadata, in order: mostly one field, `spec`
	At                  diag.Path // what in the spec it comes from
	File                string    // the file name below manifests/<namespace>/; "" = <kind>-<name>.yaml, in lower case
}

// Labels of provenance, on every object that is made from a spec.
const (
	LabelManagedBy = "app.kubernetes.io/managed-by" // its value is vmmesh
	LabelSpec      = "vmmesh.dev/spec"              // its value is the name of the spec
)

// Field is a top-level field of an Object after metadata. Value is a pointer to an istio.io/api message or to one of
// this package's own structs, or a plain map, list or scalar.
type Field struct {
	Name  string
	Value any
}

// Path is where the object is in the output tree, with slashes: manifests/<namespace>/<kind>-<name>.yaml.
// A Namespace is in the folder of the namespace that it makes.
func (o *Object) Path() string {
	folder := o.Namespace
	if folder == "" {
		folder = o.Name
	}
	file := o.File
	if file == "" {
		file = lower(o.Kind) + "-" + o.Name + ".yaml"
	}
	return "manifests/" + folder + "/" + file
}

func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// File is an output that is no Kubernetes object.
type File struct {
	Path string // below the output tree, with slashes
	Mode uint32 // permission bits, 0644 or 0755
	Data []byte
}
