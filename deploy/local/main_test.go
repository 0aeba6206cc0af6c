package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// TestMain is also the child that the tests start, in the part that CHILD names.
func TestMain(m *testing.M) {
	if part := os.Getenv("CHILD"); part != "" { // how a child is told what to be
		child(part)
	}
	goleak.VerifyTestMain(m)
}

func child(part string) {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM)
	fmt.Println("child:", part) // into its log
	switch part {
	case "fails":
		os.Exit(3)
	case "deaf":
		for range signals {
			continue
		}
	}
	<-signals
	os.Exit(0)
}

func testHost(t *testing.T) host {
	t.Helper()
	return host{env: environment(os.Environ()), now: time.Unix(1_700_000_000, 0), out: &bytes.Buffer{}, log: &transcript{}}
}

// transcript is a log that goroutines may share.
type transcript struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *transcript) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *transcript) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// testSite is an open site in a directory of its own; what runs in it ends with the test.
func testSite(t *testing.T) *site {
	t.Helper()
	dir := t.TempDir()
	s, err := testHost(t).open(t.Context(), dir, dir)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, s.down(context.Background(), true))
		require.NoError(t, s.close())
	})
	return s
}

func TestAnUnknownCommandIsAnsweredWithTheKnownOnes(t *testing.T) {
	t.Chdir("../..")
	for _, args := range [][]string{nil, {"upp"}, {"services"}, {"--dir", "x"}} {
		require.ErrorContains(t, run(t.Context(), testHost(t), args), "services up|down")
	}
	require.ErrorContains(t, run(t.Context(), testHost(t), []string{"env"}), "env --test")
}

func TestItRunsInTheProjectAlone(t *testing.T) {
	t.Chdir(t.TempDir())
	require.ErrorContains(t, run(t.Context(), testHost(t), []string{"up"}), "in the project's directory")
}
