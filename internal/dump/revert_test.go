package dump_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"wharf/internal/dump"
	"wharf/internal/fault"
	"wharf/internal/load"
	"wharf/internal/tenancy"
)

// undoable keeps what a restore does under the id.
func undoable(id uuid.UUID) func(*dump.Spec) { return func(s *dump.Spec) { s.Undo = id } }

// revert takes a restore into ours back, and gives what became of each table.
func (w *town) revert(t require.TestingT, id uuid.UUID) map[string]load.Reverted {
	all, err := w.tryRevert(id)
	require.NoError(t, err)
	return all
}

func (w *town) tryRevert(id uuid.UUID) (map[string]load.Reverted, error) {
	tables := map[string]load.Reverted{}
	err := tenancy.Tx(context.Background(), w.db, tenancy.System(w.ours), func(ctx context.Context, tx pgx.Tx) error {
		all, err := load.Revert(ctx, tx, load.Reversal{DB: w.db, Tenant: w.ours, Catalog: w.snapshot, Undo: id})
		for _, r := range all {
			tables[r.Table] = r
		}
		return err
	})
	return tables, err
}

// texts gives a checksum of every table's rows of ours, updated_at and all.
func (w *town) texts(t require.TestingT) map[string]string { return w.sums(t, w.ours, "x::text") }

// kept gives how many notes and tables there are of what was restored: "0|0" if none are.
func (w *town) kept(t require.TestingT) string {
	return w.one(t, `SELECT (SELECT count(*) FROM wharf.undo WHERE reverted_at IS NULL),
		(SELECT count(*) FROM pg_class WHERE relnamespace = 'wharf_staging'::regnamespace AND relkind = 'r')`)
}

// didAll requires that a reversal took back all that a restore reported.
func didAll(t require.TestingT, report dump.Report, reverted map[string]load.Reverted) {
	for table := range report.Created {
		r := reverted[table]
		require.Equal(t, []int64{report.Created[table], report.Updated[table], 0}, []int64{r.Deleted, r.Restored, r.LeftCount}, table)
	}
}

// thereAndBack restores a document and takes it back.
func (w *town) thereAndBack(t require.TestingT, doc string) {
	id := uuid.New()
	report := w.restore(t, doc, undoable(id))
	if len(nonZero(report.Created))+len(nonZero(report.Updated)) > 0 {
		didAll(t, report, w.revert(t, id))
	}
}

func TestARevertedRestoreLeavesAnEmptyTenantEmpty(t *testing.T) {
	t.Parallel()
	w := newTown(t, "")
	w.seed(t, w.theirs, 7)
	doc := w.export(t, w.theirs, "json")
	empty, theirs := w.texts(t), w.unwritten(t, w.theirs)
	id := uuid.New()
	report := w.restore(t, doc, undoable(id))
	require.Positive(t, report.Created["sales"])
	require.NotEqual(t, empty, w.texts(t))

	didAll(t, report, w.revert(t, id))
	require.Equal(t, empty, w.texts(t))
	require.Equal(t, theirs, w.unwritten(t, w.theirs))
	require.Equal(t, "0|0", w.kept(t))
	_, err := w.tryRevert(id)
	require.ErrorIs(t, err, load.ErrReverted)
}

func TestARevertedRestoreLeavesEveryRowAsItWas(t *testing.T) {
	t.Parallel()
	w := newTown(t, "")
	w.seed(t, w.theirs, 7)
	w.seed(t, w.ours, 7)
	w.fill(t, `
		UPDATE contacts SET first_name = 'was', updated_at = '2001-01-01', company_id = NULL WHERE tenant_id = $1;
		UPDATE deals SET amount = amount + 1.50, data = '{"was": 1.00}', updated_at = '2001-01-01' WHERE tenant_id = $1;
		UPDATE stages SET name = name || '!', updated_at = '2001-01-01' WHERE pipeline_id IN (SELECT id FROM pipelines WHERE tenant_id = $1);
		UPDATE sales SET invoice_id = NULL, updated_at = '2001-01-01' WHERE tenant_id = $1;
		UPDATE customers SET notes = 'was' WHERE tenant_id = $1;
		UPDATE inventory SET parent_id = NULL WHERE tenant_id = $1;
		DELETE FROM deal_line_items WHERE deal_id IN (SELECT id FROM deals WHERE tenant_id = $1);
		DELETE FROM notes WHERE tenant_id = $1;
		INSERT INTO contacts (tenant_id, external_id, first_name) VALUES ($1, 'own', 'Own')`)
	doc, before := w.export(t, w.theirs, "json"), w.texts(t)
	id := uuid.New()
	report := w.restore(t, doc, undoable(id))
	for _, table := range []string{"contacts", "deals", "stages", "sales", "customers", "inventory"} {
		require.Positive(t, report.Updated[table], table)
	}
	for _, table := range []string{"deal_line_items", "notes"} {
		require.Positive(t, report.Created[table], table)
	}

	didAll(t, report, w.revert(t, id))
	require.Equal(t, before, w.texts(t))
	require.Equal(t, report, w.restore(t, doc, undoable(uuid.New())), "the same again, as if nothing had been")
}

func TestWhateverTheSchemaARevertedRestoreNeverWas(t *testing.T) {
	t.Parallel()
	town := newTown(t, "")
	rapid.Check(t, func(t *rapid.T) {
		schema := drawSchema(t, rapid.Bool().Draw(t, "all keyed"))
		w := town.build(t, schema)
		defer w.exec(t, `DROP SCHEMA `+schema.name+` CASCADE`)
		schema.drawRows(t)
		w.exec(t, schema.insert(w.theirs))
		empty, first := w.texts(t), w.export(t, w.theirs, "json")
		w.thereAndBack(t, first)
		require.Equal(t, empty, w.texts(t))

		w.restore(t, first)
		before := w.texts(t)
		inserts := schema.insert(w.theirs)
		changes, _, _ := schema.change(t, w.theirs)
		w.exec(t, changes)
		t.Log(schema.ddl(), schema.references(), inserts, changes)
		w.thereAndBack(t, w.export(t, w.theirs, "json"))
		require.Equal(t, before, w.texts(t))
	})
}

// farmTables refer to each other in every way that a table can.
const farmTables = `
CREATE TABLE public.crews (
	id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL, code text, name text, lead_id uuid, part_of uuid REFERENCES public.crews ON DELETE RESTRICT,
	members integer NOT NULL DEFAULT 0, UNIQUE (tenant_id, code));
CREATE TABLE public.hands (
	id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL, code text, name text, crew_id uuid NOT NULL REFERENCES public.crews ON DELETE RESTRICT,
	UNIQUE (tenant_id, code));
ALTER TABLE public.crews ADD FOREIGN KEY (lead_id) REFERENCES public.hands ON DELETE RESTRICT;
COMMENT ON COLUMN public.hands.crew_id IS '@nested';
CREATE TABLE public.locks (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL, code text, key_id uuid NOT NULL, UNIQUE (tenant_id, code));
CREATE TABLE public.keys (
	id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL, code text, UNIQUE (tenant_id, code),
	lock_id uuid NOT NULL REFERENCES public.locks ON DELETE CASCADE DEFERRABLE INITIALLY IMMEDIATE);
ALTER TABLE public.locks ADD FOREIGN KEY (key_id) REFERENCES public.keys ON DELETE CASCADE DEFERRABLE INITIALLY IMMEDIATE;
CREATE TABLE public.trees (
	nr bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tenant_id uuid NOT NULL, code text, name text, parent_nr bigint REFERENCES public.trees, UNIQUE (tenant_id, code));
CREATE TABLE public.plots (tenant_id uuid NOT NULL, field text, row integer, crop text, PRIMARY KEY (tenant_id, field, row));
CREATE TABLE public.sightings (tenant_id uuid NOT NULL, what text, tree_nr bigint REFERENCES public.trees ON DELETE SET NULL, entity_type text, entity_id uuid);
COMMENT ON COLUMN public.sightings.entity_id IS '@poly crew=crews hand=hands';`

// farmDocument names rows of farmTables: some that farmRows has, some that are new.
const farmDocument = `{"schema_version": 1,
"crews": [
	{"id": "00000000-0000-4000-8000-0000000000c1", "code": "c1", "name": "is", "lead_id": "00000000-0000-4000-8000-0000000000a2", "part_of": "00000000-0000-4000-8000-0000000000c2",
	 "hands": [{"id": "00000000-0000-4000-8000-0000000000a1", "code": "h1", "name": "is"}, {"id": "00000000-0000-4000-8000-0000000000a2", "code": "h2", "name": "new"}]},
	{"id": "00000000-0000-4000-8000-0000000000c2", "code": "c2", "name": "new", "lead_id": "00000000-0000-4000-8000-0000000000a3", "part_of": "00000000-0000-4000-8000-0000000000c3",
	 "hands": [{"id": "00000000-0000-4000-8000-0000000000a3", "code": "h3", "name": "new"}]},
	{"id": "00000000-0000-4000-8000-0000000000c3", "code": "c3", "name": "new", "lead_id": "00000000-0000-4000-8000-0000000000a3"}],
"locks": [{"id": "00000000-0000-4000-8000-0000000000d1", "code": "l1", "key_id": "00000000-0000-4000-8000-0000000000e2"},
	{"id": "00000000-0000-4000-8000-0000000000d2", "code": "l2", "key_id": "00000000-0000-4000-8000-0000000000e1"}],
"keys": [{"id": "00000000-0000-4000-8000-0000000000e1", "code": "k1", "lock_id": "00000000-0000-4000-8000-0000000000d2"},
	{"id": "00000000-0000-4000-8000-0000000000e2", "code": "k2", "lock_id": "00000000-0000-4000-8000-0000000000d1"}],
"trees": [{"nr": 1, "code": "t1", "name": "is", "parent_nr": 3}, {"nr": 2, "code": "t2", "name": "new", "parent_nr": 1}, {"nr": 3, "code": "t3", "parent_nr": null}],
"plots": [{"field": "f", "row": 1, "crop": "is"}, {"field": "f", "row": 2, "crop": "new"}],
"sightings": [{"what": "a", "tree_nr": 2, "entity_type": "crew", "entity_id": "00000000-0000-4000-8000-0000000000c2"},
	{"what": "b", "tree_nr": 1, "entity_type": "hand", "entity_id": "00000000-0000-4000-8000-0000000000a3"}]}`

const farmRows = `
WITH c AS (INSERT INTO crews (tenant_id, code, name) VALUES ($1, 'c1', 'was') RETURNING id)
INSERT INTO hands (tenant_id, code, name, crew_id) SELECT $1, 'h1', 'was', id FROM c;
INSERT INTO trees (tenant_id, code, name) VALUES ($1, 'other', 'was'), ($1, 't1', 'was');
UPDATE trees SET parent_nr = (SELECT nr FROM trees WHERE code = 'other') WHERE code = 't1';
INSERT INTO plots VALUES ($1, 'f', 1, 'was'), ($1, 'g', 1, 'other');`

func TestRowsThatReferToEachOtherGoTogether(t *testing.T) {
	t.Parallel()
	w := newTown(t, farmTables)
	w.fill(t, farmRows)
	before := w.texts(t)
	id := uuid.New()
	w.restore(t, farmDocument, undoable(id))
	want := map[string][3]int64{"crews": {2, 1}, "hands": {2, 1}, "locks": {2, 0}, "keys": {2, 0}, "trees": {2, 1}, "plots": {1, 1}, "sightings": {2, 0}}
	got := map[string][3]int64{}
	for table, r := range w.revert(t, id) {
		got[table] = [3]int64{r.Deleted, r.Restored, r.LeftCount}
		require.Empty(t, r.InTheWay)
	}
	require.Equal(t, want, got)
	require.Equal(t, before, w.texts(t))
}

func TestWhatStandsInTheWayOfARevertedRestoreIsNamedAndNothingIsDone(t *testing.T) {
	t.Parallel()
	w := newTown(t, farmTables)
	w.fill(t, farmRows)
	before := w.texts(t)
	id := uuid.New()
	w.restore(t, farmDocument, undoable(id))
	w.fill(t, `
		INSERT INTO hands (id, tenant_id, code, crew_id) SELECT '00000000-0000-4000-8000-00000000000a', $1, 'later', id FROM crews WHERE code = 'c2';
		INSERT INTO sightings (tenant_id, what, tree_nr) SELECT $1, 'later', nr FROM trees WHERE code = 't2';
		INSERT INTO sightings (tenant_id, what, entity_type, entity_id) SELECT $1, 'later', 'hand', id FROM hands WHERE code = 'h3';
		INSERT INTO sightings (tenant_id, what, entity_type, entity_id) SELECT $1, 'of an old one', 'hand', id FROM hands WHERE code = 'h1'`)
	after := w.texts(t)
	inTheWay := map[string][]load.InTheWay{}
	for table, r := range w.revert(t, id) {
		require.Zero(t, r.Deleted+r.Restored+r.LeftCount)
		if len(r.InTheWay) > 0 {
			inTheWay[table] = r.InTheWay
		}
	}
	require.Equal(t, map[string][]load.InTheWay{
		"crews": {{Table: "hands", Column: "crew_id", Rows: 1, Keys: []string{"00000000-0000-4000-8000-00000000000a"}}},
		"trees": {{Table: "sightings", Column: "tree_nr", Rows: 1, Keys: []string{""}}},
		"hands": {{Table: "sightings", Column: "entity_id", Rows: 1, Keys: []string{""}}},
	}, inTheWay)
	require.Equal(t, after, w.texts(t))

	w.fill(t, `DELETE FROM hands WHERE code = 'later'; DELETE FROM sightings WHERE what IN ('later', 'of an old one')`)
	w.revert(t, id)
	require.Equal(t, before, w.texts(t), "it may be tried again")
}

func TestRowsThatWereChangedSinceTheRestoreAreLeftAndNamed(t *testing.T) {
	t.Parallel()
	w := newTown(t, farmTables)
	w.fill(t, farmRows)
	id := uuid.New()
	w.restore(t, farmDocument, undoable(id))
	w.fill(t, `
		UPDATE plots SET crop = crop || '!' WHERE field = 'f';
		UPDATE trees SET name = 'mine' WHERE code = 't3';
		DELETE FROM hands WHERE code = 'h1'`)
	reverted := w.revert(t, id)
	const changed, deleted = "it was changed since", "it was deleted since"
	require.Equal(t, []load.LeftRow{{Key: "f, 2", Created: true, Why: changed}, {Key: "f, 1", Why: changed}}, reverted["plots"].Left)
	require.EqualValues(t, 2, reverted["plots"].LeftCount)
	require.Len(t, reverted["trees"].Left, 1)
	require.True(t, reverted["trees"].Left[0].Created)
	require.Len(t, reverted["hands"].Left, 1)
	require.Equal(t, deleted, reverted["hands"].Left[0].Why)
	require.Equal(t, []string{"f 1 is!", "f 2 new!", "g 1 other"}, w.query(t, `SELECT concat_ws(' ', field, row, crop) FROM plots ORDER BY 1`))
	require.Equal(t, []string{"other was", "t1 was", "t3 mine"}, w.query(t, `SELECT concat_ws(' ', code, name) FROM trees ORDER BY 1`))
	require.Equal(t, []string{"c1 was"}, w.query(t, `SELECT concat_ws(' ', code, name) FROM crews`))
}

// A trigger of one table may write rows of another, which then have versions that nobody collected.
func TestRowsThatTriggersWriteDuringARevertGoAllTheSame(t *testing.T) {
	t.Parallel()
	w := newTown(t, farmTables+`
		CREATE FUNCTION public.count_hands() RETURNS trigger LANGUAGE plpgsql AS $f$
		BEGIN
			BEGIN
				UPDATE public.crews SET members = members + 1 WHERE id = NEW.crew_id;
				UPDATE public.crews SET members = members - 1 WHERE id = OLD.crew_id;
			EXCEPTION WHEN division_by_zero THEN NULL; -- a savepoint of its own
			END;
			RETURN NULL;
		END $f$;
		CREATE TRIGGER count_hands AFTER INSERT OR DELETE OR UPDATE OF crew_id ON public.hands FOR EACH ROW EXECUTE FUNCTION public.count_hands();
		CREATE FUNCTION public.count_sightings() RETURNS trigger LANGUAGE plpgsql AS $f$
		BEGIN
			UPDATE public.trees SET name = concat(name, '+') WHERE nr = NEW.tree_nr;
			UPDATE public.trees SET name = regexp_replace(name, '[+]$', '') WHERE nr = OLD.tree_nr;
			RETURN NULL;
		END $f$;
		CREATE TRIGGER count_sightings AFTER INSERT OR DELETE ON public.sightings FOR EACH ROW EXECUTE FUNCTION public.count_sightings();`)
	w.fill(t, farmRows)
	before := w.texts(t)
	id := uuid.New()
	w.restore(t, farmDocument, undoable(id))
	require.Equal(t, []string{"c1 2", "c2 1", "c3 0"}, w.query(t, `SELECT code || ' ' || members FROM crews ORDER BY 1`))
	require.Equal(t, []string{"other was", "t1 is+", "t2 new+", "t3"}, w.query(t, `SELECT concat_ws(' ', code, name) FROM trees ORDER BY 1`))
	for table, r := range w.revert(t, id) {
		require.Zero(t, r.LeftCount, table)
	}
	require.Equal(t, before, w.texts(t))
}

func TestADryRunAndARestoreWithoutAnUndoKeepNothing(t *testing.T) {
	t.Parallel()
	w := newTown(t, farmTables)
	w.fill(t, farmRows)
	id := uuid.New()
	w.rehearse(t, farmDocument, undoable(id))
	require.Equal(t, "0|0", w.kept(t))
	_, err := w.tryRevert(id)
	require.ErrorIs(t, err, load.ErrNotKept)
	w.restore(t, farmDocument)
	require.Equal(t, "0|0", w.kept(t))
	w.restore(t, document(`"trees": [{"code": "t1", "name": "is"}]`), undoable(id))
	require.Equal(t, "0|0", w.kept(t), "it wrote nothing")

	w.restore(t, document(`"trees": [{"code": "t1", "name": "again"}], "plots": []`), undoable(id))
	require.Equal(t, "1|1", w.kept(t))
	_, err = w.try(document(`"plots": [{"field": "x", "row": 1}]`), undoable(id))
	require.Equal(t, fault.Conflict, fault.CodeOf(err), "something is kept under this id")
	require.Equal(t, id.String(), w.one(t, `SELECT import_id FROM wharf.expired_undo(now() + interval '1 day', 10)`))
}

func TestDroppingTheUndoOfARestoreForgetsAllOfIt(t *testing.T) {
	t.Parallel()
	w := newTown(t, farmTables)
	w.fill(t, farmRows)
	id := uuid.New()
	w.restore(t, farmDocument, undoable(id))
	require.Equal(t, "7|4", w.kept(t), "of a table whose ids are minted, and of which no row was updated, there is only a note")
	drop := func(tenant uuid.UUID) {
		require.NoError(t, tenancy.Tx(context.Background(), w.db, tenancy.System(tenant), func(ctx context.Context, tx pgx.Tx) error {
			return load.DropUndo(ctx, tx, id)
		}))
	}
	drop(w.theirs)
	require.Equal(t, "7|4", w.kept(t), "another tenant's is out of reach")
	drop(w.ours)
	require.Equal(t, "0|0", w.kept(t))
	require.Empty(t, w.query(t, `SELECT FROM wharf.expired_undo(now() + interval '1 day', 10)`))
}

// A row that another changes while a restore runs must not lose that change to a reversal, also one to which nothing is
// written but a reference that comes late.
func TestARestoreWritesOnlyTheVersionsItKept(t *testing.T) {
	t.Parallel()
	for name, trees := range map[string]string{
		"values":          `{"code": "t1", "name": "is"}`,
		"late references": `{"nr": 2, "parent_nr": 2}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newTown(t, farmTables)
			w.fill(t, farmRows)
			before := w.texts(t)
			pool, err := pgxpool.ParseConfig(w.env.ServiceURL)
			require.NoError(t, err)
			meddler := &meddler{w: w, t: t}
			pool.ConnConfig.Tracer = meddler
			w.service, err = pgxpool.NewWithConfig(context.Background(), pool)
			require.NoError(t, err)
			t.Cleanup(w.service.Close)
			w.db = &tenancy.DB{Pool: w.service, Wall: w.db.Wall}

			id, doc := uuid.New(), documentOf(w.ours, `"trees": [`+trees+`]`)
			_, err = w.try(doc, undoable(id))
			require.True(t, meddler.done)
			require.Equal(t, fault.Unavailable, fault.CodeOf(err), err)
			w.fill(t, `UPDATE trees SET name = 'was'`)
			w.restore(t, doc, undoable(id))
			require.NotEqual(t, before, w.texts(t))
			w.revert(t, id)
			require.Equal(t, before, w.texts(t))
		})
	}
}

// meddler changes a row when what it held was read.
type meddler struct {
	w    *town
	t    testing.TB
	done bool
}

func (*meddler) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	return context.WithValue(ctx, meddler{}, data.SQL)
}

func (m *meddler) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryEndData) {
	sql, _ := ctx.Value(meddler{}).(string)
	if !m.done && strings.HasPrefix(sql, `CREATE TABLE "wharf_staging"."u_`) {
		m.done = true
		m.w.fill(m.t, `UPDATE trees SET name = 'meddled' WHERE code = 't1'`)
	}
}
