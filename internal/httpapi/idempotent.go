package httpapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"wharf/internal/idempotency"
	"wharf/internal/tenancy"
)

const (
	keyHeader = "Idempotency-Key" // a parameter of the operations that create: the contract says of which
	replayed  = "Idempotency-Replayed"
	// settleWithin bounds the last word about a key once its client is gone.
	settleWithin = 10 * time.Second
)

// try is one request with an Idempotency-Key.
type try struct {
	store   *idempotency.Store
	p       tenancy.Principal
	key     string
	request string // method and path
	attempt *idempotency.Attempt
}

type tryKey struct{}

// idempotent does a request with an Idempotency-Key once: sent again, it gets the first answer again. The answer is stored before
// it is sent. What fails is not stored, whosever fault it is: nothing was created, and the key is free.
//
// What a form with a file asks for is known when it was read: its handler calls replay then.
func (s *Server) idempotent(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		r := c.Request()
		key := r.Header.Get(keyHeader)
		if !ruleOf(c).idempotent || key == "" {
			return next(c)
		}
		t := &try{store: s.cfg.Idempotency, p: caller(r.Context()), key: key, request: r.Method + " " + r.URL.RequestURI()}
		if kind, _, err := mime.ParseMediaType(r.Header.Get(echo.HeaderContentType)); err != nil || kind != echo.MIMEMultipartForm {
			fingerprint, err := bodyFingerprint(r)
			if err != nil {
				return err
			}
			answer, err := t.begin(r.Context(), fingerprint)
			if err != nil {
				return err
			}
			if answer != nil {
				return s.replay(c, *answer)
			}
		}
		withContext(c, context.WithValue(r.Context(), tryKey{}, t))
		return s.settle(c, t, next)
	}
}

// settle runs the handler and keeps its answer, or frees the key.
func (s *Server) settle(c echo.Context, t *try, next echo.HandlerFunc) error {
	out := &heldAnswer{ResponseWriter: c.Response().Writer, status: http.StatusOK}
	c.Response().Writer = out
	kept := false
	defer func() {
		if !kept && t.attempt != nil {
			s.end(c.Request().Context(), func(ctx context.Context) error { return t.store.Release(ctx, t.attempt) })
		}
	}()
	err := next(c)
	c.Response().Writer = out.ResponseWriter
	var again *replay
	switch {
	case errors.As(err, &again):
		return s.replay(c, again.answer)
	case err != nil:
		return err
	}
	if t.attempt != nil && out.status < http.StatusMultipleChoices {
		kept = true
		answer := idempotency.Answer{Status: out.status, Location: out.Header().Get(echo.HeaderLocation), ContentType: out.Header().Get(echo.HeaderContentType)}
		if !ruleOf(c).secret {
			answer.Body = append([]byte{}, out.body.Bytes()...)
		}
		s.end(c.Request().Context(), func(ctx context.Context) error { return t.store.Keep(ctx, t.attempt, answer) })
	}
	return out.send()
}

// end says the last word about a key. If it cannot be said, the answer is right all the same, and the lease will end.
func (s *Server) end(ctx context.Context, say func(ctx context.Context) error) {
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleWithin)
	defer cancel()
	if err := say(within); err != nil {
		s.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "idempotency key not settled", append(identity(ctx), slog.String("error", err.Error()))...)
	}
}

// begin takes the key, or gives the answer that there is.
func (t *try) begin(ctx context.Context, fingerprint []byte) (answer *idempotency.Answer, err error) {
	sum := digest([]byte(t.request), fingerprint)
	t.attempt, answer, err = t.store.Begin(ctx, t.p, t.key, sum)
	return answer, err
}

// replay is the error by which a handler says that its request was answered before.
type replay struct{ answer idempotency.Answer }

// Error is for the log, where it never comes.
func (*replay) Error() string { return "answered before" }

// once is for handlers that know only now what their request asks for: parts tell it from others. It gives a *replay if it was
// answered before; the handler undoes what it stored, and returns it.
func once(ctx context.Context, parts ...[]byte) error {
	t, ok := ctx.Value(tryKey{}).(*try)
	if !ok || t.attempt != nil {
		return nil
	}
	answer, err := t.begin(ctx, digest(parts...))
	if answer != nil {
		return &replay{*answer}
	}
	return err
}

// replay gives an answer again. One that was not stored is made anew where the operation can.
func (s *Server) replay(c echo.Context, answer idempotency.Answer) error {
	h := c.Response().Header()
	if answer.Body == nil {
		renew, ok := renewals[ruleOf(c).operation]
		if !ok {
			return idempotency.ErrSecret
		}
		body, err := renew(c.Request().Context(), s, answer.Location)
		if err != nil {
			return err
		}
		if answer.Body, err = json.Marshal(body); err != nil {
			return fmt.Errorf("httpapi: encode answer: %w", err)
		}
		answer.Body = append(answer.Body, '\n')
	}
	h.Set(replayed, "true")
	h.Set(echo.HeaderContentType, answer.ContentType)
	if answer.Location != "" {
		h.Set(echo.HeaderLocation, answer.Location)
	}
	c.Response().WriteHeader(answer.Status)
	_, err := c.Response().Write(answer.Body)
	return err //nolint:wrapcheck // a writer's own
}

// renewals make the answers anew that hold a secret, by the location of what was created: one that lives shortly is another
// then, one that is shown once is left out.
var renewals = map[string]func(ctx context.Context, s *Server, location string) (any, error){
	"createImporter": func(ctx context.Context, s *Server, location string) (any, error) {
		id, err := uuid.Parse(location[len(importersPath):])
		if err != nil {
			return nil, fmt.Errorf("httpapi: location of an importer: %w", err)
		}
		return s.cfg.Importers.Get(ctx, caller(ctx), id)
	},
	"createExport": func(ctx context.Context, s *Server, location string) (any, error) {
		id, err := uuid.Parse(location[len(exportsPath):])
		if err != nil {
			return nil, fmt.Errorf("httpapi: location of an export: %w", err)
		}
		return s.cfg.Exports.Show(ctx, caller(ctx), id)
	},
	"createExportSchedule": func(ctx context.Context, s *Server, location string) (any, error) {
		id, err := uuid.Parse(location[len(schedulesPath):])
		if err != nil {
			return nil, fmt.Errorf("httpapi: location of an export schedule: %w", err)
		}
		return s.cfg.Exports.ShowSchedule(ctx, caller(ctx), id)
	},
	"createRestore": func(ctx context.Context, s *Server, location string) (any, error) {
		id, err := uuid.Parse(location[len(restoresPath):])
		if err != nil {
			return nil, fmt.Errorf("httpapi: location of a restore: %w", err)
		}
		return s.cfg.Restores.Show(ctx, caller(ctx), id)
	},
	"createUpload": func(ctx context.Context, s *Server, location string) (any, error) {
		id, err := uuid.Parse(location[len(uploadsPath):])
		if err != nil {
			return nil, fmt.Errorf("httpapi: location of an upload: %w", err)
		}
		return s.cfg.Importers.ShowUpload(ctx, caller(ctx), id)
	},
}

// bodyFingerprint reads the body, and puts it back. JSON that says the same is the same, however it is written.
func bodyFingerprint(r *http.Request) ([]byte, error) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, fmt.Errorf("httpapi: read body: %w", err)
	}
	r.Body = io.NopCloser(bytes.NewReader(raw))
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var doc any
	if dec.Decode(&doc) == nil && !dec.More() {
		if plain, err := json.Marshal(doc); err == nil { // in the order of names
			raw = plain
		}
	}
	return digest(raw), nil
}

// digest is the SHA-256 of parts, each with its length, so that no two lists of them are spelt alike.
func digest(parts ...[]byte) []byte {
	sum := sha256.New()
	for _, part := range parts {
		sum.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part)))) // a hash never fails
		sum.Write(part)
	}
	return sum.Sum(nil)
}

// heldAnswer keeps an answer back until send.
type heldAnswer struct {
	http.ResponseWriter
	status int
	wrote  bool
	body   bytes.Buffer
}

// WriteHeader notes the status.
func (a *heldAnswer) WriteHeader(status int) { a.status, a.wrote = status, true }

// Write notes a piece of the body.
func (a *heldAnswer) Write(p []byte) (int, error) {
	a.wrote = true
	return a.body.Write(p) //nolint:wrapcheck // never fails
}

// Unwrap lets http.ResponseController reach the connection.
func (a *heldAnswer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func (a *heldAnswer) send() error {
	if !a.wrote {
		return nil
	}
	a.ResponseWriter.WriteHeader(a.status)
	_, err := a.ResponseWriter.Write(a.body.Bytes())
	return err //nolint:wrapcheck // a writer's own
}
