package load_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"wharf/internal/fault"
	"wharf/internal/load"
	"wharf/internal/tabular"
	"wharf/internal/tenancy"
)

// given gives one batch with errors of the row program.
func given(b tabular.Batch) func(*tabular.Batch) error {
	done := false
	return func(dst *tabular.Batch) error {
		if done {
			return io.EOF
		}
		done = true
		*dst = b
		return nil
	}
}

func TestErrorsKeepTheirOrderAndTheirCells(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	cells := func(rows ...string) (out [][]byte) {
		for _, row := range rows {
			for _, cell := range strings.Split(row, "|") {
				out = append(out, []byte(cell))
			}
		}
		return out
	}
	b := tabular.Batch{
		Cols: 4, Lines: []int64{2, 3, 7, 8},
		Cells: cells("a|Acme|ten|2024", "b|\xff|10|x", "c|Ok|1|2", "d|"+strings.Repeat("ü", 300)+"|1|2"),
		Errors: []tabular.CellError{
			{Row: 2, Col: -1, Rule: "ragged", Message: "5 cells, 4 columns", Value: ""},
			{Row: 0, Col: 1, Rule: "regex", Message: `not "right"` + "\x00\xff", Value: "Ac\x00me"},
			{Row: 0, Col: 0, Rule: "min", Message: "too short", Value: "a"},
		},
	}
	want := []string{
		`2 name: not "right"␀� (Ac␀me)`,
		"2 external_id: too short (a)",
		"2 employee_count: Employee Count is not a whole number (ten)",
		"3 name: Name is not valid UTF-8 (�)",
		"3 annual_revenue: Annual Revenue is not a number (x)",
		"7 -: 5 cells, 4 columns ()",
		"8 name: Name is longer than 255 characters (" + strings.Repeat("ü", 100) + "…)",
	}
	plan, err := load.Compile(w.spec(t, "companies", "external_id name employee_count annual_revenue"))
	require.NoError(t, err)
	name, staged := w.stage(t, plan, given(b))
	require.Equal(t, load.Staged{Rows: 4, Errors: 7}, staged)
	ctx := context.Background()
	require.NoError(t, tenancy.Tx(ctx, w.db, tenancy.System(w.ours), func(ctx context.Context, tx pgx.Tx) error {
		all, err := load.Errors(ctx, tx, name, 100)
		require.NoError(t, err)
		require.Equal(t, want, result{Errors: all}.messages())
		require.Equal(t, []string{"regex", "min", "type"}, []string{all[0].Rule, all[1].Rule, all[2].Rule})

		some, err := load.Errors(ctx, tx, name, 4)
		require.NoError(t, err)
		require.Equal(t, all[:4], some)

		rows, errs, err := load.CountErrors(ctx, tx, name)
		require.NoError(t, err)
		require.Equal(t, [2]int64{4, 7}, [2]int64{rows, errs})
		return nil
	}))
}

func TestWithoutATableCellsAreKeptAsTheyCame(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	plan, err := load.Compile(load.Spec{Columns: []load.Column{{Name: "line"}, {Name: "errors"}, {Name: "id"}}})
	require.NoError(t, err)
	require.False(t, plan.HasTable())
	name, staged := w.stage(t, plan, given(tabular.Batch{
		Cols: 3, Lines: []int64{2, 3}, Cells: [][]byte{[]byte("a"), []byte("b"), nil, []byte("wrong"), []byte("nul\x00"), []byte("c")},
		Errors: []tabular.CellError{{Row: 1, Col: 0, Rule: "email", Message: "is no address", Value: "wrong"}},
	}))
	require.Equal(t, load.Staged{Rows: 2, Errors: 2}, staged)
	ctx := context.Background()
	require.NoError(t, tenancy.Tx(ctx, w.db, tenancy.System(w.ours), func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, plan.Select(name), pgx.QueryExecModeExec)
		require.NoError(t, err)
		var got [][]string
		for rows.Next() {
			var line []string
			for _, raw := range append(rows.RawValues()[:1:1], rows.RawValues()[2:]...) {
				line = append(line, string(raw))
			}
			got = append(got, line)
		}
		require.Equal(t, [][]string{{"2", "a", "b", ""}, {"3", "wrong", "", "c"}}, got)
		return rows.Err()
	}))
}

func TestStagingThatWasEmptiedIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	plan, err := load.Compile(w.spec(t, "companies", "external_id name"))
	require.NoError(t, err)
	name, staged := w.stage(t, plan, batches(rows("1 | a", "2 | b", "3 | c")))
	require.EqualValues(t, 3, staged.Rows)
	count := func() (n int64, err error) {
		err = tenancy.Tx(context.Background(), w.db, tenancy.System(w.ours), func(ctx context.Context, tx pgx.Tx) error {
			n, err = load.Count(ctx, tx, name)
			return err
		})
		return n, err
	}
	n, err := count()
	require.NoError(t, err)
	require.EqualValues(t, 3, n)
	w.exec(t, `TRUNCATE wharf_staging.`+name) // as a crash does with unlogged tables
	n, err = count()
	require.NoError(t, err)
	require.Zero(t, n)
}

func TestDropTakesAllThatBeginsWithItsPrefix(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	plan, err := load.Compile(load.Spec{Columns: []load.Column{{Name: "a"}}})
	require.NoError(t, err)
	one, _ := w.stage(t, plan, batches(rows("1")))
	two, _ := w.stage(t, plan, batches(rows("1")))
	w.exec(t, `CREATE TABLE wharf_staging."`+one+`_others" ()`) // the administrator's
	require.NoError(t, tenancy.Tx(context.Background(), w.db, tenancy.System(w.ours), func(ctx context.Context, tx pgx.Tx) error {
		return load.Drop(ctx, tx, one)
	}))
	require.Equal(t, []string{one + "_others", two}, w.query(t, `SELECT relname FROM pg_class WHERE relnamespace = 'wharf_staging'::regnamespace AND relkind = 'r'
		AND relname LIKE 't\_%' ORDER BY relname = '`+two+`'`))
}

func TestAStoppedStagingEndsBothSides(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	plan, err := load.Compile(load.Spec{Columns: []load.Column{{Name: "a"}}})
	require.NoError(t, err)
	stage := func(ctx context.Context, next func(*tabular.Batch) error) error {
		conn, err := w.service.Acquire(context.Background())
		require.NoError(t, err)
		defer conn.Release()
		_, err = plan.Stage(ctx, conn.Conn(), "t_"+strings.ReplaceAll(uuid.NewString(), "-", ""), next)
		return err
	}
	broken := errors.New("the file ends in the middle of a row")
	require.ErrorIs(t, stage(context.Background(), func(*tabular.Batch) error { return broken }), broken)

	ctx, cancel := context.WithCancel(context.Background())
	line := int64(0)
	err = stage(ctx, func(b *tabular.Batch) error { // has no end of its own
		b.Reset(1)
		for range 1000 {
			line++
			b.Lines, b.Cells = append(b.Lines, line), append(b.Cells, []byte("cell"))
		}
		if line == 1_000_000 {
			cancel()
		}
		return nil
	})
	require.ErrorIs(t, err, context.Canceled)
}

func TestTooManyColumnsAreNamedAsALimit(t *testing.T) {
	t.Parallel()
	_, err := load.Compile(load.Spec{Columns: make([]load.Column, 1501)})
	require.Equal(t, fault.TooLarge, fault.CodeOf(err))
}
