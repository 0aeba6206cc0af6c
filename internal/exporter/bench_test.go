package exporter

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"wharf/internal/catalog"
	"wharf/internal/sample"
	"wharf/internal/tenancy"
	"wharf/internal/testenv"
)

// BenchmarkEngine reads one table of benchRows rows under row security and throws the bytes away, beside Postgres's own
// COPY of them as CSV.
func BenchmarkEngine(b *testing.B) {
	const benchRows = 200_000
	ctx := context.Background()
	db := testenv.Wharf(b)
	tenant := db.Tenant(b, "bench")
	fillBenchTable(b, db, tenant.String(), benchRows)
	s := benchService(b, db)
	for _, format := range []string{FormatJSON, FormatDump, FormatJSONL, FormatCSV, FormatXLSX} {
		b.Run(format, func(b *testing.B) {
			for b.Loop() {
				r := s.newRun(tenancy.System(tenant), Request{Format: format})
				require.NoError(b, r.document(ctx, io.Discard))
				require.EqualValues(b, benchRows, r.rows.Load())
			}
		})
	}
	b.Run("csv without a bundle", func(b *testing.B) {
		for b.Loop() {
			r := s.newRun(tenancy.System(tenant), Request{Format: FormatCSV})
			require.NoError(b, pgx.BeginTxFunc(ctx, s.cfg.Pool, snapshotMode, func(tx pgx.Tx) (err error) {
				require.NoError(b, s.cfg.DB.Enter(ctx, tx, tenant))
				r.plan, err = s.planFor(ctx, tx, tenant, r.req)
				require.NoError(b, err)
				return r.readAll(ctx, tx, bareCSV{&csvEncoder{bundled{r: r}}})
			}))
		}
	})
	b.Run("copy", func(b *testing.B) {
		conn, err := s.cfg.Pool.Acquire(ctx)
		require.NoError(b, err)
		defer conn.Release()
		_, err = conn.Exec(ctx, `SELECT set_config('app.tenant_id', $1, false)`, tenant.String())
		require.NoError(b, err)
		for b.Loop() {
			_, err := conn.Conn().PgConn().CopyTo(ctx, io.Discard, `COPY (SELECT * FROM public.bench_contacts) TO STDOUT CSV`)
			require.NoError(b, err)
		}
	})
}

// bareCSV throws the rows of csvEncoder away.
type bareCSV struct{ *csvEncoder }

func (bareCSV) begin(planned) error { return nil }
func (bareCSV) write([]byte) error  { return nil }
func (bareCSV) end(int64)           {}

// BenchmarkReaders reads the same rows in one table and in a hundred, by one connection and by more.
func BenchmarkReaders(b *testing.B) {
	const rows, pieces = 200_000, 100
	ctx := context.Background()
	db := testenv.Wharf(b)
	tenant := db.Tenant(b, "bench")
	fillBenchTable(b, db, tenant.String(), rows)
	var names []string
	for i := range pieces {
		name := fmt.Sprintf("piece_%d", i)
		names = append(names, name)
		_, err := db.Owner(b).Exec(ctx, fmt.Sprintf(`CREATE TABLE public.%[1]s (LIKE public.bench_contacts INCLUDING ALL);
			GRANT SELECT ON public.%[1]s TO wharf_service`, name))
		require.NoError(b, err)
		_, err = db.Admin(b).Exec(ctx, fmt.Sprintf(`INSERT INTO public.%s SELECT * FROM public.bench_contacts
			WHERE right(external_id, 2)::int %% %d = %d`, name, pieces, i))
		require.NoError(b, err)
	}
	_, err := db.Admin(b).Exec(ctx, `VACUUM ANALYZE`)
	require.NoError(b, err)
	for _, readers := range []int{1, 2, 3} {
		for name, tables := range map[string][]string{"one table": {"bench_contacts"}, "a hundred": names} {
			b.Run(fmt.Sprintf("%d/%s", readers, name), func(b *testing.B) {
				s := benchService(b, db)
				s.cfg.Readers = readers
				for b.Loop() {
					r := s.newRun(tenancy.System(tenant), Request{Scope: ScopeTables, Tables: tables})
					require.NoError(b, r.document(ctx, io.Discard))
					require.EqualValues(b, rows, r.rows.Load())
				}
			})
		}
	}
}

func benchService(b *testing.B, db *testenv.DB) *Service {
	pool := db.Service(b)
	return New(Config{
		Pool: pool, DB: &tenancy.DB{Pool: pool, Wall: tenancy.Wall{Setting: "app.tenant_id"}}, TenantTable: "wharf.tenants",
		Catalog: catalog.NewCache(pool, catalog.Config{
			Schemas: []string{"public"}, TenantColumn: "tenant_id", TenantTable: "wharf.tenants",
		}, slog.New(slog.DiscardHandler)).In,
	})
}

func fillBenchTable(b *testing.B, db *testenv.DB, tenant string, rows int) {
	b.Helper()
	ctx := context.Background()
	_, err := db.Owner(b).Exec(ctx, sample.BenchTableDDL+`; GRANT SELECT ON public.bench_contacts TO wharf_service`)
	require.NoError(b, err)
	var file bytes.Buffer
	require.NoError(b, sample.Wide(&file, rows, 1))
	header, _, _ := strings.Cut(file.String(), "\n")
	conn, err := db.Admin(b).Acquire(ctx)
	require.NoError(b, err)
	defer conn.Release()
	_, err = conn.Exec(ctx, fmt.Sprintf(`ALTER TABLE public.bench_contacts ALTER COLUMN tenant_id SET DEFAULT '%s'`, tenant))
	require.NoError(b, err)
	_, err = conn.Conn().PgConn().CopyFrom(ctx, &file, `COPY public.bench_contacts (`+header+`) FROM STDIN CSV HEADER`)
	require.NoError(b, err)
	_, err = conn.Exec(ctx, `VACUUM ANALYZE public.bench_contacts`)
	require.NoError(b, err)
}
