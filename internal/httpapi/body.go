package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"

	"wharf/internal/fault"
)

// multipartRoom is what the form around a file may take, in bytes.
const multipartRoom = 1 << 20

// limitBody bounds what a request may send: an upload by the file's limit, a document by its own, all else by that of a JSON body.
func (s *Server) limitBody(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		kind := ""
		if ruleOf(c).upload {
			kind = plainKind(r)
		}
		limit := s.cfg.BodyBytes
		switch {
		case kind == echo.MIMEMultipartForm:
			limit = s.cfg.UploadBytes + multipartRoom
		case ruleOf(c).document:
			limit = s.cfg.DocumentBytes
		}
		whole := r.Body
		r.Body = http.MaxBytesReader(c.Response().Writer, whole, limit)
		switch kind {
		case echo.MIMEMultipartForm:
			r.Body = wholeForm(r.Body)
		case echo.MIMEApplicationForm:
			if err := asMultipart(r); err != nil {
				return err
			}
		}
		err := next(c)
		var tooLarge *http.MaxBytesError
		if ruleOf(c).document && errors.As(err, &tooLarge) {
			// Most clients hear nothing before they have said all: as much again is listened to.
			_, _ = io.CopyN(io.Discard, whole, limit) // what breaks is answered the same
		}
		return err
	}
}

// plainKind gives the body's media type in the spelling that the generated code compares with, and puts it into the header.
func plainKind(r *http.Request) string {
	kind, params, err := mime.ParseMediaType(r.Header.Get(echo.HeaderContentType))
	if err != nil {
		return ""
	}
	r.Header.Set(echo.HeaderContentType, mime.FormatMediaType(kind, params))
	return kind
}

// asMultipart spells a form of names and values the way that forms with files are, so that one reader takes both.
func asMultipart(r *http.Request) error {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return fmt.Errorf("httpapi: read form: %w", err)
	}
	form, err := url.ParseQuery(string(raw))
	if err != nil {
		return fault.Wrap(err, fault.Malformed, "the form cannot be read: it is no application/x-www-form-urlencoded")
	}
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for name, values := range form {
		for _, value := range values {
			err = errors.Join(err, w.WriteField(name, value))
		}
	}
	if err = errors.Join(err, w.Close()); err != nil {
		return fmt.Errorf("httpapi: rewrite form: %w", err)
	}
	r.Body, r.ContentLength = io.NopCloser(&body), int64(body.Len())
	r.Header.Set(echo.HeaderContentType, w.FormDataContentType())
	return nil
}

// errNoBody is what the generated code takes for "no body": it passes where the body is optional, and is the answer
// where it is not.
var errNoBody = fault.Wrap(io.EOF, fault.Malformed, "a JSON body is needed")

// streamedBody is a JSON body that its handler reads as a stream.
type streamedBody struct{ io.Reader }

// strictBinder decodes JSON bodies: what does not fit the contract is an error that names the place, not silence.
type strictBinder struct{}

// Bind decodes the body into i, whose schema is that of the request's route.
func (strictBinder) Bind(i any, c echo.Context) error {
	kind, _, typeErr := mime.ParseMediaType(c.Request().Header.Get(echo.HeaderContentType))
	isJSON := typeErr == nil && kind == echo.MIMEApplicationJSON
	if !isJSON && c.Request().ContentLength > 0 {
		return errNotJSON
	}
	if streamed, ok := i.(*streamedBody); ok {
		if !isJSON {
			return errNotJSON
		}
		streamed.Reader = c.Request().Body
		return nil
	}
	raw, err := io.ReadAll(c.Request().Body)
	switch {
	case err != nil:
		return fmt.Errorf("httpapi: read body: %w", err)
	case len(bytes.TrimSpace(raw)) == 0:
		return errNoBody
	case !isJSON:
		return errNotJSON
	}
	if err := checkBody(c, raw); err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(i); err != nil {
		return decodeFault(err)
	}
	return nil
}

var errNotJSON = fault.New(fault.UnsupportedMedia, "send JSON, with Content-Type: application/json")

// checkBody holds the body against its schema. A member that is null counts as left out, unless a decoder gives it a
// meaning of its own.
func checkBody(c echo.Context, raw []byte) error {
	var doc any
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&doc); err != nil {
		return decodeFault(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return fault.Newf(fault.Malformed, "the body goes on after its JSON value, at byte %d", dec.InputOffset())
	}
	schema := ruleOf(c).body
	if schema == nil {
		return nil
	}
	if wrong := misfits(schema, withoutNulls(doc), ""); wrong != nil {
		if wrong[0].Field == "" {
			return fault.New(fault.Invalid, "the body "+wrong[0].Message)
		}
		return fault.New(fault.Invalid, "the body does not fit").WithFields(wrong...)
	}
	return nil
}

// withoutNulls drops the members of objects that are null.
func withoutNulls(node any) any {
	switch node := node.(type) {
	case map[string]any:
		for key, value := range node {
			if value == nil {
				delete(node, key)
				continue
			}
			node[key] = withoutNulls(value)
		}
	case []any:
		for i, value := range node {
			node[i] = withoutNulls(value)
		}
	}
	return node
}

// decodeFault says why the body could not be read. What decoders refuse beyond the contract comes coded, or is told as
// it is.
func decodeFault(err error) error {
	var syntax *json.SyntaxError
	var typed *json.UnmarshalTypeError
	var moment *time.ParseError
	_, coded := fault.As(err)
	switch {
	case coded:
		return err
	case errors.As(err, &syntax):
		return fault.Wrap(err, fault.Malformed, fmt.Sprintf("the body is not valid JSON, at byte %d", syntax.Offset))
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fault.Wrap(err, fault.Malformed, "the body is not valid JSON: it breaks off")
	case errors.As(err, &typed):
		return fault.Wrap(err, fault.Invalid, "the body does not fit").
			WithFields(fault.Field{Field: typed.Field, Message: "cannot be this " + typed.Value})
	case errors.As(err, &moment): // written as one, but there is no such day or zone
		return fault.Wrap(err, fault.Invalid, "the body does not fit: "+moment.Value+" is no date and time such as 2006-01-02T15:04:05Z")
	default:
		return fault.Wrap(err, fault.Invalid, "the body does not fit: "+err.Error())
	}
}
