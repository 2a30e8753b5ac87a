package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Dial dials from the machine, as a program of root on it would: in the machine's network, through what is captured there.
// A name is resolved by the DNS server of the machine.
func (v *VM) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if !isIP(host) {
		resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return v.dial(ctx, network, net.JoinHostPort(resolverFor(v.Address), "53"))
		}}
		family := "ip4"
		if strings.Contains(v.Address, ":") {
			family = "ip6"
		}
		found, err := resolver.LookupIP(ctx, family, host+".")
		if err != nil {
			return nil, err
		}
		host = found[0].String()
	}
	return v.dial(ctx, network, net.JoinHostPort(host, port))
}

// dial dials an IP address. The thread that enters the machine's network ends with its goroutine.
func (v *VM) dial(ctx context.Context, network, address string) (net.Conn, error) {
	type result struct {
		conn net.Conn
		err  error
	}
	dialled := make(chan result, 1)
	go func() {
		runtime.LockOSThread()
		conn, err := func() (net.Conn, error) {
			namespace, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", v.process.Process.Pid))
			if err != nil {
				return nil, err
			}
			defer namespace.Close()
			if err := unix.Setns(int(namespace.Fd()), unix.CLONE_NEWNET); err != nil {
				return nil, err
			}
			return (&net.Dialer{}).DialContext(ctx, network, address)
		}()
		dialled <- result{conn, err}
	}()
	r := <-dialled
	return r.conn, r.err
}

// HTTP is an HTTP client on the machine. It has a connection for each request unless it keeps them.
func (v *VM) HTTP(keep bool) *http.Client {
	return &http.Client{
		Timeout:       15 * time.Second,
		Transport:     &http.Transport{DialContext: v.Dial, DisableKeepAlives: !keep},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Admin asks Envoy's admin port.
func (v *VM) Admin(path string) (string, error) {
	return v.get("http://127.0.0.1:15000" + path)
}

// get asks for a page from the machine, which must be there.
func (v *VM) get(url string) (string, error) {
	answer, err := v.HTTP(false).Get(url)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", url, answer.Status, body)
	}
	return string(body), err
}

// Ready waits until the sidecar has its configuration and Envoy takes traffic.
func (v *VM) Ready(t testing.TB) {
	t.Helper()
	eventually(t, v.Name+" to be ready", func() error {
		_, err := v.get("http://127.0.0.1:15021/healthz/ready")
		return err
	})
}

// rejected are Envoy's counters of updates from istiod that it did not accept.
var rejected = regexp.MustCompile(`(?m)^(cluster_manager\.cds|listener_manager\.lds|http\..*\.rds\..*|sds\..*)\.update_rejected: (\d+)$`)

// Rejections are the updates of istiod that Envoy has rejected, and what it warns of in its log.
func (v *VM) Rejections() ([]string, error) {
	stats, err := v.Admin("/stats?filter=update_rejected")
	if err != nil {
		return nil, err
	}
	var found []string
	counters := rejected.FindAllStringSubmatch(stats, -1)
	if len(counters) < 2 {
		return nil, errors.New("Envoy does not count rejected updates:\n" + stats)
	}
	for _, c := range counters {
		if c[2] != "0" {
			found = append(found, c[0])
		}
	}
	for _, path := range []string{"/var/log/istio/istio.err.log", "/var/log/istio/istio.log"} {
		text, err := v.Read(path)
		if err != nil {
			return nil, err
		}
		for _, line := range strings.Split(string(text), "\n") {
			parts := strings.Split(line, "\t")
			if len(parts) > 2 && (parts[1] == "warning" || parts[1] == "error" || parts[1] == "critical") &&
				strings.HasPrefix(parts[2], "envoy ") {
				found = append(found, line)
			}
		}
	}
	return found, nil
}

// Call is a request that a client makes, and what must become of it.
type Call struct {
	From    string // a machine
	URL     string
	Method  string
	Headers map[string]string
	Times   int // 1 unless more are needed
	// Status is the answer's. 0 is an answer that never comes: the connection is refused, or closed.
	Status int
	// As is whom the server took the caller for, by its certificate.
	As string
	// By is the machine that answers.
	By string
	// Path is what the server saw of the URL.
	Path string
	// Remote is the address that the application saw.
	Remote string
	// Via is the endpoint that the caller's Envoy sends the request to, as address and port.
	Via string
	// Share is the part of the requests that each machine answers. What is seen of each part may be three standard
	// deviations off.
	Share map[string]float64
	// Count is how many requests to its path the application has then seen.
	Count int
	// Body is a part of the answer's.
	Body string
	// Takes is at least how long the answer takes.
	Takes metav1.Duration
}

// sentTo counts the requests that the machine's Envoy has sent to an endpoint.
func (v *VM) sentTo(endpoint string) (int, error) {
	if endpoint == "" {
		return 0, nil
	}
	text, err := v.Admin("/clusters")
	if err != nil {
		return 0, err
	}
	sum := 0
	for _, m := range regexp.MustCompile(`(?m)::`+regexp.QuoteMeta(endpoint)+`::rq_total::(\d+)$`).FindAllStringSubmatch(text, -1) {
		n, err := strconv.Atoi(m[1])
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

// Outcome is what became of a request.
type Outcome struct {
	Status int // 0 when the connection was refused or closed
	Body   string
	Seen   Seen // if the application answered
	Took   time.Duration
}

// Do makes a request once.
func (v *VM) Do(client *http.Client, c Call) (Outcome, error) {
	request, err := http.NewRequest(or(c.Method, http.MethodGet), c.URL, nil)
	if err != nil {
		return Outcome{}, err
	}
	for name, value := range c.Headers {
		if name == "Host" {
			request.Host = value
		}
		request.Header.Set(name, value)
	}
	start := time.Now()
	answer, err := client.Do(request)
	if err != nil {
		var nameless *net.DNSError
		var slow net.Error
		if errors.As(err, &nameless) || errors.As(err, &slow) && slow.Timeout() {
			return Outcome{}, err // neither refused nor closed
		}
		return Outcome{Body: err.Error(), Took: time.Since(start)}, nil
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	o := Outcome{Status: answer.StatusCode, Body: string(body), Took: time.Since(start)}
	_ = json.Unmarshal(body, &o.Seen)
	return o, err
}

// caller is the identity in the header that the server's Envoy writes.
var caller = regexp.MustCompile(`(?:^|;)URI=([^;]*)`)

// judge compares what became of a request with what the call expects.
func (c *Call) judge(o Outcome) error {
	as := ""
	if m := caller.FindStringSubmatch(o.Seen.Headers.Get("X-Forwarded-Client-Cert")); m != nil {
		as = m[1]
	}
	switch {
	case o.Status != c.Status:
		return fmt.Errorf("status %d, not %d: %s", o.Status, c.Status, o.Body)
	case c.As != "" && as != c.As:
		return fmt.Errorf("the server takes the caller for %q, not %q", as, c.As)
	case c.By != "" && o.Seen.Name != c.By:
		return fmt.Errorf("%q answers, not %q", o.Seen.Name, c.By)
	case c.Path != "" && o.Seen.Path != c.Path:
		return fmt.Errorf("the server sees the path %q, not %q", o.Seen.Path, c.Path)
	case c.Remote != "" && o.Seen.Remote != c.Remote:
		return fmt.Errorf("the server sees the address %q, not %q", o.Seen.Remote, c.Remote)
	case c.Count != 0 && o.Seen.Count != c.Count:
		return fmt.Errorf("it is request %d to its path, not %d", o.Seen.Count, c.Count)
	case !strings.Contains(o.Body, c.Body):
		return fmt.Errorf("%q is not in the answer:\n%s", c.Body, end(o.Body, 1<<10))
	case o.Took < c.Takes.Duration:
		return fmt.Errorf("answered in %s, not in %s", o.Took, c.Takes.Duration)
	}
	return nil
}

// String names the call in a report.
func (c *Call) String() string {
	text := fmt.Sprintf("%s %s %s", c.From, or(c.Method, http.MethodGet), c.URL)
	for name, value := range c.Headers {
		if len(value) > 20 {
			value = value[:20] + "…"
		}
		text += " " + name + "=" + value
	}
	return text + " is " + strconv.Itoa(c.Status)
}
