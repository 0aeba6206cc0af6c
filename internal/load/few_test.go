package load_test

import (
	"context"
	"strconv"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"wharf/internal/load"
	"wharf/internal/tenancy"
)

const fewTables = `
CREATE TABLE public.firms (
	id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL, code text NOT NULL, made date NOT NULL DEFAULT '2000-01-01',
	UNIQUE (tenant_id, id), UNIQUE (tenant_id, code));
CREATE INDEX ON public.firms (tenant_id, made);
CREATE TABLE public.people (
	id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL, ext text NOT NULL, tag text, name text, firm_id uuid,
	made date NOT NULL DEFAULT '2000-01-01',
	UNIQUE (tenant_id, ext), UNIQUE (tenant_id, tag), FOREIGN KEY (tenant_id, firm_id) REFERENCES public.firms (tenant_id, id));
CREATE INDEX ON public.people (tenant_id, made);
COMMENT ON TABLE public.people IS '@match ext';
ALTER TABLE public.firms SET (autovacuum_enabled = false);
ALTER TABLE public.people SET (autovacuum_enabled = false)`

// fill gives a tenant 20,000 rows of each table.
const fill = `
INSERT INTO firms (tenant_id, code) SELECT $1, 'f' || n FROM generate_series(1, 20000) n;
INSERT INTO people (tenant_id, ext, tag, name) SELECT $1, 'p' || n, 't' || n, 'n' FROM generate_series(1, 20000) n;`

func TestFewRowsAreLookedUpByIndexWhateverTheStatisticsSay(t *testing.T) {
	t.Parallel()
	for name, seed := range map[string]func(w *world) (most int64){
		"none": func(w *world) int64 { w.seed(t, fill); return 3000 },
		"of a time when only others had rows": func(w *world) int64 {
			theirs := w.anew()
			theirs.seed(t, fill)
			w.exec(t, `ANALYZE firms, people`)
			w.seed(t, fill)
			return 3000
		},
		"of many tenants with a few rows each": func(w *world) int64 {
			w.exec(t, `INSERT INTO firms (tenant_id, code) SELECT md5((n % 50)::text)::uuid, 'f' || n FROM generate_series(1, 200) n;
				INSERT INTO people (tenant_id, ext) SELECT md5((n % 50)::text)::uuid, 'p' || n FROM generate_series(1, 200) n; ANALYZE firms, people`)
			w.seed(t, fill)
			return 60_000 // the table is read once, but not once a row
		},
		"right, with most rows others'": func(w *world) int64 {
			w.anew().seed(t, fill)
			w.seed(t, `INSERT INTO firms (tenant_id, code) SELECT $1, 'f' || n FROM generate_series(1, 100) n;
				INSERT INTO people (tenant_id, ext, tag, name) SELECT $1, 'p' || n, 't' || n, 'n' FROM generate_series(1, 100) n; ANALYZE firms, people`)
			return 3000
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, fewTables)
			most := seed(w)
			var file [][]string
			for n := range 60 {
				ext, tag := "p"+strconv.Itoa(n+1), "t"+strconv.Itoa(n+1)
				switch {
				case n < 20: // unchanged but for the firm
					file = append(file, []string{ext, tag, "n", "f" + strconv.Itoa(n+1)})
				case n < 40:
					file = append(file, []string{ext, "changed " + tag, "m", "f1"})
				default:
					file = append(file, []string{"new " + ext, "new " + tag, "n", "f2"})
				}
			}
			plan, err := load.Compile(w.undoable(t, "people", "ext tag name firm_id")) // with all that a merge does
			require.NoError(t, err)
			read, counts := w.readBy(t, plan, file)
			require.Equal(t, load.Counts{Created: 20, Updated: 40}, counts)
			require.Less(t, read, most, "rows and entries of indexes that were read for 60 rows")
		})
	}
}

// An index of lower(…) is of no use beside row security unless lower gives nothing away.
func TestFewRowsAreLookedUpByLowerWhereItIsLeakproof(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		before string
		most   int64
	}{
		"as Postgres has it": {"", 90_000}, // the tenant's rows are read once for the key; the index is left to the database
		"leakproof":          {`ALTER FUNCTION pg_catalog.lower(text) LEAKPROOF`, 3000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, fewTables+`; CREATE UNIQUE INDEX people_lower ON public.people (tenant_id, lower(ext))`)
			w.exec(t, tc.before)
			w.seed(t, fill)
			spec := w.spec(t, "people", "ext name")
			spec.Match = []string{"lower(ext)"}
			plan, err := load.Compile(spec)
			require.NoError(t, err)
			var file [][]string
			for n := range 60 {
				file = append(file, []string{"P" + strconv.Itoa(n+1), "m"})
			}
			read, counts := w.readBy(t, plan, file)
			require.Equal(t, load.Counts{Updated: 60}, counts)
			require.Less(t, read, tc.most)
		})
	}
}

// readBy merges a file, and gives how many rows and entries of indexes were read.
func (w *world) readBy(t *testing.T, plan *load.Plan, file [][]string) (read int64, counts load.Counts) {
	t.Helper()
	staging, _ := w.stage(t, plan, batches(file))
	err := tenancy.Tx(context.Background(), w.db, tenancy.System(w.ours), func(ctx context.Context, tx pgx.Tx) (err error) {
		if counts, err = plan.Merge(ctx, tx, staging); err != nil {
			return err
		}
		return tx.QueryRow(ctx, `SELECT sum(pg_stat_get_xact_tuples_returned(oid) + pg_stat_get_xact_tuples_fetched(oid))::bigint
			FROM pg_class WHERE oid IN ('firms'::regclass, 'people'::regclass)
			OR oid IN (SELECT indexrelid FROM pg_index WHERE indrelid IN ('firms'::regclass, 'people'::regclass))`).Scan(&read)
	})
	require.NoError(t, err)
	return read, counts
}
