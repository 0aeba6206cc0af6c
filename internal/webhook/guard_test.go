package webhook_test

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"

	"wharf/internal/fault"
	"wharf/internal/webhook"
)

// names answers DNS questions from a table, over UDP on this machine.
func names(t *testing.T, table map[string]netip.Addr) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return // closed
			}
			if reply, ok := resolve(buf[:n], table); ok {
				_, _ = conn.WriteTo(reply, from) // the client asks again
			}
		}
	}()
	t.Cleanup(func() { require.NoError(t, conn.Close()); <-done })
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func resolve(question []byte, table map[string]netip.Addr) ([]byte, bool) {
	var m dnsmessage.Message
	if err := m.Unpack(question); err != nil || len(m.Questions) != 1 {
		return nil, false
	}
	q := m.Questions[0]
	m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
	addr, known := table[q.Name.String()]
	header := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 1}
	switch {
	case !known:
		m.RCode = dnsmessage.RCodeNameError
	case q.Type == dnsmessage.TypeA && addr.Is4():
		m.Answers = []dnsmessage.Resource{{Header: header, Body: &dnsmessage.AResource{A: addr.As4()}}}
	case q.Type == dnsmessage.TypeAAAA && !addr.Is4():
		m.Answers = []dnsmessage.Resource{{Header: header, Body: &dnsmessage.AAAAResource{AAAA: addr.As16()}}}
	}
	reply, err := m.Pack()
	return reply, err == nil
}

func TestNoAddressThatIsNotPublicIsEverDialled(t *testing.T) {
	t.Parallel()
	table := map[string]netip.Addr{}
	for name, addr := range map[string]string{
		"ten.test": "10.1.2.3", "loop.test": "127.0.0.1", "six.test": "::1", "meta.test": "169.254.169.254",
		"home.test": "192.168.1.1", "unique.test": "fd00::1", "link.test": "fe80::1", "mapped.test": "::ffff:10.0.0.1",
		"nat64.test": "64:ff9b::a00:1", "zero.test": "0.0.0.0", "cgnat.test": "100.64.0.1", "cast.test": "224.0.0.1",
	} {
		table[name+"."] = netip.MustParseAddr(addr)
	}
	d := newDesk(t, false, func(c *webhook.Config) { c.AllowPrivate, c.Resolver = false, names(t, table) })
	rc := newReceiver(t, ok)
	at, err := url.Parse(rc.URL)
	require.NoError(t, err)
	hosts := []string{
		"127.0.0.1", "127.1.2.3", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "10.0.0.1", "172.16.0.1", "192.168.0.1",
		"0.0.0.0", "[::]", "[fd00:ec2::254]", "100.100.100.200", "localhost",
	}
	for name := range table {
		hosts = append(hosts, name)
	}
	for _, host := range hosts {
		id := d.send(t, "https://"+host+":"+at.Port()+"/")
		require.Equal(t, fault.Forbidden, fault.CodeOf(d.run(id)), "%s: final, and no second attempt", host)
		require.Equal(t, "the receiver's address is not a public one, which is not allowed", *d.show(t, id).LastError, host)
	}
	require.Empty(t, rc.got())
}

func TestOnlyHTTPSUnlessPrivateAddressesAreAllowed(t *testing.T) {
	t.Parallel()
	closed := newDesk(t, false, func(c *webhook.Config) { c.AllowPrivate = false })
	open := newDesk(t, false)
	rc := newReceiver(t, ok)
	id := closed.send(t, rc.URL)
	require.Equal(t, fault.Invalid, fault.CodeOf(closed.run(id)))
	require.Equal(t, "a webhook's URL must begin with https://", *closed.show(t, id).LastError)
	require.Empty(t, rc.got())

	for raw, want := range map[string][2]bool{ // allowed when closed, when open
		"https://example.com/hook":        {true, true},
		"https://example.com:8443":        {true, true},
		"https://u:p@example.com":         {true, true},
		"http://example.com":              {false, true},
		"ftp://example.com":               {false, false},
		"file:///etc/passwd":              {false, false},
		"gopher://127.0.0.1":              {false, false},
		"example.com":                     {false, false},
		"https://":                        {false, false},
		"https://:443":                    {false, false},
		"https://exa mple.com":            {false, false},
		"":                                {false, false},
		"HTTPS://example.com":             {true, true},
		"//example.com":                   {false, false},
		"https:example.com":               {false, false},
		"javascript:alert(document.body)": {false, false},
	} {
		for i, d := range []*desk{closed, open} {
			err := d.CheckURL(raw)
			require.Equal(t, want[i], err == nil, "%q, %d", raw, i)
			if err != nil {
				require.Equal(t, fault.Invalid, fault.CodeOf(err))
			}
		}
	}
}

func TestWhatATenantIsToldOfAFailureNamesNoAddress(t *testing.T) {
	t.Parallel()
	d := newDesk(t, false, func(c *webhook.Config) { c.Resolver = names(t, nil) })
	gone := newReceiver(t, ok)
	gone.Close()
	plain := newReceiver(t, ok)
	for to, want := range map[string]string{
		gone.URL:                     "the receiver refused the connection",
		"https://nowhere.test/":      "the receiver's name cannot be resolved",
		"https" + plain.URL[4:]:      "the connection to the receiver failed: http: server gave HTTP response to HTTPS client",
		tlsReceiver(t):               "the receiver's certificate is not valid",
		plain.URL[:4] + "://[::]:1/": "the receiver refused the connection",
	} {
		id := d.send(t, to)
		err := d.run(id)
		require.Equal(t, fault.Unavailable, fault.CodeOf(err), want)
		require.Equal(t, want, *d.show(t, id).LastError)
		require.NotContains(t, err.Error(), "127.0.0.1", "nor does the job's error")
	}
}

// tlsReceiver is one whose certificate nobody vouches for.
func tlsReceiver(t *testing.T) string {
	t.Helper()
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL
}
