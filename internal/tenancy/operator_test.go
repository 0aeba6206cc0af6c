package tenancy_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"wharf/internal/tenancy"
)

func TestOperatorReadsTheAuditLogAndNoOtherRowOfATenant(t *testing.T) {
	t.Parallel()
	ctx, c := context.Background(), newTown(t)
	require.NoError(t, tenancy.OperatorTx(ctx, c.wall, tenancy.Principal{Operator: true}, func(ctx context.Context, tx pgx.Tx) error {
		for _, table := range tables() {
			want := 0
			if table == "wharf.audit_log" {
				want = 2
			}
			require.Equal(t, want, count(ctx, t, tx, table), table)
		}
		return nil
	}))
}

func TestOperatorTxIsForOperators(t *testing.T) {
	t.Parallel()
	ctx, c := context.Background(), newTown(t)
	called := false
	for _, p := range []tenancy.Principal{{}, tenancy.System(c.a)} {
		err := tenancy.OperatorTx(ctx, c.wall, p, func(context.Context, pgx.Tx) error { called = true; return nil })
		require.ErrorIs(t, err, tenancy.ErrForbidden)
	}
	require.False(t, called)
}
