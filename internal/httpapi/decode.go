package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"

	"github.com/labstack/echo/v4"

	"wharf/internal/fault"
)

// strictBinder decodes JSON bodies: an unknown field or a wrong type is an error that names it, not silence.
type strictBinder struct{}

// Bind decodes the body into i. An absent body leaves i as it is.
func (strictBinder) Bind(i any, c echo.Context) error {
	body := c.Request().Body
	kind, _, err := mime.ParseMediaType(c.Request().Header.Get(echo.HeaderContentType))
	raw, readErr := io.ReadAll(body)
	switch {
	case readErr != nil:
		return fmt.Errorf("httpapi: read body: %w", readErr)
	case len(bytes.TrimSpace(raw)) == 0:
		return io.EOF // the generated code takes it as: no body
	case err != nil || kind != echo.MIMEApplicationJSON:
		return fault.New(fault.UnsupportedMedia, "send JSON, with Content-Type: application/json")
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(i); err != nil {
		return decodeFault(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return fault.New(fault.Malformed, "the body goes on after its JSON value")
	}
	return nil
}

func decodeFault(err error) error {
	var typed *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	_, coded := fault.As(err)
	switch {
	case coded:
		return err
	case errors.As(err, &typed):
		return fault.Wrap(err, fault.Invalid, "the body does not fit").
			WithFields(fault.Field{Field: typed.Field, Message: "must not be a " + typed.Value})
	case errors.As(err, &syntax):
		return fault.Newf(fault.Malformed, "the body is not valid JSON, at byte %d", syntax.Offset)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fault.New(fault.Malformed, "the body is not valid JSON: it breaks off")
	default: // an unknown field: the decoder has no type for it
		return fault.Wrap(err, fault.Invalid, bytesAfter(err.Error(), "json: "))
	}
}

func bytesAfter(s, prefix string) string {
	if len(s) > len(prefix) && s[:len(prefix)] == prefix {
		return s[len(prefix):]
	}
	return s
}
