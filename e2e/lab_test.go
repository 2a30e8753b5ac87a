package e2e

import (
	"fmt"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// labEnv is the folder by which lab.sh and the test speak.
const labEnv = "VMMESH_E2E_LAB"

// tries are what there is to try in the lab, and what then happens.
var tries = []struct{ what, command string }{
	{"the frontend may read payments: 200", "in frontend curl -si http://payment-service.vm-workloads.svc.cluster.local:8080/api/payments/1"},
	{"it may not delete them: 403", "in frontend curl -si -X DELETE http://payment-service.vm-workloads.svc.cluster.local:8080/api/payments/1"},
	{"another account of the same namespace may nothing: 403", "in other curl -si http://payment-service.vm-workloads.svc.cluster.local:8080/api/payments/1"},
	{"plaintext from outside the mesh: refused under STRICT", "in stranger curl -sS http://192.168.1.100:8080/api/payments/1"},
	{"the canary, by its header: vm4 answers", "in frontend curl -s -H x-canary:true http://payment-service.vm-workloads.svc.cluster.local:8080/api/payments/1"},
	{"Envoy's endpoints, as the frontend has them", "in frontend curl -s http://127.0.0.1:15000/clusters"},
	{"Envoy's listeners on a VM", "in vm1 curl -s http://127.0.0.1:15000/listeners"},
	{"all that istiod has sent to a VM", "in vm1 curl -s http://127.0.0.1:15000/config_dump"},
	{"the metrics that Prometheus scrapes", "in stranger curl -s http://192.168.1.100:15020/stats/prometheus"},
	{"the application of vm1 dies: its probe fails, and within half a minute no request is sent to it", "kill vm1"},
}

// TestLab starts the example payments and leaves it to whoever runs `make lab`, until it is asked to end.
func TestLab(t *testing.T) {
	state := os.Getenv(labEnv)
	if state == "" {
		t.Skip("make lab runs it")
	}
	c := StartCluster(t)
	dir := filepath.Join("testdata", "packets", "payments")
	l := c.StartLab(t, readPackets(t, filepath.Join(dir, "expect.yaml")), dir)
	var machines strings.Builder
	for _, name := range slices.Sorted(maps.Keys(l.Machines)) {
		app := "-"
		if a := l.Apps[name]; a != nil {
			app = fmt.Sprint(a.process.Process.Pid)
		}
		fmt.Fprintln(&machines, name, l.Machines[name].process.Process.Pid, app)
	}
	require.NoError(t, os.WriteFile(filepath.Join(state, "machines"), []byte(machines.String()), 0o600))
	script, err := filepath.Abs("lab.sh")
	require.NoError(t, err)
	text := "The example payments runs. To try, as root:\n"
	for _, try := range tries {
		text += fmt.Sprintf("\n# %s\n  $ %s %s\n", try.what, script, try.command)
	}
	text += "\nMachines: " + strings.Join(slices.Sorted(maps.Keys(l.Machines)), ", ") + ". `make lab-down` ends all of it.\n"
	require.NoError(t, os.WriteFile(filepath.Join(state, "try.new"), []byte(text), 0o600))
	require.NoError(t, os.Rename(filepath.Join(state, "try.new"), filepath.Join(state, "try")))
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM, syscall.SIGINT)
	<-asked
}
