package httpapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"runtime/debug"
	"strings"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"wharf/internal/audit"
	"wharf/internal/auth"
	"wharf/internal/exporter"
	"wharf/internal/fault"
	"wharf/internal/tenancy"
)

type principalKey struct{}

func principalOf(ctx context.Context) (tenancy.Principal, bool) {
	p, ok := ctx.Value(principalKey{}).(tenancy.Principal)
	return p, ok
}

// caller gives the principal that the gate let in; without one every permission is refused.
func caller(ctx context.Context) tenancy.Principal {
	p, _ := principalOf(ctx)
	return p
}

func withContext(c echo.Context, ctx context.Context) { c.SetRequest(c.Request().WithContext(ctx)) }

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
func (s *Server) logRequest(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		start := s.cfg.Now()
		err := next(c)
		if err != nil {
			c.Error(err) // write the answer now, so that its status is known
		}
		level := slog.LevelInfo
		if c.Path() == "/livez" || c.Path() == "/readyz" {
			level = slog.LevelDebug
		}
		ctx := c.Request().Context()
		s.cfg.Log.LogAttrs(ctx, level, "request", append(identity(ctx),
			slog.String("method", c.Request().Method), slog.String("route", c.Path()), slog.Int("status", c.Response().Status),
			slog.Int64("bytes", c.Response().Size), slog.Duration("took", s.cfg.Now().Sub(start)), slog.String("ip", c.RealIP()))...)
		return nil
	}
}

// recover turns a panic into an error. The stack is logged, and nothing of it answered.
func (s *Server) recover(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			r := recover()
			if r == nil {
				return
			}
			if r == http.ErrAbortHandler { //nolint:errorlint // net/http's own sentinel, compared as it does
				panic(r)
			}
			err = fmt.Errorf("httpapi: panic: %v\n%s", r, debug.Stack())
		}()
		return next(c)
	}
}

// keepMoving lets a body, either way, take as long as it likes while it moves, and ends a connection that stands still.
func (s *Server) keepMoving(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		ctl := http.NewResponseController(c.Response().Writer)
		m := &moving{ctl: ctl, now: s.cfg.Now, stall: s.cfg.StallTimeout}
		c.Request().Body = &movingBody{ReadCloser: c.Request().Body, m: m}
		c.Response().Writer = &movingWriter{ResponseWriter: c.Response().Writer, m: m}
		return next(c)
	}
}

type moving struct {
	ctl   *http.ResponseController
	now   func() time.Time
	stall time.Duration
}

type movingBody struct {
	io.ReadCloser
	m *moving
}

// Read gives the body a new deadline for each piece.
func (b *movingBody) Read(p []byte) (int, error) {
	// A connection without deadlines (a test's recorder) needs none.
	_ = b.m.ctl.SetReadDeadline(b.m.now().Add(b.m.stall))
	return b.ReadCloser.Read(p) //nolint:wrapcheck // io.EOF must stay
}

type movingWriter struct {
	http.ResponseWriter
	m *moving
}

// Write gives the answer a new deadline for each piece.
func (w *movingWriter) Write(p []byte) (int, error) {
	_ = w.m.ctl.SetWriteDeadline(w.m.now().Add(w.m.stall)) // as above
	return w.ResponseWriter.Write(p)                       //nolint:wrapcheck // a writer's own
}

// Unwrap lets http.ResponseController reach the connection.
func (w *movingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// rule is what a route asks of its caller.
type rule struct {
	operation string
	public    bool
	scopes    []tenancy.Permission
}

// rulesOf reads the rules from the contract, by method and Echo's spelling of the path.
func rulesOf(spec *openapi3.T) map[string]rule {
	rules := map[string]rule{}
	for path, item := range spec.Paths.Map() {
		for method, op := range item.Operations() {
			security := spec.Security
			if op.Security != nil {
				security = *op.Security
			}
			r := rule{operation: op.OperationID, public: len(security) == 0}
			for _, requirement := range security {
				for _, scope := range requirement["bearer"] {
					r.scopes = append(r.scopes, tenancy.Permission(scope))
				}
			}
			rules[method+" "+echoPath(path)] = r
		}
	}
	return rules
}

func echoPath(path string) string {
	return strings.NewReplacer("{", ":", "}", "").Replace(path)
}

// audited are the operations whose refusal is recorded too.
var audited = map[string]string{
	"createExport":   exporter.ActionStart,
	"downloadExport": exporter.ActionDownload,
	"deleteExport":   exporter.ActionDelete,
}

// gate lets in who may: it finds out who calls, and whether the route's permission is theirs.
func (s *Server) gate(rules map[string]rule) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r, known := rules[c.Request().Method+" "+c.Path()]
			if !known || r.public {
				return next(c) // an unknown route's handler answers 404 or 405
			}
			p, err := s.authenticate(c)
			if err != nil {
				return err
			}
			ctx := context.WithValue(c.Request().Context(), principalKey{}, p)
			withContext(c, ctx)
			for _, scope := range r.scopes {
				if allowed(p, scope) {
					continue
				}
				if action := audited[r.operation]; action != "" {
					if err := s.cfg.Audit.Write(ctx, p, action, audit.Denied, map[string]string{"role": string(p.Role)}); err != nil {
						return fmt.Errorf("httpapi: audit: %w", err)
					}
				}
				return tenancy.ErrForbidden
			}
			return next(c)
		}
	}
}

// allowed also lets operators at the routes that show the installation: jobs and the audit log.
func allowed(p tenancy.Principal, scope tenancy.Permission) bool {
	if p.Operator && (scope == tenancy.JobsManage || scope == tenancy.AuditRead) {
		return true
	}
	return p.May(scope)
}

func (s *Server) authenticate(c echo.Context) (tenancy.Principal, error) {
	scheme, token, _ := strings.Cut(c.Request().Header.Get(echo.HeaderAuthorization), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return tenancy.Principal{}, auth.ErrUnauthenticated
	}
	p, err := s.cfg.Keys.Authenticate(c.Request().Context(), strings.TrimSpace(token))
	if err != nil {
		return tenancy.Principal{}, fmt.Errorf("httpapi: authenticate: %w", err)
	}
	return p, nil
}

// multipartRoom is what the form around a file may take, in bytes.
const multipartRoom = 1 << 20

// limitBody bounds what a request may send: an upload by the file's limit, all else by that of a JSON body.
func (s *Server) limitBody(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		limit := s.cfg.BodyBytes
		if strings.HasPrefix(c.Request().Header.Get(echo.HeaderContentType), echo.MIMEMultipartForm) {
			limit = s.cfg.UploadBytes + multipartRoom
		}
		c.Request().Body = http.MaxBytesReader(c.Response().Writer, c.Request().Body, limit)
		err := next(c)
		if errors.Is(err, http.ErrNotMultipart) || errors.Is(err, http.ErrMissingBoundary) {
			return fault.New(fault.UnsupportedMedia, "send the file as multipart/form-data")
		}
		return err
	}
}
