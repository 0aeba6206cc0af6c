package catalog_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"wharf/internal/catalog"
	"wharf/internal/fault"
	"wharf/internal/testenv"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// product is a database with tables of a test's own.
type product struct {
	db             *testenv.DB
	owner, service *pgxpool.Pool
}

func config() catalog.Config {
	return catalog.Config{
		Schemas: []string{"public"}, TenantColumn: "tenant_id", TenantTable: "wharf.tenants", TenantSetting: "app.tenant_id",
	}
}

func newProduct(t testing.TB, ddl string) *product {
	t.Helper()
	db := testenv.Empty(t)
	p := &product{db: db, owner: db.Owner(t), service: db.Service(t)}
	p.exec(t, "ALTER DEFAULT PRIVILEGES GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO "+testenv.ServiceRole)
	p.exec(t, ddl)
	return p
}

func (p *product) exec(t testing.TB, sql string) {
	t.Helper()
	_, err := p.owner.Exec(context.Background(), sql)
	require.NoError(t, err)
}

func (p *product) tryRead(cfg catalog.Config) (s *catalog.Snapshot, err error) {
	err = pgx.BeginFunc(context.Background(), p.service, func(tx pgx.Tx) (err error) {
		s, err = catalog.Read(context.Background(), tx, cfg)
		return err
	})
	return s, err
}

func (p *product) read(t testing.TB, cfg catalog.Config) *catalog.Snapshot {
	t.Helper()
	s, err := p.tryRead(cfg)
	require.NoError(t, err)
	return s
}

// wrong gives what Read refuses, by object.
func (p *product) wrong(t testing.TB, cfg catalog.Config) map[string]string {
	t.Helper()
	_, err := p.tryRead(cfg)
	return wrongIn(t, err)
}

// wrongAfter gives what Read would refuse after the change, which is rolled back.
func (p *product) wrongAfter(t testing.TB, change string) map[string]string {
	t.Helper()
	ctx := context.Background()
	tx, err := p.owner.Begin(ctx)
	require.NoError(t, err)
	defer func() { require.NoError(t, tx.Rollback(ctx)) }()
	_, err = tx.Exec(ctx, change)
	require.NoError(t, err)
	_, err = catalog.Read(ctx, tx, config())
	return wrongIn(t, err)
}

func wrongIn(t testing.TB, err error) map[string]string {
	t.Helper()
	require.Equal(t, fault.Invalid, fault.CodeOf(err), "%v", err)
	f, ok := fault.As(err)
	require.True(t, ok)
	wrong := map[string]string{}
	for _, field := range f.Fields {
		require.Contains(t, f.Message, field.Field+": "+field.Message)
		wrong[field.Field] += field.Message + "\n"
	}
	return wrong
}

func table(t testing.TB, s *catalog.Snapshot, name string) *catalog.Table {
	t.Helper()
	found, ok := s.Table(name)
	require.True(t, ok, "no table %s among %v", name, names(s.Tables))
	return found
}

func column(t testing.TB, s *catalog.Snapshot, tableName, name string) *catalog.Column {
	t.Helper()
	c, ok := table(t, s, tableName).Column(name)
	require.True(t, ok, "%s has no column %s", tableName, name)
	return c
}

func names(tables []*catalog.Table) []string {
	all := make([]string, len(tables))
	for i, t := range tables {
		all[i] = t.Name
	}
	return all
}
