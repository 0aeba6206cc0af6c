package objectstore

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/smithy-go"

	"wharf/internal/fault"
)

// ErrNotFound says that there is no object under the key.
var ErrNotFound = fault.New(fault.NotFound, "object not found")

// ErrRefused says that Config.Guard lets nobody connect to the address.
var ErrRefused = fault.New(fault.Forbidden, "the address of the object storage is not a public one, which is not allowed")

const noSuchUpload = "NoSuchUpload"

// ErrUnavailable says that S3 could not be reached, or could not serve, until the patience ended.
var ErrUnavailable = fault.New(fault.Unavailable, "object storage is unavailable")

// failed gives err of the SDK the code its caller may act on. what says what was tried. The end of ctx comes first:
// whatever else it made fail is no news.
func failed(ctx context.Context, what string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("objectstore: %s: %w", what, ctx.Err())
	}
	err = fmt.Errorf("objectstore: %s: %w", what, err)
	switch {
	case errors.As(err, new(refused)):
		return fault.Wrap(err, ErrRefused.Code, ErrRefused.Message)
	case isNotFound(err):
		return fault.Wrap(err, ErrNotFound.Code, ErrNotFound.Message)
	case isAway(err):
		return fault.Wrap(err, ErrUnavailable.Code, ErrUnavailable.Message)
	}
	return err
}

// isNotFound reports an absent object. An absent bucket is a fault of the configuration, an absent upload is ours.
func isNotFound(err error) bool {
	switch errorCode(err) {
	case "NoSuchBucket", noSuchUpload:
		return false
	}
	return statusOf(err) == http.StatusNotFound
}

// isAway reports that nobody answered, or that the answer was "not now".
func isAway(err error) bool {
	var send interface{ ConnectionError() bool }
	if errors.As(err, &send) && send.ConnectionError() {
		return true
	}
	status := statusOf(err)
	return status >= 500 || status == http.StatusTooManyRequests || errorCode(err) == "SlowDown"
}

func statusOf(err error) int {
	var status interface{ HTTPStatusCode() int }
	if errors.As(err, &status) {
		return status.HTTPStatusCode()
	}
	return 0
}

func errorCode(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}
