package manifest

import (
	"flag"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"
	mesh "istio.io/api/mesh/v1alpha1"
	networking "istio.io/api/networking/v1"
	security "istio.io/api/security/v1"
	telemetry "istio.io/api/telemetry/v1"
	istiotype "istio.io/api/type/v1beta1"
	sigs "sigs.k8s.io/yaml"
)

var updateEncoded = flag.Bool("update-encoded", false, "rewrite testdata/encode")

func istioObject(apiVersion, kind, name string, spec proto.Message) *Object {
	return &Object{APIVersion: apiVersion, Kind: kind, Namespace: "payments", Name: name, Body: []Field{{"spec", spec}}}
}

const (
	networkingV1 = "networking.istio.io/v1"
	securityV1   = "security.istio.io/v1"
)

// examples are one object of each kind, as a user might write it by hand; files named after them hold their text.
func examples() []*Object {
	labels := map[string]string{"app": "payment-service", "class": "vm", "version": "v1", "topology.istio.io/locality": "us-west1/zone-a"}
	group := istioObject(networkingV1, "WorkloadGroup", "payment-service", &networking.WorkloadGroup{
		Metadata: &networking.WorkloadGroup_ObjectMeta{Labels: labels, Annotations: map[string]string{"note": "it's the payment team's"}},
		Template: &networking.WorkloadEntry{
			Ports:   map[string]uint32{"http": 8080, "grpc": 9090},
			Network: "vm-network", Locality: "us-west1/zone-a", ServiceAccount: "payment-service",
		},
		Probe: &networking.ReadinessProbe{
			TimeoutSeconds: 1, PeriodSeconds: 5, SuccessThreshold: 1, FailureThreshold: 3,
			HealthCheckMethod: &networking.ReadinessProbe_HttpGet{HttpGet: &networking.HTTPHealthCheckConfig{
				Path: "/healthz", Port: 8080, HttpHeaders: []*networking.HTTPHeader{{Name: "X-Probe", Value: "yes"}},
			}},
		},
	})
	group.Labels = labels
	group.Annotations = map[string]string{"argocd.argoproj.io/sync-options": "Prune=false", "kustomize.toolkit.fluxcd.io/prune": "disabled"}

	return []*Object{
		{APIVersion: "v1", Kind: "Namespace", Name: "payments", Labels: map[string]string{"istio.io/rev": "1-31", "topology.istio.io/network": ""}},
		{APIVersion: "v1", Kind: "ServiceAccount", Name: "payment-service", Namespace: "payments"},
		{APIVersion: "v1", Kind: "Service", Name: "payment-service", Namespace: "payments", Body: []Field{{"spec", &ServiceSpec{
			Selector: map[string]string{"app": "payment-service"},
			Ports:    []ServicePort{{Name: "http", Port: 80, TargetPort: 8080, Protocol: "TCP", AppProtocol: "http"}, {Name: "grpc", Port: 9090, TargetPort: 9090}},
		}}}},
		{APIVersion: "v1", Kind: "ConfigMap", Name: "vm1", Namespace: "payments", Body: []Field{
			{"immutable", true},
			{"data", map[string]string{
				"start.sh":    "#!/bin/sh\nset -eu\n\nif [ -f /etc/done ]; then\n\texit 0\nfi\n",
				"cluster.env": "ISTIO_INBOUND_PORTS='8080,9090'\n", "port": "8080", "empty": "",
			}},
			{"binaryData", map[string][]byte{"logo": {0xff, 0, 1}}},
		}},
		group,
		istioObject(networkingV1, "WorkloadEntry", "payment-service-vm1", &networking.WorkloadEntry{
			Address: "192.168.1.100", Ports: map[string]uint32{"http": 8080, "grpc": 9090}, Labels: labels,
			Network: "vm-network", Locality: "us-west1/zone-a", Weight: 10, ServiceAccount: "payment-service",
		}),
		istioObject(networkingV1, "ServiceEntry", "stripe", &networking.ServiceEntry{
			Hosts: []string{"api.stripe.com", "*.stripe.network"}, Addresses: []string{"240.240.0.1", "10.0.0.0/24", "2001:db8::1"},
			Ports: []*networking.ServicePort{{Number: 443, Name: "tls", Protocol: "TLS"}}, ExportTo: []string{"."},
			Endpoints:        []*networking.WorkloadEntry{{Address: "unix:///run/stripe.sock"}},
			WorkloadSelector: &networking.WorkloadSelector{},
		}),
		istioObject(networkingV1, "DestinationRule", "payment-service", &networking.DestinationRule{
			Host: "payment-service.payments.svc.cluster.local",
			TrafficPolicy: &networking.TrafficPolicy{
				LoadBalancer: &networking.LoadBalancerSettings{
					LbPolicy: &networking.LoadBalancerSettings_ConsistentHash{ConsistentHash: &networking.LoadBalancerSettings_ConsistentHashLB{
						HashKey: &networking.LoadBalancerSettings_ConsistentHashLB_HttpCookie{HttpCookie: &networking.LoadBalancerSettings_ConsistentHashLB_HTTPCookie{
							Name: "session", Ttl: durationpb.New(0),
						}},
						HashAlgorithm: &networking.LoadBalancerSettings_ConsistentHashLB_RingHash_{RingHash: &networking.LoadBalancerSettings_ConsistentHashLB_RingHash{MinimumRingSize: 1024}},
					}},
				},
				ConnectionPool: &networking.ConnectionPoolSettings{
					Tcp:  &networking.ConnectionPoolSettings_TCPSettings{MaxConnections: 100, ConnectTimeout: durationpb.New(30 * time.Millisecond)},
					Http: &networking.ConnectionPoolSettings_HTTPSettings{Http1MaxPendingRequests: 1, H2UpgradePolicy: networking.ConnectionPoolSettings_HTTPSettings_DEFAULT},
				},
				OutlierDetection: &networking.OutlierDetection{
					Consecutive_5XxErrors: wrapperspb.UInt32(0), Interval: durationpb.New(5 * time.Minute), BaseEjectionTime: durationpb.New(1500 * time.Millisecond),
				},
				Tls: &networking.ClientTLSSettings{Mode: networking.ClientTLSSettings_DISABLE},
				PortLevelSettings: []*networking.TrafficPolicy_PortTrafficPolicy{{
					Port:         &networking.PortSelector{Number: 9090},
					LoadBalancer: &networking.LoadBalancerSettings{LbPolicy: &networking.LoadBalancerSettings_Simple{Simple: networking.LoadBalancerSettings_UNSPECIFIED}},
				}},
			},
			Subsets: []*networking.Subset{
				{Name: "stable", Labels: map[string]string{"version": "v1"}},
				{Name: "1.10", Labels: map[string]string{"version": "1.10"}, TrafficPolicy: &networking.TrafficPolicy{}},
			},
		}),
		istioObject(networkingV1, "VirtualService", "payment-service", &networking.VirtualService{
			Hosts: []string{"payment-service.payments.svc.cluster.local"},
			Http: []*networking.HTTPRoute{{
				Match: []*networking.HTTPMatchRequest{
					{Headers: map[string]*networking.StringMatch{"x-canary": {MatchType: &networking.StringMatch_Exact{Exact: "true"}}, "present": {}}},
					{Uri: &networking.StringMatch{MatchType: &networking.StringMatch_Prefix{Prefix: "/v2"}}},
				},
				Route: []*networking.HTTPRouteDestination{{Destination: &networking.Destination{Host: "payment-service", Subset: "canary"}}},
			}, {
				Route: []*networking.HTTPRouteDestination{
					{Destination: &networking.Destination{Host: "payment-service", Subset: "stable", Port: &networking.PortSelector{Number: 80}}, Weight: 100},
					{Destination: &networking.Destination{Host: "payment-service", Subset: "canary"}},
				},
				Timeout:          durationpb.New(10 * time.Second),
				Retries:          &networking.HTTPRetry{},
				Fault:            &networking.HTTPFaultInjection{Abort: &networking.HTTPFaultInjection_Abort{ErrorType: &networking.HTTPFaultInjection_Abort_HttpStatus{HttpStatus: 503}, Percentage: &networking.Percent{Value: 0.1}}},
				Mirror:           &networking.Destination{Host: "shadow"},
				MirrorPercentage: &networking.Percent{},
			}},
			Tls: []*networking.TLSRoute{{
				Match: []*networking.TLSMatchAttributes{{Port: 15012, SniHosts: []string{"istiod.istio-system.svc"}}},
				Route: []*networking.RouteDestination{{Destination: &networking.Destination{Host: "istiod", Port: &networking.PortSelector{Number: 15012}}}},
			}},
			ExportTo: []string{".", "*"},
		}),
		istioObject(networkingV1, "Sidecar", "payment-service", &networking.Sidecar{
			WorkloadSelector: &networking.WorkloadSelector{Labels: map[string]string{"app": "payment-service"}},
			Ingress: []*networking.IstioIngressListener{{
				Port: &networking.SidecarPort{Number: 8080, Protocol: "HTTP", Name: "http"}, DefaultEndpoint: "127.0.0.1:8080",
			}},
			Egress:                []*networking.IstioEgressListener{{Hosts: []string{"./*", "istio-system/*"}}},
			OutboundTrafficPolicy: &networking.OutboundTrafficPolicy{},
		}),
		istioObject(networkingV1, "Gateway", "istio-eastwestgateway", &networking.Gateway{
			Servers: []*networking.Server{
				{Port: &networking.Port{Number: 15012, Protocol: "TLS", Name: "tls-istiod"}, Hosts: []string{"istiod.istio-system.svc"}, Tls: &networking.ServerTLSSettings{}},
				{Port: &networking.Port{Number: 15443, Protocol: "TLS", Name: "tls"}, Hosts: []string{"*.local"}, Tls: &networking.ServerTLSSettings{Mode: networking.ServerTLSSettings_AUTO_PASSTHROUGH}},
				{Port: &networking.Port{Number: 80, Protocol: "HTTP", Name: "http"}, Hosts: []string{"*"}, Tls: &networking.ServerTLSSettings{HttpsRedirect: true}},
			},
			Selector: map[string]string{"istio": "eastwestgateway"},
		}),
		istioObject(securityV1, "PeerAuthentication", "payment-service", &security.PeerAuthentication{
			Selector: &istiotype.WorkloadSelector{MatchLabels: map[string]string{"app": "payment-service", "class": "vm"}},
			Mtls:     &security.PeerAuthentication_MutualTLS{Mode: security.PeerAuthentication_MutualTLS_STRICT},
			PortLevelMtls: map[uint32]*security.PeerAuthentication_MutualTLS{
				8080: {Mode: security.PeerAuthentication_MutualTLS_PERMISSIVE}, 90: {Mode: security.PeerAuthentication_MutualTLS_DISABLE}, 9090: {},
			},
		}),
		istioObject(securityV1, "AuthorizationPolicy", "payment-service-allow", &security.AuthorizationPolicy{
			Selector: &istiotype.WorkloadSelector{MatchLabels: map[string]string{"app": "payment-service"}},
			Rules: []*security.Rule{{
				From: []*security.Rule_From{{Source: &security.Source{Principals: []string{"cluster.local/ns/frontend/sa/frontend-sa"}}}, {Source: &security.Source{IpBlocks: []string{"10.0.0.0/8"}}}},
				To:   []*security.Rule_To{{Operation: &security.Operation{Methods: []string{"GET", "POST"}, Paths: []string{"/api/payments/*"}, Ports: []string{"8080"}}}},
				When: []*security.Condition{{Key: "request.headers[x-debug]", Values: []string{"no", "0"}}},
			}, {}},
		}),
		istioObject(securityV1, "RequestAuthentication", "payment-service", &security.RequestAuthentication{
			JwtRules: []*security.JWTRule{{
				Issuer: "https://issuer.example.com", JwksUri: "https://issuer.example.com/keys?v=1", Audiences: []string{"payments"},
				FromHeaders: []*security.JWTHeader{{Name: "Authorization", Prefix: "Bearer "}}, ForwardOriginalToken: true, Timeout: durationpb.New(2 * time.Second),
			}},
		}),
		istioObject("telemetry.istio.io/v1", "Telemetry", "payment-service", &telemetry.Telemetry{
			Tracing: []*telemetry.Tracing{{
				Match: &telemetry.Tracing_TracingSelector{}, Providers: []*telemetry.ProviderRef{{Name: "zipkin"}}, RandomSamplingPercentage: wrapperspb.Double(0),
				CustomTags: map[string]*telemetry.Tracing_CustomTag{"env": {Type: &telemetry.Tracing_CustomTag_Literal{Literal: &telemetry.Tracing_Literal{Value: "on"}}}},
			}},
			Metrics: []*telemetry.Metrics{{Overrides: []*telemetry.MetricsOverrides{{
				Match:        &telemetry.MetricSelector{MetricMatch: &telemetry.MetricSelector_Metric{Metric: telemetry.MetricSelector_ALL_METRICS}},
				TagOverrides: map[string]*telemetry.MetricsOverrides_TagOverride{"request_host": {Operation: telemetry.MetricsOverrides_TagOverride_REMOVE}, "zone": {Value: "node.metadata['ZONE']"}},
				Disabled:     wrapperspb.Bool(false),
			}}}},
			AccessLogging: []*telemetry.AccessLogging{{Providers: []*telemetry.ProviderRef{{Name: "envoy"}}, Filter: &telemetry.AccessLogging_Filter{Expression: "response.code >= 400"}}},
		}),
		{APIVersion: "install.istio.io/v1alpha1", Kind: "IstioOperator", Name: "vmmesh", Namespace: "istio-system", Body: []Field{{"spec", &struct {
			MeshConfig *mesh.MeshConfig `json:"meshConfig"`
			Values     map[string]any   `json:"values"`
		}{
			MeshConfig: &mesh.MeshConfig{
				OutboundTrafficPolicy: &mesh.MeshConfig_OutboundTrafficPolicy{},
				EnableAutoMtls:        wrapperspb.Bool(true),
				DefaultConfig: &mesh.ProxyConfig{
					DiscoveryAddress: "istiod.istio-system.svc:15012", Concurrency: wrapperspb.Int32(0), DrainDuration: durationpb.New(45 * time.Second),
					ClusterName:   &mesh.ProxyConfig_ServiceCluster{ServiceCluster: "istio-proxy"},
					ProxyMetadata: map[string]string{"ISTIO_META_DNS_CAPTURE": "true", "ISTIO_METAJSON_LABELS": `{"app":"payment-service"}`},
				},
				ExtensionProviders: []*mesh.MeshConfig_ExtensionProvider{{
					Name: "json-log", Provider: &mesh.MeshConfig_ExtensionProvider_EnvoyFileAccessLog{EnvoyFileAccessLog: &mesh.MeshConfig_ExtensionProvider_EnvoyFileAccessLogProvider{
						Path: "/dev/stdout", LogFormat: &mesh.MeshConfig_ExtensionProvider_EnvoyFileAccessLogProvider_LogFormat{
							LogFormat: &mesh.MeshConfig_ExtensionProvider_EnvoyFileAccessLogProvider_LogFormat_Labels{Labels: freeForm()},
						},
					}},
				}, {
					Name: "zipkin", Provider: &mesh.MeshConfig_ExtensionProvider_Zipkin{Zipkin: &mesh.MeshConfig_ExtensionProvider_ZipkinTracingProvider{Service: "zipkin.istio-system.svc.cluster.local", Port: 9411}},
				}},
			},
			Values: map[string]any{"global": map[string]any{"meshID": "mesh1", "network": "", "multiCluster": map[string]any{"clusterName": "Kubernetes"}}, "pilot": map[string]any{"replicaCount": 2, "env": nil}},
		}}}},
	}
}

// freeForm has every shape of JSON in it.
func freeForm() *structpb.Struct {
	s, err := structpb.NewStruct(map[string]any{
		"status": "%RESPONSE_CODE%", "nested": map[string]any{"b": 1.5, "a": nil, "list": []any{1, "1", true, []any{"x", []any{}}, map[string]any{"k": "v", "l": []any{1}}, map[string]any{}}},
		"empty": map[string]any{}, "none": []any{}, "big": 1e21, "text": "two\nlines\n",
	})
	if err != nil {
		panic(err)
	}
	return s
}

func TestExamples(t *testing.T) {
	wanted := map[string]bool{}
	for _, o := range examples() {
		var e Encoder
		e.Object(o)
		file := filepath.Join("testdata", "encode", lower(o.Kind)+".yaml")
		wanted[file] = true
		if *updateEncoded {
			require.NoError(t, os.WriteFile(file, e.Bytes(), 0o644))
		}
		want, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, string(want), string(e.Bytes()), file)
	}
	files, err := filepath.Glob("testdata/encode/*")
	require.NoError(t, err)
	for _, file := range files {
		require.True(t, wanted[file], "%s belongs to no example", file)
	}
}

func TestItemIsTheObjectIndented(t *testing.T) {
	for _, o := range examples() {
		var e Encoder
		e.Object(o)
		lines := strings.SplitAfter(strings.TrimSuffix(string(e.Bytes()), "\n"), "\n")
		for i, line := range lines {
			switch {
			case i == 0:
				lines[i] = "- " + line
			case line != "\n":
				lines[i] = "  " + line
			}
		}
		e.Reset()
		e.Item(o)
		require.Equal(t, strings.Join(lines, "")+"\n", string(e.Bytes()))
	}
}

func TestKustomizationFiles(t *testing.T) {
	require.Equal(t, `apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
configurations:
- kustomizeconfig.yaml
resources:
- manifests/payments/namespace-payments.yaml
- manifests/payments/service-payment-service.yaml
`, text(t, &Kustomization{
		APIVersion: "kustomize.config.k8s.io/v1beta1", Kind: "Kustomization", Configurations: []string{"kustomizeconfig.yaml"},
		Resources: []string{"manifests/payments/namespace-payments.yaml", "manifests/payments/service-payment-service.yaml"},
	}))
	require.Equal(t, "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: []\n",
		text(t, Kustomization{APIVersion: "kustomize.config.k8s.io/v1beta1", Kind: "Kustomization"}))
	require.Equal(t, `nameReference:
- version: v1
  kind: ServiceAccount
  fieldSpecs:
  - kind: WorkloadGroup
    path: spec/template/serviceAccount
labels:
- kind: WorkloadGroup
  path: spec/metadata/labels
  create: true
`, text(t, &KustomizeConfig{
		NameReference: []NameReference{{Version: "v1", Kind: "ServiceAccount", FieldSpecs: []FieldSpec{{Kind: "WorkloadGroup", Path: "spec/template/serviceAccount"}}}},
		Labels:        []FieldSpec{{Kind: "WorkloadGroup", Path: "spec/metadata/labels", Create: true}},
	}))
}

// every is a struct with every Go type that the Encoder takes.
type every struct {
	B        bool                  `json:"b"`
	I        int                   `json:"i"`
	I8       int8                  `json:"i8,omitempty"`
	I64      int64                 `json:"i64"`
	U        uint                  `json:"u,omitempty"`
	U64      uint64                `json:"u64"`
	F        float64               `json:"f"`
	F32      float32               `json:"f32,omitempty"`
	S        string                `json:"s"`
	Empty    string                `json:"empty,omitempty"`
	P        *string               `json:"p"`
	PO       *int                  `json:"po,omitempty"`
	PP       **int                 `json:"pp,omitempty"`
	Y        string                `json:"y"`
	Bytes    []byte                `json:"bytes"`
	Strings  []string              `json:"strings,omitempty"`
	Nested   nested                `json:"nested"`
	NestedO  nested                `json:"nestedO,omitempty"`
	NestedZ  nested                `json:"nestedZ,omitzero"`
	Pointer  *nested               `json:"pointer,omitempty"`
	List     []nested              `json:"list,omitempty"`
	Pointers []*nested             `json:"pointers,omitempty"`
	Map      map[string]nested     `json:"map,omitempty"`
	Ints     map[int]string        `json:"ints,omitempty"`
	Uints    map[uint8]bool        `json:"uints,omitempty"`
	Numbers  map[string]uint32     `json:"numbers,omitempty"`
	Named    map[name]name         `json:"named,omitempty"`
	Any      any                   `json:"any"`
	AnyO     any                   `json:"anyO,omitempty"`
	Deep     map[string][][]string `json:"deep,omitempty"`
	Self     *every                `json:"self,omitempty"`
	Skipped  func()                `json:"-"`
	hidden   chan int
}

type (
	nested struct {
		A string `json:"a,omitempty"`
		B []any  `json:"b,omitempty"`
	}
	name string
)

func TestPlainGoValuesAreAsEncodingJSONHasThem(t *testing.T) {
	one, word := 1, "word"
	at := &one
	for _, v := range []*every{
		{P: &word, Bytes: []byte{}, Any: map[string]any{}},
		{
			B: true, I: -1, I8: -8, I64: math.MinInt64, U: 1, U64: math.MaxUint64, F: 1.5, F32: 2.5, S: "no", Empty: "x", PO: &one, PP: &at, Y: "y",
			Bytes: []byte("hello"), Strings: []string{"", "1"}, Nested: nested{A: "a"}, NestedZ: nested{A: "z"}, Pointer: &nested{}, List: []nested{{}, {A: "b"}}, Pointers: []*nested{nil, {A: "c"}},
			Map: map[string]nested{"z": {}, "a": {A: "1"}}, Ints: map[int]string{-1: "a", 10: "b", 9: "c"}, Uints: map[uint8]bool{1: true},
			Numbers: map[string]uint32{"b": 2, "a": 1}, Named: map[name]name{"on": "off"}, Any: []any{1, "1", nil, 1.5, true, map[string]any{"k": []any{"v"}}, nested{A: "n"}, []string{"s"}},
			AnyO: &nested{A: "p"}, Deep: map[string][][]string{"d": {{"a", "b"}, {"c"}}}, Self: &every{P: &word, S: "inner", Bytes: []byte{1}, Any: "x"},
			Skipped: func() {}, hidden: make(chan int),
		},
	} {
		want, err := sigs.Marshal(v)
		require.NoError(t, err)
		ours := text(t, v)
		var wanted, got any
		require.NoError(t, sigs.Unmarshal(want, &wanted))
		require.NoError(t, sigs.Unmarshal([]byte(ours), &got))
		require.Equal(t, wanted, got, ours)
		require.Equal(t, ours, text(t, *v))
	}
	require.Equal(t, "[]\n", text(t, []string(nil)), "unlike encoding/json")
	require.Equal(t, "{}\n", text(t, map[string]int(nil)), "unlike encoding/json")
	require.Equal(t, "null\n", text(t, nil))
	require.Equal(t, "- - a\n- []\n", text(t, [][]string{{"a"}, nil}))
}

func TestEmptyAndNilBodies(t *testing.T) {
	var e Encoder
	e.Object(&Object{APIVersion: "v1", Kind: "Thing", Body: []Field{
		{"nilMessage", (*networking.Sidecar)(nil)}, {"nil", nil}, {"nilMap", map[string]string(nil)}, {"nilList", []string(nil)},
		{"message", &networking.Sidecar{}}, {"map", map[string]string{}}, {"list", []string{}}, {"text", ""}, {"number", 0}, {"no", false},
	}})
	require.Equal(t, "apiVersion: v1\nkind: Thing\nmetadata: {}\nmessage: {}\nmap: {}\nlist: []\ntext: \"\"\nnumber: 0\n\"no\": false\n", string(e.Bytes()))
}

// TestNilMessages: in lists, maps and oneofs a nil message is an empty one.
func TestNilMessages(t *testing.T) {
	require.Equal(t, "http:\n- {}\n- route:\n  - weight: 0\n  - weight: 1\n", text(t, &networking.VirtualService{Http: []*networking.HTTPRoute{nil, {Route: []*networking.HTTPRouteDestination{nil, {Weight: 1}}}}}))
	require.Equal(t, "portLevelMtls:\n  \"1\": {}\n", text(t, &security.PeerAuthentication{PortLevelMtls: map[uint32]*security.PeerAuthentication_MutualTLS{1: nil}}))
	probe := &networking.ReadinessProbe{HealthCheckMethod: &networking.ReadinessProbe_HttpGet{}}
	require.Equal(t, "initialDelaySeconds: 0\ntimeoutSeconds: 0\nperiodSeconds: 0\nsuccessThreshold: 0\nfailureThreshold: 0\nhttpGet: {}\n", text(t, probe))
	probe.HealthCheckMethod = (*networking.ReadinessProbe_HttpGet)(nil)
	require.NotContains(t, text(t, probe), "httpGet")
	require.Equal(t, "null\n", text(t, &structpb.Value{}))
	require.Equal(t, "- null\n", text(t, &structpb.ListValue{Values: []*structpb.Value{nil}}))
	require.Equal(t, "{}\n", text(t, (*networking.Sidecar)(nil)))
}

func TestWeightsAreShownTogether(t *testing.T) {
	route := func(weights ...int32) string {
		r := &networking.TCPRoute{}
		for _, w := range weights {
			r.Route = append(r.Route, &networking.RouteDestination{Destination: &networking.Destination{Host: "a"}, Weight: w})
		}
		return text(t, r)
	}
	one := "- destination:\n    host: a\n"
	require.Equal(t, "route:\n"+one, route(0))
	require.Equal(t, "route:\n"+one+one, route(0, 0))
	require.Equal(t, "route:\n"+one+"  weight: 100\n", route(100))
	require.Equal(t, "route:\n"+one+"  weight: 0\n"+one+"  weight: 100\n"+one+"  weight: 0\n", route(0, 100, 0))
}

func TestWellKnownForms(t *testing.T) {
	for want, m := range map[string]proto.Message{
		"0s": &durationpb.Duration{}, "1s": durationpb.New(time.Second), "1.500s": durationpb.New(1500 * time.Millisecond), "0.000001s": durationpb.New(time.Microsecond),
		"0.000000001s": durationpb.New(1), "100.010s": durationpb.New(100*time.Second + 10*time.Millisecond), `"-1.500s"`: durationpb.New(-1500 * time.Millisecond), `"-0.001s"`: durationpb.New(-time.Millisecond),
		// no reader of JSON makes these
		"0.500s": &durationpb.Duration{Seconds: 1, Nanos: -5e8}, `"-0.500s"`: &durationpb.Duration{Seconds: -1, Nanos: 5e8},
		"2.500s": &durationpb.Duration{Seconds: 1, Nanos: 1.5e9}, `"-9223372036854775808s"`: &durationpb.Duration{Seconds: math.MinInt64},
	} {
		require.Equal(t, want+"\n", text(t, m))
	}
	for want, m := range map[string]proto.Message{
		`"2001-12-14T21:59:43Z"`: timestamppb.New(time.Date(2001, 12, 14, 21, 59, 43, 0, time.UTC)), `"1970-01-01T00:00:00.000001Z"`: &timestamppb.Timestamp{Nanos: 1000},
		"true": wrapperspb.Bool(true), "false": wrapperspb.Bool(false), `"no"`: wrapperspb.String("no"), "aGk=": wrapperspb.Bytes([]byte("hi")), `""`: wrapperspb.Bytes(nil),
		"-5": wrapperspb.Int32(-5), "-9223372036854775808": wrapperspb.Int64(math.MinInt64), "7": wrapperspb.UInt32(7), "18446744073709551615": wrapperspb.UInt64(math.MaxUint64),
		"0.1": wrapperspb.Float(0.1), "0.25": wrapperspb.Double(0.25), `"NaN"`: wrapperspb.Double(math.NaN()), `"Infinity"`: wrapperspb.Float(float32(math.Inf(1))),
	} {
		require.Equal(t, want+"\n", text(t, m))
	}
	require.Equal(t, "hosts:\n- a\nlocation: 7\nresolution: NONE\n", text(t, &networking.ServiceEntry{Hosts: []string{"a"}, Location: 7}))
}

func TestUnsupportedTypesPanicWithTheirName(t *testing.T) {
	type embedded struct{ nested }
	for want, v := range map[string]any{
		"func()": func() {}, "chan int": make(chan int), "complex128": 1i, "[2]int": [2]int{}, "map[float64]int": map[float64]int{}, "time.Time": time.Time{},
		"manifest.embedded": embedded{}, "struct { A string }": struct{ A string }{}, "option string": struct {
			A int `json:"a,string"`
		}{}, "google.protobuf.Any": &anypb.Any{}, "wrapperspb.BoolValue": struct {
			A wrapperspb.BoolValue `json:"a"`
		}{},
	} {
		func() {
			defer func() { require.Contains(t, recover(), want) }()
			text(t, v)
		}()
	}
}

func TestSameBytesEveryTime(t *testing.T) {
	objects := examples()
	var e Encoder
	for _, o := range objects {
		e.Object(o)
	}
	want := string(e.Bytes())
	for range 100 {
		e.Reset()
		for _, o := range examples() {
			e.Object(o)
		}
		require.Equal(t, want, string(e.Bytes()))
	}
}

// TestEncodersAreIndependent is for the race detector: many Encoders print the same values at once, and the first of them
// learn the types together.
func TestEncodersAreIndependent(t *testing.T) {
	type fresh struct {
		Every every `json:"every"`
	}
	objects := examples()
	texts := make([]string, 8)
	var all sync.WaitGroup
	for i := range texts {
		all.Go(func() {
			var e Encoder
			for _, o := range objects {
				e.Object(o)
			}
			e.Value(&fresh{})
			texts[i] = string(e.Bytes())
		})
	}
	all.Wait()
	for _, s := range texts {
		require.Equal(t, texts[0], s)
	}
}

func workloadEntry() *networking.WorkloadEntry {
	for _, o := range examples() {
		if o.Kind == "WorkloadEntry" {
			return o.Body[0].Value.(*networking.WorkloadEntry)
		}
	}
	panic("no example of a WorkloadEntry")
}

func TestWarmEncoderDoesNotAllocate(t *testing.T) {
	var e Encoder
	entry := workloadEntry()
	require.Zero(t, testing.AllocsPerRun(100, func() {
		e.Reset()
		e.Value(entry)
	}))
	o := istioObject(networkingV1, "WorkloadEntry", "payment-service-vm1", entry)
	o.Labels = entry.Labels
	require.Zero(t, testing.AllocsPerRun(100, func() {
		e.Reset()
		e.Object(o)
	}))
}

func BenchmarkWorkloadEntry(b *testing.B) {
	entry := workloadEntry()
	b.Run("spec", func(b *testing.B) {
		var e Encoder
		b.ReportAllocs()
		for b.Loop() {
			e.Reset()
			e.Value(entry)
		}
	})
	b.Run("object", func(b *testing.B) {
		var e Encoder
		o := istioObject(networkingV1, "WorkloadEntry", "payment-service-vm1", entry)
		b.ReportAllocs()
		for b.Loop() {
			e.Reset()
			e.Object(o)
		}
	})
	b.Run("sigs", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, err := sigs.Marshal(entry)
			require.NoError(b, err)
		}
	})
}
