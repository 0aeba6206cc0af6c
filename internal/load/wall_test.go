package load_test

import (
	"context"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"wharf/internal/load"
	"wharf/internal/tenancy"
)

// Tables whose names begin with open_ have no row security: only the predicate of each statement keeps tenants apart.
const openTables = `
CREATE TABLE public.open_groups (
	id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL, code text, name text, rank integer, part_of uuid REFERENCES public.open_groups,
	UNIQUE (tenant_id, code), UNIQUE (tenant_id, rank), CHECK (rank < 100));
CREATE TABLE public.open_members (
	id uuid PRIMARY KEY DEFAULT gen_random_uuid(), group_id uuid NOT NULL REFERENCES public.open_groups, code text, name text, UNIQUE (group_id, code));
GRANT SELECT, INSERT, UPDATE ON public.open_groups, public.open_members TO wharf_service;`

const openRows = `
INSERT INTO open_groups (id, tenant_id, code, name, rank) VALUES
	('50000000-0000-4000-8000-000000000001', $1, 'a', 'ours', 1), ('50000000-0000-4000-8000-000000000002', $2, 'a', 'theirs', 1),
	('50000000-0000-4000-8000-000000000003', $2, 'b', 'theirs', 2);
INSERT INTO open_members (id, group_id, code, name) VALUES
	('60000000-0000-4000-8000-000000000002', '50000000-0000-4000-8000-000000000002', 'm', 'theirs');`

const theirRows = `
SELECT g.id, g.tenant_id, g.code, g.name, g.rank, g.xmin::text, m.id, m.code, m.name, m.xmin::text FROM open_groups g LEFT JOIN open_members m ON m.group_id = g.id
WHERE g.tenant_id = $2 ORDER BY 1, 7`

func TestAnotherTenantsRowsAreOutOfReachWithoutRowSecurity(t *testing.T) {
	t.Parallel()
	w := newWorld(t, openTables)
	w.seed(t, openRows)
	before := w.query(t, theirRows)
	absent := uuid.NewString()

	t.Run("by natural key", func(t *testing.T) { //nolint:paralleltest // counts rows
		got := w.merge(t, w.spec(t, "open_groups", "code name rank"), rows("a | new | 1", "b | new | 2", "c | new | 3"))
		require.Equal(t, load.Counts{Created: 2, Updated: 1}, got.Counts)
	})
	t.Run("by id", func(t *testing.T) { //nolint:paralleltest // counts rows
		for _, write := range []load.Write{load.Upsert, load.Insert, load.Update} {
			spec := w.spec(t, "open_groups", "id code name")
			spec.Write = write
			got := w.merge(t, spec, rows("50000000-0000-4000-8000-000000000003 | | taken", absent+" | | taken"))
			require.Equal(t, load.Counts{Skipped: 2, Errors: 2}, got.Counts)
			theirs, nobodys := got.Errors[0], got.Errors[1]
			require.Equal(t, strings.ReplaceAll(nobodys.Message, absent, ""), strings.ReplaceAll(theirs.Message, theirs.Value, ""))
			require.Equal(t, nobodys.Rule, theirs.Rule)
			require.Equal(t, nobodys.Field, theirs.Field)
		}
	})
	t.Run("as a reference", func(t *testing.T) { //nolint:paralleltest // counts rows
		got := w.merge(t, w.spec(t, "open_groups", "code part_of"), rows("d | 50000000-0000-4000-8000-000000000003", "d | "+absent))
		require.Equal(t, load.Counts{Skipped: 2, Errors: 2}, got.Counts)
		require.Equal(t, got.Errors[0].Message, got.Errors[1].Message)
	})
	t.Run("through the parent", func(t *testing.T) { //nolint:paralleltest // counts rows
		got := w.merge(t, w.spec(t, "open_members", "group_id code name"), rows(
			"50000000-0000-4000-8000-000000000002 | m | taken", "50000000-0000-4000-8000-000000000003 | n | taken", "a | m | mine"))
		require.Equal(t, load.Counts{Created: 1, Skipped: 2, Errors: 2}, got.Counts)
		got = w.merge(t, w.spec(t, "open_members", "id group_id name"), rows("60000000-0000-4000-8000-000000000002 | a | taken"))
		require.Equal(t, load.Counts{Skipped: 1, Errors: 1}, got.Counts)
	})
	require.Equal(t, before, w.query(t, theirRows))
}

func TestATransactionOfAnotherTenantOrNoneIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, openTables)
	w.seed(t, openRows)
	ctx := context.Background()
	const all = `SELECT id, tenant_id, name, xmin::text FROM open_groups ORDER BY 1`
	before := w.query(t, all)
	spec := w.spec(t, "open_groups", "code name")
	plan, err := load.Compile(spec)
	require.NoError(t, err)
	name, _ := w.stage(t, plan, batches(rows("a | new", "z | new")))

	for what, begin := range map[string]func(fn func(tx pgx.Tx) error) error{
		"another tenant's": func(fn func(tx pgx.Tx) error) error {
			return tenancy.Tx(ctx, w.db, tenancy.System(w.theirs), func(_ context.Context, tx pgx.Tx) error { return fn(tx) })
		},
		"nobody's": func(fn func(tx pgx.Tx) error) error { return pgx.BeginFunc(ctx, w.service, fn) },
		"one that only Wharf's own tables know": func(fn func(tx pgx.Tx) error) error {
			return pgx.BeginFunc(ctx, w.service, func(tx pgx.Tx) error {
				if _, err := tx.Exec(ctx, `SELECT set_config('wharf.tenant_id', $1, true)`, w.ours.String()); err != nil {
					return err
				}
				return fn(tx)
			})
		},
	} {
		err := begin(func(tx pgx.Tx) error {
			_, err := plan.Merge(ctx, tx, name)
			return err
		})
		require.ErrorIs(t, err, tenancy.ErrNoTenant, what)
	}
	require.Equal(t, before, w.query(t, all))

	spec.DB = nil
	_, err = load.Compile(spec)
	require.ErrorIs(t, err, tenancy.ErrNoTenant)
}

// recorder keeps the statements of a connection.
type recorder struct {
	mu         sync.Mutex
	statements []string
}

func (r *recorder) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.statements = append(r.statements, data.SQL)
	return ctx
}

func (*recorder) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func TestEveryStatementOnAProductsTableNamesTheTenant(t *testing.T) {
	t.Parallel()
	w := newWorld(t, openTables)
	w.seed(t, openRows)
	var rec recorder
	cfg, err := pgxpool.ParseConfig(w.serviceURL)
	require.NoError(t, err)
	cfg.ConnConfig.Tracer = &rec
	pool, err := pgxpool.NewWithConfig(context.Background(), cfg)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	w.db = &tenancy.DB{Pool: pool, Wall: w.db.Wall}

	got := w.merge(t, w.spec(t, "open_groups", "id code name rank part_of"), rows("| a | changed | 5 | b", "| b | new | 2 | a", "| c | new | 500 |", "| c | x | | nobody"))
	require.Equal(t, load.Counts{Created: 1, Updated: 1, Skipped: 2, Errors: 2}, got.Counts)
	w.merge(t, w.spec(t, "open_members", "group_id code name"), rows("a | m | new", "a | m | new"))
	w.merge(t, w.spec(t, "open_members", "group_id code name"), rows("a | m | changed"))

	named := regexp.MustCompile(`(?:FROM|JOIN|UPDATE|INTO) "public"\."(\w+)" (?:AS )?(\w+|\()`)
	seen := 0
	for _, sql := range rec.statements {
		for _, use := range named.FindAllStringSubmatch(sql, -1) {
			alias := use[2]
			if alias == "(" { // INSERT INTO … SELECT FROM (…) n
				alias = "n"
			}
			ours := `(SELECT '` + w.ours.String() + `'::uuid)`
			if !strings.Contains(sql, ours) {
				ours = `'` + w.ours.String() + `'::uuid`
			}
			wall := alias + `."tenant_id" = ` + ours
			if use[1] == "open_members" {
				wall = `EXISTS (SELECT FROM "public"."open_groups" AS wharf_up1 WHERE wharf_up1."id" = ` + alias +
					`."group_id" AND wharf_up1."tenant_id" = ` + ours + `)`
			}
			require.Contains(t, sql, wall)
			seen++
		}
		require.Len(t, named.FindAllString(sql, -1), strings.Count(sql, `"public"."`), "a table is used in a way that this test does not know: %s", sql)
	}
	require.Greater(t, seen, 12)
}
