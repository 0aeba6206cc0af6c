package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var keys = map[string]string{accessKeyVariable: "access", secretKeyVariable: "secret"} // a constant

func TestItServesUntilItsParentLetsGo(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s3")
	t.Chdir(t.TempDir()) // the gateway goes elsewhere; the test comes back
	addr := freeAddress(t)
	stdin, parent := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- run(t.Context(), []string{"--addr", addr, "--dir", dir, "--follow-stdin"}, get(keys), stdin)
	}()
	awaitOK(t, "http://"+addr+"/healthz")
	if err := parent.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("it still serves")
	}
}

func TestItDoesNotServeWithoutKeysOrDirectory(t *testing.T) {
	for _, tt := range []struct {
		args []string
		env  map[string]string
		want string
	}{
		{[]string{"--dir", "d"}, nil, accessKeyVariable},
		{nil, keys, "--dir"},
		{[]string{"--nonsense"}, keys, "nonsense"},
	} {
		err := run(t.Context(), tt.args, get(tt.env), strings.NewReader(""))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: %v does not name %s", tt.args, err, tt.want)
		}
	}
}

func get(env map[string]string) func(string) string {
	return func(name string) string { return env[name] }
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return l.Addr().String()
}

func awaitOK(t *testing.T, url string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			if err := resp.Body.Close(); err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s does not answer: %v", url, err)
		}
	}
}
