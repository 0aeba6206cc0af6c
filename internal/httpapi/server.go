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
	"wharf/internal/idempotency"
	"wharf/internal/importer"
	"wharf/internal/jobs"
	"wharf/internal/objectstore"
	"wharf/internal/ratelimit"
	"wharf/internal/restorer"
	"wharf/internal/webhook"
)

// Config is what a Server needs; all of it is required but TrustProxies.
type Config struct {
	Pool        *pgxpool.Pool
	Keys        *auth.Keys
	Audit       *audit.Log
	Catalog     *catalog.Cache
	Objects     *objectstore.Store
	Importers   *importer.Service
	Exports     *exporter.Service
	Restores    *restorer.Service
	Jobs        *jobs.Client
	Webhooks    *webhook.Service
	Idempotency *idempotency.Store
	Limits      *ratelimit.Store
	Rates       Rates
	Ready       func(ctx context.Context) error // migrations are applied
	Log         *slog.Logger
	Now         func() time.Time // the wall clock: deadlines of connections go by it

	UploadBytes   int64         // of a file
	BodyBytes     int64         // of a JSON body
	DocumentBytes int64         // of a JSON body that is a document to restore
	HeaderTimeout time.Duration // to read a request's header
	IdleTimeout   time.Duration // a connection without a request
	StallTimeout  time.Duration // a body, either way, may stand still
	TrustProxies  []*net.IPNet  // whose X-Forwarded-For is believed
}

func (c Config) validate() error {
	parts := c.Pool != nil && c.Keys != nil && c.Audit != nil && c.Catalog != nil && c.Objects != nil && c.Importers != nil &&
		c.Exports != nil && c.Restores != nil && c.Jobs != nil && c.Webhooks != nil && c.Idempotency != nil && c.Limits != nil && c.Ready != nil && c.Log != nil && c.Now != nil
	limits := c.UploadBytes > 0 && c.BodyBytes > 0 && c.DocumentBytes > 0 && c.HeaderTimeout > 0 && c.IdleTimeout > 0 && c.StallTimeout > 0
	if !parts || !limits {
		return errors.New("httpapi: every field of Config but TrustProxies is required")
	}
	return c.Rates.validate()
}

// maxHeaderBytes bounds a request's header.
const maxHeaderBytes = 64 << 10

// Server serves the API.
type Server struct {
	cfg      Config
	contract contract
	echo     *echo.Echo
	http     *http.Server
}

// New returns a server; it does not listen yet. It fails on a Config that lacks something, and on a route that the
// contract does not know.
func New(cfg Config) (*Server, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	spec, err := GetSpec()
	if err != nil {
		return nil, fmt.Errorf("httpapi: read openapi: %w", err)
	}
	s := &Server{cfg: cfg, echo: echo.New()}
	if s.contract, err = readContract(spec); err != nil {
		return nil, err
	}
	document, err := publicDocument()
	if err != nil {
		return nil, err
	}
	e := s.echo
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = s.handleError
	e.Binder = strictBinder{}
	e.IPExtractor = ipExtractor(cfg.TrustProxies)
	e.Use(s.identify, s.logRequest, recoverPanic, s.keepMoving, s.match, s.gate, s.limitBody, checkParameters, s.idempotent, s.limitStarts)
	RegisterHandlers(e, NewStrictHandler(&handlers{Server: s, document: document}, nil))
	if err := s.contract.covers(e.Routes()); err != nil {
		return nil, err
	}
	s.http = &http.Server{
		Handler:           headAsGet(e),
		ReadHeaderTimeout: cfg.HeaderTimeout,
		IdleTimeout:       cfg.IdleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(cfg.Log.Handler(), slog.LevelDebug),
	}
	return s, nil
}

// Serve answers on l until Shutdown.
func (s *Server) Serve(l net.Listener) error {
	if err := s.http.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("httpapi: serve: %w", err)
	}
	return nil
}

// Shutdown takes no more connections and waits for running requests until ctx ends; those that still run are cut off then.
func (s *Server) Shutdown(ctx context.Context) error {
	if err := s.http.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("httpapi: requests still ran at shutdown: %w", err), s.http.Close())
	}
	return nil
}

// ipExtractor gives the caller's address: the connection's, or what a trusted proxy says it forwards for.
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

// handlers implements the generated interface: decode → call → encode.
type handlers struct {
	*Server
	document map[string]any // for GetOpenAPI
}

var _ StrictServerInterface = (*handlers)(nil)
