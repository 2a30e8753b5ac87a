package mesh

import (
	"maps"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	meshconfig "istio.io/api/mesh/v1alpha1"

	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
)

// proxyConfig holds the free block of spec.vm, and that of a group over it, to what the rest of the spec says.
func (r *resolver) proxyConfig(below *schema.VM, over *schema.VM, vm *VM, g *Group) {
	var group *meshconfig.ProxyConfig
	if over != nil {
		group = over.ProxyConfig
		r.proxyBlock(group, nil, over.At.Key("proxyConfig"), vm, g)
	}
	r.proxyBlock(below.ProxyConfig, group, below.At.Key("proxyConfig"), vm, g)
}

// proxyBlock judges a block, less what another one has in its stead.
func (r *resolver) proxyBlock(p, instead *meshconfig.ProxyConfig, at diag.Path, vm *VM, g *Group) {
	if p == nil {
		return
	}
	istio := g.Workload.Istio()
	derived := func(key, from string) {
		r.say(ruleDerivedSetting.At(at.Key(key), "%s is derived and cannot be set here", key).Key().WithHelp("it comes from %s", from))
	}
	if p.DiscoveryAddress != "" && p.DiscoveryAddress != istio.discovery(g.Revision) && instead.GetDiscoveryAddress() == "" {
		derived("discoveryAddress", "istio.discoveryAddress and the group's revision")
	}
	if p.MeshId != "" && p.MeshId != istio.MeshID && instead.GetMeshId() == "" {
		derived("meshId", "istio.meshID")
	}
	if p.ReadinessProbe != nil {
		derived("readinessProbe", "workload.probe")
	}
	for _, key := range sortedKeys(p.ProxyMetadata) { // each is a line of cluster.env too
		if _, overridden := instead.GetProxyMetadata()[key]; overridden {
			continue
		}
		if here := at.Key("proxyMetadata").Key(key); r.variable(key, here, true) {
			r.value(key, p.ProxyMetadata[key], here)
		}
	}
	if p.InterceptionMode != 0 && p.InterceptionMode.String() != vm.Interception.Mode && instead.GetInterceptionMode() == 0 {
		derived("interceptionMode", "vm.interception.mode")
	}
}

// defaultConfig finds what the mesh says to every proxy, where a spec of the build installs it: its VMs follow it as
// pods do. It is checked as vm.proxyConfig is, but for what is derived, which it may say for pods.
func (r *resolver) defaultConfig() {
	for _, s := range r.mesh.Specs {
		if s.ControlPlane == nil || s.ControlPlane.Install == "None" {
			continue
		}
		config := s.ControlPlane.MeshConfig.GetDefaultConfig()
		if config == nil {
			continue
		}
		at := s.ControlPlane.At.Key("meshConfig").Key("defaultConfig").Key("proxyMetadata")
		for _, key := range sortedKeys(config.ProxyMetadata) {
			if derivedEnv[key] == "" && r.variable(key, at.Key(key), true) {
				r.value(key, config.ProxyMetadata[key], at.Key(key))
			}
		}
		for _, other := range r.mesh.Specs {
			other.DefaultConfig = config
		}
		return
	}
}

// ProxyConfig is what the group's proxies are told beyond what is derived, in a message of its own: the mesh's defaults,
// and over them vm.proxyConfig: metadata key by key, any other field as a whole (istio: istioctl/pkg/workload, createMeshConfig).
func (g *Group) ProxyConfig() *meshconfig.ProxyConfig {
	config := &meshconfig.ProxyConfig{}
	if below := g.Workload.Spec.DefaultConfig; below != nil {
		config = proto.CloneOf(below)
		for key := range derivedEnv {
			delete(config.ProxyMetadata, key)
		}
	}
	if g.VM.ProxyConfig == nil {
		return config
	}
	over, metadata := proto.CloneOf(g.VM.ProxyConfig), config.ProxyMetadata
	over.ProtoReflect().Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		config.ProtoReflect().Set(f, v)
		return true
	})
	config.ProxyMetadata = map[string]string{}
	maps.Copy(config.ProxyMetadata, metadata)
	maps.Copy(config.ProxyMetadata, over.ProxyMetadata)
	return config
}
