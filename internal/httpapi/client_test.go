package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// client follows no redirect and keeps no connection that would outlive its test.
var client = &http.Client{
	Transport:     &http.Transport{DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// request is one call of the API. Zero values: GET, no key, no body.
type request struct {
	method, path string
	key          string
	body         io.Reader
	contentType  string
	header       map[string]string
}

type response struct {
	status int
	header http.Header
	body   string
}

// do sends r and checks what holds for every answer.
func (h *house) do(t *testing.T, r request) response {
	t.Helper()
	method := r.method
	if method == "" {
		method = http.MethodGet
	}
	req, err := http.NewRequestWithContext(context.Background(), method, "http://"+h.address+r.path, r.body)
	require.NoError(t, err)
	if r.key != "" {
		req.Header.Set("Authorization", "Bearer "+r.key)
	}
	if r.contentType != "" {
		req.Header.Set("Content-Type", r.contentType)
	}
	for name, value := range r.header {
		req.Header.Set(name, value)
	}
	res, err := client.Do(req)
	require.NoError(t, err, "%s %s", method, r.path)
	return received(t, res)
}

func received(t *testing.T, res *http.Response) response {
	t.Helper()
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	got := response{res.StatusCode, res.Header, string(body)}
	require.NotEmpty(t, got.header.Get("X-Request-Id"))
	// HEAD has no body; /readyz has one of its own.
	if got.status >= 400 && res.Request.Method != http.MethodHead && res.Request.URL.Path != "/readyz" {
		got.problem(t)
	}
	return got
}

func (h *house) json(t *testing.T, key, method, path, body string) response {
	t.Helper()
	return h.do(t, request{method: method, path: path, key: key, body: strings.NewReader(body), contentType: "application/json"})
}

func (h *house) get(t *testing.T, key, path string) response {
	t.Helper()
	return h.do(t, request{path: path, key: key})
}

// problem is an error as the contract spells it; problem checks that it is spelt so, member by member.
type problem struct {
	Type       string
	Title      string
	Status     int
	Detail     string
	StatusCode int    `json:"status_code"`
	RequestID  string `json:"request_id"`
	Errors     []struct{ Field, Message string }
}

func (r response) problem(t *testing.T) problem {
	t.Helper()
	require.Equal(t, "application/problem+json", r.header.Get("Content-Type"), r.body)
	var members map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(r.body), &members), r.body)
	_, hasErrors := members["errors"]
	delete(members, "errors")
	names := make([]string, 0, len(members))
	for name := range members {
		names = append(names, name)
	}
	require.ElementsMatch(t, []string{"type", "title", "status", "detail", "status_code", "request_id"}, names)
	var p problem
	require.NoError(t, json.Unmarshal([]byte(r.body), &p))
	require.Equal(t, r.status, p.Status)
	require.Equal(t, r.status, p.StatusCode)
	require.Equal(t, http.StatusText(r.status), p.Title)
	require.Equal(t, "about:blank", p.Type)
	require.Equal(t, r.header.Get("X-Request-Id"), p.RequestID)
	require.NotEmpty(t, p.Detail)
	require.Equal(t, hasErrors, len(p.Errors) > 0, "errors is absent or holds something")
	if r.status >= 500 {
		require.Empty(t, p.Errors)
		require.Contains(t, []string{"internal error; give the request id to whoever runs this service", "not available now; try again"}, p.Detail)
	}
	return p
}

// fields gives the places that the problem names, each as "field: message".
func (p problem) fields() (places []string) {
	for _, e := range p.Errors {
		places = append(places, e.Field+": "+e.Message)
	}
	return places
}

func decoded[T any](t *testing.T, r response) (v T) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(r.body), &v), r.body)
	return v
}

// part is one part of a form; a name with "file" in front of a colon, "file:a.csv", is a file's.
type part struct{ name, content string }

// form writes a multipart form of the parts, in their order.
func form(t *testing.T, parts ...part) (body *bytes.Buffer, contentType string) {
	t.Helper()
	body = &bytes.Buffer{}
	w := multipart.NewWriter(body)
	for _, p := range parts {
		pw, err := w.CreatePart(p.header())
		require.NoError(t, err)
		_, err = io.WriteString(pw, p.content)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return body, w.FormDataContentType()
}

func (p part) header() textproto.MIMEHeader {
	disposition := `form-data; name="` + p.name + `"`
	if file, isFile := strings.CutPrefix(p.name, "file:"); isFile {
		disposition = `form-data; name="file"; filename="` + file + `"`
	}
	return textproto.MIMEHeader{"Content-Disposition": {disposition}}
}

// upload posts the parts as an import.
func (h *house) upload(t *testing.T, key string, parts ...part) response {
	t.Helper()
	body, contentType := form(t, parts...)
	return h.do(t, request{method: http.MethodPost, path: "/api/v1/imports", key: key, body: body, contentType: contentType})
}

func itoa(n int) string { return strconv.Itoa(n) }
