package httpapi_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"wharf/internal/app"
	"wharf/internal/auth"
	"wharf/internal/config"
	"wharf/internal/httpapi"
	"wharf/internal/objectstore"
	"wharf/internal/pg"
	"wharf/internal/tenancy"
	"wharf/internal/testenv"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	soon = 20 * time.Second
	tick = 10 * time.Millisecond
)

// house is an installation of one test's own: database, services and a server that listens, wired as cmd/api does it.
// No worker runs: jobs are enqueued and wait.
type house struct {
	app     *app.App
	db      *testenv.DB
	admin   *pgxpool.Pool
	server  *httpapi.Server
	address string
	cfg     httpapi.Config
	log     *journal
	stop    func(ctx context.Context) error // ends the server; once
}

// journal is what the server logged, and the secrets that it must not have.
type journal struct {
	mu      sync.Mutex
	text    bytes.Buffer
	secrets []string
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// plant notes a secret that no line of the log may hold.
func (j *journal) plant(secret string) string {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.secrets = append(j.secrets, secret)
	return secret
}

func (j *journal) lines(has ...string) (found []string) {
	for line := range strings.Lines(j.String()) {
		if !slices.ContainsFunc(has, func(s string) bool { return !strings.Contains(line, s) }) {
			found = append(found, line)
		}
	}
	return found
}

// newHouse opens a house. Each test ends with a look at the log: no test's secrets may be in it.
func newHouse(t *testing.T, changes ...func(cfg *httpapi.Config)) *house {
	t.Helper()
	ctx, db, s3 := context.Background(), testenv.Sample(t), testenv.Objects(t)
	cfg, err := config.Load([]string{
		"DATABASE_URL=" + db.ServiceURL, "WHARF_DATABASE_MAX_CONNS=6", "WHARF_S3_ENDPOINT=" + s3.Endpoint, "WHARF_S3_BUCKET=" + s3.Bucket,
		"WHARF_FIELD_KEYS=" + testenv.FieldKeys, "WHARF_S3_ACCESS_KEY=" + s3.AccessKey, "WHARF_S3_SECRET_KEY=" + s3.SecretKey, "WHARF_S3_PATH_STYLE=true", "WHARF_S3_PART_BYTES=5MiB",
	})
	require.NoError(t, err)
	log := &journal{}
	logger := slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	h := &house{db: db, admin: db.Admin(t), log: log}
	h.app, err = app.Open(ctx, cfg, logger, "test")
	require.NoError(t, err)
	t.Cleanup(h.app.Close)
	require.NoError(t, h.app.EnqueueOnly())
	require.NoError(t, h.app.Catalog.Refresh(ctx))
	served := httpapi.Config{
		Pool: h.app.Pool, Keys: auth.NewKeys(h.app.Pool), Audit: h.app.Audit, Catalog: h.app.Catalog, Objects: h.app.Objects,
		Importers: h.app.Importers, Exports: h.app.Exports, Restores: h.app.Restores, Jobs: h.app.Jobs, Webhooks: h.app.Webhooks, Idempotency: h.app.Idempotency,
		Limits: h.app.Limits, Rates: unlimited(), Ready: h.app.Migrated, Log: logger, Now: time.Now,
		UploadBytes: 1 << 20, BodyBytes: 64 << 10, DocumentBytes: 1 << 20, HeaderTimeout: soon, IdleTimeout: soon, StallTimeout: soon,
	}
	for _, change := range changes {
		change(&served)
	}
	h.cfg = served
	h.serve(t, served)
	log.plant(s3.SecretKey)
	return h
}

// unlimited lets every test ask as often as it needs to; those of the limits themselves set others.
func unlimited() httpapi.Rates {
	const many = 1_000_000
	return app.Rates(config.Rates{ExportStarts: many, ImportStarts: many, RestoreStarts: many, UploadStarts: many, Requests: many, Failures: many})
}

// twin gives the house as another replica serves it.
func (h *house) twin(t *testing.T) *house {
	t.Helper()
	twin := *h
	twin.serve(t, h.cfg)
	return &twin
}

func (h *house) serve(t *testing.T, cfg httpapi.Config) {
	t.Helper()
	var err error
	h.server, err = httpapi.New(cfg)
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	h.address = listener.Addr().String()
	served := make(chan error, 1)
	go func() { served <- h.server.Serve(listener) }()
	var once sync.Once
	h.stop = func(ctx context.Context) (err error) {
		once.Do(func() {
			err = h.server.Shutdown(ctx)
			require.NoError(t, <-served)
		})
		return err
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), soon)
		defer cancel()
		require.NoError(t, h.stop(ctx))
		for _, secret := range h.log.secrets {
			require.Empty(t, h.log.lines(secret), "%q is in the log", secret)
		}
	})
}

// tenant is one tenant with an owner's key.
type tenant struct {
	*house
	id   uuid.UUID
	slug string
	key  string
}

// newTenant adds a tenant; its objects are removed when the test ends.
func (h *house) newTenant(t *testing.T, slug string) tenant {
	t.Helper()
	slug += "-" + uuid.NewString()[:8] // tests share houses
	n := tenant{house: h, id: h.db.Tenant(t, slug), slug: slug}
	t.Cleanup(func() {
		_, err := h.app.Objects.DeletePrefix(context.Background(), objectstore.TenantPrefix(n.id))
		require.NoError(t, err)
	})
	n.key = n.newKey(t, tenancy.Owner)
	return n
}

// newKey makes a key of the role, narrowed to the scopes if there are any.
func (n tenant) newKey(t *testing.T, role tenancy.Role, scopes ...tenancy.Permission) (key string) {
	t.Helper()
	return n.makeKey(t, auth.KeySpec{Tenant: n.id, Name: string(role), Role: role, Scopes: scopes})
}

func (n tenant) makeKey(t *testing.T, spec auth.KeySpec) (key string) {
	t.Helper()
	err := tenancy.Tx(context.Background(), n.app.DB, tenancy.System(n.id), func(ctx context.Context, tx pgx.Tx) (err error) {
		_, key, err = auth.CreateKey(ctx, tx, spec)
		return err
	})
	require.NoError(t, err)
	return n.log.plant(key)
}

func (h *house) newOperatorKey(t *testing.T) (key string) {
	t.Helper()
	err := pg.Tx(context.Background(), h.db.Owner(t), func(ctx context.Context, tx pgx.Tx) (err error) {
		_, key, err = auth.CreateKey(ctx, tx, auth.KeySpec{Name: "on call"})
		return err
	})
	require.NoError(t, err)
	return h.log.plant(key)
}

// objects gives the keys of what the tenant has in the store.
func (n tenant) objects(t require.TestingT) (keys []string) {
	for o, err := range n.app.Objects.List(context.Background(), objectstore.TenantPrefix(n.id)) {
		require.NoError(t, err)
		keys = append(keys, o.Key)
	}
	return keys
}

func (h *house) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	_, err := h.admin.Exec(context.Background(), sql, args...)
	require.NoError(t, err, sql)
}

// scan reads one value.
func scan[T any](t require.TestingT, h *house, sql string, args ...any) (value T) {
	require.NoError(t, h.admin.QueryRow(context.Background(), sql, args...).Scan(&value), sql)
	return value
}

// dump is all that Wharf knows of the tenant, rows and objects, as text to compare; when its keys were used is left out.
func (n tenant) dump(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for _, table := range scan[[]string](t, n.house, `SELECT array_agg(c.oid::regclass::text ORDER BY 1) FROM pg_class c
		JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
		WHERE c.relnamespace = 'wharf'::regnamespace AND c.relkind = 'r'`) {
		rows := scan[string](t, n.house, `SELECT coalesce(string_agg(r.doc::text, E'\n' ORDER BY r.doc::text), '')
			FROM (SELECT to_jsonb(r) - 'last_used_at' AS doc FROM `+table+` r WHERE tenant_id = $1) r`, n.id)
		fmt.Fprintf(&b, "%s\n%s\n", table, rows)
	}
	b.WriteString(scan[string](t, n.house, `SELECT coalesce(string_agg(to_jsonb(j)::text, E'\n' ORDER BY id), '') FROM river.river_job j WHERE args ->> 'tenant_id' = $1`, n.id.String()))
	fmt.Fprintf(&b, "\n%q", n.objects(t))
	return b.String()
}
