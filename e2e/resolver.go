package e2e

import (
	"net"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"
)

// Addresses of the sandbox's DNS server.
const (
	resolver4 = "198.18.0.53"
	resolver6 = "2001:2::53" // of the block for tests of devices, like the other
)

// resolverFor is the address of the DNS server for a machine with an address.
func resolverFor(address string) string {
	if strings.Contains(address, ":") {
		return resolver6
	}
	return resolver4
}

// StartResolver starts a DNS server that the machines ask, over IPv4 and IPv6. It has the addresses of the names that are
// given, and answers that there is no other name. It stops with the test.
func StartResolver(t testing.TB, names map[string]string) (stop func()) {
	t.Helper()
	answer := func(w dns.ResponseWriter, query *dns.Msg) {
		reply := new(dns.Msg).SetReply(query)
		for _, q := range query.Question {
			text, known := names[strings.TrimSuffix(q.Name, ".")]
			ip := net.ParseIP(text)
			header := dns.RR_Header{Name: q.Name, Rrtype: q.Qtype, Class: dns.ClassINET, Ttl: 5}
			switch {
			case !known:
				reply.Rcode = dns.RcodeNameError
			case q.Qtype == dns.TypeA && ip.To4() != nil:
				reply.Answer = append(reply.Answer, &dns.A{Hdr: header, A: ip})
			case q.Qtype == dns.TypeAAAA && ip.To4() == nil:
				reply.Answer = append(reply.Answer, &dns.AAAA{Hdr: header, AAAA: ip})
			}
		}
		_ = w.WriteMsg(reply)
	}
	var servers []*dns.Server
	for _, address := range []string{resolver4, resolver6} {
		addAddress(t, address)
		packets, err := net.ListenPacket("udp", net.JoinHostPort(address, "53"))
		require.NoError(t, err)
		streams, err := net.Listen("tcp", net.JoinHostPort(address, "53"))
		require.NoError(t, err)
		for _, server := range []*dns.Server{{PacketConn: packets}, {Listener: streams}} {
			server.Handler = dns.HandlerFunc(answer)
			started := make(chan struct{})
			server.NotifyStartedFunc = func() { close(started) }
			go func() { _ = server.ActivateAndServe() }()
			<-started
			servers = append(servers, server)
		}
	}
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			for _, server := range servers {
				_ = server.Shutdown()
			}
		}
	}
	t.Cleanup(stop)
	return stop
}
