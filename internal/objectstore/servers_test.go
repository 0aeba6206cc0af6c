package objectstore

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/uuid"
	"github.com/rclone/gofakes3"
	"github.com/rclone/gofakes3/s3mem"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"wharf/internal/testenv"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const partBytes = minPartBytes // small parts, so that a few suffice

// server is an S3 server that the conformance suite runs against.
type server struct {
	name      string
	config    func(t testing.TB) Config
	checksums bool // compares a body with the checksum beside it
}

// servers are a real gateway on a real file system, and one in memory that checks signatures by code of its own.
func servers() []server {
	return []server{
		{name: "versitygw", config: versitygw, checksums: true},
		{name: "gofakes3", config: gofake}, // reads no x-amz-checksum header
	}
}

func versitygw(t testing.TB) Config {
	t.Helper()
	return Config{
		Endpoint:  testenv.Setting(t, "WHARF_TEST_S3_ENDPOINT"),
		Bucket:    testenv.Setting(t, "WHARF_TEST_S3_BUCKET"),
		AccessKey: testenv.Setting(t, "WHARF_TEST_S3_ACCESS_KEY"),
		SecretKey: testenv.Setting(t, "WHARF_TEST_S3_SECRET_KEY"),
		PathStyle: true, PartBytes: partBytes,
	}
}

func gofake(t testing.TB) Config {
	t.Helper()
	return gofakeBehind(t, func(fake http.Handler) http.Handler { return fake })
}

func gofakeBehind(t testing.TB, wrap func(http.Handler) http.Handler) Config {
	t.Helper()
	fake := gofakes3.New(s3mem.New(), gofakes3.WithV4Auth(map[string]string{"fake": "fake-secret"}))
	web := httptest.NewUnstartedServer(wrap(fake.Server()))
	web.Config.ErrorLog = log.New(io.Discard, "", 0) // it complains of every connection that a test breaks
	web.Start()
	t.Cleanup(web.Close)
	cfg := Config{
		Endpoint: web.URL, Bucket: "wharf", AccessKey: "fake", SecretKey: "fake-secret",
		PathStyle: true, PartBytes: partBytes,
	}
	begun(t, cfg)
	return cfg
}

// begun makes the bucket and, in it, an upload that is aborted: gofakes3 answers 404 where S3 lists no uploads, unless
// the bucket has had one. It is the one place where the suite helps a server.
func begun(t testing.TB, cfg Config) {
	t.Helper()
	s, err := Open(t.Context(), cfg)
	require.NoError(t, err)
	defer s.Close()
	require.NoError(t, s.EnsureBucket(t.Context()))
	out, err := s.client.CreateMultipartUpload(t.Context(),
		&s3.CreateMultipartUploadInput{Bucket: &cfg.Bucket, Key: aws.String("k")})
	require.NoError(t, err)
	require.NoError(t, s.abortUpload(t.Context(), "k", out.UploadId))
}

// opened gives a store on cfg whose bucket is there, and the prefix of a tenant of its own, swept afterwards.
func opened(t testing.TB, cfg Config, dial dialer) (*Store, string) {
	t.Helper()
	s, err := open(t.Context(), cfg, dial)
	require.NoError(t, err)
	require.NoError(t, s.EnsureBucket(t.Context()))
	prefix := TenantPrefix(uuid.New())
	t.Cleanup(func() {
		_, err := s.DeletePrefix(context.Background(), prefix)
		require.NoError(t, err)
		s.Close()
	})
	return s, prefix
}

// content gives n bytes that differ from place to place, the same for the same n.
func content(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8(sha256.Sum256(fmt.Append(nil, n))).Read(b)
	return b
}

// network dials for a store and can break what it dialled.
type network struct {
	mu       sync.Mutex
	live     map[net.Conn]struct{}
	refusals int // dials still to refuse
	refused  int
	limit    int // bytes that each connection delivers; 0: all
}

var errBroken = errors.New("connection broken by the test")

func (n *network) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.refusals > 0 {
		n.refusals--
		n.refused++
		return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
	}
	c, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	if n.live == nil {
		n.live = map[net.Conn]struct{}{}
	}
	n.live[c] = struct{}{}
	return &limitedConn{Conn: c, left: n.limit, limited: n.limit > 0}, nil
}

// outage breaks all connections and refuses the next dials.
func (n *network) outage(dials int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for c := range n.live {
		_ = c.Close()
	}
	n.live, n.refusals = nil, dials
}

func (n *network) deliverAtMost(bytes int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.limit = bytes
}

func (n *network) refusedDials() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.refused
}

type limitedConn struct {
	net.Conn
	left    int
	limited bool
}

func (c *limitedConn) Read(p []byte) (int, error) {
	if !c.limited {
		return c.Conn.Read(p)
	}
	if c.left == 0 {
		_ = c.Close()
		return 0, errBroken
	}
	m, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= m
	return m, err
}
