package exporter

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"wharf/internal/audit"
	"wharf/internal/catalog"
	"wharf/internal/fault"
	"wharf/internal/fieldcrypt"
	"wharf/internal/objectstore"
	"wharf/internal/tenancy"
)

// Queue enqueues the job of an export in the transaction that writes its row.
type Queue interface {
	Enqueue(ctx context.Context, tx pgx.Tx, kind string, tenant, id uuid.UUID) (job int64, err error)
}

// Kind is the kind of job that runs an export.
const Kind = "export"

// Config is what a Service needs. All of it is required but Queue, which a process that only runs jobs has no use for, and
// what says so.
type Config struct {
	Pool        *pgxpool.Pool
	DB          *tenancy.DB
	Objects     *objectstore.Store
	Audit       *audit.Log
	Queue       Queue
	Catalog     func(ctx context.Context, tx pgx.Tx) (*catalog.Snapshot, error)
	Crypt       *fieldcrypt.Ring // nil: there are no keys, and encrypted columns cannot be exported
	Readers     int              // connections that read one export at a time, of one snapshot; 0: one
	TenantTable string           // schema-qualified: id, name, slug
	Version     string           // of Wharf, for the document
	TTL         time.Duration    // a finished export is kept
	LinkTTL     time.Duration    // a signed link lives

	Webhooks     Webhooks // of schedules and exports
	AllowPrivate bool     // buckets of tenants' own may be at private addresses, and reached by plain http
	// MayStart lets a tenant's schedule start an export now, or later; nil: now.
	MayStart func(ctx context.Context, tenant uuid.UUID) (bool, error)
}

// Service keeps exports and runs them.
type Service struct{ cfg Config }

// New returns a Service.
func New(cfg Config) *Service { return &Service{cfg: cfg} }

// Actions in the audit log.
const (
	ActionStart    = "export.start"
	ActionDownload = "export.download"
	ActionDelete   = "export.delete"
)

// Input is what an export is asked for, and whom to tell how it ends.
type Input struct {
	Request
	WebhookURL *string `json:"webhook_url,omitempty"`
}

// Start writes the export and its job in one transaction. The attempt is in the audit log before that. Invalid with fields
// if the request does not fit the catalog, or nothing will be sent to the webhook; ErrNoKeys.
func (s *Service) Start(ctx context.Context, p tenancy.Principal, in Input) (e Export, err error) {
	in.Request = in.withDefaults()
	if err := s.cfg.Audit.Write(ctx, p, ActionStart, audit.Started, Input{in.public(), in.WebhookURL}); err != nil {
		return Export{}, fmt.Errorf("exporter: audit: %w", err)
	}
	if err := s.checkWebhook(in.WebhookURL); err != nil {
		return Export{}, err
	}
	secret := ""
	err = tenancy.Tx(ctx, s.cfg.DB, p, func(ctx context.Context, tx pgx.Tx) error {
		r, err := s.add(ctx, tx, p, in)
		if err != nil {
			return err
		}
		if in.WebhookURL != nil {
			if secret, err = s.cfg.Webhooks.Secret(ctx, tx, p.Tenant, Hook{Export: r.ID}); err != nil {
				return err //nolint:wrapcheck // translated by tenancy.Tx
			}
		}
		e, err = r.view()
		return err
	})
	if err != nil {
		return Export{}, err
	}
	e.WebhookSecret = secret
	return e, nil
}

func (s *Service) checkWebhook(url *string) error {
	if url == nil {
		return nil
	}
	err := s.cfg.Webhooks.CheckURL(*url)
	if f, coded := fault.As(err); coded {
		return mistakes{{Field: "webhook_url", Message: f.Message}}.err()
	}
	return err //nolint:wrapcheck // nil
}

// fits returns what keeps the request from being run now. If it fails, the transaction must be rolled back.
func (s *Service) fits(ctx context.Context, tx pgx.Tx, p tenancy.Principal, req Request) error {
	return s.cfg.DB.AsProduct(ctx, tx, p, func(ctx context.Context, tx pgx.Tx) error { //nolint:wrapcheck // by those inside
		plan, err := s.chosen(ctx, tx, p.Tenant, req)
		if err != nil {
			return err
		}
		return s.openable(plan.tables)
	})
}

// add writes an export that fits, and its job.
func (s *Service) add(ctx context.Context, tx pgx.Tx, p tenancy.Principal, in Input) (row, error) {
	req := in.Request
	if err := s.fits(ctx, tx, p, req); err != nil {
		return row{}, err
	}
	doc, err := json.Marshal(req.public())
	if err != nil {
		return row{}, fmt.Errorf("exporter: encode request: %w", err)
	}
	r, err := readExport(ctx, tx, insertExport, uuid.Must(uuid.NewV7()), p.Tenant, doc, p.Actor, in.WebhookURL)
	if err != nil {
		return row{}, err
	}
	if req.byPassphrase() {
		if err := keepPassphrase(ctx, tx, s.cfg.Crypt, p.Tenant, r.ID, req.Encrypt.Passphrase); err != nil {
			return row{}, err
		}
	}
	job, err := s.cfg.Queue.Enqueue(ctx, tx, Kind, p.Tenant, r.ID)
	if err != nil {
		return row{}, fmt.Errorf("exporter: enqueue: %w", err)
	}
	_, err = exec(ctx, tx, "note job", setExportJob, p.Tenant, r.ID, job)
	return r, err
}

// Show gives an export; ErrNotFound if the tenant has none of that id.
func (s *Service) Show(ctx context.Context, p tenancy.Principal, id uuid.UUID) (Export, error) {
	r, err := s.row(ctx, p, id)
	if err != nil {
		return Export{}, err
	}
	return r.view()
}

func (s *Service) row(ctx context.Context, p tenancy.Principal, id uuid.UUID) (row, error) {
	var r row
	err := tenancy.Tx(ctx, s.cfg.DB, p, func(ctx context.Context, tx pgx.Tx) (err error) {
		r, err = readExport(ctx, tx, selectExport, p.Tenant, id)
		return err
	})
	return r, err
}

// Filter narrows a listing. Zero values mean any.
type Filter struct {
	Status string
	After  *uuid.UUID // keyset: the last export of the page before
	Limit  int
}

// List gives exports, newest first.
func (s *Service) List(ctx context.Context, p tenancy.Principal, f Filter) ([]Export, error) {
	var found []row
	err := tenancy.Tx(ctx, s.cfg.DB, p, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, listExports, p.Tenant, f.Status, f.After, f.Limit)
		if err != nil {
			return fmt.Errorf("exporter: list: %w", err)
		}
		found, err = pgx.CollectRows(rows, pgx.RowToStructByName[row])
		if err != nil {
			return fmt.Errorf("exporter: list: %w", err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := make([]Export, 0, len(found))
	for _, r := range found {
		r.lapse()
		e, err := r.view()
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

// Job gives the job that runs the export.
func (s *Service) Job(ctx context.Context, p tenancy.Principal, id uuid.UUID) (int64, error) {
	r, err := s.row(ctx, p, id)
	if err != nil {
		return 0, err
	}
	if r.JobID == nil {
		return 0, fault.New(fault.Conflict, "the export has no job")
	}
	return *r.JobID, nil
}

type exportScope struct {
	ID uuid.UUID `json:"export_id"`
}

// Download gives a signed link to a finished export. The attempt is in the audit log before anything is looked up.
func (s *Service) Download(ctx context.Context, p tenancy.Principal, id uuid.UUID) (string, error) {
	if err := s.cfg.Audit.Write(ctx, p, ActionDownload, audit.Started, exportScope{id}); err != nil {
		return "", fmt.Errorf("exporter: audit: %w", err)
	}
	link, err := s.link(ctx, p, id)
	if err != nil {
		if auditErr := s.cfg.Audit.Write(ctx, p, ActionDownload, audit.Failed, exportScope{id}); auditErr != nil {
			return "", fmt.Errorf("exporter: audit: %w", auditErr)
		}
	}
	return link, err
}

func (s *Service) link(ctx context.Context, p tenancy.Principal, id uuid.UUID) (string, error) {
	r, err := s.row(ctx, p, id)
	switch {
	case err != nil:
		return "", err
	case r.Status == Expired:
		return "", fault.New(fault.NotFound, "the export has expired; request a new one")
	case r.Status != Completed || r.ObjectKey == nil:
		return "", fault.Newf(fault.Conflict, "the export is %s; there is nothing to download", r.Status)
	}
	at, err := s.targetOf(ctx, p, r)
	if err != nil {
		return "", err
	}
	defer at.close()
	ttl := s.cfg.LinkTTL
	if r.ExpiresAt != nil { // no link outlives its export
		ttl = max(time.Second, min(ttl, r.ExpiresAt.Sub(r.Now)))
	}
	link, err := at.PresignGet(ctx, *r.ObjectKey, *r.FileName, ttl)
	if err != nil {
		return "", fmt.Errorf("exporter: sign link: %w", err)
	}
	return link, nil
}

// Delete removes the object of an export at once, which ends every link to it; the row stays, as expired.
func (s *Service) Delete(ctx context.Context, p tenancy.Principal, id uuid.UUID) error {
	if err := s.cfg.Audit.Write(ctx, p, ActionDelete, audit.Started, exportScope{id}); err != nil {
		return fmt.Errorf("exporter: audit: %w", err)
	}
	r, err := s.row(ctx, p, id)
	switch {
	case err != nil:
		return err
	case r.Status != Completed && r.Status != Expired:
		return fault.Newf(fault.Conflict, "the export is %s; cancel it instead", r.Status)
	case r.ObjectKey == nil:
		return nil
	}
	at, err := s.targetOf(ctx, p, r)
	if err != nil {
		return err
	}
	defer at.close()
	// The object first: if the row's change fails after it, deleting again is harmless.
	if err := at.Delete(ctx, *r.ObjectKey); err != nil {
		return fmt.Errorf("exporter: delete object: %w", at.explain(ctx, err))
	}
	return tenancy.Tx(ctx, s.cfg.DB, p, func(ctx context.Context, tx pgx.Tx) error {
		_, err := exec(ctx, tx, "expire", expireExport, p.Tenant, id)
		return err
	})
}

// End writes a final status, unless the export has one.
func (s *Service) End(ctx context.Context, tx pgx.Tx, tenant, id uuid.UUID, status, reason string) error {
	n, err := exec(ctx, tx, "end export", endExport, tenant, id, status, reason)
	if err != nil || n == 0 {
		return err
	}
	return s.tell(ctx, tx, tenant, id)
}

// retryScope is what the audit log holds of an export that is to run again.
type retryScope struct {
	RetryOf uuid.UUID `json:"retry_of"`
	Request
}

// Reopen sets a failed or cancelled export back to pending, to be run by the job: it will read rows again, so the attempt is
// in the audit log first, by ctx's actor. ErrPassphraseForgotten if one encrypted it.
func (s *Service) Reopen(ctx context.Context, tx pgx.Tx, tenant, id uuid.UUID, job int64) error {
	r, err := readExport(ctx, tx, lockExport, tenant, id)
	if err != nil {
		return err
	}
	var req Request
	if err := json.Unmarshal(r.Request, &req); err != nil {
		return fmt.Errorf("exporter: read request of %s: %w", id, err)
	}
	p := tenancy.System(tenant)
	p.Actor = audit.Actor(ctx)
	if err := s.cfg.Audit.Write(ctx, p, ActionStart, audit.Started, retryScope{id, req.public()}); err != nil {
		return fmt.Errorf("exporter: audit: %w", err)
	}
	if req.byPassphrase() {
		return ErrPassphraseForgotten
	}
	n, err := exec(ctx, tx, "reopen export", reopenExport, tenant, id, job)
	if err == nil && n == 0 {
		return fault.New(fault.Conflict, "only a failed or cancelled export can be retried")
	}
	return err
}
