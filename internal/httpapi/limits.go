package httpapi

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/labstack/echo/v4"

	"wharf/internal/audit"
	"wharf/internal/auth"
	"wharf/internal/fault"
	"wharf/internal/ratelimit"
	"wharf/internal/tenancy"
)

// Rates are the limits of the API. All are required.
type Rates struct {
	ExportStarts  ratelimit.Limit // of a tenant
	ImportStarts  ratelimit.Limit // of a tenant
	RestoreStarts ratelimit.Limit // of a tenant
	UploadStarts  ratelimit.Limit // of a tenant; previews too, which store a file
	Requests      ratelimit.Limit // of an API key, whatever it asks for
	Failures      ratelimit.Limit // of an address that shows credentials which are not good
}

func (r Rates) validate() error {
	for _, l := range []ratelimit.Limit{r.ExportStarts, r.ImportStarts, r.RestoreStarts, r.UploadStarts, r.Requests, r.Failures} {
		if l.Name == "" || l.Rate < 1 || l.Per <= 0 || l.Burst < 1 {
			return fmt.Errorf("httpapi: %q is no limit", l.Name)
		}
	}
	return nil
}

// starts gives the limit that a tenant's operation takes one from, beside the key's own; false for those without one. An operation
// that starts an export, in whichever form, belongs here.
func (r Rates) starts(operation string) (ratelimit.Limit, bool) {
	switch operation {
	case "createExport", "retryExport", "streamExport", "streamDump":
		return r.ExportStarts, true
	case "createImport":
		return r.ImportStarts, true
	case "importDocument", "createRestore", "retryRestore":
		return r.RestoreStarts, true
	case "createUpload", "previewImport":
		return r.UploadStarts, true
	}
	return ratelimit.Limit{}, false
}

// limitStarts lets a tenant start so much and no more. It stands behind idempotent: an answer that is given again starts nothing.
// Where the limit cannot be asked, nothing starts.
func (s *Server) limitStarts(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := ruleOf(c)
		limit, limited := s.cfg.Rates.starts(r.operation)
		if !limited {
			return next(c)
		}
		ctx := c.Request().Context()
		p := caller(ctx)
		v, err := s.cfg.Limits.Take(ctx, limit, ratelimit.OfTenant(p.Tenant))
		if err != nil {
			return fault.Wrap(err, fault.Unavailable, "the limit cannot be asked now")
		}
		if err := tell(c, v); err != nil {
			return s.limited(ctx, p, r.operation, c.Param("id"), err)
		}
		return next(c)
	}
}

// request asks for a key's turn along with the key itself. A limit that cannot be asked lets its caller in: reading must go on.
func (s *Server) request(got *ratelimit.Verdict) auth.Beside {
	got.Allowed = true
	return func(b *pgx.Batch, prefix string, hash []byte) {
		ratelimit.QueueRequest(b, s.cfg.Rates.Requests, prefix, hash, func(v ratelimit.Verdict) { *got = v })
	}
}

// failed counts a credential that is not good, and gives what its sender is answered: that, or that there were too many.
func (s *Server) failed(c echo.Context, cause error) error {
	ctx := c.Request().Context()
	v, err := s.cfg.Limits.Take(ctx, s.cfg.Rates.Failures, ratelimit.OfAddress(c.RealIP()))
	if err != nil {
		s.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "failed credential not counted", append(identity(ctx), slog.String("error", err.Error()))...)
		return cause
	}
	if err := tell(c, v); err != nil {
		return err
	}
	return cause
}

// limited records an attempt that is refused for its frequency where it was for data, and gives the refusal.
func (s *Server) limited(ctx context.Context, p tenancy.Principal, operation, id string, refusal error) error {
	if err := s.record(ctx, p, operation, id, audit.Limited); err != nil {
		return err
	}
	return refusal
}

// Headers of limits, as draft-ietf-httpapi-ratelimit-headers had them until its sixth version; most clients know these.
const (
	headerLimit     = "RateLimit-Limit"     // requests at once
	headerRemaining = "RateLimit-Remaining" // of them are left
	headerReset     = "RateLimit-Reset"     // seconds until all are
)

// tell writes how the caller stands with a limit into the answer's header, and gives RateLimited if it was not let in.
func tell(c echo.Context, v ratelimit.Verdict) error {
	if v.Limit == 0 { // not asked
		return nil
	}
	h := c.Response().Header()
	h.Set(headerLimit, strconv.Itoa(v.Limit))
	h.Set(headerRemaining, strconv.Itoa(v.Remaining))
	h.Set(headerReset, seconds(v.Reset))
	if v.Allowed {
		return nil
	}
	return &fault.Error{Code: fault.RateLimited, Message: "Too many requests", RetryAfter: max(v.RetryAfter, time.Millisecond)}
}

// seconds rounds up: whoever waits as long as he was told is let in.
func seconds(d time.Duration) string { return strconv.Itoa(int(math.Ceil(d.Seconds()))) }
