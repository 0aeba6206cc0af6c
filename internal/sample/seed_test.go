package sample_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"wharf/internal/sample"
	"wharf/internal/testenv"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Rows hang on the tenant's id: tests that look at values need one that stays.
var (
	acme   = uuid.MustParse("22222222-0000-4000-8000-000000000001")
	bijoux = uuid.MustParse("22222222-0000-4000-8000-000000000002")
)

func config(tenant uuid.UUID) sample.Config {
	return sample.Config{
		TenantID: tenant,
		Rows:     300,
		Seed:     7,
		Now:      time.Date(2025, 6, 1, 12, 0, 0, 0, time.UTC),
		Users: []uuid.UUID{
			uuid.MustParse("11111111-0000-4000-8000-000000000001"), uuid.MustParse("11111111-0000-4000-8000-000000000002"),
		},
		Encrypt: func(table, column string, plain []byte) ([]byte, error) {
			return append([]byte(table+"."+column+":"), plain...), nil
		},
		Hash: func(_, _ string, plain []byte) ([]byte, error) {
			sum := sha256.Sum256(plain)
			return sum[:], nil
		},
	}
}

func seed(t testing.TB, url string, cfg sample.Config) (map[string]int64, error) {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, url)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(ctx)) }()
	return sample.Seed(ctx, conn, cfg)
}

// query gives the first column of a query's rows, under the tenant's row security.
func query[T any](t testing.TB, pool *pgxpool.Pool, tenant uuid.UUID, sql string, args ...any) []T {
	t.Helper()
	ctx := context.Background()
	var got []T
	require.NoError(t, pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT set_config('app.tenant_id', $1, true)", tenant.String()); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		got, err = pgx.CollectRows(rows, pgx.RowTo[T])
		return err
	}))
	return got
}

const walledTables = `
	SELECT relname FROM pg_class
	WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relrowsecurity ORDER BY 1`

// digests gives a hash of every table's rows, without what the database counts by itself.
func digests(t testing.TB, pool *pgxpool.Pool, tenant uuid.UUID) map[string]string {
	t.Helper()
	got := map[string]string{}
	for _, name := range query[string](t, pool, tenant, walledTables) {
		got[name] = query[string](t, pool, tenant, fmt.Sprintf(
			`SELECT md5(coalesce(string_agg(r, E'\n' ORDER BY r), ''))
			FROM (SELECT CASE WHEN jsonb_typeof(j -> 'id') = 'number' THEN j - 'id' ELSE j END::text AS r
				FROM (SELECT to_jsonb(t) AS j FROM %s t) x) y`,
			pgx.Identifier{"public", name}.Sanitize()))[0]
	}
	return got
}

func TestSeedLeavesNoTableEmpty(t *testing.T) {
	t.Parallel()
	db := testenv.Sample(t)
	cfg := config(acme)
	cfg.Rows = 1
	rows, err := seed(t, db.AdminURL, cfg)
	require.NoError(t, err)

	service := db.Service(t)
	names := query[string](t, service, acme, walledTables)
	require.Len(t, names, 53)
	for _, name := range names {
		n := query[int64](t, service, acme, "SELECT count(*) FROM "+pgx.Identifier{"public", name}.Sanitize())[0]
		require.Positive(t, n, name)
		require.Equal(t, n, rows[name], name)
	}
	require.Len(t, rows, len(names))
	for _, name := range []string{"feature_flags", "platform_integrations"} {
		n := query[int64](t, db.Admin(t), acme, "SELECT count(*) FROM "+name)[0]
		require.Positive(t, n, name)
	}
}

// Columns of every type and tag hold something somewhere: a column that is always null tests nothing.
func TestSeedLeavesNoColumnEmpty(t *testing.T) {
	t.Parallel()
	db := testenv.Sample(t)
	_, err := seed(t, db.AdminURL, config(acme))
	require.NoError(t, err)
	for _, name := range query[string](t, db.Service(t), acme, walledTables) {
		empty := query[string](t, db.Service(t), acme, fmt.Sprintf(
			`SELECT attname FROM pg_attribute WHERE attrelid = 'public.%[1]s'::regclass AND attnum > 0
			EXCEPT SELECT key FROM public.%[1]s t, jsonb_each(to_jsonb(t)) WHERE value <> 'null'`, pgx.Identifier{name}.Sanitize()))
		if n := query[int64](t, db.Service(t), acme, "SELECT count(*) FROM "+pgx.Identifier{"public", name}.Sanitize())[0]; n < 40 {
			empty = slices.DeleteFunc(empty, func(c string) bool { return c == "deleted_at" })
		}
		require.Empty(t, empty, name)
	}
}

// The owner's rows pass every check of references that the superuser's are spared.
func TestSeedGivesTheSameRowsToOwnerAndSuperuser(t *testing.T) {
	t.Parallel()
	first, second := testenv.Sample(t), testenv.Sample(t)
	cfg := config(acme)
	want, err := seed(t, first.AdminURL, cfg)
	require.NoError(t, err)
	got, err := seed(t, second.OwnerURL, cfg)
	require.NoError(t, err)
	require.Equal(t, want, got)
	require.Equal(t, digests(t, first.Service(t), cfg.TenantID), digests(t, second.Service(t), cfg.TenantID))
}

func TestSeedKeepsTenantsApart(t *testing.T) {
	t.Parallel()
	db := testenv.Sample(t)
	a, b := acme, bijoux
	_, err := seed(t, db.AdminURL, config(a))
	require.NoError(t, err)
	before := digests(t, db.Service(t), a)
	_, err = seed(t, db.AdminURL, config(b))
	require.NoError(t, err)
	require.Equal(t, before, digests(t, db.Service(t), a))
	for name, digest := range digests(t, db.Service(t), b) {
		require.NotEqual(t, before[name], digest, name)
	}
}

func TestSeedScales(t *testing.T) {
	t.Parallel()
	db := testenv.Sample(t)
	var total [2]int64
	for i, n := range []int{1000, 3000} {
		cfg := config([]uuid.UUID{acme, bijoux}[i])
		cfg.Rows = n
		rows, err := seed(t, db.AdminURL, cfg)
		require.NoError(t, err)
		require.EqualValues(t, n, rows["contacts"])
		for _, count := range rows {
			total[i] += count
		}
	}
	require.InDelta(t, 3, float64(total[1])/float64(total[0]), 0.1)
}

func TestSeedTwiceFailsAndChangesNothing(t *testing.T) {
	t.Parallel()
	db := testenv.Sample(t)
	cfg := config(acme)
	_, err := seed(t, db.AdminURL, cfg)
	require.NoError(t, err)
	before := digests(t, db.Service(t), cfg.TenantID)
	_, err = seed(t, db.AdminURL, cfg)
	require.ErrorContains(t, err, "custom_field_definitions")
	require.Equal(t, before, digests(t, db.Service(t), cfg.TenantID))
}

func TestSeedRefusesAnIncompleteConfig(t *testing.T) {
	t.Parallel()
	for message, spoil := range map[string]func(*sample.Config){
		"no tenant": func(c *sample.Config) { c.TenantID = uuid.Nil },
		"0 rows":    func(c *sample.Config) { c.Rows = 0 },
		"no time":   func(c *sample.Config) { c.Now = time.Time{} },
	} {
		cfg := config(uuid.New())
		spoil(&cfg)
		_, err := sample.Seed(context.Background(), nil, cfg)
		require.ErrorContains(t, err, message)
	}
}

// memory keeps objects; after limit of them it fails.
type memory struct {
	objects map[string][]byte
	limit   int
}

var errFull = errors.New("full")

func (m *memory) Put(_ context.Context, key, _ string, r io.Reader) (int64, string, error) {
	if len(m.objects) == m.limit {
		return 0, "", errFull
	}
	b, err := io.ReadAll(r)
	sum := sha256.Sum256(b)
	m.objects[key] = b
	return int64(len(b)), hex.EncodeToString(sum[:]), err
}

func TestSeedStoresTheBytesOfFiles(t *testing.T) {
	t.Parallel()
	db := testenv.Sample(t)
	cfg := config(acme)
	store := &memory{objects: map[string][]byte{}, limit: 1000}
	cfg.Store = store
	rows, err := seed(t, db.AdminURL, cfg)
	require.NoError(t, err)
	require.Len(t, store.objects, int(rows["files"]))
	keys := query[string](t, db.Service(t), cfg.TenantID, "SELECT storage_key FROM files")
	sums := query[string](t, db.Service(t), cfg.TenantID, "SELECT sha256 || ' ' || size_bytes FROM files")
	for i, key := range keys {
		require.True(t, strings.HasPrefix(key, cfg.TenantID.String()+"/files/"), key)
		sum := sha256.Sum256(store.objects[key])
		require.Equal(t, sums[i], fmt.Sprintf("%x %d", sum, len(store.objects[key])))
	}
	slices.Sort(sums)
	require.Len(t, slices.Compact(sums), len(keys), "each file has a hash of its own")
}

func TestSeedWritesNothingIfAFileCannotBeStored(t *testing.T) {
	t.Parallel()
	db := testenv.Sample(t)
	cfg := config(acme)
	cfg.Store = &memory{objects: map[string][]byte{}, limit: 3}
	_, err := seed(t, db.AdminURL, cfg)
	require.ErrorContains(t, err, "full")
	require.Zero(t, query[int64](t, db.Service(t), cfg.TenantID, "SELECT count(*) FROM contacts")[0])
}

func TestSeedEncryptsOnlyThroughItsHooks(t *testing.T) {
	t.Parallel()
	db := testenv.Sample(t)
	cfg := config(acme)
	_, err := seed(t, db.AdminURL, cfg)
	require.NoError(t, err)
	for _, sealed := range query[[]byte](t, db.Service(t), cfg.TenantID, "SELECT email FROM customers") {
		require.True(t, bytes.HasPrefix(sealed, []byte("customers.email:")))
	}
	const mailboxes = `SELECT count(DISTINCT email_hash) FROM customers WHERE octet_length(email_hash) = 32`
	all := query[int64](t, db.Service(t), cfg.TenantID, "SELECT count(*) FROM customers")
	require.Equal(t, all, query[int64](t, db.Service(t), cfg.TenantID, mailboxes))

	plain := config(bijoux)
	plain.Encrypt, plain.Hash = nil, nil
	_, err = seed(t, db.AdminURL, plain)
	require.NoError(t, err)
	const written = `SELECT count(*) FROM customers WHERE num_nonnulls(name, email, email_hash, phone, address) > 0`
	require.Zero(t, query[int64](t, db.Service(t), plain.TenantID, written)[0])
}

func BenchmarkSeed(b *testing.B) {
	var total int64
	for b.Loop() {
		b.StopTimer()
		db := testenv.Sample(b)
		cfg := config(acme)
		cfg.Rows = 20_000
		b.StartTimer()
		counts, err := seed(b, db.AdminURL, cfg)
		require.NoError(b, err)
		for _, n := range counts {
			total += n
		}
	}
	b.ReportMetric(float64(total)/b.Elapsed().Seconds(), "rows/s")
}
