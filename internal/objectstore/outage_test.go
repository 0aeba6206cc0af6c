package objectstore

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/stretchr/testify/require"

	"wharf/internal/fault"
)

func putSurvives(t *testing.T, cfg Config) {
	var net network
	s, prefix := opened(t, cfg, net.dial)
	data := content(4*partBytes + 1)
	read := 0
	source := readerFunc(func(p []byte) (int, error) {
		if read == len(data) {
			net.outage(3) // before the last part and the completion
			return 0, io.EOF
		}
		if read == 2*partBytes {
			net.outage(3) // between parts, of which some are in flight
		}
		n := copy(p[:min(len(p), 64<<10)], data[read:])
		read += n
		return n, nil
	})
	o, err := s.Put(t.Context(), prefix+"f", "", source)
	require.NoError(t, err)
	require.Equal(t, int64(len(data)), o.Bytes)
	require.Positive(t, net.refusedDials())

	body, _, err := s.Get(t.Context(), prefix+"f", 0, -1)
	require.NoError(t, err)
	back, err := io.ReadAll(body)
	require.NoError(t, err)
	require.NoError(t, body.Close())
	require.True(t, bytes.Equal(data, back))
	require.Zero(t, orphans(t, s, prefix))
}

func getSurvives(t *testing.T, cfg Config) {
	var net network
	s, prefix := opened(t, cfg, net.dial)
	data := content(1 << 20)
	_, err := s.Put(t.Context(), prefix+"f", "", bytes.NewReader(data))
	require.NoError(t, err)

	net.deliverAtMost(300 << 10) // each connection breaks once or more on the way
	net.outage(2)
	body, o, err := s.Get(t.Context(), prefix+"f", 1000, -1)
	require.NoError(t, err)
	require.Equal(t, int64(1<<20), o.Bytes)
	back, err := io.ReadAll(body)
	require.NoError(t, err)
	require.NoError(t, body.Close())
	require.True(t, bytes.Equal(data[1000:], back))

	net.deliverAtMost(0)
}

func getGivesUp(t *testing.T, cfg Config) {
	var net network
	cfg.Patience = time.Millisecond
	s, prefix := opened(t, cfg, net.dial)
	_, err := s.Put(t.Context(), prefix+"f", "", bytes.NewReader(content(4<<20)))
	require.NoError(t, err)

	body, _, err := s.Get(t.Context(), prefix+"f", 0, -1)
	require.NoError(t, err)
	net.outage(1_000_000)
	_, err = io.Copy(io.Discard, body)
	require.ErrorIs(t, err, ErrUnavailable)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	require.NoError(t, body.Close())

	_, _, err = s.Get(t.Context(), prefix+"f", 0, -1)
	require.ErrorIs(t, err, ErrUnavailable)
	_, err = s.Put(t.Context(), prefix+"g", "", bytes.NewReader(nil))
	require.ErrorIs(t, err, ErrUnavailable)
	require.ErrorIs(t, s.Ping(t.Context()), ErrUnavailable)
	net.outage(0)
}

func TestACompletionWhoseAnswerIsLostIsFoundOut(t *testing.T) {
	t.Parallel()
	var completions atomic.Int32
	s, prefix := opened(t, gofakeBehind(t, func(fake http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodPost || !r.URL.Query().Has("uploadId") || completions.Add(1) > 1 {
				fake.ServeHTTP(w, r)
				return
			}
			fake.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		})
	}), nil)
	_, err := s.Put(t.Context(), prefix+"f", "", bytes.NewReader(content(partBytes+1)))
	require.NoError(t, err)
	require.Equal(t, int32(2), completions.Load())
	require.Equal(t, string(content(partBytes+1)), read(t, s, prefix+"f", 0, -1))
}

func TestAnEndedContextEndsARead(t *testing.T) {
	t.Parallel()
	var net network
	s, prefix := opened(t, gofake(t), net.dial)
	_, err := s.Put(t.Context(), prefix+"f", "", bytes.NewReader(content(4<<20)))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	body, _, err := s.Get(ctx, prefix+"f", 0, -1)
	require.NoError(t, err)
	_, err = io.ReadFull(body, make([]byte, 10))
	require.NoError(t, err)
	cancel()
	_, err = io.Copy(io.Discard, body)
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, body.Close())
}

func TestAnObjectReplacedUnderAReaderIsNotMixed(t *testing.T) {
	t.Parallel()
	var net network
	s, prefix := opened(t, versitygw(t), net.dial)
	_, err := s.Put(t.Context(), prefix+"f", "", bytes.NewReader(content(4<<20)))
	require.NoError(t, err)
	body, _, err := s.Get(t.Context(), prefix+"f", 0, -1)
	require.NoError(t, err)
	_, err = s.Put(t.Context(), prefix+"f", "", bytes.NewReader(content(4<<20+1)))
	require.NoError(t, err)
	net.outage(0)
	_, err = io.Copy(io.Discard, body)
	require.ErrorContains(t, err, "PreconditionFailed")
	require.NoError(t, body.Close())
}

func TestAServerThatIsBusyIsAskedAgain(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusInternalServerError} {
		var asked atomic.Int32
		web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if asked.Add(1) < 3 {
				w.WriteHeader(status)
			}
		}))
		t.Cleanup(web.Close)
		s, err := Open(t.Context(), Config{Endpoint: web.URL, Bucket: "wharf", AccessKey: "a", SecretKey: "b", PathStyle: true})
		require.NoError(t, err)
		t.Cleanup(s.Close)
		require.NoError(t, s.Delete(t.Context(), "k"))
		require.Equal(t, int32(3), asked.Load())

		asked.Store(0)
		err = s.Ping(t.Context())
		require.Equal(t, fault.Unavailable, fault.CodeOf(err), "a ping asks once")
	}
}

func TestPatienceOutlivesTenSecondsOfAbsence(t *testing.T) {
	t.Parallel()
	total, least := time.Duration(0), 0.8
	for n := range retries(Config{}.withDefaults().Patience) {
		total += delay(n)
		require.InDelta(t, 1, float64(jittered(delay(n)))/float64(delay(n)), 0.2+1e-9)
	}
	require.Greater(t, time.Duration(float64(total)*least), 15*time.Second)
	require.Less(t, total, 30*time.Second)
}

// TestPutReadsNoFurtherThanItsBuffers protects the memory: what was read and is not yet stored fits into the buffers.
func TestPutReadsNoFurtherThanItsBuffers(t *testing.T) {
	t.Parallel()
	var stored atomic.Int64
	cfg := gofakeBehind(t, func(fake http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fake.ServeHTTP(w, r)
			if r.Method == http.MethodPut && r.URL.Query().Has("partNumber") {
				stored.Add(r.ContentLength) // before the answer leaves: it is flushed after this handler
			}
		})
	})
	s, prefix := opened(t, cfg, nil)

	const size = 8 * partBytes
	read := int64(0)
	_, err := s.Put(t.Context(), prefix+"f", "", readerFunc(func(p []byte) (int, error) {
		if read == size {
			return 0, io.EOF
		}
		n := int64(min(len(p), 64<<10))
		read += n
		require.LessOrEqual(t, read-stored.Load(), int64(3*partBytes))
		return int(n), nil
	}))
	require.NoError(t, err)
	require.Equal(t, int64(size), stored.Load())
}

// signedAt signs a GET of u as of the time.
func signedAt(t *testing.T, s *Store, u *url.URL, at time.Time) string {
	t.Helper()
	u.RawQuery = "X-Amz-Expires=60"
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, u.String(), nil)
	require.NoError(t, err)
	link, _, err := v4.NewSigner().PresignHTTP(t.Context(),
		aws.Credentials{AccessKeyID: s.cfg.AccessKey, SecretAccessKey: s.cfg.SecretKey},
		req, "UNSIGNED-PAYLOAD", "s3", s.cfg.Region, at)
	require.NoError(t, err)
	return link
}
