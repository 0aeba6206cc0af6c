package importer

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"wharf/internal/fault"
	"wharf/internal/load"
	"wharf/internal/tenancy"
)

// Reverting is what came of undoing an import.
type Reverting struct {
	Status   string      `json:"status"` // pending, processing, completed, failed
	Deleted  int64       `json:"deleted"`
	Restored int64       `json:"restored"`
	NumLeft  int64       `json:"num_left"`
	Left     []Left      `json:"left"`       // the first 100 rows that stay as they are
	InTheWay []Reference `json:"in_the_way"` // why nothing was undone
	Error    *string     `json:"error"`
}

// Left is a row that a revert left as it is.
type Left struct {
	Key     string `json:"key"`
	Created bool   `json:"created"` // by the import; else it was updated
	Reason  string `json:"reason"`
}

// Reference tells of rows that refer to rows which an import created.
type Reference struct {
	Table  string   `json:"table"`
	Column string   `json:"column"`
	Rows   int64    `json:"rows"` // -1: they cannot be read, but would lose what they refer to
	Keys   []string `json:"keys"` // of some of them
}

// Revert has a job undo a completed import. Conflict if it cannot be undone, with the reason.
func (s *Service) Revert(ctx context.Context, p tenancy.Principal, id uuid.UUID) (Import, error) {
	var out Import
	err := tenancy.Tx(ctx, s.cfg.DB, p, func(ctx context.Context, tx pgx.Tx) error {
		r, err := readImport(ctx, tx, lockOwnImport, p.Tenant, id, p.Importer, p.Actor)
		if err != nil {
			return err
		}
		if err := r.revertible(); err != nil {
			return err
		}
		job, err := s.cfg.Queue.Enqueue(ctx, tx, Kind, p.Tenant, id)
		if err != nil {
			return fmt.Errorf("importer: enqueue: %w", err)
		}
		if r, err = readImport(ctx, tx, askRevert, p.Tenant, id, job); err != nil {
			return err
		}
		out, err = r.view()
		return err
	})
	return out, err
}

// revertible says why the import cannot be undone now.
func (r row) revertible() error {
	switch {
	case r.Status != Completed:
		return fault.Newf(fault.Conflict, "the import is %s: only a completed one can be reverted", r.Status)
	case r.RevertedAt != nil:
		return fault.New(fault.Conflict, "the import was reverted already")
	case r.reverting():
		return fault.New(fault.Conflict, "the import is being reverted")
	case r.RevertibleUntil == nil:
		return fault.New(fault.Conflict, "the import wrote no rows that could be undone, or the time to revert it has passed")
	case r.RevertibleUntil.Before(r.Now):
		return fault.Newf(fault.Conflict, "the import could be reverted until %s", r.RevertibleUntil.UTC().Format("2006-01-02 15:04 UTC"))
	}
	return nil
}

// reverting reports whether a job is to undo the import.
func (r row) reverting() bool {
	return r.RevertStatus != nil && (*r.RevertStatus == Pending || *r.RevertStatus == Processing)
}

// revert undoes the import. What it did, the note of it and the job's end commit together.
func (r *run) revert(ctx context.Context) error {
	return tenancy.Tx(ctx, r.s.cfg.DB, r.p, func(ctx context.Context, tx pgx.Tx) error {
		now, err := readImport(ctx, tx, lockImport, r.p.Tenant, r.row.ID)
		if err != nil {
			return err
		}
		if !now.reverting() {
			return fault.New(fault.Conflict, "the import is not being reverted any more")
		}
		snap, err := r.s.cfg.Catalog(ctx, tx)
		if err != nil {
			return err
		}
		all, err := load.Revert(ctx, tx, load.Reversal{
			DB: r.s.cfg.DB, Tenant: r.p.Tenant, Catalog: snap, Undo: r.row.ID, WorkMemMB: r.s.cfg.WorkMemMB,
		})
		if err != nil {
			return err //nolint:wrapcheck // translated by tenancy.Tx
		}
		done := all[0] // an import is into one table
		result := Reverting{Deleted: done.Deleted, Restored: done.Restored, NumLeft: done.LeftCount, Left: []Left{}, InTheWay: []Reference{}}
		for _, l := range done.Left {
			result.Left = append(result.Left, Left{Key: l.Key, Created: l.Created, Reason: l.Why})
		}
		status := Completed
		for _, ref := range done.InTheWay {
			status = Failed
			result.InTheWay = append(result.InTheWay, Reference(ref))
		}
		if status == Failed {
			why := "rows that the import created are referred to by other rows; nothing was undone"
			result.Error = &why
		}
		docs, err := marshalAll(result)
		if err != nil {
			return err
		}
		if _, err := exec(ctx, tx, "note revert", endRevert, r.p.Tenant, r.row.ID, status, docs[0]); err != nil {
			return err
		}
		return r.complete(ctx, tx)
	})
}

// Reverting reports whether a job is undoing the import, or is about to.
func (i Import) Reverting() bool {
	return i.Revert != nil && (i.Revert.Status == Pending || i.Revert.Status == Processing)
}
