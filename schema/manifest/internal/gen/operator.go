package gen

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// operatorModule is the Prometheus operator, whose CRDs judge what is written for it. Its own module of types has none.
const operatorModule = "github.com/prometheus-operator/prometheus-operator@v0.92.1"

// operatorKinds are the kinds that are written, with the fields of their spec that are: a schema of all of them would have
// every way in which Prometheus finds anything. One that is not named here is refused.
var operatorKinds = map[string][]string{
	"scrapeconfigs": {
		"staticConfigs", "httpSDConfigs", "ec2SDConfigs", "gceSDConfigs", "azureSDConfigs", "openstackSDConfigs", "metricsPath",
		"scrapeInterval", "relabelings",
	},
	"prometheusrules": {"groups"},
}

// operatorSchemas makes the closed schemas of the operator's kinds, by path below schema/manifest.
func operatorSchemas() (map[string][]byte, error) {
	outside, err := os.MkdirTemp("", "gen") // outside of the repository, so that its go.sum is left alone
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(outside)
	m, err := goJSON(outside, "mod", "download", "-json", operatorModule)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for plural, fields := range operatorKinds {
		text, err := os.ReadFile(filepath.Join(m.Dir, "example", "prometheus-operator-crd", "monitoring.coreos.com_"+plural+".yaml"))
		if err != nil {
			return nil, err
		}
		var c crd
		if err := yaml.Unmarshal(text, &c); err != nil {
			return nil, fmt.Errorf("%s: %w", plural, err)
		}
		spec := c.best().spec()
		kept := map[string]*schema{}
		for _, name := range fields {
			if kept[name] = spec.Properties[name]; kept[name] == nil {
				return nil, fmt.Errorf("%s: the spec has no field %s", plural, name)
			}
		}
		spec.Properties = kept
		if files[filepath.Join(schemasDir, strings.ToLower(c.Spec.Names.Kind)+".json")], err = closedSchema(c); err != nil {
			return nil, err
		}
	}
	return files, nil
}
