package load_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"wharf/internal/load"
	"wharf/internal/tenancy"
)

// Without the lock both would find no row, and both would create them: one would fail, or rows that no index keeps unique
// would be there twice.
func TestMergesIntoOneTableOfOneTenantComeOneAfterTheOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t, matchTables)
	spec := w.spec(t, "people", "ext email name")
	spec.Match = []string{"lower(email)"} // no index keeps it unique
	plan, err := load.Compile(spec)
	require.NoError(t, err)

	const many = 300
	var staged []string
	for n := range 2 {
		var lines []string
		for i := range many {
			if n == 1 {
				i = many - 1 - i // the other way round, so that rows would be locked crosswise
			}
			lines = append(lines, fmt.Sprintf("e%d | p%d@x | name %d", i, i, n))
		}
		name, _ := w.stage(t, plan, batches(rows(lines...)))
		staged = append(staged, name)
	}

	ctx := context.Background()
	merged := make(chan struct{}) // the first has written and not yet committed
	waiting := make(chan uint32)  // the second is about to merge
	var counts [2]load.Counts
	var group errgroup.Group
	group.Go(func() error {
		return tenancy.Tx(ctx, w.db, tenancy.System(w.ours), func(ctx context.Context, tx pgx.Tx) (err error) {
			counts[0], err = plan.Merge(ctx, tx, staged[0])
			close(merged)
			if err != nil {
				return err
			}
			pid := <-waiting
			require.Eventually(t, func() bool {
				return w.one(t, fmt.Sprintf(`SELECT count(*) FROM pg_locks WHERE pid = %d AND locktype = 'advisory' AND NOT granted`, pid)) == "1"
			}, waitLimit, waitStep, "the second merge does not wait for the first")
			return nil
		})
	})
	group.Go(func() error {
		<-merged
		return tenancy.Tx(ctx, w.db, tenancy.System(w.ours), func(ctx context.Context, tx pgx.Tx) (err error) {
			waiting <- tx.Conn().PgConn().PID()
			counts[1], err = plan.Merge(ctx, tx, staged[1])
			return err
		})
	})
	require.NoError(t, group.Wait())
	require.Equal(t, [2]load.Counts{{Created: many}, {Updated: many}}, counts)
	require.Equal(t, fmt.Sprintf("%d|%[1]d", many), w.one(t, `SELECT count(*), count(*) FILTER (WHERE name = 'name 1') FROM people`))
}
