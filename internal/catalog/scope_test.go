package catalog_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"wharf/internal/catalog"
	"wharf/internal/fault"
)

func TestTenantScopedTablesAreFound(t *testing.T) {
	t.Parallel()
	const parents = `
		CREATE TABLE companies (id uuid PRIMARY KEY, tenant_id uuid NOT NULL);
		CREATE TABLE people (id uuid PRIMARY KEY, tenant_id uuid NOT NULL);`
	for name, tc := range map[string]struct {
		ddl  string
		want []string
	}{
		"by the tenant column, nullable too": {`CREATE TABLE a (tenant_id uuid); CREATE TABLE b (other uuid)`, []string{"a"}},
		"a domain over uuid":                 {`CREATE DOMAIN tenant AS uuid; CREATE TABLE a (tenant_id tenant)`, []string{"a"}},
		"by a NOT NULL reference, however far": {parents + `
			CREATE TABLE stages (id int PRIMARY KEY, company_id uuid NOT NULL REFERENCES companies);
			CREATE TABLE steps (id int PRIMARY KEY, stage_id int NOT NULL REFERENCES stages);
			CREATE TABLE loose (id int PRIMARY KEY, company_id uuid REFERENCES companies)`, []string{"companies", "people", "stages", "steps"}},
		"a circle of references that no tenant column is on": {`
			CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY, a_id int NOT NULL REFERENCES a);
			ALTER TABLE a ADD b_id int NOT NULL REFERENCES b`, []string{}},
		"views are no tables": {parents + `CREATE VIEW v AS SELECT * FROM companies;
			CREATE MATERIALIZED VIEW m AS SELECT * FROM companies`, []string{"companies", "people"}},
		"a partitioned table without its partitions": {
			`
			CREATE TABLE events (id int, tenant_id uuid, at date NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
			CREATE TABLE events_old PARTITION OF events FOR VALUES FROM (MINVALUE) TO ('2020-01-01') PARTITION BY RANGE (at);
			CREATE TABLE events_older PARTITION OF events_old FOR VALUES FROM (MINVALUE) TO ('2019-01-01');
			CREATE TABLE notes (event_id int NOT NULL, event_at date NOT NULL, FOREIGN KEY (event_id, event_at) REFERENCES events);
			CREATE TABLE direct (event_id int NOT NULL, event_at date NOT NULL, FOREIGN KEY (event_id, event_at) REFERENCES events_older)`,
			[]string{"events", "direct", "notes"},
		},
		"a partition whose root is elsewhere": {`CREATE SCHEMA other;
			CREATE TABLE other.events (tenant_id uuid, at date NOT NULL) PARTITION BY RANGE (at);
			CREATE TABLE events_1 PARTITION OF other.events DEFAULT`, []string{"events_1"}},
		"an inherited child with its parent": {`
			CREATE TABLE parent (id int PRIMARY KEY, tenant_id uuid); CREATE TABLE child () INHERITS (parent)`, []string{"parent"}},
		"an inherited child whose parent is no tenant table": {`
			CREATE TABLE base (id int); CREATE TABLE child (tenant_id uuid) INHERITS (base)`, []string{"child"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tc.want, names(newProduct(t, tc.ddl).read(t, config()).Tables))
		})
	}
}

func TestTheTenantsOwnTableIsNoTenantTable(t *testing.T) {
	t.Parallel()
	p := newProduct(t, `
		CREATE TABLE firms (id uuid PRIMARY KEY, tenant_id uuid);
		CREATE TABLE contacts (id uuid PRIMARY KEY, tenant_id uuid NOT NULL REFERENCES firms);
		CREATE TABLE settings (firm uuid NOT NULL REFERENCES firms)`)
	for _, tenantTable := range []string{"firms", "public.firms"} {
		cfg := config()
		cfg.TenantTable = tenantTable
		s := p.read(t, cfg)
		require.Equal(t, []string{"contacts"}, names(s.Tables))
		require.Nil(t, table(t, s, "contacts").ForeignKeys[0].Target)
		require.Equal(t, "public.firms", table(t, s, "contacts").ForeignKeys[0].TargetName)
	}
}

func TestScopeTakesTheShortestPathThenTheFirstColumn(t *testing.T) {
	t.Parallel()
	s := newProduct(t, `
		CREATE TABLE a (id int PRIMARY KEY, tenant_id uuid);
		CREATE TABLE b (id int PRIMARY KEY, a_id int NOT NULL REFERENCES a);
		CREATE TABLE c (far int NOT NULL REFERENCES b, near int NOT NULL REFERENCES a, nearer int NOT NULL REFERENCES a)`).read(t, config())
	require.Equal(t, []string{"near"}, table(t, s, "c").Scope.Parent.Columns)
	require.Same(t, &table(t, s, "c").ForeignKeys[1], table(t, s, "c").Scope.Parent)
}

func TestTenantPredicateHoldsForTheTenantsRowsOnly(t *testing.T) {
	t.Parallel()
	p := newProduct(t, `
		CREATE TABLE "the ""parents""" (id int, tenant_id uuid, "a.b" int, PRIMARY KEY (id, "a.b"));
		CREATE TABLE children (id int PRIMARY KEY, p1 int NOT NULL, p2 int NOT NULL,
			FOREIGN KEY (p2, p1) REFERENCES "the ""parents""" ("a.b", id));
		CREATE TABLE grandchildren (id int PRIMARY KEY, "select" int NOT NULL REFERENCES children);
		INSERT INTO "the ""parents""" VALUES (1, '00000000-0000-0000-0000-000000000001', 7), (2, '00000000-0000-0000-0000-000000000002', 8), (3, NULL, 9);
		INSERT INTO children VALUES (1, 1, 7), (2, 2, 8), (3, 3, 9), (4, 1, 7);
		INSERT INTO grandchildren VALUES (1, 1), (2, 2), (3, 3), (4, 4)`)
	s := p.read(t, config())
	for name, want := range map[string]int{`public."the ""parents"""`: 1, "children": 2, "grandchildren": 2} {
		found := table(t, s, name)
		var n int
		err := p.service.QueryRow(context.Background(), "SELECT count(*) FROM "+found.Ident()+" AS wharf_row WHERE "+
			found.TenantPredicate("wharf_row", "$1"), "00000000-0000-0000-0000-000000000001").Scan(&n)
		require.NoError(t, err)
		require.Equal(t, want, n, name)
	}
}

func TestTenantColumnMustBeAUUID(t *testing.T) {
	t.Parallel()
	p := newProduct(t, `CREATE TABLE good (tenant_id uuid); CREATE TABLE bad (tenant_id text); CREATE TABLE worse (tenant_id uuid[])`)
	require.Equal(t, map[string]string{
		"bad":   "its column tenant_id is of type text; a tenant is named by a uuid\n",
		"worse": "its column tenant_id is of type uuid[]; a tenant is named by a uuid\n",
	}, p.wrong(t, config()))
}

func TestSchemasAndReservedNames(t *testing.T) {
	t.Parallel()
	p := newProduct(t, `
		CREATE SCHEMA billing; CREATE SCHEMA "Odd.Schema"; CREATE SCHEMA ignored;
		CREATE TABLE contacts (tenant_id uuid); CREATE TABLE files (tenant_id uuid); CREATE TABLE docs (tenant_id uuid);
		CREATE TABLE "openapi.json" (tenant_id uuid); CREATE TABLE "data-export" (tenant_id uuid);
		CREATE TABLE "billing.contacts" (tenant_id uuid); CREATE TABLE "Ünï ""code""" (tenant_id uuid);
		CREATE TABLE billing.contacts (tenant_id uuid); CREATE TABLE billing.docs (tenant_id uuid);
		CREATE TABLE "Odd.Schema"."select" (tenant_id uuid); CREATE TABLE ignored.contacts (tenant_id uuid)`)
	cfg := config()
	cfg.Schemas = []string{"public", "billing", "Odd.Schema", "absent"}
	p.exec(t, `GRANT USAGE ON SCHEMA billing, "Odd.Schema" TO PUBLIC`)
	s := p.read(t, cfg)
	require.ElementsMatch(t, []string{
		"contacts", "files", "public.docs", `public."openapi.json"`, "public.data-export", `public."billing.contacts"`,
		`public."Ünï ""code"""`, "billing.contacts", "billing.docs", `"Odd.Schema".select`,
	}, names(s.Tables))
	require.Equal(t, `"Odd.Schema"."select"`, table(t, s, `"Odd.Schema".select`).Ident())
	require.Contains(t, s.Warnings, "schema absent does not exist")
	_, ok := s.Table("docs")
	require.False(t, ok)
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	p := newProduct(t, "")
	for name, change := range map[string]func(*catalog.Config){
		"no schema":        func(c *catalog.Config) { c.Schemas = nil },
		"Wharf's own":      func(c *catalog.Config) { c.Schemas = append(c.Schemas, "wharf") },
		"Postgres's own":   func(c *catalog.Config) { c.Schemas = []string{"pg_catalog"} },
		"no tenant column": func(c *catalog.Config) { c.TenantColumn = "" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := config()
			change(&cfg)
			_, err := p.tryRead(cfg)
			require.Equal(t, fault.Invalid, fault.CodeOf(err))
		})
	}
}

func TestReadPutsSearchPathBack(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	p := newProduct(t, `CREATE TABLE contacts (tenant_id uuid); CREATE TYPE mood AS ENUM ('well'); ALTER TABLE contacts ADD mood mood`)
	require.NoError(t, pgx.BeginFunc(ctx, p.service, func(tx pgx.Tx) error {
		for _, path := range []string{`"$user", public`, `"we""ird"`, ``} {
			_, err := tx.Exec(ctx, "SELECT set_config('search_path', $1, true)", path)
			require.NoError(t, err)
			s, err := catalog.Read(ctx, tx, config())
			require.NoError(t, err)
			require.Equal(t, "public.mood", column(t, s, "contacts", "mood").Type)
			var after string
			require.NoError(t, tx.QueryRow(ctx, "SELECT current_setting('search_path')").Scan(&after))
			require.Equal(t, path, after)
		}
		return nil
	}))
}
