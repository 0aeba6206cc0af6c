package catalog_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"wharf/internal/catalog"
	"wharf/internal/testenv"
)

func TestWarnings(t *testing.T) {
	t.Parallel()
	const walled = `CREATE TABLE a (tenant_id uuid); ALTER TABLE a ENABLE ROW LEVEL SECURITY;`
	const policy = `CREATE POLICY p ON a USING (tenant_id = current_setting('app.tenant_id')::uuid);`
	for name, tc := range map[string]struct {
		ddl  string
		want []string
	}{
		"none":             {walled + policy, nil},
		"row security off": {`CREATE TABLE a (tenant_id uuid)`, []string{"a: row security is off; only the predicate of each statement keeps tenants apart"}},
		"no policy":        {walled, []string{"a: row security is on and no policy lets this role see a row"}},
		"a policy for INSERT": {
			walled + `CREATE POLICY p ON a FOR INSERT WITH CHECK (true)`,
			[]string{"a: row security is on and no policy lets this role see a row"},
		},
		"a policy for another role": {
			walled + `CREATE POLICY p ON a TO wharf_owner USING (true)`,
			[]string{"a: row security is on and no policy lets this role see a row"},
		},
		"a policy by function": {walled + `CREATE POLICY p ON a TO wharf_service USING (tenant_id IS NOT NULL)`, nil},
		"another setting": {
			walled + `CREATE POLICY p ON a USING (tenant_id = current_setting('app.org')::uuid)`,
			[]string{"a: row security reads app.org, not the tenant's setting app.tenant_id"},
		},
		"claims beside the setting": {walled + `CREATE POLICY p ON a USING (current_setting('request.jwt.claims', true) <> '')`, nil},
		"not readable": {
			walled + policy + `REVOKE SELECT ON a FROM wharf_service`,
			[]string{"a: this role may not read it; exports will fail"},
		},
		"a column not readable": {
			walled + policy + `ALTER TABLE a ADD b int; REVOKE SELECT ON a FROM wharf_service; GRANT SELECT (tenant_id) ON a TO wharf_service`,
			[]string{"a: this role may not read it; exports will fail"},
		},
		"each column readable": {walled + policy + `REVOKE SELECT ON a FROM wharf_service; GRANT SELECT (tenant_id) ON a TO wharf_service`, nil},
		"a reference never checked": {
			walled + policy + `ALTER TABLE a ADD id int PRIMARY KEY; CREATE TABLE b (a_id int NOT NULL);
			ALTER TABLE b ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON b USING (true);
			ALTER TABLE b ADD CONSTRAINT b_a FOREIGN KEY (a_id) REFERENCES a NOT VALID`,
			[]string{"b: belongs to its tenant through b_a, which is NOT VALID: rows that refer to nothing are in no export"},
		},
		"a table that only may refer": {
			walled + policy + `ALTER TABLE a ADD id int PRIMARY KEY; CREATE TABLE b (a_id int REFERENCES a)`,
			[]string{"b: has no tenant_id and refers to a by a nullable key only: it belongs to no tenant and is in no export"},
		},
		"an heir's own columns": {
			walled + policy + `CREATE TABLE b (c int, d int) INHERITS (a)`,
			[]string{"b: its rows are those of the table it inherits from, without its own columns (c, d)"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tc.want, newProduct(t, tc.ddl).read(t, config()).Warnings)
		})
	}
}

func TestAnUnreadableTableIsListed(t *testing.T) {
	t.Parallel()
	p := newProduct(t, `
		CREATE SCHEMA closed; CREATE TABLE closed.a (tenant_id uuid); CREATE TABLE b (tenant_id uuid);
		GRANT SELECT ON closed.a TO wharf_service`)
	cfg := config()
	cfg.Schemas = []string{"public", "closed"}
	s := p.read(t, cfg)
	require.False(t, table(t, s, "closed.a").Readable)
	require.True(t, table(t, s, "b").Readable)
}

func TestRowSecurityThatDoesNotBindIsAWarning(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	p := newProduct(t, `
		CREATE TABLE a (tenant_id uuid); ALTER TABLE a ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON a USING (false);
		CREATE TABLE b (tenant_id uuid); ALTER TABLE b ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON b USING (false);
		ALTER TABLE b FORCE ROW LEVEL SECURITY`)
	require.NoError(t, pgx.BeginFunc(ctx, p.owner, func(tx pgx.Tx) error {
		s, err := catalog.Read(ctx, tx, config())
		require.NoError(t, err)
		require.Equal(t, []string{"a: row security does not bind this role"}, s.Warnings)
		require.Equal(t, catalog.RLS{Enabled: true}, table(t, s, "a").RLS)
		require.Equal(t, catalog.RLS{Enabled: true, Forced: true}, table(t, s, "b").RLS)
		return nil
	}))
}

func TestForeignTablesAreNamed(t *testing.T) {
	t.Parallel()
	p := newProduct(t, "")
	_, err := p.db.Admin(t).Exec(context.Background(), `CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w;
		CREATE FOREIGN TABLE far (tenant_id uuid) SERVER s; CREATE FOREIGN TABLE other (id int) SERVER s`)
	require.NoError(t, err)
	s := p.read(t, config())
	require.Empty(t, s.Tables)
	require.Equal(t, []string{"far: is a foreign table and in no export"}, s.Warnings)
}

func TestTheSampleProductHasNoWarnings(t *testing.T) {
	t.Parallel()
	p := &product{service: testenv.Sample(t).Service(t)}
	require.Empty(t, p.read(t, config()).Warnings)
}
