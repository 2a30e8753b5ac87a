package schema

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// full is a spec with one of everything, in which nothing is set.
func full() *VMMesh {
	m := &VMMesh{}
	fill(reflect.ValueOf(m).Elem())
	return m
}

func fill(v reflect.Value) {
	for i := range v.NumField() {
		f := v.Field(i)
		kind, _ := kindOfAny(f.Type())
		switch kind {
		case blockKey:
			fill(f)
		case blockPointerKey:
			f.Set(reflect.New(f.Type().Elem()))
			fill(f.Elem())
		case blocksKey:
			f.Set(reflect.MakeSlice(f.Type(), 1, 1))
			fill(f.Index(0))
		}
	}
}

func kindOfAny(t reflect.Type) (keyKind, bool) {
	if t == pathType {
		return textKey, false
	}
	kind, _ := kindOf(t)
	return kind, true
}

// set lists what is not zero, by schema path, as JSON text.
func set(m *VMMesh) map[string]string {
	all := map[string]string{}
	var walk func(v reflect.Value, f *field)
	walk = func(v reflect.Value, f *field) {
		plan := planOf(v.Type())
		for _, p := range f.fields {
			k := plan.byKey[p.name]
			value := v.Field(k.index)
			switch k.kind {
			case blockKey:
				walk(value, p)
			case blockPointerKey:
				if !value.IsNil() {
					walk(value.Elem(), p)
				}
			case blocksKey:
				for i := range value.Len() {
					walk(value.Index(i), p.items)
				}
			default:
				if !value.IsZero() {
					text, err := json.Marshal(value.Interface())
					if err != nil {
						panic(err)
					}
					all[p.path] = string(text)
				}
			}
		}
	}
	walk(reflect.ValueOf(m).Elem(), rootField())
	return all
}

// Every default that the schema states is what Default makes, and Default makes no other.
func TestDefaultIsWhatTheSchemaSays(t *testing.T) {
	made := map[string]string{}
	for _, identity := range []string{"", "TokenRequest", "HTTP", "Command", "GCE", "SPIRE"} {
		m := full()
		m.Spec.VM.Identity.Type = identity
		Default(m)
		for path, value := range set(m) {
			if path != "spec.vm.identity.type" || identity == "" {
				made[path] = value
			}
		}
	}
	stated := map[string]string{}
	rootField().walk(func(f *field) {
		if f.std == nil || f.overrides() {
			return
		}
		text, err := json.Marshal(unordered(f.std))
		require.NoError(t, err)
		if s := string(text); s != "false" && s != "0" {
			stated[f.path] = s
		}
	})
	require.Equal(t, stated, made)
	require.Greater(t, len(made), 40)
}

func TestDefaultIsIdempotent(t *testing.T) {
	for _, m := range []*VMMesh{full(), {}, sample(t)} {
		Default(m)
		once := jsonOf(t, m)
		Default(m)
		require.Equal(t, once, jsonOf(t, m))
	}
}

func sample(t *testing.T) *VMMesh {
	t.Helper()
	m, findings := parseOne(t, string(complete(t))).Decode()
	require.Empty(t, findings)
	return m
}

// What was said stays: each default's opposite is written, and is there afterwards.
func TestDefaultKeepsWhatIsSaid(t *testing.T) {
	m := full()
	want := map[string]string{}
	var say func(v reflect.Value, f *field)
	say = func(v reflect.Value, f *field) {
		plan := planOf(v.Type())
		for _, p := range f.fields {
			k := plan.byKey[p.name]
			value := v.Field(k.index)
			switch k.kind {
			case textKey:
				value.SetString("said " + p.name)
			case intKey:
				value.SetInt(7)
			case boolPointerKey:
				value.Set(reflect.ValueOf(new(false)))
			case textsKey:
				value.Set(reflect.ValueOf([]string{"said"}))
			case blockKey:
				say(value, p)
			case blockPointerKey:
				say(value.Elem(), p)
			case blocksKey:
				say(value.Index(0), p.items)
			}
		}
	}
	say(reflect.ValueOf(m).Elem(), rootField())
	for path, value := range set(m) {
		want[path] = value
	}
	Default(m)
	require.Equal(t, want, set(m))
}

func TestDefaultsOfGroupsVMAreSpecVMs(t *testing.T) {
	m := decoded(t, "workloads: [{name: pay, groups: [{name: v1, vm: {dns: {servers: [10.0.0.1]}}}]}]")
	Default(m)
	require.Empty(t, m.Spec.Workloads[0].Groups[0].VM.DNS.Mode)
	require.Nil(t, m.Spec.Workloads[0].Groups[0].VM.Identity.TokenFile)
	require.Equal(t, "Proxy", m.Spec.VM.DNS.Mode)
}

func TestDefaultNamespace(t *testing.T) {
	for _, c := range []struct{ spec, metadata, want string }{{"", "", "vm-workloads"}, {"", "team", "team"}, {"own", "team", "own"}} {
		m := &VMMesh{}
		m.Spec.Namespace, m.Metadata.Namespace = c.spec, c.metadata
		Default(m)
		require.Equal(t, c.want, m.Spec.Namespace)
	}
}

func TestDefaultPorts(t *testing.T) {
	m := decoded(t, "workloads: [{name: pay, ports: [{name: http, port: 80, targetPort: 8080}, {name: grpc, port: 9090}]}]")
	Default(m)
	require.Equal(t, 8080, m.Spec.Workloads[0].Ports[0].TargetPort)
	require.Equal(t, 9090, m.Spec.Workloads[0].Ports[1].TargetPort)
}

func TestDefaultControlPlaneIsNothing(t *testing.T) {
	m := decoded(t, "namespace: x")
	Default(m)
	require.Nil(t, m.Spec.ControlPlane)
}

func TestDefaultProbe(t *testing.T) {
	for _, c := range []struct{ probe, numbers, host string }{
		{"{tcpSocket: {port: 5432}}", "0 1 10 1 3", "127.0.0.1"},
		{"{tcpSocket: {port: 5432, host: db}, initialDelaySeconds: 4, timeoutSeconds: 5, periodSeconds: 6, successThreshold: 7, failureThreshold: 8}", "4 5 6 7 8", "db"},
		{"{httpGet: {port: 8080}, periodSeconds: 5}", "0 1 5 1 3", ""},
	} {
		m := decoded(t, "workloads: [{name: pay, probe: "+c.probe+"}]")
		Default(m)
		p := m.Spec.Workloads[0].Probe
		require.Equal(t, c.numbers, fmt.Sprint(p.InitialDelaySeconds, p.TimeoutSeconds, p.PeriodSeconds, p.SuccessThreshold, p.FailureThreshold))
		require.Equal(t, c.host, p.GetTcpSocket().GetHost())
	}
}

func TestDefaultExternalServices(t *testing.T) {
	m := decoded(t, `
externalServices:
- {name: a, serviceEntry: {hosts: [a.example.com], ports: [{number: 443, name: tls, protocol: TLS}]}}
- {name: b, serviceEntry: {hosts: [b.example.com], ports: [{number: 443, name: tls, protocol: TLS}], location: MESH_INTERNAL, exportTo: ["*"]}}`)
	Default(m)
	a, b := m.Spec.ExternalServices[0].ServiceEntry, m.Spec.ExternalServices[1].ServiceEntry
	require.Equal(t, "MESH_EXTERNAL .", a.Location.String()+" "+strings.Join(a.ExportTo, " "))
	require.Equal(t, "MESH_INTERNAL *", b.Location.String()+" "+strings.Join(b.ExportTo, " "))
}

// A block that Default makes is at its place, as if it had been written.
func TestDefaultIdentity(t *testing.T) {
	for typ, place := range map[string]string{"TokenFile": "tokenFile", "GCE": "gce", "SPIRE": "spire"} {
		m := decoded(t, "vm: {identity: {type: "+typ+"}}")
		Default(m)
		i := m.Spec.VM.Identity
		at := map[string]any{"TokenFile": i.TokenFile, "GCE": i.GCE, "SPIRE": i.SPIRE}[typ]
		require.False(t, reflect.ValueOf(at).IsNil())
		require.Equal(t, "spec.vm.identity."+place, atOf(reflect.ValueOf(at).Elem(), planOf(reflect.TypeOf(at).Elem())).String())
	}
	m := decoded(t, "vm: {identity: {type: TokenRequest, tokenRequest: {server: \"https://a:6443\", credentialFile: /etc/x}}}")
	Default(m)
	require.Equal(t, "1h", m.Spec.VM.Identity.TokenRequest.TokenTTL)
	require.Nil(t, m.Spec.VM.Identity.TokenFile, "only the block of the type")
	require.Equal(t, "22", strconv.Itoa(m.Spec.VM.Firewall.SSHPort))
}
