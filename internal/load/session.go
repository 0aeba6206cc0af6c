package load

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"wharf/internal/catalog"
)

// session runs statements in a transaction, or in a savepoint of it while one is open.
type session struct{ tx pgx.Tx }

// Lock takes the lock that serialises what is done to a table of a tenant, until the transaction ends. Whoever takes several
// takes them in the order of the tables' names.
func Lock(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, t *catalog.Table) error {
	_, err := (&session{tx}).exec(ctx, "lock", `SELECT pg_advisory_xact_lock(hashtextextended(`+literal(tenant.String()+" "+t.Name)+`, 0))`)
	return err
}

// Fitted gives the statement that fits the planner to the sizes; more settings may be added to it.
//
// Statistics are never relied on where they may be far off, because then a nested loop goes through a whole table once a
// staged row. Many rows are joined by hashes, whatever Postgres thinks of their number. Few are looked up in indexes, and
// nothing is kept to be gone through again and again.
func Fitted(workMemMB int, large bool) string {
	settings := fmt.Sprintf(`SELECT set_config('work_mem', '%dMB', true), set_config('jit', 'off', true)`, workMemMB)
	if large {
		return settings + `, set_config('enable_nestloop', 'off', true)`
	}
	return settings + `, set_config('enable_material', 'off', true), set_config('enable_bitmapscan', 'off', true), set_config('random_page_cost', '1.1', true)`
}

func (s *session) exec(ctx context.Context, what, sql string) (int64, error) {
	tag, err := s.tx.Exec(ctx, sql)
	if err != nil {
		return 0, fmt.Errorf("load: %s: %w", what, err)
	}
	return tag.RowsAffected(), nil
}

// row reads the one row that sql gives.
func (s *session) row(ctx context.Context, what, sql string, into ...any) error {
	if err := s.tx.QueryRow(ctx, sql, pgx.QueryExecModeExec).Scan(into...); err != nil {
		return fmt.Errorf("load: %s: %w", what, err)
	}
	return nil
}

// attempt runs fn and takes back what it did if it fails, so that the transaction can go on.
func (s *session) attempt(ctx context.Context, fn func(ctx context.Context) error) error {
	outer := s.tx
	inner, err := outer.Begin(ctx)
	if err != nil {
		return fmt.Errorf("load: savepoint: %w", err)
	}
	s.tx = inner
	err = fn(ctx)
	s.tx = outer
	if err != nil {
		if back := inner.Rollback(ctx); back != nil {
			return fmt.Errorf("load: roll back to savepoint: %w", back)
		}
		return err
	}
	if err := inner.Commit(ctx); err != nil {
		return fmt.Errorf("load: release savepoint: %w", err)
	}
	return nil
}

// halve searches a range that was refused as a whole, for the reason cause: it writes what can be written, and has refuse
// told of each line that cannot.
func (s *session) halve(ctx context.Context, l lines, cause error,
	write func(ctx context.Context, l lines) error, refuse func(ctx context.Context, line int64, cause error) error,
) error {
	if l.from == l.to {
		return refuse(ctx, l.from, cause)
	}
	lower, upper := l, l
	lower.to = l.from + (l.to-l.from)/2
	upper.from = lower.to + 1
	for _, half := range []lines{lower, upper} {
		err := s.attempt(ctx, func(ctx context.Context) error { return write(ctx, half) })
		if Refused(err) {
			err = s.halve(ctx, half, err, write, refuse)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
