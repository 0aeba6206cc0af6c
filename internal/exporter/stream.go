package exporter

import (
	"context"
	"fmt"
	"io"

	"wharf/internal/audit"
	"wharf/internal/pg"
	"wharf/internal/tenancy"
)

// The audit log's words for exports that go straight to their callers.
const (
	ActionStream = "export.stream"
	ActionDump   = "export.dump"
)

// Stream writes all of the tenant's rows as the JSON document to what open returns, which is called with the document's
// file name once it is certain that there will be one: before that an error can still be answered as such. What was
// written before an error is of no use, and must not pass for the whole. The attempt is in the audit log before anything is
// read, and what came of it after. A Flush method of the writer is called once, when the first bytes are there.
func (s *Service) Stream(ctx context.Context, p tenancy.Principal, open func(name string) io.Writer) error {
	return s.stream(ctx, p, ActionStream, Request{}, open)
}

// StreamDump is Stream for the portable document. include has the groups of optional tables that are wanted.
func (s *Service) StreamDump(ctx context.Context, p tenancy.Principal, include []string, open func(name string) io.Writer) error {
	return s.stream(ctx, p, ActionDump, Request{Format: FormatDump, Include: include}, func(name string) io.Writer {
		return open("wharf-" + name)
	})
}

func (s *Service) stream(ctx context.Context, p tenancy.Principal, action string, req Request, open func(name string) io.Writer) error {
	req = req.withDefaults()
	if err := s.cfg.Audit.Write(ctx, p, action, audit.Started, req); err != nil {
		return fmt.Errorf("exporter: audit: %w", err)
	}
	r := s.newRun(p, req)
	err := r.document(ctx, &late{open: func() io.Writer { return open(r.fileName()) }})
	outcome := audit.Done
	if err != nil {
		outcome = audit.Failed
	}
	result := struct {
		Request
		Rows     int64    `json:"rows"`
		Warnings []string `json:"warnings,omitempty"`
	}{req, r.rows.Load(), r.warned()}
	if auditErr := s.cfg.Audit.Write(ctx, p, action, outcome, result); auditErr != nil && err == nil {
		return fmt.Errorf("exporter: audit: %w", auditErr)
	}
	return pg.Translate(err) //nolint:wrapcheck // the run's own
}

// late is a writer that is opened by the first byte.
type late struct {
	open func() io.Writer
	w    io.Writer
}

// Write opens the writer below if need be.
func (l *late) Write(p []byte) (int, error) {
	if l.w == nil {
		l.w = l.open()
	}
	return l.w.Write(p) //nolint:wrapcheck // passes on
}

// Flush passes on.
func (l *late) Flush() error {
	if f, ok := l.w.(flusher); ok {
		return f.Flush() //nolint:wrapcheck // passes on
	}
	return nil
}
