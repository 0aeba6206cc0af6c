package load_test

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"wharf/internal/fault"
	"wharf/internal/load"
	"wharf/internal/tenancy"
)

// Whatever a merge did, its reversal leaves what was there before; of rows that were touched in between, what they held
// then; and nothing happens if a row that stays refers to one that would go.
func TestAReversalUndoesAMergeAndNothingElse(t *testing.T) {
	t.Parallel()
	world := newWorld(t, modelTables)
	rapid.Check(t, func(t *rapid.T) {
		w := world.anew()
		seedModel(t, w)
		spec, columns := drawSpec(t, w)
		spec.Undo = uuid.New()
		plan, err := load.Compile(spec)
		if err != nil {
			return // nothing to match by
		}
		before := w.versions(t)
		file := drawFile(t, w, columns, before)
		name, _ := w.stage(t, plan, batches(file))
		counts, err := w.mergeStaged(spec, plan, name)
		require.NoError(t, err)
		merged := w.versions(t)

		touched := map[string]bool{}
		for _, id := range sortedKeys(merged) {
			if rapid.IntRange(0, 5).Draw(t, "touch") == 0 {
				touched[id] = true
				w.exec(t, `UPDATE items SET name = name || '!' WHERE id = '`+id+`'`)
			}
		}
		after := w.versions(t)
		got, err := w.tryRevert(spec.Undo)
		require.NoError(t, err)
		t.Logf("columns %v file %v\ncounts %+v touched %v", columns, file, counts.Counts, touched)

		want, left, inTheWay := foresee(before, merged, after, touched)
		if len(inTheWay) > 0 {
			var named []string
			for _, in := range got.InTheWay {
				named = append(named, in.Keys...)
			}
			slices.Sort(named)
			require.Equal(t, inTheWay, named)
			require.Equal(t, after, w.versions(t))
			return
		}
		require.Empty(t, got.InTheWay)
		require.Equal(t, want, w.versions(t))
		require.EqualValues(t, left, got.LeftCount)
		if len(touched) == 0 {
			require.Equal(t, counts.Created, got.Deleted)
			require.Equal(t, counts.Updated, got.Restored)
		}
	})
}

// version is a row of items: all of it, and what it refers to.
type version struct{ text, parent string }

func (w *world) versions(t require.TestingT) map[string]version {
	rows, err := w.admin.Query(context.Background(), `SELECT id::text, i.*::text, coalesce(parent_id::text, '') FROM items i WHERE tenant_id = $1`, w.ours)
	require.NoError(t, err)
	all := map[string]version{}
	for rows.Next() {
		var id string
		var v version
		require.NoError(t, rows.Scan(&id, &v.text, &v.parent))
		all[id] = v
	}
	require.NoError(t, rows.Err())
	return all
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// foresee gives the rows after a reversal, how many are left, and the rows that are in its way.
func foresee(before, merged, after map[string]version, touched map[string]bool) (want map[string]version, left int, inTheWay []string) {
	want = map[string]version{}
	gone := map[string]bool{}
	for id := range merged {
		was, old := before[id]
		switch written := !old || was != merged[id]; {
		case touched[id]:
			want[id] = after[id]
			if written {
				left++
			}
		case old:
			want[id] = was
		default:
			gone[id] = true
		}
	}
	for again := true; again; { // a row stays as it is if one that stays has a value it had
		again = false
		for id, was := range before {
			for other, v := range want {
				if other != id && v == after[other] && want[id] != after[id] && clash(v, was) {
					want[id], again = after[id], true
					left++
					break
				}
			}
		}
	}
	for id, v := range want {
		if gone[v.parent] {
			inTheWay = append(inTheWay, id)
		}
	}
	slices.Sort(inTheWay)
	return want, left, inTheWay
}

// clash reports whether a unique index keeps both rows from being there.
func clash(a, b version) bool {
	x, y := strings.Split(a.text, ","), strings.Split(b.text, ",")
	const ext, tag, deleted = 2, 6, 9
	return x[ext] == y[ext] && x[ext] != "" && x[deleted] == "" && y[deleted] == "" || x[tag] == y[tag] && x[tag] != ""
}

func drawFile(t *rapid.T, w *world, columns []string, before map[string]version) [][]string {
	ids := append(sortedKeys(before), w.id(99), w.theirs.String())
	var file [][]string
	for range rapid.IntRange(1, 8).Draw(t, "rows") {
		var row []string
		for _, c := range columns {
			text := cell(t, c, ids)
			if strings.HasPrefix(text, "place-") {
				text = w.place(int(text[6] - '0'))
			}
			row = append(row, text)
		}
		file = append(file, row)
	}
	return file
}

func TestRowsThatReferToCreatedOnesAreInTheWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, `
		CREATE TABLE public.outsiders (id integer PRIMARY KEY, company_id uuid REFERENCES public.companies (id) ON DELETE CASCADE);
		CREATE TABLE public.secrets (id integer PRIMARY KEY, product_id uuid REFERENCES public.products (id) ON DELETE SET NULL);`)
	w.exec(t, `REVOKE ALL ON public.secrets FROM wharf_service`)
	w.seed(t, `INSERT INTO companies (tenant_id, external_id, name) VALUES ($1, 'old', 'was')`)
	before := w.all(t, "companies")
	spec := w.undoable(t, "companies", "external_id name")
	w.merge(t, spec, rows("a | A", "b | B", "old | is"))
	w.seed(t, `
		INSERT INTO contacts (id, tenant_id, first_name, company_id)
			SELECT '30000000-0000-4000-8000-000000000001', $1, 'C', id FROM companies WHERE external_id = 'a';
		INSERT INTO contacts (tenant_id, company_id) SELECT $1, id FROM companies WHERE external_id = 'old';
		INSERT INTO notes (id, tenant_id, entity_type, entity_id, body)
			SELECT '30000000-0000-4000-8000-000000000002', $1, 'company', id, 'N' FROM companies WHERE external_id = 'b';
		INSERT INTO notes (tenant_id, entity_type, entity_id, body) SELECT $1, 'contact', id, 'of another kind' FROM companies;
		INSERT INTO outsiders SELECT row_number() OVER (), id FROM companies`)
	after := w.all(t, "companies")
	got := w.revert(t, spec.Undo)
	require.Equal(t, load.Reverted{Table: "companies", InTheWay: []load.InTheWay{
		{Table: "contacts", Column: "company_id", Rows: 1, Keys: []string{"30000000-0000-4000-8000-000000000001"}},
		{Table: "notes", Column: "entity_id", Rows: 1, Keys: []string{"30000000-0000-4000-8000-000000000002"}},
		{Table: "outsiders", Column: "company_id", Rows: 2},
	}}, got)
	require.Equal(t, after, w.all(t, "companies"))
	require.Equal(t, "1|1", w.kept(t, spec.Undo))

	w.exec(t, `UPDATE contacts SET company_id = NULL; DELETE FROM notes WHERE entity_type = 'company'; DELETE FROM outsiders`)
	require.Equal(t, load.Reverted{Table: "companies", Deleted: 2, Restored: 1}, w.revert(t, spec.Undo))
	require.Equal(t, before, w.all(t, "companies"))

	t.Run("what cannot be read may be", func(t *testing.T) { //nolint:paralleltest // in the same database
		spec := w.undoable(t, "products", "external_id name")
		w.merge(t, spec, rows("a | A"))
		require.Equal(t, []load.InTheWay{{Table: "secrets", Column: "product_id", Rows: -1}}, w.revert(t, spec.Undo).InTheWay)
	})
	t.Run("rows that would go with their parent", func(t *testing.T) { //nolint:paralleltest // in the same database
		spec := w.undoable(t, "pipelines", "slug name")
		w.merge(t, spec, rows("a | A", "b | B"))
		w.seed(t, `INSERT INTO stages (pipeline_id, slug, name) SELECT id, 's', 'S' FROM pipelines, generate_series(1, 15) i WHERE i = 1 OR pipelines.slug IS NULL`)
		got := w.revert(t, spec.Undo)
		require.Len(t, got.InTheWay, 1)
		require.EqualValues(t, 2, got.InTheWay[0].Rows)
		require.Equal(t, "2|2", w.one(t, `SELECT (SELECT count(*) FROM pipelines), (SELECT count(*) FROM stages)`))
	})
}

func TestFormerValuesThatTheTableRefusesAreLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t, modelTables+`
		CREATE TABLE public.stock (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL, code text, slot text, kind text, qty integer,
			UNIQUE (tenant_id, code), UNIQUE (slot));`)
	w.seed(t, `
		INSERT INTO places (id, tenant_id, code) VALUES ('40000000-0000-4000-8000-000000000001', $1, 'p'), ('40000000-0000-4000-8000-000000000002', $1, 'q');
		INSERT INTO items (tenant_id, ext, name, tag, place_id) VALUES ($1, 'a', 'A', 'ta', '40000000-0000-4000-8000-000000000001'), ($1, 'b', 'B', 'tb', NULL), ($1, 'c', 'C', 'tc', NULL)`)
	spec := w.undoable(t, "items", "ext name tag place_id")
	spec.Match = []string{"ext"}
	require.EqualValues(t, 3, w.merge(t, spec, rows("a | A2 | t1 | q", "b | B2 | t2 | q", "c | C2 | t3 |")).Updated)
	w.seed(t, `
		DELETE FROM places WHERE code = 'p';
		INSERT INTO items (tenant_id, ext, name, tag) VALUES ($1, 'later', 'L', 'tb')`)
	got := w.revert(t, spec.Undo)
	id := func(ext string) string { return w.one(t, `SELECT id FROM items WHERE ext = '`+ext+`'`) }
	require.Equal(t, load.Reverted{Table: "items", Restored: 1, LeftCount: 2, Left: []load.LeftRow{
		{Key: id("a"), Why: "what it referred to is gone: Places"},
		{Key: id("b"), Why: "another row has its former Tag"},
	}}, got)
	require.Equal(t, []string{"a|A2|t1", "b|B2|t2", "c|C|tc", "later|L|tb"}, w.query(t, `SELECT ext, name, tag FROM items ORDER BY 1`))

	t.Run("also for what only the database knows", func(t *testing.T) { //nolint:paralleltest // in the same database
		var seed, file []string
		for i := range 30 {
			seed = append(seed, fmt.Sprintf("($1, 'c%d', 's%d', 'old', %d)", i, i, i))
			file = append(file, fmt.Sprintf("c%d | n%d | new | 100", i, i))
		}
		w.seed(t, `INSERT INTO stock (tenant_id, code, slot, kind, qty) VALUES `+strings.Join(seed, ", "))
		spec := w.undoable(t, "stock", "code slot kind qty")
		w.merge(t, spec, rows(file...))
		w.seed(t, `INSERT INTO stock (tenant_id, slot) VALUES ($2, 's7'); ALTER TABLE stock ADD CHECK (qty <> 11) NOT VALID`)
		got := w.revert(t, spec.Undo)
		require.EqualValues(t, 28, got.Restored)
		require.EqualValues(t, 2, got.LeftCount)
		var why []string
		for _, l := range got.Left {
			why = append(why, l.Why)
		}
		slices.Sort(why)
		require.Equal(t, []string{"a row of stock breaks its rule stock_qty_check", "another row of stock has the same value (stock_slot_key)"}, why)
		require.Equal(t, []string{"c11", "c7"}, w.query(t, `SELECT code FROM stock WHERE kind = 'new' ORDER BY 1`))
	})
}

func TestOtherTenantsAreOutOfAReversalsReach(t *testing.T) {
	t.Parallel()
	w := newWorld(t, openTables)
	w.seed(t, openRows)
	groups, members := w.undoable(t, "open_groups", "code name rank part_of"), w.undoable(t, "open_members", "group_id code name")
	w.merge(t, groups, rows("a | changed | 5 |", "c | new | 6 | a", "d | new | 7 | c"))
	w.merge(t, members, rows("a | m | new"))

	theirs := *w
	theirs.ours = w.theirs
	_, err := theirs.tryRevert(groups.Undo)
	require.ErrorIs(t, err, load.ErrNotKept)
	_, err = theirs.tryRevert(uuid.New())
	require.ErrorIs(t, err, load.ErrNotKept)
	require.ErrorIs(t, pgx.BeginFunc(context.Background(), w.service, func(tx pgx.Tx) error {
		_, err := load.Revert(context.Background(), tx, load.Reversal{DB: w.db, Tenant: w.ours, Catalog: w.snapshot, Undo: groups.Undo})
		return err
	}), tenancy.ErrNoTenant)

	// Rows of theirs show a transaction of ours, and what is kept of ours names them.
	w.seed(t, `
		UPDATE open_groups SET name = 'theirs' WHERE tenant_id = $2;
		UPDATE wharf_staging.u_`+strings.ReplaceAll(groups.Undo.String(), "-", "")+` SET k0 = (SELECT id FROM open_groups WHERE tenant_id = $2 AND code = 'b')`)
	w.exec(t, `WITH k AS (DELETE FROM wharf.undo WHERE import_id = '`+groups.Undo.String()+`' RETURNING *)
		INSERT INTO wharf.undo SELECT import_id, tenant_id, table_name, key_columns, columns, '00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff',
		has_rows, created, updated, ARRAY(SELECT xmin FROM open_groups) || pg_current_xact_id()::xid FROM k`)
	before := w.query(t, theirRows)
	require.Len(t, w.revert(t, groups.Undo).InTheWay, 1, "a member")
	w.revert(t, members.Undo)
	require.NotZero(t, w.revert(t, groups.Undo).Deleted)
	require.Equal(t, before, w.query(t, theirRows))
}

func TestEveryStatementOfAReversalNamesTheTenant(t *testing.T) {
	t.Parallel()
	w := newWorld(t, openTables)
	w.seed(t, openRows)
	spec := w.undoable(t, "open_groups", "code name rank part_of")
	w.merge(t, spec, rows("a | changed | 5 | b", "b | new | 2 | a", "c | new | 50 |"))
	w.seed(t, `UPDATE open_groups SET name = 'touched' WHERE code = 'c'`)

	var rec recorder
	cfg, err := pgxpool.ParseConfig(w.serviceURL)
	require.NoError(t, err)
	cfg.ConnConfig.Tracer = &rec
	pool, err := pgxpool.NewWithConfig(context.Background(), cfg)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	w.db = &tenancy.DB{Pool: pool, Wall: w.db.Wall}
	got := w.revert(t, spec.Undo)
	require.EqualValues(t, 1, got.LeftCount)

	named := regexp.MustCompile(`(?:FROM|JOIN|UPDATE) "public"\."(\w+)" (?:AS )?(\w+)`)
	seen := 0
	for _, sql := range rec.statements {
		for _, statement := range strings.Split(sql, ";") {
			for _, use := range named.FindAllStringSubmatch(statement, -1) {
				wall := use[2] + `."tenant_id" = '` + w.ours.String() + `'::uuid`
				if use[2] == "x" && use[1] == "open_members" {
					wall = `wharf_up1."tenant_id" = '` + w.ours.String() + `'::uuid`
				}
				require.Contains(t, statement, wall)
				seen++
			}
			require.Len(t, named.FindAllString(statement, -1), strings.Count(statement, `"public"."`), "a table is used in a way that this test does not know: %s", statement)
		}
	}
	require.Greater(t, seen, 12)
}

func TestATableThatChangedIsNotReverted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, undoTables)
	spec := w.undoable(t, "numbered", "code name")
	w.merge(t, spec, rows("n | N"))
	changed := newWorld(t, strings.Replace(undoTables, "name text, price", "title text, price", 1))
	w.snapshot = changed.snapshot
	_, err := w.tryRevert(spec.Undo)
	require.Equal(t, fault.Conflict, fault.CodeOf(err))
	require.ErrorContains(t, err, "name")
}
