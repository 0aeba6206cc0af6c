package load

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// session runs statements in a transaction, or in a savepoint of it while one is open.
type session struct{ tx pgx.Tx }

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
