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
	Outcome   string          `json:"outcome"`
	RequestID string          `json:"request_id"`
}

// Log writes and reads the record.
type Log struct {
	pool *pgxpool.Pool
	db   *tenancy.DB
}

// New returns a Log over pool; db is the same database behind the wall, for reading.
func New(pool *pgxpool.Pool, db *tenancy.DB) *Log { return &Log{pool: pool, db: db} }

type requestIDKey struct{}

// WithRequestID gives a context whose entries carry the request's id.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, id)
}

// RequestID gives the request's id, "" outside a request.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// Write appends an entry and commits it. scope is encoded as JSON.
func (l *Log) Write(ctx context.Context, p tenancy.Principal, action, outcome string, scope any) error {
	doc, err := json.Marshal(scope)
	if err != nil {
		return fmt.Errorf("audit: scope of %s: %w", action, err)
	}
	var tenant *uuid.UUID
	if p.Tenant != uuid.Nil {
		tenant = &p.Tenant
	}
	// The attempt is recorded even if its caller goes away meanwhile.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	_, err = l.pool.Exec(ctx, `SELECT wharf.write_audit($1, $2, $3, $4, $5, $6)`, tenant, p.Actor, action, doc, outcome, RequestID(ctx))
	if err != nil {
		return pg.Translate(fmt.Errorf("audit: write %s: %w", action, err))
	}
	return nil
}

// Filter narrows a listing. Zero values mean any.
type Filter struct {
	Action string
	Actor  string
	Since  time.Time
	Until  time.Time
	Tenant *uuid.UUID // operators only; others see their own
	Before int64      // keyset: entries with a smaller id
	Limit  int
}

const list = `
SELECT id, at, tenant_id, actor, action, scope, outcome, request_id
FROM wharf.audit_log
WHERE ($1 = '' OR action = $1) AND ($2 = '' OR actor = $2)
  AND ($3::timestamptz IS NULL OR at >= $3) AND ($4::timestamptz IS NULL OR at < $4)
  AND ($5::uuid IS NULL OR tenant_id = $5) AND ($6 = 0 OR id < $6)
ORDER BY id DESC LIMIT $7`

// List gives entries, newest first. A principal of a tenant sees that tenant's, an operator every tenant's.
func (l *Log) List(ctx context.Context, p tenancy.Principal, f Filter) ([]Entry, error) {
	var entries []Entry
	read := func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, list, f.Action, f.Actor, orNull(f.Since), orNull(f.Until), f.Tenant, f.Before, f.Limit)
		if err != nil {
			return fmt.Errorf("audit: list: %w", err)
		}
		entries, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Entry])
		if err != nil {
			return fmt.Errorf("audit: list: %w", err)
		}
		return nil
	}
	if p.Operator {
		return entries, tenancy.OperatorTx(ctx, l.db, p, read)
	}
	f.Tenant = &p.Tenant
	return entries, tenancy.Tx(ctx, l.db, p, read)
}

func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
