package manifest

import "google.golang.org/protobuf/reflect/protoreflect"

// zeroRule says whether a field of a message is printed although it holds its type's zero value. Proto3 cannot tell
// such a field from one that was never set, and its JSON mapping leaves both out; but a reader of `tls: {}` cannot
// guess that it switches TLS off.
type zeroRule struct {
	show   zeroShow
	unless string // with shown: a field of the same message, by its proto name; where it is set, the zero is left out
	why    string
}

type zeroShow uint8

const (
	hidden        zeroShow = iota // left out, as in proto3 JSON
	shown                         // printed wherever its message is
	shownByWeight                 // printed where another item of the same list has a value other than zero
)

// The proto packages of the fields below.
const (
	inNetworking = "istio.networking.v1alpha3."
	inSecurity   = "istio.security.v1beta1."
	inTelemetry  = "istio.telemetry.v1alpha1."
	inMesh       = "istio.mesh.v1alpha1."
)

// zeroRules holds every enum field that is reachable from an emitted kind, from MeshConfig or from ProxyConfig, except
// those in a oneof and in lists, which are printed whenever they are set; and the few numbers whose zero says something.
// A zero is shown only where absence means exactly that zero, and where the field is as old as its message in every
// Istio that vmmesh knows: a field that was not written must not be refused by an older CRD. MeshConfig and ProxyConfig are
// laid over defaults and over one another, so that absence means "as it was": their own fields stay hidden.
// TestZeroRules fails when istio.io/api brings an enum that is not judged here.
var zeroRules = map[protoreflect.FullName]zeroRule{
	inNetworking + "ClientTLSSettings.mode":                                {show: shown, why: "DISABLE switches TLS off"},
	inNetworking + "ConnectionPoolSettings.HTTPSettings.h2_upgrade_policy": {why: "DEFAULT is the mesh's setting"},
	inNetworking + "CorsPolicy.unmatched_preflights":                       {why: "UNSPECIFIED is a placeholder"},
	inNetworking + "HTTPRetry.attempts":                                    {show: shown, why: "0 switches retries off, where leaving retries out would not"},
	inNetworking + "HTTPRouteDestination.weight":                           {show: shownByWeight, why: "0 beside other weights: no traffic comes here"},
	inNetworking + "IstioEgressListener.capture_mode":                      {why: "DEFAULT is the environment's setting"},
	inNetworking + "IstioIngressListener.capture_mode":                     {why: "DEFAULT is the environment's setting"},
	inNetworking + "OutboundTrafficPolicy.mode":                            {show: shown, why: "REGISTRY_ONLY drops unknown traffic, where leaving the policy out allows it"},
	inNetworking + "Percent.value":                                         {show: shown, why: "0 mirrors nothing, where leaving the percentage out mirrors all"},
	inNetworking + "ReadinessProbe.failure_threshold":                      {show: shown, why: "all five numbers of a probe are read together"},
	inNetworking + "ReadinessProbe.initial_delay_seconds":                  {show: shown, why: "all five numbers of a probe are read together"},
	inNetworking + "ReadinessProbe.period_seconds":                         {show: shown, why: "all five numbers of a probe are read together"},
	inNetworking + "ReadinessProbe.success_threshold":                      {show: shown, why: "all five numbers of a probe are read together"},
	inNetworking + "ReadinessProbe.timeout_seconds":                        {show: shown, why: "all five numbers of a probe are read together"},
	inNetworking + "RouteDestination.weight":                               {show: shownByWeight, why: "0 beside other weights: no traffic comes here"},
	inNetworking + "ServerTLSSettings.max_protocol_version":                {why: "TLS_AUTO is a placeholder"},
	inNetworking + "ServerTLSSettings.min_protocol_version":                {why: "TLS_AUTO is a placeholder"},
	inNetworking + "ServerTLSSettings.mode":                                {show: shown, unless: "https_redirect", why: "PASSTHROUGH leaves TLS to the workload; a server that redirects has no TLS"},
	inNetworking + "ServiceEntry.location":                                 {show: shown, why: "MESH_EXTERNAL decides on mTLS"},
	inNetworking + "ServiceEntry.resolution":                               {show: shown, why: "NONE sends traffic to the address it was sent to"},
	inNetworking + "TrafficPolicy.ProxyProtocol.version":                   {show: shown, why: "V1 is one of two formats"},

	inSecurity + "AuthorizationPolicy.action":        {show: shown, why: "an ALLOW policy denies whatever none of its rules allows"},
	inSecurity + "PeerAuthentication.MutualTLS.mode": {why: "UNSET is the parent's mode"},

	inTelemetry + "AccessLogging.LogSelector.mode":         {show: shown, why: "CLIENT_AND_SERVER is all that the selector says"},
	inTelemetry + "MetricSelector.mode":                    {show: shown, why: "CLIENT_AND_SERVER says whose metric it is"},
	inTelemetry + "MetricsOverrides.TagOverride.operation": {show: shown, why: "UPSERT is the opposite of REMOVE"},
	inTelemetry + "Tracing.TracingSelector.mode":           {show: shown, why: "CLIENT_AND_SERVER is all that the selector says"},

	inMesh + "MeshConfig.ExtensionProvider.OpenTelemetryTracingProvider.service_attribute_enrichment": {why: "newer than its message"},
	inMesh + "MeshConfig.ExtensionProvider.ZipkinTracingProvider.trace_context_option":                {why: "newer than its message"},
	inMesh + "MeshConfig.InboundTrafficPolicy.mode":                                                   {show: shown, why: "PASSTHROUGH is all that the policy says"},
	inMesh + "MeshConfig.OutboundTrafficPolicy.mode":                                                  {show: shown, why: "REGISTRY_ONLY drops unknown traffic; laid over the default without it, ALLOW_ANY would stay"},
	inMesh + "MeshConfig.ProxyPathNormalization.normalization":                                        {why: "DEFAULT is a placeholder"},
	inMesh + "MeshConfig.ServiceScopeConfigs.scope":                                                   {show: shown, why: "LOCAL keeps services in their cluster; an item of a list inherits nothing"},
	inMesh + "MeshConfig.TLSConfig.min_protocol_version":                                              {why: "TLS_AUTO is a placeholder"},
	inMesh + "MeshConfig.access_log_encoding":                                                         {why: "laid over defaults"},
	inMesh + "MeshConfig.h2_upgrade_policy":                                                           {why: "laid over defaults"},
	inMesh + "MeshConfig.ingress_controller_mode":                                                     {why: "UNSPECIFIED is a placeholder"},
	inMesh + "ProxyConfig.ConnectionSettings.http_headers_with_underscores_action":                    {why: "…_UNSPECIFIED is a placeholder"},
	inMesh + "ProxyConfig.ConnectionSettings.http_path_with_escaped_slashes_action":                   {why: "…_UNSPECIFIED is a placeholder"},
	inMesh + "ProxyConfig.ConnectionSettings.profile":                                                 {why: "laid over defaults"},
	inMesh + "ProxyConfig.ProxyHeaders.MetadataExchangeHeaders.mode":                                  {why: "UNDEFINED is a placeholder"},
	inMesh + "ProxyConfig.ProxyHeaders.forwarded_client_cert":                                         {why: "UNDEFINED is a placeholder"},
	inMesh + "ProxyConfig.control_plane_auth_policy":                                                  {why: "laid over defaults, where MUTUAL_TLS is the default: NONE would switch it off"},
	inMesh + "ProxyConfig.interception_mode":                                                          {why: "laid over defaults: REDIRECT would undo a mesh's TPROXY"},
	inMesh + "ServiceEntryVisibility.Policy.visibility":                                               {why: "VISIBILITY_UNSPECIFIED is a placeholder"},
	inMesh + "ServiceEntryVisibility.default_visibility":                                              {why: "VISIBILITY_UNSPECIFIED is a placeholder"},
	inMesh + "Topology.forward_client_cert_details":                                                   {why: "UNDEFINED is a placeholder"},
}
