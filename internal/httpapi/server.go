// Package httpapi is the HTTP API: routes, decode → call → encode, and the one place where errors become answers.
//
// The contract is openapi.yaml; api.gen.go is made from it. What a route asks of its caller stands there too, as the scopes
// of its security: the gate reads them, so that no route can be served without its permission.
package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/labstack/echo/v4"

	"wharf/internal/audit"
	"wharf/internal/auth"
	"wharf/internal/catalog"
	"wharf/internal/exporter"
	"wharf/internal/importer"
	"wharf/internal/jobs"
	"wharf/internal/objectstore"
)

//go:generate go tool oapi-codegen -config oapi-codegen.yaml openapi.yaml

// Config is what a Server needs; all of it is required but TrustProxies.
type Config struct {
	Pool      *pgxpool.Pool
	Keys      *auth.Keys
	Audit     *audit.Log
	Catalog   *catalog.Cache
	Objects   *objectstore.Store
	Importers *importer.Service
	Exports   *exporter.Service
	Jobs      *jobs.Client
	Ready     func(ctx context.Context) error // migrations are applied
	Log       *slog.Logger
	Now       func() time.Time

	UploadBytes   int64         // of a file
	BodyBytes     int64         // of a JSON body
	HeaderTimeout time.Duration // to read a request's header
	IdleTimeout   time.Duration // a connection without a request
	StallTimeout  time.Duration // a body, either way, may stand still
	TrustProxies  []*net.IPNet  // whose X-Forwarded-For is believed
}

// Server serves the API.
type Server struct {
	cfg  Config
	echo *echo.Echo
	http *http.Server
}

// New returns a server; it does not listen yet.
func New(cfg Config) (*Server, error) {
	s := &Server{cfg: cfg, echo: echo.New()}
	spec, err := GetSwagger()
	if err != nil {
		return nil, fmt.Errorf("httpapi: read openapi: %w", err)
	}
	e := s.echo
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = s.handleError
	e.Binder = strictBinder{}
	e.IPExtractor = ipExtractor(cfg.TrustProxies)
	e.Use(s.identify, s.logRequest, s.recover, s.keepMoving, s.gate(rulesOf(spec)), s.limitBody)
	doc, err := document(spec)
	if err != nil {
		return nil, err
	}
	RegisterHandlers(e, NewStrictHandler(&handlers{Server: s, openapi: doc}, nil))
	s.http = &http.Server{
		Handler:           e,
		ReadHeaderTimeout: cfg.HeaderTimeout,
		IdleTimeout:       cfg.IdleTimeout,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(cfg.Log.Handler(), slog.LevelDebug),
	}
	return s, nil
}

// Handler gives the API without a listener, for tests.
func (s *Server) Handler() http.Handler { return s.echo }

// Serve answers on l until Shutdown.
func (s *Server) Serve(l net.Listener) error {
	if err := s.http.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("httpapi: serve: %w", err)
	}
	return nil
}

// Shutdown takes no more connections and waits for running requests until ctx ends.
func (s *Server) Shutdown(ctx context.Context) error {
	if err := s.http.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("httpapi: requests still ran at shutdown: %w", err), s.http.Close())
	}
	return nil
}

func ipExtractor(trusted []*net.IPNet) echo.IPExtractor {
	if len(trusted) == 0 {
		return echo.ExtractIPDirect()
	}
	options := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, n := range trusted {
		options = append(options, echo.TrustIPRange(n))
	}
	return echo.ExtractIPFromXFFHeader(options...)
}
