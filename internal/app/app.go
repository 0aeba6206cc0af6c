// Package app wires the parts that both binaries share. It is the part of cmd that is not a main package.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime/debug"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"wharf/internal/audit"
	"wharf/internal/catalog"
	"wharf/internal/config"
	"wharf/internal/dump"
	"wharf/internal/exporter"
	"wharf/internal/fault"
	"wharf/internal/fieldcrypt"
	"wharf/internal/idempotency"
	"wharf/internal/importer"
	"wharf/internal/jobs"
	"wharf/internal/objectstore"
	"wharf/internal/pg"
	"wharf/internal/ratelimit"
	"wharf/internal/restorer"
	"wharf/internal/rowprogram"
	"wharf/internal/tabular"
	"wharf/internal/tenancy"
	"wharf/internal/webhook"
	wharfmigrations "wharf/migrations/wharf"
)

// App is the parts of one process.
type App struct {
	Config      config.Config
	Log         *slog.Logger
	Pool        *pgxpool.Pool
	DB          *tenancy.DB
	Objects     *objectstore.Store
	Catalog     *catalog.Cache
	Audit       *audit.Log
	Idempotency *idempotency.Store
	Limits      *ratelimit.Store
	Importers   *importer.Service
	Exports     *exporter.Service
	Restores    *restorer.Service
	Webhooks    *webhook.Service
	Keys        *fieldcrypt.Ring // nil: none are configured
	Jobs        *jobs.Client
	queue       *lateQueue
}

// idempotencyLease is how long the key of a request that died stays blocked; requests hold theirs for seconds.
const idempotencyLease = 2 * time.Minute

// lateQueue closes the circle between services, which enqueue, and jobs, which run services.
type lateQueue struct{ client *jobs.Client }

// Enqueue adds a job.
func (q *lateQueue) Enqueue(ctx context.Context, tx pgx.Tx, kind string, tenant, id uuid.UUID) (int64, error) {
	return q.client.Enqueue(ctx, tx, kind, tenant, id) //nolint:wrapcheck // only passes on
}

// Logger gives the process's log as the configuration says, on w.
func Logger(cfg config.Log, w io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(cfg.Level)) // checked by config
	opts := &slog.HandlerOptions{Level: level}
	if cfg.Format == "text" {
		return slog.New(slog.NewTextHandler(w, opts))
	}
	return slog.New(slog.NewJSONHandler(w, opts))
}

// Open makes the parts, and waits for a database that is away. Close frees them. application is shown in Postgres.
func Open(ctx context.Context, cfg config.Config, log *slog.Logger, application string) (*App, error) {
	a := &App{Config: cfg, Log: log, queue: &lateQueue{}}
	var err error
	if a.Keys, err = fieldcrypt.New(cfg.Fields.Keys.Reveal()); err != nil {
		return nil, fmt.Errorf("app: WHARF_FIELD_KEYS: %w", err)
	}
	a.Pool, err = pg.Open(ctx, pg.Config{URL: cfg.Database.URL.Reveal(), Application: application, MaxConns: cfg.Database.MaxConns})
	if err != nil {
		return nil, fmt.Errorf("app: %w", err)
	}
	a.DB = &tenancy.DB{Pool: a.Pool, Wall: tenancy.Wall{Setting: cfg.Tenant.Setting, Role: cfg.Tenant.Role, Column: cfg.Tenant.Column}}
	if err := a.wait(ctx, func() error { return pg.CheckServiceRole(ctx, a.Pool) }); err != nil {
		return nil, a.abandon(err)
	}
	if a.Objects, err = objectstore.Open(ctx, objectConfig(cfg.S3)); err != nil {
		return nil, a.abandon(fmt.Errorf("app: %w", err))
	}
	catalogConfig := catalog.Config{
		Schemas: cfg.Tenant.Schemas, TenantColumn: cfg.Tenant.Column, TenantTable: cfg.Tenant.Table, TenantSetting: cfg.Tenant.Setting,
	}
	a.Catalog = catalog.NewCache(a.Pool, catalogConfig, log)
	a.Audit = audit.New(a.Pool, a.DB)
	a.Idempotency = idempotency.New(idempotency.Config{Pool: a.Pool, DB: a.DB, TTL: cfg.HTTP.IdempotencyTTL, Lease: idempotencyLease})
	a.Limits = ratelimit.New(a.Pool, a.DB, cfg.Tenant.Table)
	a.Webhooks = webhook.New(webhook.Config{
		DB: a.DB, Queue: a.queue, Keys: a.Keys, Now: time.Now, Version: Version(),
		Timeout: cfg.Webhooks.ReceiverWithin, TTL: cfg.Webhooks.DeliveryTTL, AllowPrivate: cfg.Webhooks.AllowPrivate,
	})
	tenantTable := pgx.Identifier(strings.SplitN(cfg.Tenant.Table, ".", 2)).Sanitize()
	a.Importers = importer.New(importer.Config{
		Pool: a.Pool, DB: a.DB, Objects: a.Objects, Queue: a.queue, Snapshot: a.Catalog.Current, Catalog: a.Catalog.In,
		Limits: limits(cfg.Limits), Programs: rowprogram.Config{PhoneRegion: cfg.Limits.PhoneRegion},
		LinkTTL: cfg.S3.LinkTTL, UploadTTL: cfg.Limits.UploadTTL, UploadBytes: int64(cfg.Limits.UploadBytes),
		UndoTTL: cfg.Limits.UndoTTL, WorkMemMB: int(cfg.Jobs.MergeMemory >> 20), Crypt: a.Keys, Webhooks: importerHooks{a.Webhooks},
		TenantTable: tenantTable,
		Retention:   importer.Retention{Files: cfg.Limits.FileTTL, Reports: cfg.Limits.ReportTTL, Reviews: cfg.Limits.ReviewTTL},
	})
	a.Exports = exporter.New(exporter.Config{
		Pool: a.Pool, DB: a.DB, Objects: a.Objects, Audit: a.Audit, Queue: a.queue, Catalog: a.Catalog.In, Crypt: a.Keys, Readers: cfg.Jobs.ExportReaders,
		TenantTable: cfg.Tenant.Table, Version: Version(), TTL: cfg.Limits.ExportTTL, LinkTTL: cfg.S3.LinkTTL,
		Webhooks: exportHooks{a.Webhooks}, AllowPrivate: cfg.Exports.AllowPrivate, MayStart: a.mayStart,
	})
	a.Restores = restorer.New(restorer.Config{
		Pool: a.Pool, DB: a.DB, Objects: a.Objects, Audit: a.Audit, Queue: a.queue, Uploads: a.Importers, Exports: a.archive, Webhooks: restoreHooks{a.Webhooks},
		Catalog: a.Catalog.In, Crypt: a.Keys, TenantTable: tenantTable, WorkMemMB: int(cfg.Jobs.MergeMemory >> 20), FileTTL: cfg.Limits.FileTTL,
		UndoTTL: cfg.Limits.UndoTTL, Limits: dump.Limits{Row: int(cfg.Restores.RowBytes), Bytes: int64(cfg.Restores.UnpackedBytes)},
		Direct: cfg.Restores.Documents, DirectTime: cfg.Restores.DocumentTime,
	})
	return a, nil
}

func objectConfig(c config.S3) objectstore.Config {
	return objectstore.Config{
		Endpoint: c.Endpoint, PublicEndpoint: c.PublicEndpoint, Region: c.Region, Bucket: c.Bucket,
		AccessKey: c.AccessKey.Reveal(), SecretKey: c.SecretKey.Reveal(), PathStyle: c.PathStyle, PartBytes: int64(c.PartBytes),
	}
}

func limits(c config.Limits) tabular.Limits {
	return tabular.Limits{
		DecompressedBytes: int64(c.DecompressedBytes), Ratio: c.Ratio, Rows: c.Rows, Columns: c.Columns, CellBytes: int(c.CellBytes),
	}
}

func (a *App) jobsConfig() (jobs.Config, jobs.Handlers) {
	c := a.Config.Jobs
	queue := func(workers int) jobs.Queue {
		return jobs.Queue{Workers: workers, Timeout: c.Timeout, MaxAttempts: c.MaxAttempts}
	}
	cfg := jobs.Config{
		InTenant: func(ctx context.Context, tenant uuid.UUID, fn func(ctx context.Context, tx pgx.Tx) error) error {
			return tenancy.Tx(ctx, a.DB, tenancy.System(tenant), fn)
		},
		Log: a.Log, Now: time.Now,
		Queues: map[string]jobs.Queue{
			jobs.KindImport: queue(c.Import), jobs.KindExport: queue(c.Export), jobs.KindRestore: queue(c.Restore),
			// A delivery says itself when it is next tried; the queue's own waits are for a database that is away.
			jobs.KindWebhook:     {Workers: c.Webhook, MaxAttempts: webhook.Attempts, RetryCap: 5 * time.Minute},
			jobs.KindMaintenance: {Workers: c.Maintenance},
		},
		TenantConcurrency: c.PerTenant, FetchCooldown: c.FetchCooldown, PollOnly: c.PollOnly,
		SoftStop: a.Config.HTTP.DrainTimeout, Heartbeat: c.Heartbeat, Lease: c.Lease,
	}
	return cfg, jobs.Handlers{jobs.KindImport: a.Importers, jobs.KindExport: a.Exports, jobs.KindRestore: a.Restores, jobs.KindWebhook: a.Webhooks}
}

// EnqueueOnly makes the client of a process that works no jobs.
func (a *App) EnqueueOnly() error {
	cfg, handlers := a.jobsConfig()
	client, err := jobs.NewInsertOnly(a.Pool, cfg, handlers)
	if err != nil {
		return fmt.Errorf("app: %w", err)
	}
	a.Jobs, a.queue.client = client, client
	return nil
}

// WorkJobs makes the client of a process that works jobs.
func (a *App) WorkJobs(ctx context.Context) error {
	cfg, handlers := a.jobsConfig()
	client, err := jobs.New(ctx, a.Pool, cfg, handlers)
	if err != nil {
		return fmt.Errorf("app: %w", err)
	}
	if err := a.sweep(client); err != nil {
		return err
	}
	a.Jobs, a.queue.client = client, client
	return nil
}

// Migrated returns an error unless Wharf's own migrations are applied.
func (a *App) Migrated(ctx context.Context) error {
	return pg.CheckMigrated(ctx, a.Pool, wharfmigrations.FS) //nolint:wrapcheck // a sentence of its own
}

// wait repeats fn while the database is away; any other error ends it.
func (a *App) wait(ctx context.Context, fn func() error) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		err := fn()
		if err == nil || fault.CodeOf(err) != fault.Unavailable {
			return err
		}
		a.Log.WarnContext(ctx, "waiting for the database", "error", err)
		select {
		case <-ctx.Done():
			return ctx.Err() //nolint:wrapcheck // a signal
		case <-tick.C:
		}
	}
}

// abandon closes what Open had made before err.
func (a *App) abandon(err error) error {
	a.Close()
	return err
}

// Close frees connections.
func (a *App) Close() {
	if a.Objects != nil {
		a.Objects.Close()
	}
	a.Pool.Close()
}

// Version gives the version this binary was built from, "dev" if nobody said.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "dev"
	}
	return strings.TrimPrefix(info.Main.Version, "v")
}

// Networks parses the networks of trusted proxies, which config has checked.
func Networks(cidrs []string) ([]*net.IPNet, error) {
	var out []*net.IPNet
	for _, c := range cidrs {
		_, n, err := net.ParseCIDR(c)
		if err != nil {
			return nil, errors.New("app: " + c + " is no network")
		}
		out = append(out, n)
	}
	return out, nil
}
