// Package client is a small client of Wharf's API for the demo and the benchmarks.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Client calls the API as the holder of a key.
type Client struct {
	URL string
	Key string
}

// Status is what imports, exports and their errors say; absent members are zero.
type Status struct {
	ID           string           `json:"id"`
	Status       string           `json:"status"`
	Error        *string          `json:"error"`
	NumRows      int64            `json:"num_rows"`
	NumErrors    int64            `json:"num_errors"`
	NumCreated   int64            `json:"num_created"`
	NumUpdated   int64            `json:"num_updated"`
	NumUnchanged int64            `json:"num_unchanged"`
	NumSkipped   int64            `json:"num_skipped"`
	Bytes        int64            `json:"bytes"`
	SHA256       string           `json:"sha256"`
	Tables       map[string]int64 `json:"tables"`
	Errors       []struct {
		Row     int64  `json:"row"`
		Field   string `json:"field"`
		Message string `json:"message"`
		Value   string `json:"value"`
	} `json:"errors"`
	Progress struct {
		Phase         string  `json:"phase"`
		Rows          int64   `json:"rows"`
		Percent       float64 `json:"percent"`
		RowsPerSecond float64 `json:"rows_per_second"`
	} `json:"progress"`
	StartedAt   *time.Time `json:"started_at"`
	CompletedAt *time.Time `json:"completed_at"`
}

// Took is the time from start to end.
func (s Status) Took() time.Duration {
	if s.StartedAt == nil || s.CompletedAt == nil {
		return 0
	}
	return s.CompletedAt.Sub(*s.StartedAt)
}

// Do sends body as JSON (nil: none) and decodes the answer into out (nil: thrown away). An answer of 400 or more is an
// error that quotes it, but for 429: then it is sent again when the server says.
func (c Client) Do(ctx context.Context, method, path string, body, out any) error {
	var doc []byte
	kind := ""
	if body != nil {
		var err error
		if doc, err = json.Marshal(body); err != nil {
			return fmt.Errorf("encode request: %w", err)
		}
		kind = "application/json"
	}
	for {
		err := c.send(ctx, method, path, kind, bytes.NewReader(doc), out)
		var early tooEarly
		if !errors.As(err, &early) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(early.wait):
		}
	}
}

// tooEarly is an answer of 429.
type tooEarly struct {
	wait time.Duration
	text string
}

// Error quotes the answer.
func (e tooEarly) Error() string { return e.text }

func (c Client) send(ctx context.Context, method, path, kind string, body io.Reader, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, c.URL+path, body)
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+c.Key)
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return fmt.Errorf("%s %s: read answer: %w", method, path, err)
	}
	if res.StatusCode >= http.StatusBadRequest {
		text := fmt.Sprintf("%s %s: %s: %s", method, path, res.Status, answer)
		if wait, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && res.StatusCode == http.StatusTooManyRequests {
			return tooEarly{time.Duration(wait) * time.Second, text}
		}
		return errors.New(text)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("%s %s: the answer is not as expected: %w", method, path, err)
	}
	return nil
}

// Import uploads a file with the form's fields, streamed.
func (c Client) Import(ctx context.Context, name string, file io.Reader, fields map[string]string) (Status, error) {
	return c.Upload(ctx, "/api/v1/imports", name, file, fields)
}

// Upload sends a file with the form's fields, streamed, to what begins an import or a restore of it.
func (c Client) Upload(ctx context.Context, path, name string, file io.Reader, fields map[string]string) (Status, error) {
	pr, pw := io.Pipe()
	form := multipart.NewWriter(pw)
	go func() { pw.CloseWithError(writeForm(form, name, file, fields)) }()
	var s Status
	err := c.send(ctx, http.MethodPost, path, form.FormDataContentType(), pr, &s)
	return s, err
}

func writeForm(form *multipart.Writer, name string, file io.Reader, fields map[string]string) error {
	for k, v := range fields {
		if err := form.WriteField(k, v); err != nil {
			return err
		}
	}
	part, err := form.CreateFormFile("file", name)
	if err != nil {
		return err
	}
	if _, err := io.Copy(part, file); err != nil {
		return err
	}
	return form.Close()
}

// Wait polls an import or export until it ends; seen is told every status on the way.
func (c Client) Wait(ctx context.Context, path string, every time.Duration, seen func(Status)) (Status, error) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		var s Status
		if err := c.Do(ctx, http.MethodGet, path, nil, &s); err != nil {
			return s, err
		}
		seen(s)
		if s.Status != "pending" && s.Status != "processing" {
			return s, nil
		}
		select {
		case <-ctx.Done():
			return s, ctx.Err()
		case <-tick.C:
		}
	}
}

// Download follows an export's signed link and copies the object to w. The key is not sent to the store.
func (c Client) Download(ctx context.Context, path string, w io.Writer) (disposition string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL+path, nil)
	if err != nil {
		return "", fmt.Errorf("make request: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+c.Key)
	stop := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := stop.Do(req)
	if err != nil {
		return "", fmt.Errorf("GET %s: %w", path, err)
	}
	defer res.Body.Close()
	link := res.Header.Get("Location")
	if !strings.HasPrefix(link, "http") {
		return "", fmt.Errorf("GET %s: %s without a link", path, res.Status)
	}
	if req, err = http.NewRequestWithContext(ctx, http.MethodGet, link, nil); err != nil {
		return "", fmt.Errorf("make request: %w", err)
	}
	object, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", fmt.Errorf("fetch the signed link: %w", err)
	}
	defer object.Body.Close()
	if object.StatusCode != http.StatusOK {
		return "", fmt.Errorf("fetch the signed link: %s", object.Status)
	}
	if _, err := io.Copy(w, object.Body); err != nil {
		return "", fmt.Errorf("fetch the signed link: %w", err)
	}
	return object.Header.Get("Content-Disposition"), nil
}
