package audit

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"wharf/internal/tenancy"
)

// Filter narrows a listing. Zero values mean any.
type Filter struct {
	Action string
	Actor  string
	Since  time.Time  // from then on
	Until  time.Time  // before then
	Tenant *uuid.UUID // operators only; others see their own
	Before int64      // keyset: entries with a smaller id
	Limit  int        // entries at most; required
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
	within := tenancy.OperatorTx
	if !p.Operator {
		within, f.Tenant = tenancy.Tx, &p.Tenant
	}
	var entries []Entry
	err := within(ctx, l.db, p, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, list, f.Action, f.Actor, orNull(f.Since), orNull(f.Until), f.Tenant, f.Before, f.Limit)
		if err != nil {
			return fmt.Errorf("audit: list: %w", err)
		}
		if entries, err = pgx.CollectRows(rows, pgx.RowToStructByName[Entry]); err != nil {
			return fmt.Errorf("audit: list: %w", err)
		}
		return nil
	})
	return entries, err
}

func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
