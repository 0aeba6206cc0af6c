package load_test

import (
	"strconv"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"wharf/internal/load"
)

const swapTables = `
CREATE TABLE public.seats (
	id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL, ext text NOT NULL,
	seat text, label text NOT NULL DEFAULT gen_random_uuid()::text, number integer NOT NULL DEFAULT 0, email text, deleted_at timestamptz,
	updated_at timestamptz NOT NULL DEFAULT now(),
	UNIQUE (tenant_id, ext), UNIQUE (tenant_id, seat), UNIQUE (tenant_id, label));
CREATE UNIQUE INDEX seats_email ON public.seats (tenant_id, lower(email)) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX seats_number ON public.seats (tenant_id, number) WHERE number > 0;
COMMENT ON TABLE public.seats IS '@match ext';
CREATE FUNCTION public.picky() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	IF NEW.label = 'never' THEN RAISE EXCEPTION 'never is never right'; END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER picky BEFORE INSERT OR UPDATE ON public.seats FOR EACH ROW EXECUTE FUNCTION public.picky()`

func TestRowsExchangeUniqueValues(t *testing.T) {
	t.Parallel()
	w := newWorld(t, swapTables)
	for name, tc := range map[string]struct {
		columns string
		seed    string // ext and the column
		file    []string
		want    load.Counts
		rows    []string
		errors  []string
	}{
		"two": {
			columns: "ext seat", seed: "('a', '1'), ('b', '2'), ('c', '3')", file: []string{"a | 2", "b | 1", "c | 3"},
			want: load.Counts{Updated: 2, Unchanged: 1}, rows: []string{"a|2", "b|1", "c|3"},
		},
		"a ring, and a new row that takes what is left": {
			columns: "ext seat", seed: "('a', '1'), ('b', '2'), ('c', '3'), ('d', '4')", file: []string{"a | 2", "b | 3", "c | 1", "d | 5", "new | 4"},
			want: load.Counts{Updated: 4, Created: 1}, rows: []string{"a|2", "b|3", "c|1", "d|5", "new|4"},
		},
		"texts that must be there": {
			columns: "ext label", seed: "('a', 'x'), ('b', 'y')", file: []string{"a | y", "b | x"},
			want: load.Counts{Updated: 2}, rows: []string{"a|y", "b|x"},
		},
		"by an expression in a partial index": {
			columns: "ext email", seed: "('a', 'X@x'), ('b', 'y@x')", file: []string{"a | Y@x", "b | x@x"},
			want: load.Counts{Updated: 2}, rows: []string{"a|Y@x", "b|x@x"},
		},
		"numbers that must be there cannot be put aside": {
			columns: "ext number", seed: "('a', 1), ('b', 2)", file: []string{"a | 2", "b | 1"},
			want: load.Counts{Skipped: 2, Errors: 2}, rows: []string{"a|1", "b|2"},
			errors: []string{"2 number: another row of Seats has this Number (2)", "3 number: another row of Seats has this Number (1)"},
		},
		"what hangs on a row that fails fails with it": {
			columns: "ext seat", seed: "('a', '1'), ('b', '2'), ('c', '3'), ('z', '9')", file: []string{"a | 2", "b | 3", "c | 9", "d | 1", "e | 8"},
			want: load.Counts{Created: 1, Skipped: 4, Errors: 4}, rows: []string{"a|1", "b|2", "c|3", "e|8", "z|9"},
			errors: []string{
				"2 seat: row 3, which has this Seat now, cannot be written (2)", "3 seat: row 4, which has this Seat now, cannot be written (3)",
				"4 seat: another row of Seats has this Seat (9)", "5 seat: row 2, which has this Seat now, cannot be written (1)",
			},
		},
		"a blank cell gives nothing up": {
			columns: "ext seat label", seed: "('a', '1'), ('b', '2')", file: []string{"a | | k", "b | 1 | l"},
			want: load.Counts{Updated: 1, Skipped: 1, Errors: 1}, rows: []string{"a|1", "b|2"},
			errors: []string{"3 seat: another row of Seats has this Seat (1)"},
		},
		"beside a row that only the database refuses": {
			columns: "ext seat label", seed: "('a', '1'), ('b', '2'), ('c', '3')", file: []string{"a | 2 | k", "b | 1 | l", "c | 4 | never"},
			want: load.Counts{Updated: 2, Skipped: 1, Errors: 1}, rows: []string{"a|2", "b|1", "c|3"},
			errors: []string{"4 -: never is never right ()"},
		},
		"all or none": {
			columns: "ext seat label", seed: "('a', '1'), ('b', '2'), ('c', '3')", file: []string{"a | 2 | k", "b | 1 | never", "c | 4 | m"},
			want: load.Counts{Updated: 1, Skipped: 2, Errors: 2}, rows: []string{"a|1", "b|2", "c|4"},
			errors: []string{
				"2 -: rows that exchange values could not be written: never is never right ()",
				"3 -: rows that exchange values could not be written: never is never right ()",
			},
		},
	} {
		for undo, id := range map[string]uuid.UUID{"": uuid.Nil, ", to be taken back": uuid.New()} {
			t.Run(name+undo, func(t *testing.T) {
				t.Parallel()
				w := w.anew()
				column := w.spec(t, "seats", tc.columns).Columns[1].Name
				w.seed(t, `INSERT INTO seats (tenant_id, ext, `+column+`) SELECT $1::uuid, v.* FROM (VALUES `+tc.seed+`) v`)
				state := `SELECT ext, ` + column + ` FROM seats WHERE tenant_id = $1 ORDER BY ext`
				before := w.query(t, state)
				spec := w.spec(t, "seats", tc.columns)
				spec.Undo = id
				got := w.merge(t, spec, rows(tc.file...))
				require.Equal(t, tc.errors, got.messages())
				require.Equal(t, tc.want, got.Counts)
				require.Equal(t, tc.rows, w.query(t, state))
				if id != uuid.Nil {
					w.revert(t, id)
					require.Equal(t, before, w.query(t, state))
				}
			})
		}
	}
}

func TestManyRowsExchangeUniqueValues(t *testing.T) {
	t.Parallel()
	w := newWorld(t, swapTables)
	const many = 21_000 // more than are looked up one by one
	w.seed(t, `INSERT INTO seats (tenant_id, ext, seat) SELECT $1, 'e' || n, n FROM generate_series(1, 21000) n`)
	var file [][]string
	for n := 1; n <= many; n++ {
		file = append(file, []string{"e" + strconv.Itoa(n), strconv.Itoa(n%many + 1)})
	}
	spec := w.spec(t, "seats", "ext seat")
	spec.Undo = uuid.New()
	require.Equal(t, load.Counts{Updated: many}, w.merge(t, spec, file).Counts)
	require.Equal(t, "21000", w.one(t, `SELECT count(*) FROM seats WHERE tenant_id = $1 AND seat::int = substr(ext, 2)::int % 21000 + 1`))
	require.EqualValues(t, many, w.revert(t, spec.Undo).Restored)
	require.Equal(t, "21000", w.one(t, `SELECT count(*) FROM seats WHERE tenant_id = $1 AND seat = substr(ext, 2)`))
}
