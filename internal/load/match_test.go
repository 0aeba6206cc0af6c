package load_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"wharf/internal/load"
)

func TestRowsAreCreatedThenLeftAloneThenUpdated(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	spec := w.spec(t, "companies", "external_id name employee_count")
	first := rows("c1 | Acme | 10", "c2 | Globex | 20", "c3 | Initech |")
	require.Equal(t, load.Counts{Created: 3}, w.merge(t, spec, first).Counts)

	const state = `SELECT external_id, name, employee_count, xmin::text, updated_at FROM companies ORDER BY 1`
	before := w.query(t, state)
	require.Equal(t, load.Counts{Unchanged: 3}, w.merge(t, spec, first).Counts)
	require.Equal(t, before, w.query(t, state), "an unchanged row was written")

	got := w.merge(t, spec, rows("c1 | Acme | 11", "c2 | Globex |", "c4 | Hooli | 40"))
	require.Equal(t, load.Counts{Created: 1, Updated: 1, Unchanged: 1}, got.Counts)
	after := w.query(t, state)
	require.Equal(t, before[1:3], after[1:3])
	require.NotEqual(t, before[0], after[0])
	require.Equal(t, []string{"c1|11|t", "c2|20|f", "c3|∅|f", "c4|40|f"},
		w.query(t, `SELECT external_id, employee_count, updated_at > created_at FROM companies ORDER BY 1`))
}
