package load_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"wharf/internal/load"
	"wharf/internal/tenancy"
)

func TestRowsOfTheFileThatAreOneRow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, matchTables)
	for name, tc := range map[string]struct {
		columns string
		last    bool
		seed    string
		file    []string
		want    load.Counts
		errors  []string
		rows    []string // name
	}{
		"the first is written": {
			columns: "ext name", file: []string{"A | 1", "B | 2", "A | 3", "A | 4", "| 5", "| 6"},
			want:   load.Counts{Created: 4, Skipped: 2, Errors: 2},
			errors: []string{"4 ext: the same Ext as row 2 (A)", "5 ext: the same Ext as row 2 (A)"},
			rows:   []string{"1", "2", "5", "6"},
		},
		"or the last": {
			columns: "ext name", last: true, file: []string{"A | 1", "B | 2", "A | 3", "A | 4", "| 5", "| 6"},
			want: load.Counts{Created: 4, Skipped: 2}, rows: []string{"2", "4", "5", "6"},
		},
		"also if they are there": {
			columns: "ext name", seed: `INSERT INTO people (tenant_id, ext, name) VALUES ($1, 'A', '1')`,
			file: []string{"A | 1", "A | 1", "A | 2"}, want: load.Counts{Unchanged: 1, Skipped: 2, Errors: 2},
			errors: []string{"3 ext: the same Ext as row 2 (A)", "4 ext: the same Ext as row 2 (A)"}, rows: []string{"1"},
		},
		"a wrong row repeats none": {
			columns: "ext name id", file: []string{"A | 1 | 00000000-0000-4000-8000-000000000001", "A | 2 |"},
			want:   load.Counts{Created: 1, Skipped: 1, Errors: 1},
			errors: []string{"2 id: no row of People has this Id; leave it blank to create one (00000000-0000-4000-8000-000000000001)"},
			rows:   []string{"2"},
		},
		"by a later key only where the first is blank": {
			columns: "ext email name", file: []string{"A | x | 1", "B | X | 2", "| x | 3", "C | x | 4", "| y | 5", "D | y | 6", "E | y | 7"},
			want: load.Counts{Created: 4, Skipped: 3, Errors: 3},
			errors: []string{
				"4 email: the same Email as row 2 (x)", "7 email: the same Email as row 6 (y)", "8 email: the same Email as row 6 (y)",
			},
			rows: []string{"1", "2", "4", "5"},
		},
		"the last by a later key": {
			columns: "ext email name", last: true, file: []string{"A | x | 1", "| x | 2", "B | X | 3", "C | y | 4", "D | y | 5", "| y | 6"},
			want: load.Counts{Created: 3, Skipped: 3}, rows: []string{"1", "3", "6"},
		},
		"by the row that they are in the table": {
			columns: "ext email name", seed: `INSERT INTO people (tenant_id, ext, email, name) VALUES ($1, 'A', 'x', 'old')`,
			file: []string{"A | y | 1", "| x | 2"}, want: load.Counts{Updated: 1, Skipped: 1, Errors: 1},
			errors: []string{"3 email: the same row of People as row 2 (x)"}, rows: []string{"1"},
		},
		"the last of those": {
			columns: "ext email name", last: true, seed: `INSERT INTO people (tenant_id, ext, email, name) VALUES ($1, 'A', 'x', 'old')`,
			file: []string{"A | y | 1", "| x | 2"}, want: load.Counts{Updated: 1, Skipped: 1}, rows: []string{"2"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := w.anew()
			if tc.seed != "" {
				w.seed(t, tc.seed)
			}
			spec := w.spec(t, "people", tc.columns)
			spec.LastWins = tc.last
			got := w.merge(t, spec, rows(tc.file...))
			require.Equal(t, tc.errors, got.messages())
			require.Equal(t, tc.want, got.Counts)
			require.Equal(t, tc.rows, w.query(t, `SELECT name FROM people WHERE tenant_id = $1 ORDER BY 1`))
		})
	}
}

func TestCellsThatMustBeUniqueInTheFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	file := rows("x", "y", "", "", "")
	file[2][0], file[3][0], file[4][0] = "X\u00a0", "\t", " "
	want := []string{"4 code: Code must be unique; row 2 has the same value (X\u00a0)"}

	t.Run("without a table", func(t *testing.T) {
		t.Parallel()
		spec := load.Spec{Columns: []load.Column{{Name: "code"}}, Uniques: []load.Unique{{Column: 0, Message: "Code must be unique"}}}
		plan, err := load.Compile(spec)
		require.NoError(t, err)
		name, _ := w.stage(t, plan, batches(file))
		var r result
		require.NoError(t, tenancy.Tx(context.Background(), w.db, tenancy.System(w.ours), func(ctx context.Context, tx pgx.Tx) (err error) {
			if err := plan.Mark(ctx, tx, name); err != nil {
				return err
			}
			r.Errors, err = load.Errors(ctx, tx, name, 10)
			return err
		}))
		require.Equal(t, want, r.messages())
	})
	t.Run("in a table", func(t *testing.T) {
		t.Parallel()
		spec := w.spec(t, "suppliers", "code name")
		spec.Uniques = []load.Unique{{Column: 1, Message: "Name must be unique"}}
		got := w.merge(t, spec, rows("a | x", "b | X", "c | y"))
		require.Equal(t, []string{"3 name: Name must be unique; row 2 has the same value (X)"}, got.messages())
		require.Equal(t, load.Counts{Created: 2, Skipped: 1, Errors: 1}, got.Counts)
	})
}
