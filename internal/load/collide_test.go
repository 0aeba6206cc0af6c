package load_test

import (
	"cmp"
	"testing"

	"github.com/stretchr/testify/require"

	"wharf/internal/load"
)

const uniqueTables = `
CREATE TABLE public.parts (
	id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL, ext text, sku text, mark text DEFAULT 'none',
	serial bigint DEFAULT nextval('public.parts_serial'), deleted_at timestamptz,
	UNIQUE (tenant_id, ext), UNIQUE (tenant_id, sku), UNIQUE (tenant_id, serial));
CREATE UNIQUE INDEX parts_mark ON public.parts (tenant_id, lower(mark)) WHERE mark <> 'none';
COMMENT ON TABLE public.parts IS '@match ext';
CREATE TABLE public.shelves (
	id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL, ext text UNIQUE, shelf text, box integer,
	UNIQUE NULLS NOT DISTINCT (tenant_id, shelf, box));
COMMENT ON TABLE public.shelves IS '@match ext';
CREATE TABLE public.duals (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL, code text, kind text);
CREATE UNIQUE INDEX duals_alt ON public.duals (tenant_id, code) WHERE kind = 'alt';
CREATE UNIQUE INDEX duals_main ON public.duals (tenant_id, code) WHERE kind = 'main';
CREATE TABLE public.singles (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL UNIQUE, colour text);`

func TestWhatAUniqueIndexWouldRefuseIsAnErrorOfItsRow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "CREATE SEQUENCE public.parts_serial;"+uniqueTables)
	for name, tc := range map[string]struct {
		table   string
		columns string
		seed    string
		file    []string
		want    load.Counts
		errors  []string
	}{
		"a value that another row has": {
			columns: "ext sku", seed: `INSERT INTO parts (tenant_id, ext, sku) VALUES ($1, 'a', '1'), ($1, 'b', '2')`,
			file: []string{"a | 2", "new | 1", "b | 2", "c | 3"}, want: load.Counts{Created: 1, Unchanged: 1, Skipped: 2, Errors: 2},
			errors: []string{"2 sku: another row of Parts has this Sku (2)", "3 sku: row 2, which has this Sku now, cannot be written (1)"},
		},
		"a value that an earlier row brings": {
			columns: "ext sku", file: []string{"a | 1", "b | 1", "c | 1", "d |", "e |"}, want: load.Counts{Created: 3, Skipped: 2, Errors: 2},
			errors: []string{"3 sku: the same Sku as row 2 (1)", "4 sku: the same Sku as row 2 (1)"},
		},
		"a value that another row of the file gives up": {
			columns: "ext sku", seed: `INSERT INTO parts (tenant_id, ext, sku) VALUES ($1, 'a', '1'), ($1, 'b', '2')`,
			file: []string{"a | 3", "b | 1"}, want: load.Counts{Updated: 2},
		},
		"another tenant's value is free": {
			columns: "ext sku", seed: `INSERT INTO parts (tenant_id, ext, sku) VALUES ($2, 'a', '1')`,
			file: []string{"a | 1"}, want: load.Counts{Created: 1},
		},
		"a deleted row's value, if the index holds it": {
			columns: "ext sku", seed: `INSERT INTO parts (tenant_id, ext, sku, deleted_at) VALUES ($1, 'a', '1', now())`,
			file: []string{"a | 2", "b | 1"}, want: load.Counts{Skipped: 2, Errors: 2},
			errors: []string{"2 ext: another row of Parts has this Ext (a)", "3 sku: another row of Parts has this Sku (1)"},
		},
		"nulls that are not distinct": {
			table: "shelves", columns: "ext shelf box", seed: `INSERT INTO shelves (tenant_id, ext, shelf) VALUES ($1, 'a', 's')`,
			file:   []string{"b | s |", "c | s | 1", "d | t |", "e | t |"},
			want:   load.Counts{Created: 2, Skipped: 2, Errors: 2},
			errors: []string{"2 box: another row of Shelves has this Shelf and Box ()", "5 box: the same Shelf and Box as row 4 ()"},
		},
		"an expression inside a partial index": {
			columns: "ext mark", seed: `INSERT INTO parts (tenant_id, ext, mark) VALUES ($1, 'a', 'Red'), ($1, 'z', 'none')`,
			file: []string{"b | RED", "c | none", "d |", "e | blue", "f | Blue", "z | red"},
			want: load.Counts{Created: 3, Skipped: 3, Errors: 3},
			errors: []string{
				"2 mark: another row of Parts has this Mark (RED)", "6 mark: the same Mark as row 5 (Blue)",
				"7 mark: another row of Parts has this Mark (red)",
			},
		},
		"two indexes on one key that hold other rows": {
			table: "duals", columns: "code kind", file: []string{"x | main", "x | alt", "x | alt", "x | main"},
			want:   load.Counts{Created: 2, Skipped: 2, Errors: 2},
			errors: []string{"4 code: the same Code as row 3 (x)", "5 code: the same Code as row 2 (x)"},
		},
		"a value that the database would make": {
			columns: "ext serial", seed: `INSERT INTO parts (tenant_id, ext, serial) VALUES ($1, 'a', -5)`,
			file:   []string{"b | -5", "c |", "d | -6", "e | -6"},
			want:   load.Counts{Created: 2, Skipped: 2, Errors: 2},
			errors: []string{"2 serial: another row of Parts has this Serial (-5)", "5 serial: the same Serial as row 4 (-6)"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := w.anew()
			if tc.seed != "" {
				w.seed(t, tc.seed)
			}
			spec := w.spec(t, cmp.Or(tc.table, "parts"), tc.columns)
			got := w.merge(t, spec, rows(tc.file...))
			require.Equal(t, tc.errors, got.messages())
			require.Equal(t, tc.want, got.Counts)
		})
	}
	t.Run("one row a tenant", func(t *testing.T) {
		t.Parallel()
		w := w.anew()
		got := w.merge(t, w.spec(t, "singles", "colour"), rows("red", "blue"))
		require.Equal(t, load.Counts{Created: 1, Skipped: 1, Errors: 1}, got.Counts)
		got = w.merge(t, w.spec(t, "singles", "colour"), rows("green"))
		require.Equal(t, load.Counts{Skipped: 1, Errors: 1}, got.Counts)
	})
}

func TestWhatOnlyTheDatabaseCanJudgeIsAnErrorOfItsRow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, `
		CREATE TABLE public.worldwide (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL, name text UNIQUE, size integer);
		CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN
			IF NEW.size = 13 THEN RAISE EXCEPTION 'no luck with %', NEW.name; END IF; RETURN NEW; END $f$;
		CREATE TRIGGER luck BEFORE INSERT OR UPDATE ON public.worldwide FOR EACH ROW EXECUTE FUNCTION public.refuse();`)
	w.seed(t, `INSERT INTO worldwide (tenant_id, name, size) VALUES ($2, 'taken', 1), ($1, 'there', 1)`)
	got := w.merge(t, w.spec(t, "worldwide", "name size"), rows("a | 1", "taken | 2", "b | 13", "there | 2", "c | 3", "d | 13", "e | 4"))
	require.Equal(t, []string{
		"3 name: another row has this Name (taken)",
		"4 -: no luck with b ()",
		"7 -: no luck with d ()",
	}, got.messages())
	require.Equal(t, load.Counts{Created: 3, Updated: 1, Skipped: 3, Errors: 3}, got.Counts)
	require.Equal(t, []string{"a|1", "c|3", "e|4", "taken|1", "there|2"}, w.query(t, `SELECT name, size FROM worldwide ORDER BY 1`))

	got = w.merge(t, w.spec(t, "appointments", "reference purpose starts_at ends_at staff_user_id"), rows(
		"a | x | 2024-01-01T10:00Z | 2024-01-01T11:00Z | 00000000-0000-4000-8000-000000000001",
		"b | x | 2024-01-01T10:30Z | 2024-01-01T11:30Z | 00000000-0000-4000-8000-000000000001",
		"c | x | 2024-01-01T10:30Z | 2024-01-01T11:30Z | 00000000-0000-4000-8000-000000000002",
		"d | x | 2024-01-01T12:30Z | 2024-01-01T11:30Z | 00000000-0000-4000-8000-000000000002"))
	require.Equal(t, []string{
		"3 -: another row of Appointments is in the way (rule appointments_no_overlap) ()",
		"5 -: Starts At must be less than Ends At ()",
	}, got.messages())
}
