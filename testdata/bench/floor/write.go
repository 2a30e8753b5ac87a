package main

import "io"

// chunk is how much text is kept before it is written out.
const chunk = 64 << 10

// kinds are vmmesh's, in its order.
var kinds = []func([]byte, *workload) []byte{
	serviceAccount, peerAuthentication, authorizationPolicy, telemetry, sidecar,
	service, destinationRule, virtualService, workloadGroups, workloadEntries,
}

// write appends every object and writes them out in chunks.
func write(out io.Writer, fleet []workload) error {
	b := make([]byte, 0, 2*chunk)
	b = append(b, "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: fleet\n  labels:\n"+managed+provenance+guards...)
	for _, kind := range kinds {
		for i := range fleet {
			b = kind(b, &fleet[i])
			if len(b) < chunk {
				continue
			}
			if _, err := out.Write(b); err != nil {
				return err
			}
			b = b[:0]
		}
	}
	_, err := out.Write(b)
	return err
}

// guards keep Argo CD and Flux from pruning what VMs hang on.
const guards = "  annotations:\n" +
	"    argocd.argoproj.io/sync-options: Prune=false\n" +
	"    kustomize.toolkit.fluxcd.io/prune: disabled\n"

// managed and provenance are the labels of every object, which say what made it; others are between them.
const (
	managed    = "    app.kubernetes.io/managed-by: vmmesh\n"
	provenance = "    vmmesh.dev/spec: fleet\n"
)

func serviceAccount(b []byte, w *workload) []byte {
	b = append(b, "---\napiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: "...)
	b = append(b, w.name...)
	b = append(b, "\n  namespace: fleet\n  labels:\n"+managed+provenance+guards...)
	return b
}

func peerAuthentication(b []byte, w *workload) []byte {
	b = append(b, "---\napiVersion: security.istio.io/v1\nkind: PeerAuthentication"...)
	b = metadata(b, w, "")
	b = selector(b, w)
	b = append(b, "  mtls:\n    mode: STRICT\n"...)
	return b
}

func authorizationPolicy(b []byte, w *workload) []byte {
	b = append(b, "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy"...)
	b = metadata(b, w, "-allow")
	b = selector(b, w)
	b = append(b, "  rules:\n  - from:\n    - source:\n        serviceAccounts:\n"...)
	b = list(b, "        - ", w.callers)
	b = append(b, "    to:\n    - operation:\n        ports:\n        - \""...)
	b = append(b, w.ports[0]...)
	b = append(b, "\"\n        methods:\n"...)
	b = list(b, "        - ", w.methods)
	b = append(b, "        paths:\n        - "...)
	b = append(b, w.path...)
	b = append(b, "\n    - operation:\n        ports:\n        - \""...)
	b = append(b, w.ports[1]...)
	b = append(b, "\"\n  action: ALLOW\n"...)
	return b
}

func telemetry(b []byte, w *workload) []byte {
	b = append(b, "---\napiVersion: telemetry.istio.io/v1\nkind: Telemetry"...)
	b = metadata(b, w, "")
	b = selector(b, w)
	b = append(b, "  accessLogging:\n  - providers:\n    - name: envoy\n"...)
	return b
}

func sidecar(b []byte, w *workload) []byte {
	b = append(b, "---\napiVersion: networking.istio.io/v1\nkind: Sidecar"...)
	b = metadata(b, w, "")
	b = append(b, "spec:\n  workloadSelector:\n    labels:\n      app: "...)
	b = append(b, w.name...)
	b = append(b, "\n      class: vm\n  egress:\n  - hosts:\n    - \"./*\"\n    - istio-system/*\n"...)
	return b
}

func service(b []byte, w *workload) []byte {
	b = append(b, "---\napiVersion: v1\nkind: Service"...)
	b = metadata(b, w, "")
	b = append(b, "spec:\n  type: ClusterIP\n  selector:\n    app: "...)
	b = append(b, w.name...)
	b = append(b, "\n  ports:\n  - name: http\n    port: "...)
	b = append(b, w.ports[0]...)
	b = append(b, "\n    targetPort: "...)
	b = append(b, w.ports[0]...)
	b = append(b, "\n    protocol: TCP\n    appProtocol: http\n  - name: grpc\n    port: "...)
	b = append(b, w.ports[1]...)
	b = append(b, "\n    targetPort: "...)
	b = append(b, w.ports[1]...)
	b = append(b, "\n    protocol: TCP\n    appProtocol: grpc\n"...)
	return b
}

func destinationRule(b []byte, w *workload) []byte {
	b = append(b, "---\napiVersion: networking.istio.io/v1\nkind: DestinationRule"...)
	b = metadata(b, w, "")
	b = append(b, "spec:\n  host: "...)
	b = host(b, w)
	b = append(b, "  trafficPolicy:\n    connectionPool:\n      tcp:\n        maxConnections: "...)
	b = append(b, w.connections...)
	b = append(b, "\n    outlierDetection:\n      consecutive5xxErrors: 5\n      interval: 30s\n      baseEjectionTime: 30s\n"+
		"  subsets:\n  - name: canary\n    labels:\n      version: v2\n  - name: stable\n    labels:\n      version: v1\n"...)
	return b
}

func virtualService(b []byte, w *workload) []byte {
	b = append(b, "---\napiVersion: networking.istio.io/v1\nkind: VirtualService"...)
	b = metadata(b, w, "")
	b = append(b, "spec:\n  hosts:\n  - "...)
	b = host(b, w)
	b = append(b, "  http:\n"...)
	for _, port := range w.ports {
		b = append(b, "  - match:\n    - headers:\n        x-canary:\n          exact: \"true\"\n      port: "...)
		b = append(b, port...)
		b = append(b, "\n    route:\n"...)
		b = destination(b, w, "canary", port)
	}
	for _, port := range w.ports {
		b = append(b, "  - match:\n    - port: "...)
		b = append(b, port...)
		b = append(b, "\n    route:\n"...)
		b = destination(b, w, "stable", port)
		b = append(b, "      weight: "...)
		b = append(b, w.weights[0]...)
		b = append(b, '\n')
		b = destination(b, w, "canary", port)
		b = append(b, "      weight: "...)
		b = append(b, w.weights[1]...)
		b = append(b, "\n    timeout: "...)
		b = append(b, w.timeout...)
		b = append(b, "\n    retries:\n      attempts: "...)
		b = append(b, w.attempts...)
		b = append(b, "\n      perTryTimeout: 2s\n      retryOn: connect-failure,refused-stream,unavailable\n"...)
	}
	return b
}

func destination(b []byte, w *workload, subset string, port []byte) []byte {
	b = append(b, "    - destination:\n        host: "...)
	b = host(b, w)
	b = append(b, "        subset: "...)
	b = append(b, subset...)
	b = append(b, "\n        port:\n          number: "...)
	b = append(b, port...)
	b = append(b, '\n')
	return b
}

func workloadGroups(b []byte, w *workload) []byte {
	for i := range w.groups {
		g := &w.groups[i]
		b = append(b, "---\napiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata:\n  name: "...)
		b = append(b, g.name...)
		b = append(b, "\n  namespace: fleet\n  labels:\n"...)
		b = labels(b, "    ", managed, w, g)
		b = append(b, provenance+guards+"spec:\n  metadata:\n    labels:\n"...)
		b = labels(b, "      ", "", w, g)
		b = append(b, "  template:\n    ports:\n      grpc: "...)
		b = append(b, w.ports[1]...)
		b = append(b, "\n      http: "...)
		b = append(b, w.ports[0]...)
		b = append(b, "\n    locality: "...)
		b = append(b, g.region...)
		b = append(b, '/')
		b = append(b, g.zone...)
		b = append(b, "\n    serviceAccount: "...)
		b = append(b, w.name...)
		b = append(b, "\n  probe:\n    initialDelaySeconds: 0\n    timeoutSeconds: 1\n    periodSeconds: "...)
		b = append(b, w.period...)
		b = append(b, "\n    successThreshold: 1\n    failureThreshold: 3\n    httpGet:\n      path: /healthz\n      port: "...)
		b = append(b, w.ports[0]...)
		b = append(b, '\n')
	}
	return b
}

func workloadEntries(b []byte, w *workload) []byte {
	for i := range w.groups {
		g := &w.groups[i]
		for j := range g.vms {
			b = append(b, "---\napiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata:\n  name: "...)
			b = append(b, g.name...)
			b = append(b, '-')
			b = append(b, g.vms[j].name...)
			b = append(b, "\n  namespace: fleet\n  labels:\n"...)
			b = labels(b, "    ", managed, w, g)
			b = append(b, provenance+"  annotations:\n    proxy.istio.io/health-checks-enabled: \"true\"\nspec:\n  address: "...)
			b = append(b, g.vms[j].address...)
			b = append(b, "\n  ports:\n    grpc: "...)
			b = append(b, w.ports[1]...)
			b = append(b, "\n    http: "...)
			b = append(b, w.ports[0]...)
			b = append(b, "\n  labels:\n"...)
			b = labels(b, "    ", "", w, g)
			b = append(b, "  locality: "...)
			b = append(b, g.region...)
			b = append(b, '/')
			b = append(b, g.zone...)
			b = append(b, "\n  serviceAccount: "...)
			b = append(b, w.name...)
			b = append(b, '\n')
		}
	}
	return b
}

// metadata ends the line of the kind and appends what most kinds have.
func metadata(b []byte, w *workload, suffix string) []byte {
	b = append(b, "\nmetadata:\n  name: "...)
	b = append(b, w.name...)
	b = append(b, suffix...)
	b = append(b, "\n  namespace: fleet\n  labels:\n    app: "...)
	b = append(b, w.name...)
	b = append(b, "\n"+managed+"    team: "...)
	b = append(b, w.team...)
	b = append(b, "\n"+provenance...)
	return b
}

func selector(b []byte, w *workload) []byte {
	b = append(b, "spec:\n  selector:\n    matchLabels:\n      app: "...)
	b = append(b, w.name...)
	b = append(b, "\n      class: vm\n"...)
	return b
}

// labels are the one set of a group and its VMs, with a line after the first in metadata.
func labels(b []byte, indent, second string, w *workload, g *group) []byte {
	b = append(b, indent...)
	b = append(b, "app: "...)
	b = append(b, w.name...)
	b = append(b, '\n')
	b = append(b, second...)
	b = append(b, indent...)
	b = append(b, "class: vm\n"...)
	b = append(b, indent...)
	b = append(b, "service.istio.io/canonical-name: "...)
	b = append(b, w.name...)
	b = append(b, '\n')
	b = append(b, indent...)
	b = append(b, "service.istio.io/canonical-revision: "...)
	b = append(b, g.version...)
	b = append(b, '\n')
	b = append(b, indent...)
	b = append(b, "team: "...)
	b = append(b, w.team...)
	b = append(b, '\n')
	b = append(b, indent...)
	b = append(b, "topology.istio.io/locality: "...)
	b = append(b, g.region...)
	b = append(b, '.')
	b = append(b, g.zone...)
	b = append(b, '\n')
	b = append(b, indent...)
	b = append(b, "topology.kubernetes.io/region: "...)
	b = append(b, g.region...)
	b = append(b, '\n')
	b = append(b, indent...)
	b = append(b, "topology.kubernetes.io/zone: "...)
	b = append(b, g.zone...)
	b = append(b, '\n')
	b = append(b, indent...)
	b = append(b, "version: "...)
	b = append(b, g.version...)
	b = append(b, '\n')
	return b
}

func host(b []byte, w *workload) []byte {
	b = append(b, w.name...)
	return append(b, ".fleet.svc.cluster.local\n"...)
}

func list(b []byte, dash string, items [][]byte) []byte {
	for _, item := range items {
		b = append(b, dash...)
		b = append(b, item...)
		b = append(b, '\n')
	}
	return b
}
