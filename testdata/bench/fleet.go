package main

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
)

// Shape of a fleet: what performance figures are quoted for, so it changes only together with them.
const (
	seed           = 20260101
	vmsPerWorkload = 20
	fleetNamespace = "fleet"
)

var (
	teams   = []string{"billing", "catalog", "checkout", "delivery", "fraud", "inventory", "ledger", "orders", "payments", "search"}
	regions = []string{"eu-central1", "eu-west1", "us-east1", "us-west1"}
	periods = []int{5, 10, 15}
	shares  = []int{5, 10, 20} // percent of requests that a canary takes
	verbs   = [][]string{{"GET"}, {"GET", "POST"}, {"GET", "POST", "PUT"}, {"GET", "POST", "DELETE"}}
)

// writeFleet writes a vmmesh.yaml with that many VMs in workloads of twenty, in the style people write: blocks, with
// short things in one line. The same number gives the same bytes everywhere, and a larger fleet begins with the
// smaller one's full workloads.
//
// Each workload becomes ten objects and one WorkloadEntry a VM: a ServiceAccount, two WorkloadGroups (a stable version
// and a canary of two VMs), a Service, its DestinationRule and VirtualService, a Sidecar, a PeerAuthentication, an
// AuthorizationPolicy and a Telemetry.
func writeFleet(w io.Writer, vms int) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, `apiVersion: vmmesh.dev/v1alpha1
kind: VMMesh
metadata:
  name: fleet
spec:
  istio:
    version: 1.31.1
    istiodAddresses: [34.56.78.90]
  namespace: %s
  observability:
    accessLogging:
    - providers: [{name: envoy}]
  workloads:
`, fleetNamespace)

	rng := rand.New(rand.NewPCG(seed, 0))
	var names []string
	for first := 0; first < vms; first += vmsPerWorkload {
		name := fmt.Sprintf("%s-%05d", pick(rng, teams), len(names)+1)
		names = append(names, name)
		writeWorkload(out, rng, names, first, min(vmsPerWorkload, vms-first))
	}
	return out.Flush()
}

// writeWorkload writes the last of the names as a workload with count VMs, numbered in the fleet from first on. It may
// be called by itself and by workloads that stand before it.
func writeWorkload(out *bufio.Writer, rng *rand.Rand, names []string, first, count int) {
	name := names[len(names)-1]
	team, _, _ := strings.Cut(name, "-")
	region := pick(rng, regions)
	port := 8000 + rng.IntN(1000)
	share := pick(rng, shares)
	canaries := min(2, count/2)

	fmt.Fprintf(out, `  - name: %s
    labels: {team: %s}
    ports:
    - {name: http, port: %d}
    - {name: grpc, port: %d}
    probe:
      periodSeconds: %d
      failureThreshold: 3
      httpGet: {path: /healthz, port: %d}
    sidecar:
      egress:
      - hosts: [./*, istio-system/*]
    groups:
`, name, team, port, port+1000, pick(rng, periods), port)
	writeGroup(out, name, "v1", region+"/"+region+"-a", first, count-canaries)
	writeGroup(out, name, "v2", region+"/"+region+"-b", first+count-canaries, canaries)

	fmt.Fprintf(out, `    services:
    - name: %[1]s
      traffic:
        trafficPolicy:
          connectionPool:
            tcp: {maxConnections: %[2]d}
          outlierDetection:
            consecutive5xxErrors: 5
            interval: 30s
            baseEjectionTime: 30s
        subsets:
        - {name: stable, version: v1}
        - {name: canary, version: v2}
        http:
        - match:
          - headers:
              x-canary: {exact: "true"}
          route:
          - destination: {subset: canary}
        - route:
          - destination: {subset: stable}
            weight: %[3]d
          - destination: {subset: canary}
            weight: %[4]d
          timeout: %[5]ds
          retries:
            attempts: %[6]d
            perTryTimeout: 2s
            retryOn: connect-failure,refused-stream,unavailable
`, name, 100*(1+rng.IntN(9)), 100-share, share, 5+rng.IntN(20), 1+rng.IntN(4))

	fmt.Fprintf(out, `    security:
      mtls:
        mode: STRICT
      allow:
      - name: callers
        from:
        - serviceAccounts: [%s]
        to:
        - methods: [%s]
          paths: ["/api/%s/*"]
          ports: [http]
        - ports: [grpc]
`, strings.Join(callers(rng, names), ", "), strings.Join(pick(rng, verbs), ", "), team)
}

// writeGroup writes a group whose VMs have the addresses from 10.0.0.0 on that belong to their numbers in the fleet.
func writeGroup(out *bufio.Writer, workload, version, locality string, first, count int) {
	fmt.Fprintf(out, `    - name: %s-%s
      version: %s
      locality: %s
      instances:
`, workload, version, version, locality)
	for i := range count {
		// 250 hosts to a /24, from .1 on: no address looks like a network's own or its broadcast.
		net, host := (first+i)/250, (first+i)%250+1
		fmt.Fprintf(out, "      - {name: vm%d, address: 10.%d.%d.%d}\n", i+1, net/256, net%256, host)
	}
}

// callers picks one to three of the workloads, in the fleet's order and each once, as namespace/name.
func callers(rng *rand.Rand, names []string) []string {
	var accounts []string
	from := 0
	for range 1 + rng.IntN(3) {
		if from == len(names) {
			break
		}
		i := from + rng.IntN(len(names)-from)
		accounts = append(accounts, fleetNamespace+"/"+names[i])
		from = i + 1
	}
	return accounts
}

func pick[T any](rng *rand.Rand, from []T) T { return from[rng.IntN(len(from))] }
