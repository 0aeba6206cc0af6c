package load_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"wharf/internal/fault"
	"wharf/internal/load"
	"wharf/internal/tenancy"
)

// tryRevert takes a merge of ours back.
func (w *world) tryRevert(id uuid.UUID) (load.Reverted, error) {
	all, err := w.tryRevertAll(id)
	if err != nil {
		return load.Reverted{}, err
	}
	if len(all) != 1 {
		return load.Reverted{}, fmt.Errorf("%d tables were reverted", len(all))
	}
	return all[0], nil
}

// tryRevertAll takes back all that is kept under an id.
func (w *world) tryRevertAll(id uuid.UUID) (all []load.Reverted, err error) {
	err = tenancy.Tx(context.Background(), w.db, tenancy.System(w.ours), func(ctx context.Context, tx pgx.Tx) (err error) {
		all, err = load.Revert(ctx, tx, load.Reversal{DB: w.db, Tenant: w.ours, Catalog: w.snapshot, Undo: id})
		return err
	})
	return all, err
}

func (w *world) revert(t testing.TB, id uuid.UUID) load.Reverted {
	t.Helper()
	out, err := w.tryRevert(id)
	require.NoError(t, err)
	return out
}

// undoable is a spec whose merge can be taken back.
func (w *world) undoable(t testing.TB, table, columns string) load.Spec {
	t.Helper()
	spec := w.spec(t, table, columns)
	spec.Undo = uuid.New()
	return spec
}

// all gives a table's rows of both tenants, in the order of what they hold.
func (w *world) all(t testing.TB, table string) []string {
	t.Helper()
	return w.query(t, `SELECT r.*::text FROM `+table+` r ORDER BY 1`)
}

// kept gives what is kept of a merge: its row in wharf.undo, and its tables.
func (w *world) kept(t testing.TB, id uuid.UUID) string {
	t.Helper()
	return w.one(t, fmt.Sprintf(`SELECT (SELECT count(*) FROM wharf.undo WHERE import_id = '%s' AND reverted_at IS NULL),
		(SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relpersistence = 'p' AND relname LIKE 'u\_%s%%')`, id, strings.ReplaceAll(id.String(), "-", "")))
}

const undoTables = `
CREATE TABLE public.numbered (
	nr bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tenant_id uuid NOT NULL, code text, name text, price numeric(9,2),
	gross numeric GENERATED ALWAYS AS (price * 1.2) STORED, UNIQUE (tenant_id, code));
CREATE DOMAIN public.grade AS integer NOT NULL CHECK (VALUE > 0);
CREATE TABLE public.paired (
	tenant_id uuid NOT NULL, a text, b integer, grade public.grade, data json, tags text[], state jsonb DEFAULT '{}', PRIMARY KEY (tenant_id, a, b));
CREATE TABLE public.named (
	tenant_id uuid NOT NULL, code varchar(20) NOT NULL, alias text, note text, updated_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (tenant_id, code));
COMMENT ON TABLE public.named IS '@match alias
@match code';
CREATE TABLE public.keyless (tenant_id uuid NOT NULL, what text, n integer);
CREATE TABLE public.softly (
	id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL, code text, name text, deleted_at timestamptz);
CREATE UNIQUE INDEX softly_code ON public.softly (tenant_id, code) WHERE deleted_at IS NULL;`

func TestARevertedMergeLeavesTheTableAsItWas(t *testing.T) {
	t.Parallel()
	world := newWorld(t, undoTables)
	world.seed(t, `
		INSERT INTO numbered (tenant_id, code, name, price) VALUES ($2, 'a', 'theirs', 1);
		INSERT INTO paired VALUES ($2, 'a', 1, 1); INSERT INTO named VALUES ($2, 'a', 'x', 'theirs'); INSERT INTO keyless VALUES ($2, 'theirs', 1);
		INSERT INTO softly (tenant_id, code, name) VALUES ($2, 'a', 'theirs')`)
	for name, c := range map[string]struct {
		table, columns, seed string
		rows                 [][]string
		want                 load.Counts
	}{
		"ids that are minted": {
			"companies", "external_id name employee_count tags",
			`INSERT INTO companies (tenant_id, external_id, name, updated_at) VALUES ($1, 'u', 'was', '2001-01-01'), ($1, 's', 'same', '2001-01-01'), ($1, 'o', 'other', '2001-01-01')`,
			rows(`u | is | 5 | ["x"]`, `n | new | | `, `s | same | | `, `m | new | 7 | `, `x | new | ten | `),
			load.Counts{Created: 2, Updated: 1, Unchanged: 1, Skipped: 1, Errors: 1},
		},
		"keys that the database gives, and generated columns": {
			"numbered", "code name price",
			`INSERT INTO numbered (tenant_id, code, name, price) VALUES ($1, 'u', 'was', 1), ($1, 's', 'same', 2)`,
			rows("u | is | 2", "n | new | 3", "s | same | ", "m | new | "),
			load.Counts{Created: 2, Updated: 1, Unchanged: 1},
		},
		"keys of several columns, domains, types without equality": {
			"paired", "a b grade data tags state",
			`INSERT INTO paired VALUES ($1, 'u', 1, 1, '{"a": 1}', '{x}'), ($1, 'u', 2, 2, NULL, NULL), ($1, 's', 1, 3, NULL, NULL)`,
			rows(`u | 1 | 2 | {"b": 2} | {y} | {"z":1}`, `u | 2 | 2 | 1 | |`, `s | 1 | 3 | | |`, `n | 1 | 1 | | |`, `n | 2 | 1 | {} | {} | {}`),
			load.Counts{Created: 2, Updated: 2, Unchanged: 1},
		},
		"natural keys, which a merge may change": {
			"named", "alias code note",
			`INSERT INTO named VALUES ($1, 'u', 'first', 'was', '2001-01-01'), ($1, 's', 'second', 'same', '2001-01-01')`,
			rows("first | renamed | is", "second | s | same", "third | n | new"),
			load.Counts{Created: 1, Updated: 1, Unchanged: 1},
		},
		"no key at all": {
			"keyless", "what n", `INSERT INTO keyless VALUES ($1, 'same', 1)`,
			rows("same | 1", "new | 2"),
			load.Counts{Created: 2},
		},
		"soft-deleted rows": {
			"softly", "code name deleted_at",
			`INSERT INTO softly (tenant_id, code, name, deleted_at) VALUES ($1, 'u', 'was', NULL), ($1, 'u', 'deleted', '2001-01-01'), ($1, 'd', 'lives', NULL)`,
			rows("u | is | ", "d | | 2024-01-01", "n | new | ", "b | born dead | 2024-01-01"),
			load.Counts{Created: 2, Updated: 2},
		},
		"rows that the database gives a parent": {
			"stages", "pipeline_id slug name",
			`INSERT INTO pipelines (id, tenant_id, slug, name) VALUES ('20000000-0000-4000-8000-000000000001', $1, 'p', 'P');
			INSERT INTO stages (pipeline_id, slug, name) VALUES ('20000000-0000-4000-8000-000000000001', 'u', 'was')`,
			rows("p | u | is", "p | n | new"),
			load.Counts{Created: 1, Updated: 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.anew()
			w.seed(t, c.seed)
			spec := w.undoable(t, c.table, c.columns)
			if c.table == "keyless" {
				spec.Write = load.Insert
			}
			ours := w.table(t, c.table).TenantPredicate("r", "$1")
			before := w.query(t, `SELECT r.*::text FROM `+c.table+` r WHERE `+ours+` ORDER BY 1`)
			require.Equal(t, c.want, w.merge(t, spec, c.rows).Counts)
			after := w.query(t, `SELECT r.*::text FROM `+c.table+` r WHERE `+ours+` ORDER BY 1`)
			require.NotEqual(t, before, after)

			got := w.revert(t, spec.Undo)
			require.Equal(t, load.Reverted{Table: c.table, Deleted: c.want.Created, Restored: c.want.Updated}, got)
			require.Equal(t, before, w.query(t, `SELECT r.*::text FROM `+c.table+` r WHERE `+ours+` ORDER BY 1`))

			require.Equal(t, "0|0", w.kept(t, spec.Undo))
			_, err := w.tryRevert(spec.Undo)
			require.ErrorIs(t, err, load.ErrReverted)

			spec.Undo = uuid.New() // the same again, as if nothing had been
			require.Equal(t, c.want, w.merge(t, spec, c.rows).Counts)
		})
	}
}

func TestWhatWasTouchedSinceIsLeftAndNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, undoTables)
	w.seed(t, `INSERT INTO numbered (tenant_id, code, name) VALUES ($1, 'a', 'A'), ($1, 'b', 'B'), ($1, 'c', 'C'), ($1, 'd', 'D')`)
	spec := w.undoable(t, "numbered", "code name")
	w.merge(t, spec, rows("a | A2", "b | B2", "c | C2", "d | D2", "n1 | N", "n2 | N", "n3 | N"))
	w.seed(t, `UPDATE numbered SET name = name WHERE code IN ('b', 'n1'); DELETE FROM numbered WHERE code IN ('c', 'n2')`)
	w.seed(t, `SELECT nr FROM numbered WHERE code = 'a' FOR UPDATE`) // looked at only

	got := w.revert(t, spec.Undo)
	nr := func(code string) string { return w.one(t, `SELECT nr FROM numbered WHERE code = '`+code+`'`) }
	require.Equal(t, load.Reverted{
		Table: "numbered", Deleted: 1, Restored: 2, LeftCount: 3,
		Left: []load.LeftRow{
			{Key: nr("n1"), Created: true, Why: "it was changed since"},
			{Key: nr("b"), Why: "it was changed since"},
			{Key: "3", Why: "it was deleted since"},
		},
	}, got)
	require.Equal(t, []string{"a|A", "b|B2", "d|D", "n1|N"}, w.query(t, `SELECT code, name FROM numbered ORDER BY 1`))

	t.Run("also where nothing names it", func(t *testing.T) { //nolint:paralleltest // in the same database
		spec := w.undoable(t, "keyless", "what n")
		spec.Write = load.Insert
		w.merge(t, spec, rows("a | 1", "b | 1", "c | 1"))
		w.seed(t, `UPDATE keyless SET n = 2 WHERE what = 'b'`)
		got := w.revert(t, spec.Undo)
		require.Equal(t, load.Reverted{
			Table: "keyless", Deleted: 2, LeftCount: 1,
			Left: []load.LeftRow{{Created: true, Why: "it was changed or deleted since"}},
		}, got)
		require.Equal(t, []string{"b|2"}, w.query(t, `SELECT what, n FROM keyless`))
	})
	t.Run("and the first of many are named", func(t *testing.T) { //nolint:paralleltest // in the same database
		spec := w.undoable(t, "softly", "code name")
		var many []string
		for i := range 150 {
			many = append(many, fmt.Sprintf("c%d | N", i))
		}
		w.merge(t, spec, rows(many...))
		w.seed(t, `UPDATE softly SET deleted_at = now()`)
		got := w.revert(t, spec.Undo)
		require.EqualValues(t, 150, got.LeftCount)
		require.Len(t, got.Left, 100)
		require.Zero(t, got.Deleted)
	})
}

func TestSmallAndLargeMergesWriteWhatTheyKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t, undoTables)
	w.seed(t, `INSERT INTO softly (tenant_id, code, name) SELECT $1, 'c' || i, 'was' FROM generate_series(1, 25000) i`)
	before := w.all(t, "softly")
	var some, most []string
	for i := range 25_000 {
		if i < 10 {
			some = append(some, fmt.Sprintf("c%d | some", i))
		}
		most = append(most, fmt.Sprintf("c%d | most", i*2))
	}
	for _, file := range [][]string{some, most} { // by what was found, and once more by the key
		spec := w.undoable(t, "softly", "code name")
		counts := w.merge(t, spec, rows(file...)).Counts
		require.Equal(t, load.Reverted{Table: "softly", Deleted: counts.Created, Restored: counts.Updated}, w.revert(t, spec.Undo))
		require.Equal(t, before, w.all(t, "softly"))
	}
	// One reversal after the other, the last merge first.
	first, second := w.undoable(t, "softly", "code name"), w.undoable(t, "softly", "code name")
	w.merge(t, first, rows(some...))
	w.merge(t, second, rows(most...))
	w.revert(t, second.Undo)
	got := w.revert(t, first.Undo)
	require.NotZero(t, got.LeftCount, "what a later merge wrote has changed, though it was taken back")
}

// A row that another changes while the merge runs must not lose that change to a reversal.
func TestAMergeWritesOnlyTheVersionsItKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t, undoTables)
	const many = 25_000 // which are met by their key once more
	w.seed(t, fmt.Sprintf(`INSERT INTO softly (tenant_id, code, name) SELECT $1, 'c' || i, 'was' FROM generate_series(1, %d) i`, many))
	var most [][]string
	for i := range many {
		most = append(most, []string{fmt.Sprintf("c%d", i+1), "is"})
	}
	few := rows("c6 | was", "c7 | is", "c8 | is")
	for name, file := range map[string][][]string{"most rows": most, "a few rows": few} { //nolint:paralleltest // on the same rows
		t.Run(name, func(t *testing.T) { //nolint:paralleltest // on the same rows
			w.exec(t, `UPDATE softly SET name = 'was'`)
			meddler := &meddler{w: w, t: t, sql: `UPDATE softly SET name = 'meddled' WHERE code = 'c7'`}
			cfg, err := pgxpool.ParseConfig(w.serviceURL)
			require.NoError(t, err)
			cfg.ConnConfig.Tracer = meddler
			pool, err := pgxpool.NewWithConfig(context.Background(), cfg)
			require.NoError(t, err)
			t.Cleanup(pool.Close)
			other := *w
			other.db = &tenancy.DB{Pool: pool, Wall: w.db.Wall}

			spec := other.undoable(t, "softly", "code name")
			_, err = other.try(t, spec, file)
			require.True(t, meddler.done)
			require.Equal(t, fault.Unavailable, fault.CodeOf(err))
			require.Equal(t, "0|0", w.kept(t, spec.Undo))
			counts := other.merge(t, spec, file).Counts
			require.EqualValues(t, counts.Updated, w.revert(t, spec.Undo).Restored)
			require.Equal(t, []string{fmt.Sprintf("was|%d", many-1), "meddled|1"}, w.query(t, `SELECT name, count(*) FROM softly GROUP BY 1 ORDER BY 2 DESC`))
		})
	}
}

// meddler changes rows just before a merge's first update.
type meddler struct {
	w    *world
	t    testing.TB
	sql  string
	done bool
}

func (m *meddler) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	if !m.done && strings.HasPrefix(strings.TrimSpace(data.SQL), `UPDATE "public"`) {
		m.done = true
		m.w.exec(m.t, m.sql)
	}
	return ctx
}

func (*meddler) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func TestRowsThatTriggersWriteOnceMoreAreTheMergesOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, undoTables+`
		CREATE TABLE public.busy (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL, code text, name text, n integer NOT NULL DEFAULT 0,
			UNIQUE (tenant_id, code));
		CREATE TABLE public.late (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tenant_id uuid NOT NULL, code text, name text, n integer NOT NULL DEFAULT 0,
			UNIQUE (tenant_id, code));
		CREATE FUNCTION public.count_up() RETURNS trigger LANGUAGE plpgsql AS $f$
		BEGIN
			BEGIN
				EXECUTE format('UPDATE public.%I SET n = n + 1 WHERE id = $1 AND n < 1', TG_TABLE_NAME) USING NEW.id;
			EXCEPTION WHEN division_by_zero THEN NULL; -- a savepoint of its own
			END;
			RETURN NULL;
		END $f$;
		CREATE TRIGGER count_up AFTER INSERT OR UPDATE ON public.busy FOR EACH ROW EXECUTE FUNCTION public.count_up();
		CREATE FUNCTION public.count_late() RETURNS trigger LANGUAGE plpgsql AS $f$
		BEGIN UPDATE public.late SET n = n + 1 WHERE id = NEW.id AND n < 1; RETURN NULL; END $f$;
		CREATE CONSTRAINT TRIGGER count_late AFTER INSERT OR UPDATE ON public.late DEFERRABLE INITIALLY DEFERRED
			FOR EACH ROW EXECUTE FUNCTION public.count_late();`)
	for _, table := range []string{"busy", "late"} {
		w.seed(t, `INSERT INTO `+table+` (tenant_id, code, name) VALUES ($1, 'a', 'A')`)
		w.seed(t, `UPDATE `+table+` SET n = 0`)
		spec := w.undoable(t, table, "code name")
		require.Equal(t, load.Counts{Created: 1, Updated: 1}, w.merge(t, spec, rows("a | A2", "n | N")).Counts)
		require.Equal(t, []string{"a|A2|1", "n|N|1"}, w.query(t, `SELECT code, name, n FROM `+table+` ORDER BY 1`))
		got := w.revert(t, spec.Undo)
		require.Equal(t, load.Reverted{Table: table, Deleted: 1, Restored: 1}, got, table)
		require.Equal(t, []string{"a|A"}, w.query(t, `SELECT code, name FROM `+table))
	}
}

func TestAMergeThatSearchedOutBadRowsCanBeTakenBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, `
		CREATE TABLE public.fussy (tenant_id uuid NOT NULL, code text, name text, PRIMARY KEY (tenant_id, code));
		CREATE FUNCTION public.fuss() RETURNS trigger LANGUAGE plpgsql AS $f$
		BEGIN IF NEW.name = 'bad' THEN RAISE EXCEPTION 'not this name'; END IF; RETURN NEW; END $f$;
		CREATE TRIGGER fuss BEFORE INSERT OR UPDATE ON public.fussy FOR EACH ROW EXECUTE FUNCTION public.fuss();`)
	w.seed(t, `INSERT INTO fussy SELECT $1, 'c' || i, 'was' FROM generate_series(1, 40) i`)
	before := w.all(t, "fussy")
	var file []string
	for i := range 60 {
		name := "is"
		if i%13 == 5 {
			name = "bad"
		}
		file = append(file, fmt.Sprintf("c%d | %s", i+1, name))
	}
	spec := w.undoable(t, "fussy", "code name")
	got := w.merge(t, spec, rows(file...)).Counts
	require.Equal(t, load.Counts{Created: 18, Updated: 37, Skipped: 5, Errors: 5}, got)
	require.Equal(t, load.Reverted{Table: "fussy", Deleted: 18, Restored: 37}, w.revert(t, spec.Undo))
	require.Equal(t, before, w.all(t, "fussy"))
}

func TestWhatIsRolledBackLeavesNoUndo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, undoTables)
	w.seed(t, `INSERT INTO numbered (tenant_id, code, name) VALUES ($1, 'a', 'A')`)
	spec := w.undoable(t, "numbered", "code name")
	plan, err := load.Compile(spec)
	require.NoError(t, err)
	name, _ := w.stage(t, plan, batches(rows("a | A2", "n | N")))
	ctx := context.Background()
	crash := fmt.Errorf("crash")
	err = tenancy.Tx(ctx, w.db, tenancy.System(w.ours), func(ctx context.Context, tx pgx.Tx) error {
		_, err := plan.Merge(ctx, tx, name)
		require.NoError(t, err)
		return crash
	})
	require.ErrorIs(t, err, crash)
	require.Equal(t, "0|0", w.kept(t, spec.Undo))
	_, err = w.tryRevert(spec.Undo)
	require.ErrorIs(t, err, load.ErrNotKept)

	_, err = w.mergeStaged(spec, plan, name) // the job runs again
	require.NoError(t, err)
	require.Equal(t, "1|1", w.kept(t, spec.Undo))
	_, err = w.try(t, spec, rows("a | A3"))
	require.Equal(t, fault.Conflict, fault.CodeOf(err), "an undo is kept under this id")
	require.EqualValues(t, 1, w.revert(t, spec.Undo).Restored)
}

func TestAMergeThatDidNothingIsTakenBackToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, undoTables)
	for _, table := range []string{"numbered", "softly", "named"} {
		spec := w.undoable(t, table, "code")
		w.merge(t, spec, nil)
		require.Equal(t, load.Reverted{Table: table}, w.revert(t, spec.Undo))
	}
}

func TestDroppingAnUndoForgetsIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, undoTables)
	spec := w.undoable(t, "numbered", "code name")
	w.merge(t, spec, rows("n | N"))
	require.Equal(t, "1|1", w.kept(t, spec.Undo))
	drop := func(tenant uuid.UUID) {
		require.NoError(t, tenancy.Tx(context.Background(), w.db, tenancy.System(tenant), func(ctx context.Context, tx pgx.Tx) error {
			return load.DropUndo(ctx, tx, spec.Undo)
		}))
	}
	expired := `SELECT count(*) FROM wharf.expired_undo(now() + interval '1 day', 10) WHERE tenant_id = $1`
	require.Equal(t, "1", w.one(t, expired))
	drop(w.theirs)
	require.Equal(t, "1|1", w.kept(t, spec.Undo), "another tenant's is out of reach")
	drop(w.ours)
	require.Equal(t, "0|0", w.kept(t, spec.Undo))
	require.Equal(t, "0", w.one(t, expired))
	drop(w.ours)
	_, err := w.tryRevert(spec.Undo)
	require.ErrorIs(t, err, load.ErrNotKept)
}

// The numbers of transactions mean nothing in another database, where rows might show one of them by chance.
func TestACopiedDatabaseRevertsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, undoTables)
	spec := w.undoable(t, "numbered", "code name")
	w.merge(t, spec, rows("n | N"))
	w.exec(t, `CREATE TEMP TABLE u AS SELECT * FROM wharf.undo; DELETE FROM wharf.undo; INSERT INTO wharf.undo SELECT * FROM u`)
	_, err := w.tryRevert(spec.Undo)
	require.Equal(t, fault.Conflict, fault.CodeOf(err))
	require.Equal(t, "1", w.one(t, `SELECT count(*) FROM numbered`))
}
