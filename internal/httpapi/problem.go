package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
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

const (
	problemType = "application/problem+json"
	// clientGone is what the log says of a request whose client did not wait for the answer; nobody reads it elsewhere.
	clientGone = 499
	// retryLater is when a client may try again while a part is away, in seconds.
	retryLater = 5
)

// problem turns any error into the answer that its caller may see.
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
		p.Status, p.Detail = http.StatusRequestEntityTooLarge, fmt.Sprintf("the request is larger than %d bytes, the most that is taken", tooLarge.Limit)
	case errors.Is(err, http.ErrNotMultipart), errors.Is(err, http.ErrMissingBoundary):
		p.Status, p.Detail = http.StatusUnsupportedMediaType, "send the file as multipart/form-data, with its boundary"
	case errors.As(err, &he):
		p.Status, p.Detail = he.Code, routeDetail(he)
	default:
		p.Status = http.StatusInternalServerError
	}
	if p.Status >= http.StatusInternalServerError {
		p.Detail, p.Errors = silence(p.Status), nil
	}
	p.Title, p.StatusCode = http.StatusText(p.Status), p.Status
	return p
}

// routeDetail says in words what Echo's router answers.
func routeDetail(he *echo.HTTPError) string {
	switch he.Code {
	case http.StatusNotFound:
		return "there is no such route; /api/openapi.json lists them"
	case http.StatusMethodNotAllowed:
		return "the route does not take this method; the Allow header lists those it takes"
	default:
		return fmt.Sprint(he.Message)
	}
}

// silence is all that a 5xx says.
func silence(status int) string {
	if status == http.StatusServiceUnavailable {
		return "not available now; try again"
	}
	return "internal error; give the request id to whoever runs this service"
}

// handleError is where every error becomes an answer, and where a 5xx is logged.
func (s *Server) handleError(err error, c echo.Context) {
	ctx := c.Request().Context()
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		if !c.Response().Committed {
			c.Response().WriteHeader(clientGone)
		}
		return
	}
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
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(f.RetryAfter.Seconds()))))
	case p.Status == http.StatusServiceUnavailable:
		h.Set("Retry-After", strconv.Itoa(retryLater))
	case p.Status == http.StatusUnauthorized:
		h.Set(echo.HeaderWWWAuthenticate, "Bearer")
	}
	h.Set(echo.HeaderContentType, problemType)
	c.Response().WriteHeader(p.Status)
	if err := json.NewEncoder(c.Response()).Encode(p); err != nil {
		s.cfg.Log.LogAttrs(ctx, slog.LevelDebug, "answer not written", append(identity(ctx), slog.String("error", err.Error()))...)
	}
}

// identity gives the attributes that every line about a request carries.
func identity(ctx context.Context) []slog.Attr {
	attrs := []slog.Attr{slog.String("request_id", audit.RequestID(ctx))}
	if p, ok := principalOf(ctx); ok && !p.Operator {
		attrs = append(attrs, slog.String("tenant", p.Tenant.String()))
	}
	return attrs
}
