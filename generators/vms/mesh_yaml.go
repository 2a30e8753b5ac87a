package vms

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	meshconfig "istio.io/api/mesh/v1alpha1"
	networking "istio.io/api/networking/v1alpha3"

	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// meshYAML is the agent's configuration: defaultConfig, as istioctl writes it, keys in the order of its YAML library.
func meshYAML(m machine, metadata map[string]string) []byte {
	config := proto.CloneOf(m.proxy)
	config.DiscoveryAddress = m.group.DiscoveryAddress()
	config.MeshId = m.istio().MeshID
	config.ReadinessProbe = probe(m.workload().Probe)
	config.ProxyMetadata = metadata
	config.InterceptionMode = meshconfig.ProxyConfig_InboundInterceptionMode(
		meshconfig.ProxyConfig_InboundInterceptionMode_value[m.group.VM.Interception.Mode])

	text, err := protojson.Marshal(config)
	if err != nil {
		panic(err) // texts were read from YAML, so they are UTF-8, and there is no Any in a ProxyConfig
	}
	in := json.NewDecoder(bytes.NewReader(text))
	in.UseNumber()
	var values any
	if err := in.Decode(&values); err != nil {
		panic(err) // it was printed a line above
	}
	var enc manifest.Encoder
	enc.Value(manifest.Fields{{Name: "defaultConfig", Value: ordered(values)}})
	return enc.Bytes()
}

// probe is the agent's: the spec's numbers, asked by a script of ours that also knows whether the VM is being drained. The
// WorkloadGroup keeps the probe as the spec has it.
func probe(p *networking.ReadinessProbe) *networking.ReadinessProbe {
	if p == nil {
		return nil
	}
	ours := proto.CloneOf(p)
	ours.HealthCheckMethod = &networking.ReadinessProbe_Exec{
		Exec: &networking.ExecHealthCheckConfig{Command: slices.Clone(mesh.ProbeCommand)},
	}
	return ours
}

// ordered turns what was read from JSON into what prints in natural order.
func ordered(v any) any {
	switch v := v.(type) {
	case map[string]any:
		fields := make(manifest.Fields, 0, len(v))
		for _, key := range slices.SortedStableFunc(slices.Values(slices.Sorted(maps.Keys(v))), natural) {
			fields = append(fields, manifest.Field{Name: key, Value: ordered(v[key])})
		}
		return fields
	case []any:
		for n := range v {
			v[n] = ordered(v[n])
		}
	case json.Number:
		if whole, err := v.Int64(); err == nil {
			return whole
		}
		number, _ := v.Float64() // JSON has no others
		return number
	}
	return v
}
