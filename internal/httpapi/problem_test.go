package httpapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"wharf/internal/fault"
)

// wanted is the contract's table from codes to statuses, by hand.
var wanted = map[fault.Code]int{
	"malformed": 400, "unauthenticated": 401, "forbidden": 403, "not_found": 404, "conflict": 409, "precondition": 412,
	"too_large": 413, "unsupported_media": 415, "invalid": 422, "rate_limited": 429, "internal": 500, "unavailable": 503,
}

func TestEveryCodeHasItsStatus(t *testing.T) {
	t.Parallel()
	require.Len(t, statuses, len(wanted))
	require.Len(t, fault.Codes(), len(wanted))
	for _, code := range fault.Codes() {
		t.Run(string(code), func(t *testing.T) {
			t.Parallel()
			err := fault.Wrap(errors.New("dial 10.0.0.7"), code, "what was wrong").WithFields(fault.Field{Field: "name", Message: "is required"})
			p := problem(fmt.Errorf("importer: x: %w", err), "req-1")
			require.Equal(t, wanted[code], p.Status)
			require.Equal(t, wanted[code], p.StatusCode)
			require.Equal(t, http.StatusText(wanted[code]), p.Title)
			require.Equal(t, "about:blank", p.Type)
			require.Equal(t, "req-1", p.RequestId)
			require.NotContains(t, p.Detail, "10.0.0.7")
			if p.Status >= 500 {
				require.Nil(t, p.Errors)
				require.NotContains(t, p.Detail, "what was wrong")
				return
			}
			require.Equal(t, "what was wrong", p.Detail)
			require.Equal(t, []fault.Field{{Field: "name", Message: "is required"}}, *p.Errors)
		})
	}
}

// An error without a code is ours, whatever it looks like: the database's broken connection is no broken request.
func TestErrorWithoutACodeSaysNothing(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"plain":                       errors.New("password authentication failed for user wharf"),
		"the end of a stream":         fmt.Errorf("pg: read: %w", io.EOF),
		"the break of a stream":       fmt.Errorf("pg: read: %w", io.ErrUnexpectedEOF),
		"a deadline":                  context.DeadlineExceeded,
		"a cancel that nobody wanted": context.Canceled,
		"of the router, but ours":     echo.NewHTTPError(http.StatusInternalServerError, "secret"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := problem(err, "req-1")
			require.Equal(t, http.StatusInternalServerError, p.Status)
			require.Equal(t, "internal error; give the request id to whoever runs this service", p.Detail)
			require.Nil(t, p.Errors)
		})
	}
}
