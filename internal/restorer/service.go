package restorer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"wharf/internal/audit"
	"wharf/internal/catalog"
	"wharf/internal/dump"
	"wharf/internal/fault"
	"wharf/internal/fieldcrypt"
	"wharf/internal/objectstore"
	"wharf/internal/tenancy"
)

// Kind is the kind of job that runs a restore.
const Kind = "restore"

// Action is the audit log's word for a restore, in whichever form.
const Action = "restore"

// Queue enqueues the job of a restore in the transaction that writes its row.
type Queue interface {
	Enqueue(ctx context.Context, tx pgx.Tx, kind string, tenant, id uuid.UUID) (job int64, err error)
}

// Uploads are files that were sent ahead. Their errors are for the caller: NotFound, Conflict.
type Uploads interface {
	// UploadedFile gives the object and the name of an upload that has arrived.
	UploadedFile(ctx context.Context, p tenancy.Principal, id uuid.UUID) (objectstore.Object, string, error)
	// ClaimUploadForRestore makes it the file of a restore: nothing else can take it any more.
	ClaimUploadForRestore(ctx context.Context, tx pgx.Tx, p tenancy.Principal, id, restore uuid.UUID) error
}

// Archive is the object of a finished export. Close lets go of what was opened for it.
type Archive struct {
	Store  *objectstore.Store
	Key    string
	Name   string // of the file
	Bytes  int64
	SHA256 string // hex
	Close  func()
}

// Exports gives the objects of finished exports that can be read back. Its errors are for the caller: NotFound, Conflict, Invalid.
type Exports func(ctx context.Context, p tenancy.Principal, id uuid.UUID) (Archive, error)

// Config is what a Service needs. All of it is required but Queue, which a process that only runs jobs has no use for, and
// what says so.
type Config struct {
	Pool        *pgxpool.Pool
	DB          *tenancy.DB
	Objects     *objectstore.Store
	Audit       *audit.Log
	Queue       Queue
	Uploads     Uploads
	Exports     Exports
	Webhooks    Webhooks
	Catalog     func(ctx context.Context, tx pgx.Tx) (*catalog.Snapshot, error) // as a transaction sees it
	Crypt       *fieldcrypt.Ring                                                // of encrypted columns; nil: there are none
	TenantTable string                                                          // quoted, as SQL names it
	Limits      dump.Limits
	WorkMemMB   int           // memory of one sort or hash in a merge
	FileTTL     time.Duration // the file of a restore that has ended is kept
	UndoTTL     time.Duration // a restore can be reverted
	Direct      int           // documents that come with requests, at once in this process
	DirectTime  time.Duration // one of them may take
}

// Service keeps restores and runs them.
type Service struct {
	cfg    Config
	direct chan struct{} // holds one for each document that is merged directly
}

// New returns a Service.
func New(cfg Config) *Service { return &Service{cfg: cfg, direct: make(chan struct{}, cfg.Direct)} }

// Request is what a restore is asked for.
type Request struct {
	Upload     *uuid.UUID `json:"upload_id,omitempty"` // this or Export
	Export     *uuid.UUID `json:"export_id,omitempty"`
	DryRun     bool       `json:"dry_run"`               // everything, then taken back
	Verify     bool       `json:"verify"`                // compare what stands in the tables afterwards with the document
	WebhookURL string     `json:"webhook_url,omitempty"` // is told what comes of it
}

func (s *Service) check(req Request) error {
	if (req.Upload == nil) == (req.Export == nil) {
		return fault.New(fault.Invalid, "give a file, or the upload_id of one, or an export_id").
			WithFields(fault.Field{Field: "export_id", Message: "exactly one of file, upload_id and export_id is required"})
	}
	if req.WebhookURL == "" {
		return nil
	}
	if err := s.cfg.Webhooks.CheckURL(req.WebhookURL); err != nil {
		f, _ := fault.As(err)
		return fault.Wrap(err, fault.Invalid, "the restore cannot work as it is asked for").
			WithFields(fault.Field{Field: "webhook_url", Message: f.Message})
	}
	return nil
}

// Start writes the restore and its job in one transaction. The attempt is in the audit log before that, and its refusal after it.
// Invalid with fields; what Uploads and Exports say.
func (s *Service) Start(ctx context.Context, p tenancy.Principal, req Request) (Restore, error) {
	if err := s.cfg.Audit.Write(ctx, p, Action, audit.Started, req); err != nil {
		return Restore{}, fmt.Errorf("restorer: audit: %w", err)
	}
	started, err := s.start(ctx, p, req)
	if err != nil {
		if auditErr := s.cfg.Audit.Write(ctx, p, Action, audit.Failed, req); auditErr != nil {
			return Restore{}, fmt.Errorf("restorer: audit: %w", errors.Join(err, auditErr))
		}
	}
	return started, err
}

func (s *Service) start(ctx context.Context, p tenancy.Principal, req Request) (Restore, error) {
	if err := s.check(req); err != nil {
		return Restore{}, err
	}
	r, err := s.fileOf(ctx, p, req)
	if err != nil {
		return Restore{}, err
	}
	var out Restore
	err = tenancy.Tx(ctx, s.cfg.DB, p, func(ctx context.Context, tx pgx.Tx) error {
		r, err := readRestore(ctx, tx, insertRestore, uuid.Must(uuid.NewV7()), p.Tenant, req.DryRun, req.Verify, r.ExportID, r.FileName, r.FileKey,
			r.FileBytes, r.FileSHA256, orNil(req.WebhookURL), p.Actor)
		if err != nil {
			return err
		}
		if req.Upload != nil {
			if err := s.cfg.Uploads.ClaimUploadForRestore(ctx, tx, p, *req.Upload, r.ID); err != nil {
				return err //nolint:wrapcheck // for the caller
			}
		}
		if out, err = r.view(); err != nil {
			return err
		}
		if req.WebhookURL != "" {
			if out.WebhookSecret, err = s.cfg.Webhooks.Secret(ctx, tx, p.Tenant, r.ID); err != nil {
				return fmt.Errorf("restorer: webhook's secret: %w", err)
			}
		}
		job, err := s.cfg.Queue.Enqueue(ctx, tx, Kind, p.Tenant, r.ID)
		if err != nil {
			return fmt.Errorf("restorer: enqueue: %w", err)
		}
		_, err = exec(ctx, tx, "note job", setRestoreJob, p.Tenant, r.ID, job)
		return err
	})
	return out, err
}

// fileOf looks at what is to be read, and gives what the restore's row says of it.
func (s *Service) fileOf(ctx context.Context, p tenancy.Principal, req Request) (row, error) {
	if req.Export != nil {
		a, err := s.cfg.Exports(ctx, p, *req.Export)
		if err != nil {
			return row{}, err
		}
		a.Close()
		return row{ExportID: req.Export, FileName: a.Name, FileBytes: a.Bytes, FileSHA256: a.SHA256}, nil
	}
	obj, name, err := s.cfg.Uploads.UploadedFile(ctx, p, *req.Upload)
	if err != nil {
		return row{}, err //nolint:wrapcheck // for the caller
	}
	return row{FileName: name, FileKey: &obj.Key, FileBytes: obj.Bytes, FileSHA256: obj.SHA256}, nil
}

func orNil(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// Show gives a restore; ErrNotFound if the tenant has none of that id.
func (s *Service) Show(ctx context.Context, p tenancy.Principal, id uuid.UUID) (Restore, error) {
	r, err := s.row(ctx, p, id)
	if err != nil {
		return Restore{}, err
	}
	return r.view()
}

func (s *Service) row(ctx context.Context, p tenancy.Principal, id uuid.UUID) (row, error) {
	var r row
	err := tenancy.Tx(ctx, s.cfg.DB, p, func(ctx context.Context, tx pgx.Tx) (err error) {
		r, err = readRestore(ctx, tx, selectRestore, p.Tenant, id)
		return err
	})
	return r, err
}

// Filter narrows a listing. Zero values mean any.
type Filter struct {
	Status string
	After  *uuid.UUID // keyset: the last restore of the page before
	Limit  int
}

// List gives restores, newest first.
func (s *Service) List(ctx context.Context, p tenancy.Principal, f Filter) ([]Restore, error) {
	var found []row
	err := tenancy.Tx(ctx, s.cfg.DB, p, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, listRestores, p.Tenant, f.Status, f.After, f.Limit)
		if err != nil {
			return fmt.Errorf("restorer: list: %w", err)
		}
		found, err = pgx.CollectRows(rows, pgx.RowToStructByName[row])
		if err != nil {
			return fmt.Errorf("restorer: list: %w", err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := make([]Restore, 0, len(found))
	for _, r := range found {
		v, err := r.view()
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// Job gives the job that runs the restore.
func (s *Service) Job(ctx context.Context, p tenancy.Principal, id uuid.UUID) (int64, error) {
	r, err := s.row(ctx, p, id)
	if err != nil {
		return 0, err
	}
	if r.JobID == nil {
		return 0, fault.New(fault.Conflict, "the restore has no job")
	}
	return *r.JobID, nil
}

// End writes a final status, unless the restore has one; of one that was to be reverted, that it was not.
func (s *Service) End(ctx context.Context, tx pgx.Tx, tenant, id uuid.UUID, status, reason string) error {
	r, err := readRestore(ctx, tx, lockRestore, tenant, id)
	if err == nil && r.reverting() {
		result := newReverting()
		result.Status, result.Error = Failed, &reason
		return s.endRevert(ctx, tx, r, result)
	}
	r, err = readRestore(ctx, tx, endRestore, tenant, id, status, reason)
	if errors.Is(err, ErrNotFound) { // it has ended, or is gone
		return nil
	}
	if err != nil {
		return err
	}
	if err := s.note(ctx, tx, r, audit.Failed); err != nil {
		return err
	}
	return s.tell(ctx, tx, r, "restore.failed")
}

// note writes into the audit log what came of a restore, in the transaction that makes it true.
func (s *Service) note(ctx context.Context, tx pgx.Tx, r row, outcome string) error {
	by := tenancy.Principal{Tenant: r.TenantID, Actor: r.RequestedBy}
	err := s.cfg.Audit.WriteIn(ctx, tx, by, Action, outcome, struct {
		ID     uuid.UUID `json:"restore_id"`
		Status string    `json:"status"`
		DryRun bool      `json:"dry_run"`
		Rows   int64     `json:"rows"`
	}{r.ID, r.Status, r.DryRun, r.NumRows})
	if err != nil {
		return fmt.Errorf("restorer: audit: %w", err)
	}
	return nil
}

// retryScope is what the audit log holds of a restore that is to run again.
type retryScope struct {
	RetryOf uuid.UUID `json:"retry_of"`
	DryRun  bool      `json:"dry_run"`
}

// Reopen sets a failed or cancelled restore, or revert, back to pending, to be run by the job; the attempt is in the audit log
// first, by ctx's actor. Conflict if it is another, or if what it needs is not kept any more.
func (s *Service) Reopen(ctx context.Context, tx pgx.Tx, tenant, id uuid.UUID, job int64) error {
	r, err := readRestore(ctx, tx, lockRestore, tenant, id)
	switch {
	case err != nil:
		return err
	case r.RevertStatus != nil && *r.RevertStatus == Failed:
		return s.reopenRevert(ctx, tx, r, job)
	case r.Status != Failed && r.Status != Cancelled:
		return fault.New(fault.Conflict, "only a failed or cancelled restore can be retried")
	case r.FileKey != nil && r.SweptAt != nil:
		return fault.New(fault.Conflict, "the file is not kept any more: send it again")
	}
	by := tenancy.Principal{Tenant: tenant, Actor: audit.Actor(ctx)}
	if err := s.cfg.Audit.Write(ctx, by, Action, audit.Started, retryScope{id, r.DryRun}); err != nil {
		return fmt.Errorf("restorer: audit: %w", err)
	}
	_, err = exec(ctx, tx, "reopen restore", reopenRestore, tenant, id, job)
	return err
}
