package gen

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	_ "istio.io/api/extensions/v1alpha1"
	_ "istio.io/api/mesh/v1alpha1"
	_ "istio.io/api/networking/v1"
	_ "istio.io/api/networking/v1beta1"
	_ "istio.io/api/security/v1"
	_ "istio.io/api/telemetry/v1"
)

// crdFile is where the module keeps its CustomResourceDefinitions.
const crdFile = "kubernetes/customresourcedefinitions.gen.yaml"

// crd is the part of a CustomResourceDefinition that matters here.
type crd struct {
	Spec struct {
		Group    string
		Names    struct{ Kind string }
		Scope    string
		Versions []crdVersion
	}
}

type crdVersion struct {
	Name    string
	Served  bool
	Storage bool
	Schema  struct {
		OpenAPIV3Schema *schema `yaml:"openAPIV3Schema"`
	}
}

// schema is a structural schema with every keyword that Istio's CRDs use. Reading is strict, so a keyword that a
// later Istio brings stops the generator until a maintainer decides what it means.
type schema struct {
	Description          string
	Type                 string
	Format               string
	Nullable             bool
	Properties           map[string]*schema
	AdditionalProperties *schema `yaml:"additionalProperties"`
	Items                *schema
	Required             []string
	Enum                 []string
	Minimum              *float64
	Maximum              *float64
	MinLength            *int `yaml:"minLength"`
	MaxLength            *int `yaml:"maxLength"`
	Pattern              string
	MinItems             *int      `yaml:"minItems"`
	MaxItems             *int      `yaml:"maxItems"`
	MinProperties        *int      `yaml:"minProperties"`
	MaxProperties        *int      `yaml:"maxProperties"`
	OneOf                []*schema `yaml:"oneOf"`
	AnyOf                []*schema `yaml:"anyOf"`
	AllOf                []*schema `yaml:"allOf"`
	Not                  *schema
	Preserve             bool      `yaml:"x-kubernetes-preserve-unknown-fields"`
	IntOrString          bool      `yaml:"x-kubernetes-int-or-string"`
	ListType             string    `yaml:"x-kubernetes-list-type"`
	ListMapKeys          []string  `yaml:"x-kubernetes-list-map-keys"`
	Validations          []celRule `yaml:"x-kubernetes-validations"`
}

// celRule is a rule in Kubernetes' expression language.
type celRule struct {
	Rule    string
	Message string
}

// readCRDs reads the definitions of one version of the module, which lies in dir.
func readCRDs(dir string, strict bool) ([]crd, error) {
	text, err := os.ReadFile(filepath.Join(dir, crdFile))
	if err != nil {
		return nil, err
	}
	var all []crd
	for docs := yaml.NewDecoder(bytes.NewReader(text)); ; {
		var node yaml.Node
		switch err := docs.Decode(&node); {
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return nil, fmt.Errorf("%s: %w", crdFile, err)
		}
		var c crd
		if err := node.Decode(&c); err != nil {
			return nil, fmt.Errorf("%s: %w", crdFile, err)
		}
		if c.Spec.Names.Kind == "" {
			continue
		}
		if strict {
			if err := checkKeywords(&node); err != nil {
				return nil, fmt.Errorf("%s: %s: %w", crdFile, c.Spec.Names.Kind, err)
			}
		}
		all = append(all, c)
	}
}

// checkKeywords decodes the schemas once more, refusing keywords that the type schema does not have.
func checkKeywords(doc *yaml.Node) error {
	var shell struct {
		Spec struct {
			Versions []struct {
				Schema struct {
					OpenAPIV3Schema yaml.Node `yaml:"openAPIV3Schema"`
				}
			}
		}
	}
	if err := doc.Decode(&shell); err != nil {
		return err
	}
	for _, v := range shell.Spec.Versions {
		text, err := yaml.Marshal(&v.Schema.OpenAPIV3Schema)
		if err != nil {
			return err
		}
		strict := yaml.NewDecoder(bytes.NewReader(text))
		strict.KnownFields(true)
		if err := strict.Decode(new(schema)); err != nil {
			return err
		}
	}
	return nil
}

// best is the version that is used for the kind: v1 where it is served, else the one that is stored.
func (c crd) best() crdVersion {
	var best crdVersion
	for _, v := range c.Spec.Versions {
		if v.Served && (v.Name == "v1" || best.Name != "v1" && v.Storage) {
			best = v
		}
	}
	return best
}

// spec is the schema of the version's spec.
func (v crdVersion) spec() *schema { return v.Schema.OpenAPIV3Schema.Properties["spec"] }

// messageOf finds the protobuf message of a kind's spec.
func (c crd) messageOf() (protoreflect.MessageDescriptor, error) {
	group, _, _ := strings.Cut(c.Spec.Group, ".")
	var found []protoreflect.MessageDescriptor
	protoregistry.GlobalFiles.RangeFiles(func(f protoreflect.FileDescriptor) bool {
		if strings.HasPrefix(string(f.Package()), "istio."+group+".") {
			if m := f.Messages().ByName(protoreflect.Name(c.Spec.Names.Kind)); m != nil {
				found = append(found, m)
			}
		}
		return true
	})
	if len(found) != 1 {
		return nil, fmt.Errorf("%s.%s: %d messages of that name", c.Spec.Names.Kind, c.Spec.Group, len(found))
	}
	return found[0], nil
}
