// Package audit is the append-only record of who did what. A row is written before any tenant row is read, in a
// transaction of its own, so that a failed or refused attempt is recorded too. The database keeps it append-only: the
// service's role may add through wharf.write_audit and read, no more.
package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"wharf/internal/pg"
	"wharf/internal/tenancy"
)

// Outcomes of an attempt.
const (
	Started = "started" // allowed, and begun
	Denied  = "denied"  // 403
	Limited = "limited" // 429
	Failed  = "failed"
	Done    = "done"
)

// Entry is one row of the log.
type Entry struct {
	ID        int64           `json:"id"`
	At        time.Time       `json:"at"`
	TenantID  *uuid.UUID      `json:"tenant_id"`
	Actor     string          `json:"actor"`
	Action    string          `json:"action"` // e.g. "export.start", "export.download"
	Scope     json.RawMessage `json:"scope"`
	Outcome   string          `json:"outcome"` // one of the constants
	RequestID string          `json:"request_id"`
}

// Log writes and reads the record.
type Log struct {
	pool *pgxpool.Pool
	db   *tenancy.DB
}

// New returns a Log over pool; db is the same database behind the wall, for reading.
func New(pool *pgxpool.Pool, db *tenancy.DB) *Log { return &Log{pool: pool, db: db} }

const write = `SELECT wharf.write_audit($1, $2, $3, $4, $5, $6)`

// writeWithin bounds Write once its caller is gone.
const writeWithin = 10 * time.Second

// Write appends an entry and commits it, by itself and at once: what is done after it may fail and roll back. scope says as
// a JSON object what the attempt was for; nil: an empty one. The entry carries ctx's request id. Unavailable.
func (l *Log) Write(ctx context.Context, p tenancy.Principal, action, outcome string, scope any) error {
	// The attempt is recorded even if its caller goes away meanwhile.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeWithin)
	defer cancel()
	return pg.Translate(add(ctx, l.pool, p, action, outcome, scope))
}

// WriteIn is Write in the caller's transaction: the entry is there if what it tells of is.
func (*Log) WriteIn(ctx context.Context, tx pgx.Tx, p tenancy.Principal, action, outcome string, scope any) error {
	return add(ctx, tx, p, action, outcome, scope)
}

type executor interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

func add(ctx context.Context, to executor, p tenancy.Principal, action, outcome string, scope any) error {
	if scope == nil {
		scope = struct{}{}
	}
	doc, err := json.Marshal(scope)
	if err != nil {
		return fmt.Errorf("audit: scope of %s: %w", action, err)
	}
	var tenant *uuid.UUID
	if p.Tenant != uuid.Nil {
		tenant = &p.Tenant
	}
	if _, err := to.Exec(ctx, write, tenant, p.Actor, action, doc, outcome, RequestID(ctx)); err != nil {
		return fmt.Errorf("audit: write %s: %w", action, err)
	}
	return nil
}
