package webhook

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"wharf/internal/fault"
	"wharf/internal/fieldcrypt"
	"wharf/internal/pg"
	"wharf/internal/tenancy"
)

// Queue enqueues the job of a delivery in the transaction that writes its row.
type Queue interface {
	Enqueue(ctx context.Context, tx pgx.Tx, kind string, tenant, id uuid.UUID) (job int64, err error)
}

// Kind is the kind of job that makes a delivery.
const Kind = "webhook"

// Config is what a Service needs.
type Config struct {
	DB           *tenancy.DB
	Queue        Queue
	Keys         *fieldcrypt.Ring // seals secrets; nil: they are stored as they are
	Now          func() time.Time
	Version      string          // of Wharf, for the User-Agent
	Timeout      time.Duration   // from dialling to the end of the answer
	TTL          time.Duration   // a delivery that has ended is kept
	AllowPrivate bool            // any address, and plain http
	Waits        []time.Duration // before the second, third, … attempt; nil: over about a day
	Resolver     *net.Resolver   // nil: the system's
}

// Service keeps secrets and deliveries, and makes the deliveries. It is safe for concurrent use.
type Service struct {
	cfg    Config
	client *http.Client
}

// New returns a Service.
func New(cfg Config) *Service {
	if cfg.Waits == nil {
		cfg.Waits = defaultWaits()
	}
	return &Service{cfg: cfg, client: newClient(cfg)}
}

// Attempts is how often a delivery is tried with the default waits. The job's queue must allow as many.
const Attempts = 10

func defaultWaits() []time.Duration {
	return []time.Duration{
		5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute,
		time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour,
	}
}

// Owner is what a webhook belongs to.
type Owner struct {
	Kind string    `json:"kind"`
	ID   uuid.UUID `json:"id"`
}

// Kinds of owners.
const (
	OwnerImporter       = "importer"
	OwnerExportSchedule = "export_schedule"
	OwnerExport         = "export"
	OwnerRestore        = "restore"
)

var (
	// ErrNotFound is the answer to a delivery that is not the tenant's, or no longer kept.
	ErrNotFound = fault.New(fault.NotFound, "delivery not found")
	// ErrNoWebhook is the answer where the owner has no secret.
	ErrNoWebhook = fault.New(fault.NotFound, "there is no such webhook any more")
)

// inTenant runs fn in a transaction of the tenant.
func (s *Service) inTenant(ctx context.Context, tenant uuid.UUID, fn func(ctx context.Context, tx pgx.Tx) error) error {
	return tenancy.Tx(ctx, s.cfg.DB, tenancy.System(tenant), fn)
}

const (
	forgetBatch      = 1000
	forgetDeliveries = `SELECT wharf.forget_deliveries(make_interval(secs => $1), $2)`
)

// Sweep removes deliveries of all tenants that ended and are older than Config.TTL.
func (s *Service) Sweep(ctx context.Context) error {
	for removed := int64(forgetBatch); removed == forgetBatch; {
		err := pg.Tx(ctx, s.cfg.DB.Pool, func(ctx context.Context, tx pgx.Tx) error {
			return tx.QueryRow(ctx, forgetDeliveries, s.cfg.TTL.Seconds(), forgetBatch).Scan(&removed) //nolint:wrapcheck // below
		})
		if err != nil {
			return fmt.Errorf("webhook: forget old deliveries: %w", err)
		}
	}
	return nil
}

// one collects the only row of a statement; notFound if there is none.
func one[T any](ctx context.Context, tx pgx.Tx, notFound error, sql string, args ...any) (T, error) {
	var zero T
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return zero, fmt.Errorf("webhook: read: %w", err)
	}
	v, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[T])
	if errors.Is(err, pgx.ErrNoRows) {
		return zero, notFound
	}
	if err != nil {
		return zero, fmt.Errorf("webhook: read: %w", err)
	}
	return v, nil
}
