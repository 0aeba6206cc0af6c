package load_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wharf/internal/load"
	"wharf/internal/tabular"
)

const errorTables = `
CREATE DOMAIN public.even AS integer CHECK (VALUE % 2 = 0);
CREATE DOMAIN public.short AS text CHECK (length(VALUE) <= 5) CHECK (VALUE <> '');
CREATE TYPE public.mood AS ENUM ('well', 'ill');
CREATE TABLE public.things (
	id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL, ext text,
	qty numeric CHECK (qty < 100), odd integer CHECK (odd % 2 = 1), mood mood, nick short, pair even,
	tags text[], days date[], span int4range, wait interval, pin text CHECK (pin <> '0000'), code integer UNIQUE,
	UNIQUE (tenant_id, ext), UNIQUE (tenant_id, pin));
COMMENT ON TABLE public.things IS '@match ext';
COMMENT ON COLUMN public.things.pin IS '@redact';
COMMENT ON COLUMN public.things.code IS '@redact'`

func TestErrorsAreSentencesThatShowTheCell(t *testing.T) {
	t.Parallel()
	w := newWorld(t, errorTables)
	for name, tc := range map[string]struct{ columns, seed, row, want string }{
		"a CHECK of one column":              {"ext qty", "", "a | 100.5", "2 qty: Qty must be less than 100 (100.5)"},
		"a CHECK that is no comparison":      {"ext odd", "", "a | 2", "2 odd: the row breaks the rule things_odd_check of Things (2)"},
		"a number as it was written":         {"ext qty", "", "a | 1e999", "2 qty: Qty must be less than 100 (1e999)"},
		"a number as it was, negative":       {"ext odd", "", "a | -1000000000000000000000000", "2 odd: Odd is out of range for integer (-1e24)"},
		"an enum":                            {"ext mood", "", "a | sad", "2 mood: Mood must be one of well, ill (sad)"},
		"a domain that can be told":          {"ext nick", "", "a | too long", "2 nick: Nick must have at most 5 characters and not be empty (too long)"},
		"a domain that cannot":               {"ext pair", "", "a | 3", "2 pair: Pair breaks a rule of its type even (3)"},
		"a list":                             {"ext tags", "", "a | red, green", `2 tags: Tags must be a list such as {red,green} or ["red","green"] (red, green)`},
		"a list of dates":                    {"ext days", "", "a | [soon]", "2 days: Days must be a list such as {2024-01-31,2024-02-01} ([soon])"},
		"a range":                            {"ext span", "", "a | 1 to 2", "2 span: Span must be a range such as [1,10) (1 to 2)"},
		"a length of time":                   {"ext wait", "", "a | a while", "2 wait: Wait must be a length of time such as 1 day 02:30 (a while)"},
		"a secret that a rule refuses":       {"ext pin", "", "a | 0000", "2 pin: Pin must not be 0000 ()"},
		"a secret of the wrong type":         {"ext code", "", "a | 12x45", "2 code: Code is not a whole number ()"},
		"a secret that another row has":      {"ext pin", "('b', '1234')", "a | 1234", "2 pin: another row of Things has this Pin ()"},
		"a secret that another tenant's has": {"ext code", "", "a | 77", "2 code: another row has this Code ()"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := w.anew()
			if tc.seed != "" {
				w.seed(t, `INSERT INTO things (tenant_id, ext, pin) SELECT $1::uuid, v.* FROM (VALUES `+tc.seed+`) v`)
			}
			w.seed(t, `INSERT INTO things (tenant_id, ext, code) VALUES ($2, 'c', 77) ON CONFLICT DO NOTHING`)
			got := w.merge(t, w.spec(t, "things", tc.columns), rows(tc.row))
			require.Equal(t, []string{tc.want}, got.messages())
		})
	}
}

// The row program quotes a number that can be read in two ways, and shows the cell of every rule.
func TestASecretIsNotShownByWhatTheProgramSaysEither(t *testing.T) {
	t.Parallel()
	w := newWorld(t, errorTables)
	spec := w.spec(t, "things", "ext code pin")
	plan, err := load.Compile(spec)
	require.NoError(t, err)
	next := batches(rows("a | 1,234 | secret"))
	name, _ := w.stage(t, plan, func(b *tabular.Batch) error {
		if err := next(b); err != nil {
			return err
		}
		b.Errors = append(b.Errors,
			tabular.CellError{Col: 1, Rule: "number", Message: "Code 1,234 may be 1234 or 1.234", Value: "1,234"},
			tabular.CellError{Col: 2, Rule: "max_length", Message: "Pin must have at most 4 characters", Value: "secret"})
		return nil
	})
	got, err := w.mergeStaged(spec, plan, name)
	require.NoError(t, err)
	require.Equal(t, []string{"2 code: Code is not accepted as a number ()", "2 pin: Pin must have at most 4 characters ()"}, got.messages())
}

func TestJSONListsFillArrays(t *testing.T) {
	t.Parallel()
	w := newWorld(t, errorTables)
	got := w.merge(t, w.spec(t, "things", "ext tags days"), [][]string{
		{"a", `["red", "a \"b\" \\ c, d", null]`, ` ["2024-01-31"] `},
		{"b", `[]`, `["2024-01-31", null]`},
		{"c", `[["a"], ["b"]]`, ""},
		{"d", `{red,"green, too"}`, `[2:3]={2024-01-31,2024-02-01}`},
		{"e", `[1, 1.50, true]`, ""},
	})
	require.Empty(t, got.messages())
	require.Equal(t, []string{
		`a|["red", "a \"b\" \\ c, d", null]|["2024-01-31"]`, `b|[]|["2024-01-31", null]`, `c|[["a"], ["b"]]|∅`,
		`d|["red", "green, too"]|["2024-01-31", "2024-02-01"]`, `e|["1", "1.50", "true"]|∅`,
	}, w.query(t, `SELECT ext, to_jsonb(tags), to_jsonb(days) FROM things WHERE tenant_id = $1 ORDER BY ext`))
}

func TestALongCellIsCut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, errorTables)
	long := strings.Repeat("ä", 300)
	got := w.merge(t, w.spec(t, "things", "ext nick"), [][]string{{"a", long}})
	require.Equal(t, strings.Repeat("ä", 200)+"…", got.Errors[0].Value)
}

// What the table holds already is told with the field that says so, and its cell.
func TestRowsThatAreThereBlameTheirKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t, errorTables+`;
		CREATE TABLE public.goods (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL, sku text, name text, box text, place text);
		COMMENT ON TABLE public.goods IS '@match sku
@match box, place'`)
	w.seed(t, `INSERT INTO goods (tenant_id, sku, name, box, place) VALUES
		($1, 'S1', 'one', NULL, NULL), ($1, 'S2', 'twice', NULL, NULL), ($1, 'S3', 'twice', NULL, NULL), ($1, NULL, 'boxed', 'b', 'p')`)
	for name, tc := range map[string]struct {
		columns, row, want string
		match              []string
		write              load.Write
	}{
		"written once":          {"sku name", "S1 | x", "2 sku: a row of Goods has this Sku already (S1)", nil, load.Insert},
		"there twice":           {"sku name", "x | twice", "2 name: 2 rows of Goods have this Name (twice)", []string{"name"}, load.Upsert},
		"there twice, inserted": {"sku name", "x | twice", "2 name: 2 rows of Goods have this Name (twice)", []string{"name"}, load.Insert},
		"by a key of two":       {"sku box place", " | b | p", "2 place: a row of Goods has this Box and Place already (p)", nil, load.Insert},
		"not there":             {"sku name", "S9 | x", "2 sku: no row of Goods has this Sku (S9)", nil, load.Update},
		"by an expression":      {"sku name", "s1 | x", "2 sku: a row of Goods has this Sku already (s1)", []string{"lower(sku)"}, load.Insert},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec := w.spec(t, "goods", tc.columns)
			spec.Match, spec.Write = tc.match, tc.write
			require.Equal(t, []string{tc.want}, w.merge(t, spec, rows(tc.row)).messages())
		})
	}
}
