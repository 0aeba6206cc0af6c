package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"wharf/internal/audit"
	"wharf/internal/fault"
)

// statuses is the one table from an error's code to HTTP.
var statuses = map[fault.Code]int{
	fault.Malformed:        http.StatusBadRequest,
	fault.Unauthenticated:  http.StatusUnauthorized,
	fault.Forbidden:        http.StatusForbidden,
	fault.NotFound:         http.StatusNotFound,
	fault.Conflict:         http.StatusConflict,
	fault.Precondition:     http.StatusPreconditionFailed,
	fault.TooLarge:         http.StatusRequestEntityTooLarge,
	fault.UnsupportedMedia: http.StatusUnsupportedMediaType,
	fault.Invalid:          http.StatusUnprocessableEntity,
	fault.RateLimited:      http.StatusTooManyRequests,
	fault.Unavailable:      http.StatusServiceUnavailable,
	fault.Internal:         http.StatusInternalServerError,
}

const problemType = "application/problem+json"

// problem turns any error into the answer that its caller may see. A 5xx says nothing but the request's id.
func problem(err error, requestID string) Problem {
	p := Problem{Type: "about:blank", RequestId: requestID}
	var he *echo.HTTPError
	var tooLarge *http.MaxBytesError
	f, coded := fault.As(err)
	switch {
	case coded:
		p.Status, p.Detail = statuses[f.Code], f.Message
		if f.Fields != nil {
			p.Errors = &f.Fields
		}
	case errors.As(err, &tooLarge):
		p.Status, p.Detail = http.StatusRequestEntityTooLarge, fmt.Sprintf("the request is larger than %d bytes", tooLarge.Limit)
	case errors.As(err, &he):
		p.Status, p.Detail = he.Code, fmt.Sprint(he.Message)
	case errors.Is(err, io.ErrUnexpectedEOF):
		p.Status, p.Detail = http.StatusBadRequest, "the request broke off"
	case errors.Is(err, io.EOF):
		p.Status, p.Detail = http.StatusBadRequest, "a JSON body is needed"
	default:
		p.Status = http.StatusInternalServerError
	}
	if p.Status >= http.StatusInternalServerError && p.Status != http.StatusServiceUnavailable {
		p.Detail, p.Errors = "internal error; give the request id to whoever runs this service", nil
	}
	p.Title, p.StatusCode = http.StatusText(p.Status), p.Status
	return p
}

// handleError is where every error becomes an answer, and where a 5xx is logged.
func (s *Server) handleError(err error, c echo.Context) {
	ctx := c.Request().Context()
	p := problem(err, audit.RequestID(ctx))
	if p.Status >= http.StatusInternalServerError {
		s.cfg.Log.LogAttrs(ctx, slog.LevelError, "request failed", append(identity(ctx), slog.String("error", err.Error()))...)
	}
	if c.Response().Committed {
		return
	}
	h := c.Response().Header()
	switch f, coded := fault.As(err); {
	case coded && f.RetryAfter > 0:
		h.Set("Retry-After", strconv.Itoa(int(f.RetryAfter.Seconds()+0.999)))
	case p.Status == http.StatusServiceUnavailable:
		h.Set("Retry-After", "5")
	case p.Status == http.StatusUnauthorized:
		h.Set("WWW-Authenticate", "Bearer")
	}
	if err := writeJSON(c, p.Status, problemType, p); err != nil {
		s.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "answer not written", append(identity(ctx), slog.String("error", err.Error()))...)
	}
}

func writeJSON(c echo.Context, status int, contentType string, v any) error {
	c.Response().Header().Set(echo.HeaderContentType, contentType)
	c.Response().WriteHeader(status)
	if c.Request().Method == http.MethodHead {
		return nil
	}
	return json.NewEncoder(c.Response()).Encode(v) //nolint:wrapcheck // logged by the caller
}

// identity gives the attributes that every line about a request carries.
func identity(ctx context.Context) []slog.Attr {
	attrs := []slog.Attr{slog.String("request_id", audit.RequestID(ctx))}
	if p, ok := principalOf(ctx); ok && !p.Operator {
		attrs = append(attrs, slog.String("tenant", p.Tenant.String()))
	}
	return attrs
}
