package httpapi

import (
	"net"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestServerThatLacksAPartIsNotMade(t *testing.T) {
	t.Parallel()
	_, err := New(Config{})
	require.ErrorContains(t, err, "Config")
}

func TestAddressOfACallerIsWhatATrustedProxySays(t *testing.T) {
	t.Parallel()
	_, loopback, err := net.ParseCIDR("127.0.0.0/8")
	require.NoError(t, err)
	_, elsewhere, err := net.ParseCIDR("10.0.0.0/8")
	require.NoError(t, err)
	for name, c := range map[string]struct {
		trusted []*net.IPNet
		header  string
		want    string
	}{
		"nobody is trusted":       {nil, "203.0.113.9", "127.0.0.1"},
		"another is trusted":      {[]*net.IPNet{elsewhere}, "203.0.113.9", "127.0.0.1"},
		"it is trusted":           {[]*net.IPNet{loopback}, "203.0.113.9", "203.0.113.9"},
		"what came before is not": {[]*net.IPNet{loopback}, "198.51.100.1, 203.0.113.9", "203.0.113.9"},
		"a chain of trusted ones": {[]*net.IPNet{loopback, elsewhere}, "203.0.113.9, 10.1.2.3", "203.0.113.9"},
		"no header":               {[]*net.IPNet{loopback}, "", "127.0.0.1"},
		"no address":              {[]*net.IPNet{loopback}, "unknown", "127.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			header := http.Header{"X-Real-Ip": {"192.0.2.7"}}
			if c.header != "" {
				header.Set("X-Forwarded-For", c.header)
			}
			require.Equal(t, c.want, ipExtractor(c.trusted)(&http.Request{RemoteAddr: "127.0.0.1:4711", Header: header}))
		})
	}
}
