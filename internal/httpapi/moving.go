package httpapi

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/labstack/echo/v4"

	"wharf/internal/fault"
)

// keepMoving lets a body, either way, take as long as it likes while it moves, and ends a connection that stands still. If the
// request's body broke, that is what the answer says, whatever it made fail.
func (s *Server) keepMoving(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		res := c.Response()
		body := c.Request().Body
		m := &motion{ctl: http.NewResponseController(res.Writer), now: s.cfg.Now, stall: s.cfg.StallTimeout, unread: body != http.NoBody}
		defer m.end()
		c.Request().Body = &movingBody{ReadCloser: body, m: m}
		res.Writer = &movingWriter{ResponseWriter: res.Writer, m: m}
		err := next(c)
		if err != nil && m.broken != nil {
			return m.broken
		}
		return err
	}
}

// motion sets the deadlines of one request's connection. A connection that has none, a test's recorder, needs none:
// errors of the controller are left alone for that.
type motion struct {
	ctl    *http.ResponseController
	now    func() time.Time
	stall  time.Duration
	unread bool  // the request has a body that has not come to its end
	broken error // what ended it before its end
}

// end leaves net/http the same time for what is unread, since it reads the rest of a body before it answers, and none for
// what broke.
func (m *motion) end() {
	switch {
	case m.broken != nil:
		_ = m.ctl.SetReadDeadline(m.now())
	case m.unread:
		m.awaitRead()
	}
}

func (m *motion) awaitRead() { _ = m.ctl.SetReadDeadline(m.now().Add(m.stall)) }

// awaitWrite allows for the rest of an unread body too.
func (m *motion) awaitWrite() {
	within := m.stall
	if m.unread {
		within *= 2
	}
	_ = m.ctl.SetWriteDeadline(m.now().Add(within))
}

type movingBody struct {
	io.ReadCloser
	m *motion
}

// Read gives the body a new deadline for each piece. At its end net/http takes the deadline away.
func (b *movingBody) Read(p []byte) (int, error) {
	if b.m.unread {
		b.m.awaitRead()
	}
	n, err := b.ReadCloser.Read(p)
	switch {
	case errors.Is(err, io.EOF):
		b.m.unread = false
	case err != nil:
		b.m.broken = b.m.explain(err)
	}
	return n, err //nolint:wrapcheck // io.EOF must stay
}

func (m *motion) explain(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fault.Wrap(err, fault.Malformed, fmt.Sprintf("the request's body stood still for %s", m.stall))
	}
	return fault.Wrap(err, fault.Malformed, "the request's body broke off")
}

type movingWriter struct {
	http.ResponseWriter
	m *motion
}

// WriteHeader gives an answer without a body its deadline.
func (w *movingWriter) WriteHeader(status int) {
	w.m.awaitWrite()
	w.ResponseWriter.WriteHeader(status)
}

// Write gives the answer a new deadline for each piece.
func (w *movingWriter) Write(p []byte) (int, error) {
	w.m.awaitWrite()
	return w.ResponseWriter.Write(p) //nolint:wrapcheck // a writer's own
}

// Unwrap lets http.ResponseController reach the connection.
func (w *movingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
