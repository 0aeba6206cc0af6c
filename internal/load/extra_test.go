package load_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"wharf/internal/fault"
	"wharf/internal/load"
)

func TestExtraColumnsAreMergedIntoWhatARowHolds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, `CREATE TABLE public.bags (
		id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL, external_id text, name text, data jsonb DEFAULT '{}', UNIQUE (tenant_id, external_id));`)
	w.seed(t, `INSERT INTO bags (tenant_id, external_id, name, data) VALUES ($1, 'a', 'A', '{"old": 1, "size": "s"}'), ($1, 'b', 'B', '{"size": "m"}'),
		($1, 'c', 'C', '{"size": "l"}'), ($1, 'd', 'D', '[1]'), ($1, 'e', 'E', 'null')`)
	before := w.all(t, "bags")
	file := rows(`a | {"size": "xl", "new": "x"}`, `b | {"size": "m"}`, `c | `, `d | {"size": "s"}`, `e | {"size": "s"}`, `f | {"size": "f"}`, `g | `, `h | [1]`)
	for _, clears := range []bool{false, true} {
		spec := w.spec(t, "bags", "external_id data")
		spec.Columns[1].Extra = true
		spec.Clear, spec.Undo = clears, uuid.New()
		got := w.merge(t, spec, file)
		require.Equal(t, []string{"9 data: Data is no JSON object ([1])"}, got.messages())
		require.Equal(t, load.Counts{Created: 2, Updated: 2, Unchanged: 3, Skipped: 1, Errors: 1}, got.Counts)
		require.Equal(t, []string{
			`a|{"new": "x", "old": 1, "size": "xl"}`, `b|{"size": "m"}`, `c|{"size": "l"}`, `d|[1]`, `e|{"size": "s"}`, `f|{"size": "f"}`, `g|{}`,
		}, w.query(t, `SELECT external_id, data FROM bags ORDER BY 1`))
		require.EqualValues(t, 2, w.revert(t, spec.Undo).Restored)
		require.Equal(t, before, w.all(t, "bags"))
	}

	spec := w.spec(t, "bags", "external_id name")
	spec.Columns[1].Extra = true
	_, err := load.Compile(spec)
	require.Equal(t, fault.Invalid, fault.CodeOf(err))
}

func TestAMergeTellsHowFarItIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	spec := w.spec(t, "companies", "external_id name")
	var told [][2]int
	spec.Progress = func(step, steps int) { told = append(told, [2]int{step, steps}) }
	w.merge(t, spec, rows("a | A"))
	for i, step := range told {
		require.Equal(t, [2]int{i + 1, len(told)}, step)
	}
	require.Greater(t, len(told), 5)
}
