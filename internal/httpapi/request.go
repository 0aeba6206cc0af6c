package httpapi

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"runtime/debug"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"wharf/internal/audit"
)

func withContext(c echo.Context, ctx context.Context) { c.SetRequest(c.Request().WithContext(ctx)) }

type headKey struct{}

// isHead reports whether only the header of the answer is wanted.
func isHead(ctx context.Context) bool { return ctx.Value(headKey{}) != nil }

// headAsGet answers HEAD as GET. net/http, which keeps the request as it came, leaves the body out.
func headAsGet(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			r = r.WithContext(context.WithValue(r.Context(), headKey{}, true)) // a copy
			r.Method = http.MethodGet
		}
		next.ServeHTTP(w, r)
	})
}

var goodRequestID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,128}$`)

// identify gives each request an id: the client's if it is a plain one, else a new one.
func (s *Server) identify(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		id := c.Request().Header.Get(echo.HeaderXRequestID)
		if !goodRequestID.MatchString(id) {
			id = uuid.NewString()
		}
		c.Response().Header().Set(echo.HeaderXRequestID, id)
		withContext(c, audit.WithRequestID(c.Request().Context(), id))
		return next(c)
	}
}

// logRequest writes one line a request. The path is the route's, so that no id or query value gets into the log.
//
// An answer that breaks off half-way is not allowed to look whole: its connection is cut.
func (s *Server) logRequest(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		start := s.cfg.Now()
		err := next(c)
		halfway := err != nil && c.Response().Committed
		if err != nil {
			c.Error(err) // write the answer now, so that its status is known
		}
		level := slog.LevelInfo
		if c.Path() == "/livez" || c.Path() == "/readyz" {
			level = slog.LevelDebug
		}
		ctx := c.Request().Context()
		attrs := append(identity(ctx),
			slog.String("method", c.Request().Method), slog.String("route", c.Path()), slog.Int("status", c.Response().Status),
			slog.Int64("bytes", c.Response().Size), slog.Duration("took", s.cfg.Now().Sub(start)), slog.String("ip", c.RealIP()))
		if halfway {
			s.cfg.Log.LogAttrs(ctx, level, "request", append(attrs, slog.Bool("broken_off", true))...)
			abort()
		}
		s.cfg.Log.LogAttrs(ctx, level, "request", attrs...)
		return nil
	}
}

// abort ends the connection at once; net/http knows this panic and logs nothing.
func abort() { panic(http.ErrAbortHandler) } //nolint:forbidigo // the way that net/http offers

// recoverPanic turns a panic into an error. The stack is logged, and nothing of it answered.
func recoverPanic(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			switch r := recover(); r {
			case nil:
			case http.ErrAbortHandler: //nolint:errorlint // net/http's own sentinel, compared as it does
				abort()
			default:
				err = fmt.Errorf("httpapi: panic: %v\n%s", r, debug.Stack())
			}
		}()
		return next(c)
	}
}
