package exporter

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"wharf/internal/catalog"
	"wharf/internal/fault"
	"wharf/internal/tenancy"
	"wharf/internal/testenv"
)

// kin is a database with tables of a test's own, and two tenants.
type kin struct {
	db             *testenv.DB
	owner, service *pgxpool.Pool
	mine, other    uuid.UUID
	why            map[string]string // of the last search
}

func newKin(t testing.TB, ddl string) *kin {
	t.Helper()
	db := testenv.Wharf(t)
	k := &kin{db: db, owner: db.Owner(t), service: db.Service(t), mine: db.Tenant(t, "mine"), other: db.Tenant(t, "other")}
	k.exec(t, "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO "+testenv.ServiceRole)
	k.exec(t, ddl)
	return k
}

// exec runs statements in which MINE and OTHER stand for the tenants.
func (k *kin) exec(t testing.TB, sql string) {
	t.Helper()
	_, err := k.owner.Exec(context.Background(), strings.NewReplacer("MINE", "'"+k.mine.String()+"'", "OTHER", "'"+k.other.String()+"'").Replace(sql))
	require.NoError(t, err)
}

// find searches as an export does, and gives by table what SQL of each row says, e.g. its id.
func (k *kin) find(t testing.TB, table, id, each string, limit int) (map[string][]string, error) {
	t.Helper()
	ctx := context.Background()
	tx, err := k.service.BeginTx(ctx, snapshotMode)
	require.NoError(t, err)
	defer func() { _ = tx.Rollback(ctx) }()
	db := &tenancy.DB{Pool: k.service, Wall: tenancy.Wall{Setting: "app.tenant_id"}}
	require.NoError(t, db.Enter(ctx, tx, k.mine))
	return k.findIn(t, tx, table, id, each, limit)
}

func (k *kin) findIn(t testing.TB, tx pgx.Tx, table, id, each string, limit int) (map[string][]string, error) {
	t.Helper()
	ctx := context.Background()
	snap, err := catalog.Read(ctx, tx, catalog.Config{Schemas: []string{"public"}, TenantColumn: "tenant_id", TenantTable: "wharf.tenants"})
	require.NoError(t, err)
	search := subject
	if limit != maxSubjectRows {
		search = func(ctx context.Context, tx pgx.Tx, snap *catalog.Snapshot, tenant uuid.UUID, table, id string) ([]reached, error) {
			return subjectWithin(ctx, tx, snap, tenant, table, id, limit)
		}
	}
	all, err := search(ctx, tx, snap, k.mine, table, id)
	if err != nil {
		return nil, err
	}
	found := map[string][]string{}
	k.why = map[string]string{}
	for _, r := range all {
		rows, err := tx.Query(ctx, "SELECT "+each+" FROM "+r.Table.Ident()+" x WHERE "+r.Where, r.Args...)
		require.NoError(t, err)
		found[r.Table.Name], err = pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(t, err)
		slices.Sort(found[r.Table.Name])
		k.why[r.Table.Name] = r.Why
	}
	return found, nil
}

func (k *kin) ids(t testing.TB, table, id string) map[string][]string {
	t.Helper()
	found, err := k.find(t, table, id, "x.id::text", maxSubjectRows)
	require.NoError(t, err)
	return found
}

const people = `CREATE TABLE people (id text PRIMARY KEY, tenant_id uuid NOT NULL, friend text REFERENCES people, shop text, deleted_at timestamptz);
INSERT INTO people (id, tenant_id) VALUES ('ann', MINE), ('bob', MINE), ('eve', OTHER);
`

func TestChildrenOfChildrenAreReachedAndParentsAreNot(t *testing.T) {
	t.Parallel()
	k := newKin(t, people+`
CREATE TABLE goods (id text PRIMARY KEY, tenant_id uuid NOT NULL);
CREATE TABLE orders (id text PRIMARY KEY, tenant_id uuid NOT NULL, person text REFERENCES people, deleted_at timestamptz);
CREATE TABLE lines (id text PRIMARY KEY, order_id text NOT NULL REFERENCES orders, goods text REFERENCES goods); -- no tenant column
INSERT INTO goods VALUES ('ring', MINE);
INSERT INTO orders VALUES ('a1', MINE, 'ann', NULL), ('a2', MINE, 'ann', now()), ('b1', MINE, 'bob', NULL), ('nobody', MINE, NULL, NULL);
INSERT INTO lines VALUES ('a1-1', 'a1', 'ring'), ('a2-1', 'a2', 'ring'), ('b1-1', 'b1', 'ring')`)
	require.Equal(t, map[string][]string{
		"people": {"ann"}, "orders": {"a1", "a2"}, "lines": {"a1-1", "a2-1"},
	}, k.ids(t, "people", "ann"))
	require.Equal(t, map[string]string{
		"people": "the record itself", "orders": "person is the record", "lines": "order_id is in orders",
	}, k.why)
	require.Equal(t, map[string][]string{"goods": {"ring"}, "lines": {"a1-1", "a2-1", "b1-1"}}, k.ids(t, "goods", "ring"))
}

func TestRowsOfAnotherTenantAreNeverReached(t *testing.T) {
	t.Parallel()
	k := newKin(t, people+`
CREATE TABLE orders (id text PRIMARY KEY, tenant_id uuid NOT NULL, person text REFERENCES people);
CREATE TABLE lines (id text PRIMARY KEY, tenant_id uuid NOT NULL, order_id text REFERENCES orders);
INSERT INTO orders VALUES ('a1', MINE, 'ann'), ('planted', OTHER, 'ann');
INSERT INTO lines VALUES ('a1-1', MINE, 'a1'), ('planted-1', MINE, 'planted')`)
	require.Equal(t, map[string][]string{"people": {"ann"}, "orders": {"a1"}, "lines": {"a1-1"}}, k.ids(t, "people", "ann"))
	_, err := k.find(t, "people", "eve", "x.id", maxSubjectRows)
	requireSubjectError(t, err, "subject.id", `there is no record "eve" in people`)
}

func requireSubjectError(t *testing.T, err error, field, message string) {
	t.Helper()
	require.Equal(t, fault.Invalid, fault.CodeOf(err), "%v", err)
	f, _ := fault.As(err)
	require.Equal(t, []fault.Field{{Field: field, Message: message}}, f.Fields)
}

func TestOtherPeopleAreNeverReached(t *testing.T) {
	t.Parallel()
	k := newKin(t, people+`
CREATE TABLE orders (id text PRIMARY KEY, tenant_id uuid NOT NULL, person text REFERENCES people);
CREATE TABLE bills (id text PRIMARY KEY, tenant_id uuid NOT NULL, person text REFERENCES people, order_id text REFERENCES orders);
CREATE TABLE ties (id text PRIMARY KEY, tenant_id uuid NOT NULL, a text REFERENCES people, b text REFERENCES people);
UPDATE people SET friend = 'ann' WHERE id = 'bob';
INSERT INTO orders VALUES ('a1', MINE, 'ann'), ('b1', MINE, 'bob');
INSERT INTO bills VALUES ('of a', MINE, NULL, 'a1'), ('of a for b1', MINE, 'ann', 'b1'), ('of b for a1', MINE, 'bob', 'a1'), ('of b', MINE, 'bob', 'b1');
INSERT INTO ties VALUES ('a-b', MINE, 'ann', 'bob'), ('b-a', MINE, 'bob', 'ann'), ('a-a', MINE, 'ann', 'ann'), ('b-b', MINE, 'bob', 'bob'), ('a-', MINE, 'ann', NULL)`)
	require.Equal(t, map[string][]string{
		"people": {"ann"}, "orders": {"a1"}, "bills": {"of a", "of a for b1"}, "ties": {"a-", "a-a", "a-b", "b-a"},
	}, k.ids(t, "people", "ann"))
	require.Equal(t, "the record itself; 1 other records of people refer to it, and are not here", k.why["people"])
	require.Equal(t, "order_id is in orders; person is the record", k.why["bills"])
	require.Equal(t, "a is the record; b is the record; 2 of the rows also name other records of people", k.why["ties"])
}

// TestWhatManyShareIsNotFollowed has a company that names one of its people: it is reached, its other people's rows are not.
func TestWhatManyShareIsNotFollowed(t *testing.T) {
	t.Parallel()
	k := newKin(t, people+`
CREATE TABLE shops (id text PRIMARY KEY, tenant_id uuid NOT NULL, boss text REFERENCES people, best text);
ALTER TABLE people ADD FOREIGN KEY (shop) REFERENCES shops;
CREATE TABLE letters (id text PRIMARY KEY, tenant_id uuid NOT NULL, person text REFERENCES people, shop text REFERENCES shops);
ALTER TABLE shops ADD FOREIGN KEY (best) REFERENCES letters;
INSERT INTO shops VALUES ('s', MINE, 'ann', NULL), ('other', MINE, 'bob', NULL);
UPDATE people SET shop = 's' WHERE tenant_id = MINE;
INSERT INTO letters VALUES ('to the shop', MINE, NULL, 's'), ('to ann', MINE, 'ann', 's'), ('to bob', MINE, 'bob', 's');
UPDATE shops SET best = 'to ann' WHERE id = 'other'`)
	require.Equal(t, map[string][]string{"people": {"ann"}, "shops": {"s"}, "letters": {"to ann"}}, k.ids(t, "people", "ann"))
}

// TestALineBelongsToItsOrderWhateverItMentions has a piece that was sold to one, came back, and was sold to another.
func TestALineBelongsToItsOrderWhateverItMentions(t *testing.T) {
	t.Parallel()
	k := newKin(t, people+`
CREATE TABLE orders (id text PRIMARY KEY, tenant_id uuid NOT NULL, person text REFERENCES people);
CREATE TABLE pieces (id text PRIMARY KEY, tenant_id uuid NOT NULL, owner text REFERENCES people);
CREATE TABLE lines (id text PRIMARY KEY, tenant_id uuid NOT NULL, order_id text NOT NULL REFERENCES orders, piece text REFERENCES pieces);
CREATE TABLE tasks (id text PRIMARY KEY, tenant_id uuid NOT NULL, part_of text REFERENCES tasks ON DELETE CASCADE, piece text REFERENCES pieces);
INSERT INTO orders VALUES ('a1', MINE, 'ann'), ('b1', MINE, 'bob');
INSERT INTO pieces VALUES ('ring', MINE, 'ann'), ('watch', MINE, 'bob');
INSERT INTO lines VALUES ('a1-ring', MINE, 'a1', 'ring'), ('b1-ring', MINE, 'b1', 'ring'), ('a1-watch', MINE, 'a1', 'watch');
INSERT INTO tasks VALUES ('mend ring', MINE, NULL, 'ring'), ('mend watch', MINE, NULL, 'watch'), ('buy gold', MINE, 'mend ring', NULL), ('ask', MINE, 'mend watch', 'ring')`)
	require.Equal(t, map[string][]string{
		"people": {"ann"}, "orders": {"a1"}, "pieces": {"ring"}, "lines": {"a1-ring", "a1-watch"}, "tasks": {"buy gold", "mend ring"},
	}, k.ids(t, "people", "ann"))
}

func TestCirclesOfRowsEnd(t *testing.T) {
	t.Parallel()
	k := newKin(t, people+`
CREATE TABLE sales (id text PRIMARY KEY, tenant_id uuid NOT NULL, person text REFERENCES people, bill text);
CREATE TABLE bills (id text PRIMARY KEY, tenant_id uuid NOT NULL, sale text REFERENCES sales, twin text REFERENCES bills);
ALTER TABLE sales ADD FOREIGN KEY (bill) REFERENCES bills;
INSERT INTO sales VALUES ('s1', MINE, 'ann', NULL), ('s2', MINE, NULL, NULL), ('s3', MINE, 'bob', NULL);
INSERT INTO bills VALUES ('b1', MINE, 's1', 'b1'), ('b2', MINE, NULL, 'b1'), ('b3', MINE, 's3', NULL);
UPDATE sales SET bill = 'b1' WHERE id = 's1'; UPDATE sales SET bill = 'b2' WHERE id = 's2'; UPDATE sales SET bill = 'b1' WHERE id = 's3'`)
	require.Equal(t, map[string][]string{"people": {"ann"}, "sales": {"s1", "s2"}, "bills": {"b1", "b2"}}, k.ids(t, "people", "ann"))
}

func TestPolymorphicReferencesAreFollowed(t *testing.T) {
	t.Parallel()
	k := newKin(t, `
CREATE TYPE about AS ENUM ('per''son', 'thing', 'note');
CREATE TABLE people (id uuid PRIMARY KEY, tenant_id uuid NOT NULL);
CREATE TABLE things (id uuid PRIMARY KEY, tenant_id uuid NOT NULL);
CREATE TABLE notes (id text PRIMARY KEY, tenant_id uuid NOT NULL, entity_type about NOT NULL, entity_id text NOT NULL);
COMMENT ON COLUMN notes.entity_id IS '@poly "per''son"=people thing=things note=notes';
INSERT INTO people VALUES ('00000000-0000-0000-0000-00000000000a', MINE), ('00000000-0000-0000-0000-00000000000b', MINE);
INSERT INTO things VALUES ('00000000-0000-0000-0000-00000000000a', MINE);
INSERT INTO notes VALUES ('of a', MINE, 'per''son', '00000000-0000-0000-0000-00000000000a'), ('of b', MINE, 'per''son', '00000000-0000-0000-0000-00000000000b'),
	('of the thing with the same id', MINE, 'thing', '00000000-0000-0000-0000-00000000000a'), ('of the note', MINE, 'note', 'of a'), ('of nothing', MINE, 'note', 'lost')`)
	require.Equal(t, map[string][]string{
		"people": {"00000000-0000-0000-0000-00000000000a"}, "notes": {"of a", "of the note"},
	}, k.ids(t, "people", "00000000-0000-0000-0000-00000000000A"))
	require.Equal(t, "entity_id is in notes; entity_id is the record", k.why["notes"])
}

// TestRowsNeedNoKey has keys of several columns, a table without any, and one in partitions, where places repeat.
func TestRowsNeedNoKey(t *testing.T) {
	t.Parallel()
	k := newKin(t, `
CREATE TABLE "Odd People" (tenant_id uuid, "No." int, region varchar(4), PRIMARY KEY (tenant_id, "No.", region));
CREATE TABLE events (tenant_id uuid NOT NULL, no int NOT NULL, region text NOT NULL, id text,
	FOREIGN KEY (tenant_id, no, region) REFERENCES "Odd People" (tenant_id, "No.", region)) PARTITION BY LIST (region);
CREATE TABLE events_n PARTITION OF events FOR VALUES IN ('n');
CREATE TABLE events_s PARTITION OF events FOR VALUES IN ('s');
INSERT INTO "Odd People" VALUES (MINE, 1, 'n'), (MINE, 1, 's'), (OTHER, 1, 'n');
INSERT INTO events VALUES (MINE, 1, 'n', 'n1'), (MINE, 1, 's', 's1'), (MINE, 1, 'n', 'n2'), (MINE, 1, 's', 's2'), (MINE, 1, 's', 's3')`)
	found, err := k.find(t, "Odd People", "1,n", "row_to_json(x)->>'region'", maxSubjectRows)
	require.NoError(t, err)
	require.Equal(t, map[string][]string{"Odd People": {"n"}, "events": {"n", "n"}}, found)
	_, err = k.find(t, "Odd People", "1", "1", maxSubjectRows)
	requireSubjectError(t, err, "subject.id", "Odd People needs 2 values, joined by commas: No., region")
	_, err = k.find(t, "events", "n1", "1", maxSubjectRows)
	requireSubjectError(t, err, "subject.table", "events has no primary key, so no id names its rows")
}

func TestSubjectsThatCannotBeAreSaid(t *testing.T) {
	t.Parallel()
	k := newKin(t, `CREATE TABLE people (id int PRIMARY KEY, tenant_id uuid NOT NULL);
CREATE TABLE orders (id text PRIMARY KEY, tenant_id uuid NOT NULL, person int REFERENCES people);
CREATE TABLE diary (id text PRIMARY KEY, tenant_id uuid NOT NULL, order_id text REFERENCES orders);
CREATE TABLE prices (id text PRIMARY KEY, tenant_id uuid NOT NULL);
INSERT INTO people VALUES (1, MINE); INSERT INTO orders SELECT g, MINE, 1 FROM generate_series(1, 10) g;
REVOKE ALL ON prices FROM `+testenv.ServiceRole)
	for id, message := range map[string]string{
		"2": `there is no record "2" in people`, "ann": `"ann" is no id of people`, "1; DROP TABLE people": `"1; DROP TABLE people" is no id of people`,
		"99999999999999": `"99999999999999" is no id of people`, "1\x00": "\"1\\x00\" is no id of people", "": `"" is no id of people`,
	} {
		_, err := k.find(t, "people", id, "x.id::text", maxSubjectRows)
		requireSubjectError(t, err, "subject.id", message)
	}
	_, err := k.find(t, "persons", "1", "1", maxSubjectRows)
	requireSubjectError(t, err, "subject.table", `there is no table "persons"`)

	require.Len(t, k.ids(t, "people", "1")["orders"], 10, "a table that cannot be read but holds nothing of people is of no concern")
	_, err = k.find(t, "people", "1", "x.id::text", 11)
	require.NoError(t, err)
	_, err = k.find(t, "people", "1", "x.id::text", 10)
	require.Equal(t, fault.TooLarge, fault.CodeOf(err))
	require.ErrorContains(t, err, "more than 10 rows belong to the record of people")
	k.exec(t, `REVOKE ALL ON diary FROM `+testenv.ServiceRole)
	_, err = k.find(t, "people", "1", "x.id::text", maxSubjectRows)
	require.Equal(t, fault.Forbidden, fault.CodeOf(err))
	require.ErrorContains(t, err, "diary")
}
