package restorer

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"wharf/internal/audit"
	"wharf/internal/catalog"
	"wharf/internal/fault"
	"wharf/internal/load"
	"wharf/internal/tenancy"
)

// ActionRevert is the audit log's word for taking a restore back.
const ActionRevert = "restore.revert"

// Reverting is what came of taking a restore back.
type Reverting struct {
	Status   string           `json:"status"`   // pending, processing, completed, failed
	Deleted  map[string]int64 `json:"deleted"`  // by table
	Restored map[string]int64 `json:"restored"` // by table
	NumLeft  int64            `json:"num_left"`
	Left     []Left           `json:"left"`       // the first 100 rows that stay as they are
	InTheWay []Reference      `json:"in_the_way"` // why nothing was undone
	Error    *string          `json:"error"`
}

// Left is a row that a revert left as it is.
type Left struct {
	Table   string `json:"table"`
	Key     string `json:"key"`
	Created bool   `json:"created"` // by the restore; else it was updated
	Reason  string `json:"reason"`
}

// Reference tells of rows that refer to rows which a restore created.
type Reference struct {
	To     string   `json:"to"` // the table of the created rows
	Table  string   `json:"table"`
	Column string   `json:"column"`
	Rows   int64    `json:"rows"` // -1: they cannot be read, but would lose what they refer to
	Keys   []string `json:"keys"` // of some of them
}

// maxLeft bounds how many rows a revert names, of all tables.
const maxLeft = 100

func newReverting() Reverting {
	return Reverting{Deleted: map[string]int64{}, Restored: map[string]int64{}, Left: []Left{}, InTheWay: []Reference{}}
}

// Revert has a job take a completed restore back. The attempt is in the audit log before anything is looked up. Conflict if it
// cannot be taken back, with the reason.
func (s *Service) Revert(ctx context.Context, p tenancy.Principal, id uuid.UUID) (Restore, error) {
	scope := struct {
		ID uuid.UUID `json:"restore_id"`
	}{id}
	if err := s.cfg.Audit.Write(ctx, p, ActionRevert, audit.Started, scope); err != nil {
		return Restore{}, fmt.Errorf("restorer: audit: %w", err)
	}
	asked, err := s.askRevert(ctx, p, id)
	if err != nil {
		if auditErr := s.cfg.Audit.Write(ctx, p, ActionRevert, audit.Failed, scope); auditErr != nil {
			return Restore{}, fmt.Errorf("restorer: audit: %w", auditErr)
		}
	}
	return asked, err
}

func (s *Service) askRevert(ctx context.Context, p tenancy.Principal, id uuid.UUID) (out Restore, err error) {
	err = tenancy.Tx(ctx, s.cfg.DB, p, func(ctx context.Context, tx pgx.Tx) error {
		r, err := readRestore(ctx, tx, lockRestore, p.Tenant, id)
		if err != nil {
			return err
		}
		if err := r.revertible(); err != nil {
			return err
		}
		job, err := s.cfg.Queue.Enqueue(ctx, tx, Kind, p.Tenant, id)
		if err != nil {
			return fmt.Errorf("restorer: enqueue: %w", err)
		}
		if r, err = readRestore(ctx, tx, askRevert, p.Tenant, id, job, p.Actor); err != nil {
			return err
		}
		out, err = r.view()
		return err
	})
	return out, err
}

// revertible says why the restore cannot be taken back now.
func (r row) revertible() error {
	switch {
	case r.Status != Completed:
		return fault.Newf(fault.Conflict, "the restore is %s: only a completed one can be reverted", r.Status)
	case r.RevertedAt != nil:
		return fault.New(fault.Conflict, "the restore was reverted already")
	case r.reverting():
		return fault.New(fault.Conflict, "the restore is being reverted")
	case r.RevertibleUntil == nil:
		return fault.New(fault.Conflict, "the restore wrote no rows that could be undone, or the time to revert it has passed")
	case r.RevertibleUntil.Before(r.Now):
		return fault.Newf(fault.Conflict, "the restore could be reverted until %s", r.RevertibleUntil.UTC().Format("2006-01-02 15:04 UTC"))
	}
	return nil
}

// reverting reports whether a job is to take the restore back.
func (r row) reverting() bool {
	return r.RevertStatus != nil && (*r.RevertStatus == Pending || *r.RevertStatus == Processing)
}

// Reverting reports whether a job is taking the restore back, or is about to.
func (r Restore) Reverting() bool {
	return r.Revert != nil && (r.Revert.Status == Pending || r.Revert.Status == Processing)
}

// revert takes the restore back. What it did, the note of it and the job's end commit together.
func (r *run) revert(ctx context.Context) error {
	return tenancy.Tx(ctx, r.s.cfg.DB, r.p, func(ctx context.Context, tx pgx.Tx) error {
		now, err := readRestore(ctx, tx, lockRestore, r.p.Tenant, r.row.ID)
		if err != nil {
			return err
		}
		if !now.reverting() {
			return fault.New(fault.Conflict, "the restore is not being reverted any more")
		}
		snap, err := r.s.cfg.Catalog(ctx, tx)
		if err != nil {
			return err
		}
		done, err := load.Revert(ctx, tx, load.Reversal{
			DB: r.s.cfg.DB, Tenant: r.p.Tenant, Catalog: snap, Undo: r.row.ID, WorkMemMB: r.s.cfg.WorkMemMB,
		})
		if err != nil {
			return err //nolint:wrapcheck // translated by tenancy.Tx
		}
		result := resultOf(done)
		if result.Status == Completed {
			if err := r.letGo(ctx, tx, snap); err != nil {
				return err
			}
		}
		if err := r.s.endRevert(ctx, tx, now, result); err != nil {
			return err
		}
		return r.complete(ctx, tx)
	})
}

// resultOf gives what people are told of a reversal.
func resultOf(done []load.Reverted) Reverting {
	result := newReverting()
	result.Status = Completed
	for _, t := range done {
		result.Deleted[t.Table], result.Restored[t.Table] = t.Deleted, t.Restored
		result.NumLeft += t.LeftCount
		for _, l := range t.Left[:min(len(t.Left), maxLeft-len(result.Left))] {
			result.Left = append(result.Left, Left{Table: t.Table, Key: l.Key, Created: l.Created, Reason: l.Why})
		}
		for _, ref := range t.InTheWay {
			result.InTheWay = append(result.InTheWay, Reference{To: t.Table, Table: ref.Table, Column: ref.Column, Rows: ref.Rows, Keys: ref.Keys})
		}
	}
	if len(result.InTheWay) > 0 {
		why := "rows that the restore created are referred to by other rows; nothing was undone"
		result.Status, result.Error = Failed, &why
	}
	return result
}

// endRevert notes what came of it, in the row and in the audit log.
func (s *Service) endRevert(ctx context.Context, tx pgx.Tx, r row, result Reverting) error {
	doc, err := json.Marshal(result)
	if err != nil {
		return fmt.Errorf("restorer: encode revert: %w", err)
	}
	n, err := exec(ctx, tx, "note revert", endRevert, r.TenantID, r.ID, result.Status, doc)
	if err != nil || n == 0 {
		return err
	}
	by := tenancy.Principal{Tenant: r.TenantID}
	if r.RevertedBy != nil {
		by.Actor = *r.RevertedBy
	}
	err = s.cfg.Audit.WriteIn(ctx, tx, by, ActionRevert, map[bool]string{true: audit.Done, false: audit.Failed}[result.Status == Completed], struct {
		ID   uuid.UUID `json:"restore_id"`
		Left int64     `json:"num_left"`
	}{r.ID, result.NumLeft})
	if err != nil {
		return fmt.Errorf("restorer: audit: %w", err)
	}
	return nil
}

// reopenRevert sets a failed revert back to pending.
func (s *Service) reopenRevert(ctx context.Context, tx pgx.Tx, r row, job int64) error {
	by := tenancy.Principal{Tenant: r.TenantID, Actor: audit.Actor(ctx)}
	if err := s.cfg.Audit.Write(ctx, by, ActionRevert, audit.Started, retryScope{r.ID, r.DryRun}); err != nil {
		return fmt.Errorf("restorer: audit: %w", err)
	}
	n, err := exec(ctx, tx, "reopen revert", reopenRevert, r.TenantID, r.ID, job)
	if err == nil && n == 0 {
		return fault.New(fault.Conflict, "the time to revert the restore has passed")
	}
	return err
}

// letGo gives the files that the restore stored to the sweep, unless a row still names one of them.
func (r *run) letGo(ctx context.Context, tx pgx.Tx, snap *catalog.Snapshot) error {
	if r.row.Stored == nil {
		return nil
	}
	for _, t := range snap.Tables {
		for _, c := range t.Columns {
			if !c.Tags.File {
				continue
			}
			var named bool
			err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM `+t.Ident()+` t WHERE `+t.TenantPredicate("t", "$1")+` AND starts_with(t.`+c.Ident()+`, $2))`,
				r.p.Tenant, *r.row.Stored).Scan(&named)
			if err != nil {
				return fmt.Errorf("restorer: look for files of %s: %w", t.Name, err)
			}
			if named {
				return nil
			}
		}
	}
	_, err := exec(ctx, tx, "let go of files", letGoFiles, r.p.Tenant, r.row.ID)
	return err
}
