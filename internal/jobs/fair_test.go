package jobs_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFirstJobsAreAvailableAtCommit(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.client(t)
	for range 3 {
		b.enqueue(t, c, b.tenant)
	}
	other := b.db.Tenant(t, "other")
	b.enqueue(t, c, other)
	require.Equal(t, 3, b.count(t, `SELECT count(*) FROM river.river_job WHERE state = 'available'`))
}
