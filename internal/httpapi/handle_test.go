package httpapi

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"wharf/internal/fault"
)

// lodge is a server with the middleware of every request and a route of the test's own, without the services.
type lodge struct {
	url string
	log *strings.Builder // read it after the server closed
	web *httptest.Server
}

func newLodge(t *testing.T, stall time.Duration, handler echo.HandlerFunc) *lodge {
	t.Helper()
	log := &strings.Builder{}
	s := &Server{cfg: Config{Log: slog.New(slog.NewJSONHandler(log, nil)), Now: time.Now, StallTimeout: stall}, echo: echo.New()}
	s.echo.HTTPErrorHandler = s.handleError
	s.echo.Use(s.identify, s.logRequest, recoverPanic, s.keepMoving)
	s.echo.GET("/", handler)
	s.echo.POST("/", handler)
	web := httptest.NewServer(headAsGet(s.echo))
	t.Cleanup(web.Close)
	return &lodge{url: web.URL, log: log, web: web}
}

// ended closes the server, which waits for its requests, and gives the log.
func (l *lodge) ended() string {
	l.web.Close()
	return l.log.String()
}

func (l *lodge) get(t *testing.T) *http.Response {
	t.Helper()
	res, err := l.web.Client().Get(l.url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = res.Body.Close() })
	return res
}

const long = time.Minute

func TestPanicIsAnAnswerAndALogLine(t *testing.T) {
	t.Parallel()
	l := newLodge(t, long, func(echo.Context) error { panic("the vault's code is 1234") }) //nolint:forbidigo // what the test is about
	res := l.get(t)
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusInternalServerError, res.StatusCode)
	require.Equal(t, problemType, res.Header.Get("Content-Type"))
	require.NotContains(t, string(body), "1234")
	require.NotContains(t, string(body), "goroutine")
	log := l.ended()
	require.Contains(t, log, "1234")
	require.Contains(t, log, "handle_test.go", "the log has the stack")
	require.Equal(t, 1, strings.Count(log, "request failed"))
	require.Contains(t, log, `"status":500`)
}

func TestRetryAfterIsToldInWholeSecondsAndNeverTooEarly(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"limited":             {&fault.Error{Code: fault.RateLimited, Message: "Too many requests", RetryAfter: 1500 * time.Millisecond}, "2"},
		"limited for seconds": {&fault.Error{Code: fault.RateLimited, Message: "Too many requests", RetryAfter: 20 * time.Second}, "20"},
		"away":                {fault.New(fault.Unavailable, "x"), "5"},
		"away, it says when":  {&fault.Error{Code: fault.Unavailable, Message: "x", RetryAfter: time.Minute}, "60"},
		"not found":           {fault.New(fault.NotFound, "x"), ""},
		"ours":                {errors.New("x"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLodge(t, long, func(echo.Context) error { return c.err })
			require.Equal(t, c.want, l.get(t).Header.Get("Retry-After"))
		})
	}
}

// A client must not take half an answer for a whole one.
func TestAnswerThatFailsHalfwayBreaksOff(t *testing.T) {
	t.Parallel()
	l := newLodge(t, long, func(c echo.Context) error {
		c.Response().WriteHeader(http.StatusOK)
		if _, err := io.WriteString(c.Response(), `{"rows":[`); err != nil {
			return err
		}
		c.Response().Flush()
		return errors.New("the database went away")
	})
	res := l.get(t)
	require.Equal(t, http.StatusOK, res.StatusCode)
	body, err := io.ReadAll(res.Body)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Equal(t, `{"rows":[`, string(body), "nothing is added to it")
	log := l.ended()
	require.Contains(t, log, "the database went away")
	require.Contains(t, log, `"broken_off":true`)
}

func TestClientThatLeavesIsNoFailureOfOurs(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{})
	l := newLodge(t, long, func(c echo.Context) error {
		close(arrived)
		<-c.Request().Context().Done()
		return fault.Wrap(c.Request().Context().Err(), fault.Unavailable, "the database is not reachable now")
	})
	ctx, cancel := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, l.url, nil)
	require.NoError(t, err)
	go func() {
		<-arrived
		cancel()
	}()
	_, err = l.web.Client().Do(req)
	require.ErrorIs(t, err, context.Canceled)
	log := l.ended()
	require.Contains(t, log, `"status":499`)
	require.NotContains(t, log, "ERROR")
}

func TestHeadIsAnsweredAsGetWithoutItsBody(t *testing.T) {
	t.Parallel()
	l := newLodge(t, long, func(c echo.Context) error { return c.String(http.StatusOK, c.Request().Method) })
	res, err := l.web.Client().Head(l.url)
	require.NoError(t, err)
	defer res.Body.Close()
	require.Equal(t, http.StatusOK, res.StatusCode)
	require.EqualValues(t, 3, res.ContentLength, "of the answer to GET")
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Empty(t, body)
}

func TestRequestIDIsTheClientsIfItIsAPlainOne(t *testing.T) {
	t.Parallel()
	l := newLodge(t, long, func(c echo.Context) error { return c.NoContent(http.StatusNoContent) })
	for id, kept := range map[string]bool{
		"abc-123_x.Y": true, strings.Repeat("a", 128): true,
		"": false, strings.Repeat("a", 129): false, "a b": false, "a\tb": false, "é": false, `a"b`: false, "<script>": false, "a,b": false,
	} {
		req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, l.url, nil)
		require.NoError(t, err)
		req.Header.Set("X-Request-Id", id)
		res, err := l.web.Client().Do(req)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		got := res.Header.Get("X-Request-Id")
		require.Equal(t, kept, got == id, "%q became %q", id, got)
		require.Regexp(t, `^[A-Za-z0-9._-]{1,128}$`, got)
	}
}

// slowly calls fn with a reader that gives a piece at a time, each after less than the stall.
type slowly struct {
	pieces int
	pause  <-chan time.Time
}

func (s *slowly) Read(p []byte) (int, error) {
	if s.pieces == 0 {
		return 0, io.EOF
	}
	<-s.pause
	s.pieces--
	p[0] = 'x'
	return 1, nil
}

const stall = 400 * time.Millisecond

func TestBodyMayTakeLongerThanTheStallWhileItMoves(t *testing.T) {
	t.Parallel()
	l := newLodge(t, stall, func(c echo.Context) error {
		n, err := io.Copy(io.Discard, c.Request().Body)
		if err != nil {
			return err
		}
		return c.JSON(http.StatusOK, n)
	})
	pause := time.NewTicker(stall / 10)
	defer pause.Stop()
	res, err := l.web.Client().Post(l.url, "text/plain", &slowly{pieces: 25, pause: pause.C})
	require.NoError(t, err)
	defer res.Body.Close()
	require.Equal(t, http.StatusOK, res.StatusCode)
}

func TestAnswerMayTakeLongerThanTheStallWhileItMoves(t *testing.T) {
	t.Parallel()
	pause := time.NewTicker(stall / 10)
	defer pause.Stop()
	l := newLodge(t, stall, func(c echo.Context) error {
		for range 25 {
			select {
			case <-pause.C:
			case <-c.Request().Context().Done():
				return c.Request().Context().Err()
			}
			if _, err := io.WriteString(c.Response(), "x"); err != nil {
				return err
			}
			c.Response().Flush()
		}
		return nil
	})
	body, err := io.ReadAll(l.get(t).Body)
	require.NoError(t, err)
	require.Len(t, body, 25)
}

// raw sends text over a connection and gives what is answered until the server closes it.
func raw(t *testing.T, address, text string) string {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	_, err = io.WriteString(conn, text)
	require.NoError(t, err)
	answer, err := io.ReadAll(conn)
	require.NoError(t, err, "the server closes it")
	return string(answer)
}

const standing = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf"

func TestBodyThatStandsStillIsEnded(t *testing.T) {
	t.Parallel()
	l := newLodge(t, stall, func(c echo.Context) error {
		_, err := io.Copy(io.Discard, c.Request().Body)
		return err
	})
	answer := raw(t, l.web.Listener.Addr().String(), standing)
	require.Contains(t, answer, "400 Bad Request")
	require.Contains(t, answer, "the request's body stood still for 400ms")
	require.Contains(t, l.ended(), `"status":400`)
}

// net/http reads on after the handler, for the sake of the next request on the connection; that must not take for ever either.
func TestBodyThatNobodyReadsMayNotStandStill(t *testing.T) {
	t.Parallel()
	l := newLodge(t, stall, func(echo.Context) error { return fault.New(fault.Unauthenticated, "who are you") })
	require.Contains(t, raw(t, l.web.Listener.Addr().String(), standing), "401 Unauthorized")
}

func TestAnswerThatNobodyTakesIsEnded(t *testing.T) {
	t.Parallel()
	wrote := make(chan error, 1)
	l := newLodge(t, stall, func(c echo.Context) error {
		c.Response().WriteHeader(http.StatusOK)
		for piece := make([]byte, 1<<20); ; {
			if _, err := c.Response().Write(piece); err != nil {
				wrote <- err
				return err
			}
		}
	})
	conn, err := net.Dial("tcp", l.web.Listener.Addr().String())
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
	select {
	case err := <-wrote:
		require.ErrorContains(t, err, "timeout")
	case <-time.After(20 * time.Second):
		require.Fail(t, "the answer still waits to be taken")
	}
}

// The deadline of a body must not outlive it: net/http goes on reading to see the client leave, and would take the deadline for that.
func TestHandlerMayTakeLongerThanTheStallAfterTheBody(t *testing.T) {
	t.Parallel()
	l := newLodge(t, stall, func(c echo.Context) error {
		if _, err := io.Copy(io.Discard, c.Request().Body); err != nil {
			return err
		}
		select {
		case <-c.Request().Context().Done():
			return c.Request().Context().Err()
		case <-time.After(2 * stall):
			return c.NoContent(http.StatusNoContent)
		}
	})
	res, err := l.web.Client().Post(l.url, "text/plain", strings.NewReader("whole"))
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, http.StatusNoContent, res.StatusCode)
}

// Nor must the deadline of one answer end the next one on the same connection.
func TestConnectionServesAgainAfterTheStall(t *testing.T) {
	t.Parallel()
	l := newLodge(t, stall, func(c echo.Context) error {
		if _, err := io.Copy(io.Discard, c.Request().Body); err != nil {
			return err
		}
		if c.Request().ContentLength == 1 {
			return c.String(http.StatusOK, "with a body")
		}
		return c.NoContent(http.StatusNoContent)
	})
	conn, err := net.Dial("tcp", l.web.Listener.Addr().String())
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	_, err = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx")
	require.NoError(t, err)
	answer := make([]byte, 4096)
	n, err := conn.Read(answer)
	require.NoError(t, err)
	require.Contains(t, string(answer[:n]), "200 OK")
	<-time.After(2 * stall)
	_, err = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
	require.NoError(t, err)
	n, err = conn.Read(answer)
	require.NoError(t, err)
	require.Contains(t, string(answer[:n]), "100 Continue")
	_, err = io.WriteString(conn, "xx")
	require.NoError(t, err)
	n, err = conn.Read(answer)
	require.NoError(t, err)
	require.Contains(t, string(answer[:n]), "204 No Content")
}
