package load_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"wharf/internal/fault"
	"wharf/internal/load"
	"wharf/internal/rowprogram"
	"wharf/internal/tabular"
	"wharf/internal/tenancy"
)

// inTx runs fn in a transaction of ours.
func (w *world) inTx(t testing.TB, fn func(ctx context.Context, tx pgx.Tx)) {
	t.Helper()
	require.NoError(t, tenancy.Tx(context.Background(), w.db, tenancy.System(w.ours), func(ctx context.Context, tx pgx.Tx) error {
		fn(ctx, tx)
		return nil
	}))
}

// mend puts cells in the place of a staged row's: nil keeps one.
func (w *world) mend(t testing.TB, plan *load.Plan, program *rowprogram.Program, name string, line int64, mended map[int]string) {
	t.Helper()
	w.inTx(t, func(ctx context.Context, tx pgx.Tx) {
		old, err := plan.Rows(ctx, tx, name, load.AllRows, line-1, 1)
		require.NoError(t, err)
		require.Equal(t, line, old[0].Line)
		b := tabular.Batch{Cols: len(old[0].Cells), Lines: []int64{line}, Kinds: old[0].Kinds}
		for i, cell := range old[0].Cells {
			if text, ok := mended[i]; ok {
				cell, b.Kinds[i] = text, tabular.Text
			}
			b.Cells = append(b.Cells, []byte(cell))
		}
		require.NoError(t, program.Apply(&b))
		require.NoError(t, plan.Replace(ctx, tx, name, line, &b))
	})
}

const reviewTables = `
CREATE TABLE public.visits (
	id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL, code text NOT NULL, day date, at timestamptz, price numeric(9,3), paid boolean, note varchar(300),
	UNIQUE (tenant_id, code));`

// review stages a file with decimal commas and days before months, checked by a row program.
func review(t *testing.T, w *world) (spec load.Spec, program *rowprogram.Program, name string) {
	t.Helper()
	spec = w.spec(t, "visits", "code day at price paid note")
	spec.Uniques = []load.Unique{{Column: 0, Message: "Code must be unique"}}
	fields := []rowprogram.Field{
		{Name: "code", Type: "text"},
		{Name: "day", Type: "date", DateOrder: "DMY"},
		{Name: "at", Type: "date"},
		{Name: "price", Type: "number", Decimal: ","},
		{Name: "paid", Type: "boolean"},
		{Name: "note", Type: "text"},
	}
	program, err := rowprogram.Compile(fields, rowprogram.Config{})
	require.NoError(t, err)
	long := strings.Repeat("né", 200)
	file := batches(rows(
		"a | 04/03/2024 | 2024-03-04 05:06:07 | 1.234,5 | yes | fine",
		"b | 31/02/2024 | | oops | no | "+long,
		"a | 05/03/2024 | | 1,234 | | again",
		"c | | | | | "+"null",
	))
	plan, err := load.Compile(spec)
	require.NoError(t, err)
	name, _ = w.stage(t, plan, func(b *tabular.Batch) error {
		if err := file(b); err != nil {
			return err
		}
		return program.Apply(b)
	})
	return spec, program, name
}

func TestStagedRowsAreReadMendedAndMergedByAnotherProcess(t *testing.T) {
	t.Parallel()
	w := newWorld(t, reviewTables)
	spec, program, name := review(t, w)
	plan, err := load.Compile(spec)
	require.NoError(t, err)
	w.inTx(t, func(ctx context.Context, tx pgx.Tx) {
		require.NoError(t, plan.Keep(ctx, tx, name))
		require.NoError(t, plan.Keep(ctx, tx, name))
		require.NoError(t, plan.Mark(ctx, tx, name))
	})
	require.Equal(t, "p", w.one(t, `SELECT relpersistence FROM pg_class WHERE relname = '`+name+`'`))

	read := func(status load.RowStatus, after int64, limit int) (out []load.Row) {
		w.inTx(t, func(ctx context.Context, tx pgx.Tx) {
			plan, err := load.Compile(spec)
			require.NoError(t, err)
			out, err = plan.Rows(ctx, tx, name, status, after, limit)
			require.NoError(t, err)
		})
		return out
	}
	all := read(load.AllRows, 0, 10)
	require.Len(t, all, 4)
	require.Equal(t, []string{"a", "2024-03-04", "2024-03-04 05:06:07+00", "1234.500", "true", "fine"}, all[0].Cells)
	require.Equal(t, []tabular.Kind{tabular.Text, tabular.Date, tabular.Date, tabular.Number, tabular.Boolean, tabular.Text}, all[0].Kinds)
	require.Empty(t, all[0].Errors)
	require.Equal(t, []string{"b", "31/02/2024", "", "oops", "false", strings.Repeat("né", 200)}, all[1].Cells, "what the file held, whole")
	require.Equal(t, tabular.Text, all[1].Kinds[1])
	require.Equal(t, []int64{3, 4}, lines(read(load.InvalidRows, 0, 10)))
	require.Equal(t, []int64{2, 5}, lines(read(load.ValidRows, 0, 10)))
	require.Equal(t, []int64{3}, lines(read("", 2, 1)))
	require.Equal(t, "Code must be unique; row 2 has the same value", all[2].Errors[0].Message)

	w.mend(t, plan, program, name, 3, map[int]string{1: "29/02/2024", 3: "2.345,5", 5: "short"})
	w.mend(t, plan, program, name, 2, map[int]string{0: "d"}) // so that row 4 is alone
	w.mend(t, plan, program, name, 5, map[int]string{1: "tomorrow"})
	w.inTx(t, func(ctx context.Context, tx pgx.Tx) {
		bad, errs, err := load.CountErrors(ctx, tx, name)
		require.NoError(t, err)
		require.Equal(t, [2]int64{2, 2}, [2]int64{bad, errs}, "row 4 has not been judged anew yet")
		require.NoError(t, plan.Mark(ctx, tx, name))
		bad, _, err = load.CountErrors(ctx, tx, name)
		require.NoError(t, err)
		require.EqualValues(t, 1, bad)
		require.Equal(t, fault.NotFound, fault.CodeOf(plan.Replace(ctx, tx, name, 99, &tabular.Batch{Cols: 6, Lines: []int64{1}, Cells: make([][]byte, 6)})))
	})
	require.Equal(t, []int64{5}, lines(read(load.InvalidRows, 0, 10)))

	spec.Undo = uuid.New()
	plan, err = load.Compile(spec) // in another process
	require.NoError(t, err)
	got, err := w.mergeStaged(spec, plan, name)
	require.NoError(t, err)
	require.Equal(t, load.Counts{Created: 3, Skipped: 1, Errors: 1}, got.Counts)
	require.Equal(t, []string{
		"a|2024-03-05|∅|1.234|∅|again", "b|2024-02-29|∅|2345.500|f|short", "d|2024-03-04|2024-03-04 05:06:07+00|1234.500|t|fine",
	}, w.query(t, `SELECT code, day, at, price, paid, note FROM visits ORDER BY 1`))
	require.EqualValues(t, 3, w.revert(t, spec.Undo).Deleted, "a mended row keeps the id that was minted for it")
}

func lines(rows []load.Row) (out []int64) {
	for _, r := range rows {
		out = append(out, r.Line)
	}
	return out
}

// The sieve promised that no key comes twice; a mended row breaks the promise.
func TestAMendedRowsKeyIsComparedWithTheOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, reviewTables)
	spec := w.spec(t, "visits", "code note")
	plan, err := load.Compile(spec)
	require.NoError(t, err)
	program, err := rowprogram.Compile([]rowprogram.Field{{Name: "code", Type: "text"}, {Name: "note", Type: "text"}}, rowprogram.Config{})
	require.NoError(t, err)
	name, _ := w.stage(t, plan, batches(rows("a | 1", "b | 2", "c | 3")))
	w.mend(t, plan, program, name, 3, map[int]string{0: "c"})
	got, err := w.mergeStaged(spec, plan, name)
	require.NoError(t, err)
	require.Equal(t, []string{"4 code: the same Code as row 3 (c)"}, got.messages())
	require.Equal(t, []string{"a|1", "c|2"}, w.query(t, `SELECT code, note FROM visits ORDER BY 1`))
}

func TestErrorsAreReadOneRowAfterTheOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t, reviewTables)
	_, program, name := review(t, w)
	require.NotNil(t, program)
	var got []string
	w.inTx(t, func(ctx context.Context, tx pgx.Tx) {
		require.NoError(t, load.EachError(ctx, tx, name, func(line int64, found []load.RowError) error {
			require.Equal(t, line, found[0].Row)
			got = append(got, result{Errors: found}.messages()...)
			return nil
		}))
		all, err := load.Errors(ctx, tx, name, 100)
		require.NoError(t, err)
		require.Equal(t, result{Errors: all}.messages(), got)
		require.ErrorIs(t, load.EachError(ctx, tx, name, func(int64, []load.RowError) error { return context.Canceled }), context.Canceled)
	})
	require.Len(t, got, 3)
}
