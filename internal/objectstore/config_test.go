package objectstore

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAConfigThatCannotWorkIsRefused(t *testing.T) {
	t.Parallel()
	good := Config{Endpoint: "http://127.0.0.1:9000", Bucket: "wharf", AccessKey: "a", SecretKey: "b"}
	for name, spoil := range map[string]func(*Config){
		"a bucket is required":           func(c *Config) { c.Bucket = "" },
		"come together":                  func(c *Config) { c.SecretKey = "" },
		"parts have at least 5242880":    func(c *Config) { c.PartBytes = 1 << 20 },
		"an endpoint is a URL":           func(c *Config) { c.Endpoint = "127.0.0.1:9000" },
		"concurrency and patience":       func(c *Config) { c.Concurrency = -1 },
		"endpoint is a URL such as http": func(c *Config) { c.PublicEndpoint = "ftp://files" },
	} {
		cfg := good
		spoil(&cfg)
		_, err := Open(t.Context(), cfg)
		require.ErrorContains(t, err, name)
	}
	s, err := Open(t.Context(), good)
	require.NoError(t, err)
	s.Close()
}
