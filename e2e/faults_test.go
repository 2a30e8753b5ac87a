package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// load makes requests from a machine, one after the other, until it is stopped, and counts what becomes of them.
type load struct {
	mu     sync.Mutex
	counts map[string]int // by the machine that answers, or "lost: <status>"
}

// startLoad starts requests, which end with the test.
func startLoad(t *testing.T, from *VM, url string) *load {
	t.Helper()
	l := &load{counts: map[string]int{}}
	quit, done := make(chan struct{}), make(chan struct{})
	client := from.HTTP(true)
	go func() {
		defer close(done)
		for {
			select {
			case <-quit:
				client.CloseIdleConnections()
				return
			case <-time.After(2 * time.Millisecond): // two cores have more to do
			}
			o, err := from.Do(client, Call{URL: url})
			who := o.Seen.Name
			if err != nil || o.Status != 200 {
				who = fmt.Sprintf("lost: %d", o.Status)
			}
			l.mu.Lock()
			l.counts[who]++
			l.mu.Unlock()
		}
	}()
	t.Cleanup(func() { close(quit); <-done })
	return l
}

// until makes rounds of 200 requests until one of them has none lost and is answered by the machines given and no other.
// It returns how many were lost in the rounds before.
func (l *load) until(t *testing.T, what string, machines ...string) int {
	t.Helper()
	before := 0
	round := func(counts map[string]int) error {
		for who, n := range counts {
			if strings.HasPrefix(who, "lost") {
				before += n
				return fmt.Errorf("requests are lost: %v", counts)
			}
		}
		for _, name := range machines {
			if counts[name] == 0 {
				return fmt.Errorf("%s does not answer: %v", name, counts)
			}
		}
		if len(counts) != len(machines) {
			return fmt.Errorf("other machines answer: %v", counts)
		}
		return nil
	}
	l.mu.Lock()
	l.counts = map[string]int{}
	l.mu.Unlock()
	last := error(nil)
	eventually(t, what, func() error {
		l.mu.Lock()
		defer l.mu.Unlock()
		n := 0
		for _, k := range l.counts {
			n += k
		}
		if n < 200 {
			return fmt.Errorf("%d requests of this round; the last: %w", n, last)
		}
		last = round(l.counts)
		l.counts = map[string]int{}
		return last
	})
	return before
}

// testFaults ends parts of a mesh under load, with retries off: what callers lose ends, and comes back with the part.
func testFaults(t *testing.T, c *Cluster) {
	needEnvoy(t)
	l, stopResolver := c.startLab(t, packetsCase{
		Clients: []packetsClient{{Name: "client", Namespace: "shop", ServiceAccount: "shop-sa", Address: "10.0.0.11"}},
	}, filepath.Join("testdata", "faults"))
	requests := startLoad(t, l.Machines["client"], "http://web.vm-workloads.svc.cluster.local/")
	requests.until(t, "both VMs to answer", "web1", "web2")

	l.Apps["web1"].Kill()
	t.Logf("application killed: %d requests lost", requests.until(t, "web1 to be out without its application", "web2"))
	l.Machines["web1"].StartApp(t, "8080")
	require.Zero(t, requests.until(t, "web1 to be back with its application", "web1", "web2"), "lost when it came back")

	l.Machines["web2"].Run(t, "bash", "-c", `for p in /proc/[0-9]*; do [ "$(cat $p/comm)" != envoy ] || kill -9 "${p#/proc/}"; done`)
	t.Logf("Envoy killed: %d requests lost", requests.until(t, "web2 to be out without its sidecar", "web1"))
	l.Machines["web2"].StartIstio(t)
	t.Logf("sidecar started again: %d requests lost", requests.until(t, "web2 to be back with its sidecar", "web1", "web2"))

	stopResolver()
	require.Zero(t, requests.until(t, "the mesh without a DNS server", "web1", "web2"), "lost without a DNS server")

	l.Machines["web2"].PowerOff()
	t.Logf("VM powered off: %d requests lost", requests.until(t, "web2 to be out without power", "web1"))

	l.Istiod.server.stop()
	require.Zero(t, requests.until(t, "the mesh without istiod", "web1"), "lost without istiod")
}
