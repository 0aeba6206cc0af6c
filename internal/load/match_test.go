package load_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"wharf/internal/fault"
	"wharf/internal/load"
)

const matchTables = `
CREATE TABLE public.people (
	id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL, ext text, email text, name text, kind text DEFAULT 'main',
	deleted_at timestamptz);
CREATE UNIQUE INDEX people_ext ON public.people (tenant_id, ext) WHERE deleted_at IS NULL;
COMMENT ON TABLE public.people IS '@match ext
@match lower(email)';
CREATE TABLE public.codes (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL, code text, kind text, note text);
CREATE UNIQUE INDEX codes_main ON public.codes (tenant_id, code) WHERE kind = 'main';
CREATE TABLE public.bare (tenant_id uuid NOT NULL, a text, b text);
CREATE TABLE public.keyed (tenant_id uuid NOT NULL, a text NOT NULL, b text, UNIQUE (tenant_id, a));
CREATE TABLE public.numbered (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tenant_id uuid NOT NULL, a text UNIQUE, b text);
CREATE TABLE public.composed (tenant_id uuid NOT NULL, a integer, b date, c text, PRIMARY KEY (tenant_id, a, b));
CREATE TABLE public.prisma (id uuid, tenant_id uuid NOT NULL, a text, PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, a));`

func TestRowsAreMatchedByNaturalKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t, matchTables)
	for name, tc := range map[string]struct {
		table, columns string
		change         func(*load.Spec)
		seed           string
		file           []string
		want           load.Counts
		errors         []string
		query          string
		rows           []string
	}{
		"the first key decides": {
			table: "people", columns: "ext email name",
			seed:  `INSERT INTO people (tenant_id, ext, email, name) VALUES ($1, 'A', 'a@x', 'old'), ($1, 'B', 'b@x', 'old')`,
			file:  []string{"A | b@x | new"},
			want:  load.Counts{Updated: 1},
			query: `SELECT ext, email, name FROM people WHERE tenant_id = $1 ORDER BY 1`,
			rows:  []string{"A|b@x|new", "B|b@x|old"},
		},
		"a later key counts where the earlier one is blank in the file": {
			table: "people", columns: "ext email name",
			seed:  `INSERT INTO people (tenant_id, ext, email, name) VALUES ($1, 'A', 'A@x', 'old')`,
			file:  []string{"| a@X | new"},
			want:  load.Counts{Updated: 1},
			query: `SELECT ext, email, name FROM people WHERE tenant_id = $1`,
			rows:  []string{"A|a@X|new"},
		},
		"a later key counts where the earlier one is blank in the table": {
			table: "people", columns: "ext email name",
			seed:  `INSERT INTO people (tenant_id, email, name) VALUES ($1, 'A@x', 'old')`,
			file:  []string{"A | a@X | new"},
			want:  load.Counts{Updated: 1},
			query: `SELECT ext, email, name FROM people WHERE tenant_id = $1`,
			rows:  []string{"A|a@X|new"},
		},
		"a later key does not count where the earlier ones differ": {
			table: "people", columns: "ext email name",
			seed:  `INSERT INTO people (tenant_id, ext, email, name) VALUES ($1, 'A', 'a@x', 'old')`,
			file:  []string{"B | a@x | new"},
			want:  load.Counts{Created: 1},
			query: `SELECT ext, email, name FROM people WHERE tenant_id = $1 ORDER BY 1`,
			rows:  []string{"A|a@x|old", "B|a@x|new"},
		},
		"the keys asked for take the place of the table's": {
			table: "people", columns: "ext email name", change: func(s *load.Spec) { s.Match = []string{"lower(email)"} },
			seed:  `INSERT INTO people (tenant_id, ext, email, name) VALUES ($1, 'A', 'a@x', 'old')`,
			file:  []string{"B | A@x | new"},
			want:  load.Counts{Updated: 1},
			query: `SELECT ext, email, name FROM people WHERE tenant_id = $1`,
			rows:  []string{"B|A@x|new"},
		},
		"no guess between two rows": {
			table: "people", columns: "ext email name",
			seed:   `INSERT INTO people (tenant_id, email, name) VALUES ($1, 'a@x', 'one'), ($1, 'A@X', 'two')`,
			file:   []string{"| a@x | new", "| b@x | fine"},
			want:   load.Counts{Created: 1, Skipped: 1, Errors: 1},
			errors: []string{"2 email: 2 rows of People have this Email (a@x)"},
			query:  `SELECT name FROM people WHERE tenant_id = $1 ORDER BY 1`,
			rows:   []string{"fine", "one", "two"},
		},
		"rows without any key are new": {
			table: "people", columns: "ext email name", file: []string{"| | one", "| | two"},
			want:  load.Counts{Created: 2},
			query: `SELECT name FROM people WHERE tenant_id = $1 ORDER BY 1`, rows: []string{"one", "two"},
		},
		"deleted rows are not matched": {
			table: "people", columns: "ext email name",
			seed:  `INSERT INTO people (tenant_id, ext, email, name, deleted_at) VALUES ($1, 'A', 'a@x', 'gone', now())`,
			file:  []string{"A | a@x | new"},
			want:  load.Counts{Created: 1},
			query: `SELECT name, deleted_at IS NULL FROM people WHERE tenant_id = $1 ORDER BY 1`,
			rows:  []string{"gone|f", "new|t"},
		},
		"a file may delete": {
			table: "people", columns: "ext deleted_at",
			seed:  `INSERT INTO people (tenant_id, ext, name) VALUES ($1, 'A', 'a')`,
			file:  []string{"A | 2024-05-01"},
			want:  load.Counts{Updated: 1},
			query: `SELECT name, deleted_at::date FROM people WHERE tenant_id = $1`,
			rows:  []string{"a|2024-05-01"},
		},
		"rows outside a partial index have not its key": {
			table: "codes", columns: "code kind note",
			seed:  `INSERT INTO codes (tenant_id, code, kind, note) VALUES ($1, 'X', 'side', 'old'), ($1, 'Y', 'main', 'old')`,
			file:  []string{"X | main | new", "Y | main | new", "Y | side | new", "Y | side | again"},
			want:  load.Counts{Created: 3, Updated: 1},
			query: `SELECT code, kind, note FROM codes WHERE tenant_id = $1 ORDER BY 1, 2, 3`,
			rows:  []string{"X|main|new", "X|side|old", "Y|main|new", "Y|side|again", "Y|side|new"},
		},
		"a row outside the first key's partial index lacks that key": {
			table: "codes", columns: "code kind note", change: func(s *load.Spec) { s.Match = []string{"code", "note"} },
			seed:  `INSERT INTO codes (tenant_id, code, kind, note) VALUES ($1, 'X', 'side', 'n')`,
			file:  []string{"Z | main | n"},
			want:  load.Counts{Updated: 1},
			query: `SELECT code, kind, note FROM codes WHERE tenant_id = $1`,
			rows:  []string{"Z|main|n"},
		},
		"a table that cannot tell its rows apart can be added to": {
			table: "bare", columns: "a b", change: func(s *load.Spec) { s.Write = load.Insert },
			file: []string{"1 | x", "1 | x"}, want: load.Counts{Created: 2},
			query: `SELECT a, b FROM bare WHERE tenant_id = $1`, rows: []string{"1|x", "1|x"},
		},
		"a unique index stands in for a primary key": {
			table: "keyed", columns: "a b", seed: `INSERT INTO keyed VALUES ($1, '1', 'old'), ($2, '1', 'old')`,
			file: []string{"1 | new", "2 | new"}, want: load.Counts{Created: 1, Updated: 1},
			query: `SELECT a, b, tenant_id = $1 FROM keyed WHERE tenant_id IN ($1, $2) ORDER BY 3 DESC, 1`, rows: []string{"1|new|t", "2|new|t", "1|old|f"},
		},
		"numbers that the database gives": {
			table: "numbered", columns: "a b", seed: `INSERT INTO numbered (tenant_id, a, b) VALUES ($1, 'ours-' || $1, 'old')`,
			file: []string{"n-1 | new"}, want: load.Counts{Created: 1},
			query: `SELECT count(DISTINCT id) FROM numbered WHERE tenant_id = $1`, rows: []string{"2"},
		},
		"a key of several columns": {
			table: "composed", columns: "a b c", seed: `INSERT INTO composed VALUES ($1, 1, '2024-01-01', 'old'), ($1, 1, '2024-01-02', 'old')`,
			file: []string{"1 | 2024-01-02 | new", "2 | 2024-01-02 | new"}, want: load.Counts{Created: 1, Updated: 1},
			query: `SELECT a, b, c FROM composed WHERE tenant_id = $1 ORDER BY 1, 2`, rows: []string{"1|2024-01-01|old", "1|2024-01-02|new", "2|2024-01-02|new"},
		},
		"ids without a default are minted": {
			table: "prisma", columns: "a", file: []string{"x", "y"}, want: load.Counts{Created: 2},
			query: `SELECT a, substr(id::text, 15, 1) FROM prisma WHERE tenant_id = $1 ORDER BY id`, rows: []string{"x|7", "y|7"},
		},
		"a quoted name of mixed case": {
			table: "Gift Cards", columns: "", change: func(s *load.Spec) {
				s.Columns = []load.Column{{Name: "Card Number"}, {Name: "Balance"}}
			},
			file: []string{"GC 1 | 50"}, want: load.Counts{Created: 1},
			query: `SELECT "Card Number", "Balance" FROM "Gift Cards" WHERE tenant_id = $1`, rows: []string{"GC 1|50.00"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := w.anew()
			if tc.seed != "" {
				w.seed(t, tc.seed)
			}
			spec := w.spec(t, tc.table, tc.columns)
			if tc.change != nil {
				tc.change(&spec)
			}
			got := w.merge(t, spec, rows(tc.file...))
			require.Equal(t, tc.errors, got.messages())
			require.Equal(t, tc.want, got.Counts)
			require.Equal(t, tc.rows, w.query(t, tc.query))
		})
	}
}

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

func TestWaysToWrite(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	seed := `INSERT INTO companies (tenant_id, external_id, name, domain, industry) VALUES ($1, 'c1', 'Acme', 'acme.example', 'steel')`
	file := rows("c1 | New | new.example |", "c2 | Other | other.example | glass")
	for name, tc := range map[string]struct {
		change func(*load.Spec)
		want   load.Counts
		errors []string
		rows   []string
	}{
		"upsert": {
			func(*load.Spec) {},
			load.Counts{Created: 1, Updated: 1},
			nil,
			[]string{"c1|New|new.example|steel", "c2|Other|other.example|glass"},
		},
		"insert": {
			func(s *load.Spec) { s.Write = load.Insert },
			load.Counts{Created: 1, Skipped: 1, Errors: 1},
			[]string{"2 external_id: a row of Companies has this External Id already (c1)"},
			[]string{"c1|Acme|acme.example|steel", "c2|Other|other.example|glass"},
		},
		"update": {
			func(s *load.Spec) { s.Write = load.Update },
			load.Counts{Updated: 1, Skipped: 1, Errors: 1},
			[]string{"3 external_id: no row of Companies has this External Id or Domain (c2)"},
			[]string{"c1|New|new.example|steel"},
		},
		"clear": {
			func(s *load.Spec) { s.Clear = true },
			load.Counts{Created: 1, Updated: 1},
			nil,
			[]string{"c1|New|new.example|∅", "c2|Other|other.example|glass"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := w.anew()
			w.seed(t, seed)
			spec := w.spec(t, "companies", "external_id name domain industry")
			tc.change(&spec)
			got := w.merge(t, spec, file)
			require.Equal(t, tc.errors, got.messages())
			require.Equal(t, tc.want, got.Counts)
			require.Equal(t, tc.rows, w.query(t, `SELECT external_id, name, domain, industry FROM companies WHERE tenant_id = $1 ORDER BY 1`))
		})
	}
}

func TestSpecsThatDoNotFitAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, matchTables)
	for name, tc := range map[string]struct {
		table, columns string
		change         func(*load.Spec)
		field, message string
	}{
		"no such column":        {"companies", "name colour", nil, "colour", `companies has no column "colour"`},
		"a column twice":        {"companies", "name name", nil, "name", "name is given twice"},
		"the tenant":            {"companies", "name tenant_id", nil, "tenant_id", "the tenant is never taken from a file"},
		"a computed column":     {"sales", "number total", nil, "total", "total is computed by the database"},
		"a read-only column":    {"customers", "external_id last_visit_at", nil, "last_visit_at", "last_visit_at is read-only"},
		"an encrypted column":   {"customers", "external_id email", nil, "email", "WHARF_FIELD_KEYS is not set"},
		"a hash":                {"customers", "external_id email_hash", nil, "email_hash", "email_hash is computed from email"},
		"half a pair":           {"notes", "entity_id body", nil, "entity_id", "entity_id needs entity_type beside it: map both"},
		"the other half":        {"notes", "entity_type body", nil, "entity_id", "entity_type needs entity_id beside it: map both"},
		"rows without a parent": {"stages", "name slug", nil, "", "rows of stages belong to a row of pipelines: map pipeline_id"},
		"nothing to update by": {
			"companies", "name", func(s *load.Spec) { s.Write = load.Update }, "",
			"to update rows of companies, map a column that names them: id or external_id or lower(\"domain\")",
		},
		"rows that cannot be met again": {"bare", "a b", nil, "", "bare has no primary key, so its rows can only be added: choose write insert"},
		"a key that is none": {
			"companies", "name", func(s *load.Spec) { s.Match = []string{"length(name)"} }, "match", "",
		},
		"a key that is not mapped": {
			"companies", "name", func(s *load.Spec) { s.Match = []string{"external_id"} }, "",
			"rows of companies cannot be matched by external_id: no column is mapped to external_id",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec := w.spec(t, tc.table, tc.columns)
			if tc.change != nil {
				tc.change(&spec)
			}
			_, err := load.Compile(spec)
			f, ok := fault.As(err)
			require.True(t, ok, "%v", err)
			require.Equal(t, fault.Invalid, f.Code)
			if tc.field == "" {
				require.Equal(t, tc.message, f.Message)
				return
			}
			require.Len(t, f.Fields, 1)
			require.Equal(t, tc.field, f.Fields[0].Field)
			require.Contains(t, f.Fields[0].Message, tc.message)
		})
	}
}
