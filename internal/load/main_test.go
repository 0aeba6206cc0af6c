package load_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"wharf/internal/catalog"
	"wharf/internal/load"
	"wharf/internal/tabular"
	"wharf/internal/tenancy"
	"wharf/internal/testenv"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a database with the sample product, tables of a test's own, and two tenants, of which ours is loaded into.
type world struct {
	admin, service *pgxpool.Pool
	db             *tenancy.DB
	ours, theirs   uuid.UUID
	snapshot       *catalog.Snapshot
	serviceURL     string
}

// wall follows every table of a test's own that has row security, as the product's have.
const wall = `;
DO $$ DECLARE t text; BEGIN
	FOR t IN SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
		WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND NOT c.relrowsecurity AND c.relname NOT LIKE 'open\_%'
	LOOP
		EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY', t);
		EXECUTE format('CREATE POLICY wall ON public.%I USING (tenant_id = (SELECT nullif(current_setting(''app.tenant_id'', true), '''')::uuid))', t);
	END LOOP;
END $$`

func newWorld(t testing.TB, ddl string) *world {
	t.Helper()
	env := testenv.Sample(t)
	ctx := context.Background()
	if ddl != "" {
		_, err := env.Owner(t).Exec(ctx, ddl+wall)
		require.NoError(t, err)
	}
	w := &world{admin: env.Admin(t), service: env.Service(t), ours: uuid.New(), theirs: uuid.New()}
	w.db = &tenancy.DB{Pool: w.service, Wall: tenancy.Wall{Setting: "app.tenant_id"}}
	w.serviceURL = env.ServiceURL
	require.NoError(t, pgx.BeginFunc(ctx, w.service, func(tx pgx.Tx) (err error) {
		w.snapshot, err = catalog.Read(ctx, tx, catalog.Config{
			Schemas: []string{"public"}, TenantColumn: "tenant_id", TenantTable: "wharf.tenants", TenantSetting: "app.tenant_id",
		})
		return err
	}))
	return w
}

// anew gives the same database with tenants that have no rows yet, for a subtest of its own.
func (w *world) anew() *world {
	fork := *w
	fork.ours, fork.theirs = uuid.New(), uuid.New()
	return &fork
}

func (w *world) table(t testing.TB, name string) *catalog.Table {
	t.Helper()
	found, ok := w.snapshot.Table(name)
	require.True(t, ok, "no table %s", name)
	return found
}

// spec is an upsert into the table for ours. columns is a list with blanks between its names.
func (w *world) spec(t testing.TB, table, columns string) load.Spec {
	t.Helper()
	s := load.Spec{DB: w.db, Tenant: w.ours, Table: w.table(t, table)}
	for _, name := range strings.Fields(columns) {
		s.Columns = append(s.Columns, load.Column{Name: name})
	}
	return s
}

// batches gives rows as batches of two, the first row being row 2 as in a file with a header. A cell "" is blank.
func batches(rows [][]string) func(*tabular.Batch) error {
	n := 0
	return func(b *tabular.Batch) error {
		if n == len(rows) {
			return io.EOF
		}
		b.Reset(len(rows[0]))
		for range min(2, len(rows)-n) {
			b.Lines = append(b.Lines, int64(n+2))
			for _, cell := range rows[n] {
				b.Cells = append(b.Cells, []byte(cell))
			}
			n++
		}
		return nil
	}
}

// rows reads lines of cells parted by "|", blanks around them left out.
func rows(lines ...string) [][]string {
	var out [][]string
	for _, line := range lines {
		cells := strings.Split(line, "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		out = append(out, cells)
	}
	return out
}

// stage puts the rows into a staging table and gives its name.
func (w *world) stage(t require.TestingT, plan *load.Plan, next func(*tabular.Batch) error) (string, load.Staged) {
	ctx := context.Background()
	name := "t_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	conn, err := w.service.Acquire(ctx)
	require.NoError(t, err)
	defer conn.Release()
	staged, err := plan.Stage(ctx, conn.Conn(), name, next)
	require.NoError(t, err)
	return name, staged
}

// result is what a merge did.
type result struct {
	load.Counts
	Errors []load.RowError
}

// messages gives the errors as "row field: message (value)".
func (r result) messages() []string {
	var out []string
	for _, e := range r.Errors {
		field := e.Field
		if field == "" {
			field = "-"
		}
		out = append(out, fmt.Sprintf("%d %s: %s (%s)", e.Row, field, e.Message, e.Value))
	}
	return out
}

// try stages and merges the rows for the spec's tenant.
func (w *world) try(t testing.TB, spec load.Spec, rows [][]string) (result, error) {
	t.Helper()
	plan, err := load.Compile(spec)
	require.NoError(t, err)
	name, staged := w.stage(t, plan, batches(rows))
	require.EqualValues(t, len(rows), staged.Rows)
	return w.mergeStaged(spec, plan, name)
}

func (w *world) mergeStaged(spec load.Spec, plan *load.Plan, name string) (result, error) {
	var r result
	err := tenancy.Tx(context.Background(), w.db, tenancy.System(spec.Tenant), func(ctx context.Context, tx pgx.Tx) (err error) {
		if r.Counts, err = plan.Merge(ctx, tx, name); err != nil {
			return err
		}
		if r.Errors, err = load.Errors(ctx, tx, name, 1000); err != nil {
			return err
		}
		if int64(len(r.Errors)) != r.Counts.Errors {
			return errors.New("the errors are not those that were counted")
		}
		return load.Drop(ctx, tx, name)
	})
	return r, err
}

func (w *world) merge(t testing.TB, spec load.Spec, rows [][]string) result {
	t.Helper()
	r, err := w.try(t, spec, rows)
	require.NoError(t, err)
	require.EqualValues(t, len(rows), r.Created+r.Updated+r.Unchanged+r.Skipped, "rows were lost: %+v", r)
	return r
}

func (w *world) exec(t require.TestingT, sql string) {
	_, err := w.admin.Exec(context.Background(), sql)
	require.NoError(t, err)
}

// seed adds rows that were there before; $1 stands for our tenant, $2 for the other.
func (w *world) seed(t require.TestingT, sql string) {
	w.exec(t, strings.NewReplacer("$1", "'"+w.ours.String()+"'", "$2", "'"+w.theirs.String()+"'").Replace(sql))
}

// query gives the rows as an administrator sees them, cells joined by "|"; $1 stands for our tenant, $2 for the other.
func (w *world) query(t testing.TB, sql string) []string {
	t.Helper()
	sql = strings.NewReplacer("$1", "'"+w.ours.String()+"'", "$2", "'"+w.theirs.String()+"'").Replace(sql)
	r, err := w.admin.Query(context.Background(), sql, pgx.QueryExecModeExec)
	require.NoError(t, err)
	out, err := pgx.CollectRows(r, func(row pgx.CollectableRow) (string, error) {
		var cells []string
		for _, raw := range row.RawValues() {
			if raw == nil {
				cells = append(cells, "∅")
			} else {
				cells = append(cells, string(raw))
			}
		}
		return strings.Join(cells, "|"), nil
	})
	require.NoError(t, err)
	return out
}

func (w *world) one(t testing.TB, sql string) string {
	t.Helper()
	out := w.query(t, sql)
	require.Len(t, out, 1)
	return out[0]
}

// How long and how often a test looks for what another connection does.
const (
	waitLimit = 30 * time.Second
	waitStep  = 5 * time.Millisecond
)
