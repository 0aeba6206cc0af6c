package restorer

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"wharf/internal/audit"
	"wharf/internal/dump"
	"wharf/internal/fault"
	"wharf/internal/tenancy"
)

// WayOut is what people are told whose document is too much for a request.
const WayOut = "send it to POST /api/v1/restores, which takes documents of any size"

// Merged is what came of a document that came with a request, each count by table.
type Merged struct {
	Created  map[string]int64         `json:"created"`
	Updated  map[string]int64         `json:"updated"`
	Skipped  map[string]int64         `json:"skipped"` // those that were as they should be already are among them
	Warnings []string                 `json:"warnings"`
	DryRun   bool                     `json:"dry_run"`
	Verified map[string]dump.Verified `json:"verified,omitempty"`
}

var gzipMagic = []byte{0x1f, 0x8b}

var errPacked = fault.New(fault.UnsupportedMedia, "send the document as it is, or compressed to POST /api/v1/restores")

var errTooLong = errors.New("restorer: the document took too long")

// Merge merges the document of a request's body, {"doc": {…}, "dry_run": false}, into the caller's tenant: all of it, or nothing. The
// body is read as a stream. The attempt is in the audit log before that, and what came of it after. Invalid names the place in the
// document; RateLimited if too many are under way; TooLarge if it takes too long. An error of body comes back wrapped.
func (s *Service) Merge(ctx context.Context, p tenancy.Principal, body io.Reader) (Merged, error) {
	if err := s.cfg.Audit.Write(ctx, p, Action, audit.Started, nil); err != nil {
		return Merged{}, fmt.Errorf("restorer: audit: %w", err)
	}
	in := bufio.NewReaderSize(body, 64<<10)
	src := dump.Request(in, s.cfg.Limits)
	report, err := s.mergeDirectly(ctx, p, in, src)
	outcome := audit.Done
	if err != nil {
		outcome = audit.Failed
	}
	auditErr := s.cfg.Audit.Write(ctx, p, Action, outcome, struct {
		DryRun bool  `json:"dry_run"`
		Rows   int64 `json:"rows"`
	}{src.DryRun(), rowsOf(report)})
	if err = errors.Join(err, auditErr); err != nil {
		return Merged{}, err
	}
	out := Merged{Created: report.Created, Updated: report.Updated, Warnings: report.Warnings, DryRun: src.DryRun(), Verified: report.Verified}
	out.Skipped = map[string]int64{}
	for _, counts := range []map[string]int64{report.Unchanged, report.Skipped} {
		for table, n := range counts {
			out.Skipped[table] += n
		}
	}
	return out, nil
}

// mergeDirectly waits for no turn: whoever holds a request open holds a connection to the database too.
func (s *Service) mergeDirectly(ctx context.Context, p tenancy.Principal, in *bufio.Reader, src *dump.Wrapped) (report dump.Report, err error) {
	select {
	case s.direct <- struct{}{}:
		defer func() { <-s.direct }()
	default:
		busy := fault.New(fault.RateLimited, "too many documents are merged now: try again, or "+WayOut)
		busy.RetryAfter = 5 * time.Second
		return report, busy
	}
	// What is unpacked here would be bound by no limit of the body.
	if head, _ := in.Peek(len(gzipMagic)); bytes.Equal(head, gzipMagic) {
		return report, errPacked
	}
	within, cancel := context.WithTimeoutCause(ctx, s.cfg.DirectTime, errTooLong)
	defer cancel()
	err = tenancy.Tx(within, s.cfg.DB, p, func(ctx context.Context, tx pgx.Tx) error {
		spec, err := s.spec(ctx, tx, p.Tenant, uuid.New())
		if err != nil {
			return err
		}
		if report, err = dump.Restore(ctx, tx, spec, src); err != nil {
			return err //nolint:wrapcheck // translated by tenancy.Tx
		}
		if src.DryRun() {
			return errTakenBack
		}
		return nil
	})
	switch {
	case errors.Is(err, errTakenBack):
		return report, nil
	case err != nil && errors.Is(context.Cause(within), errTooLong):
		return report, fault.Wrap(err, fault.TooLarge, fmt.Sprintf("the document takes longer than %s: %s", s.cfg.DirectTime, WayOut))
	}
	return report, err
}
