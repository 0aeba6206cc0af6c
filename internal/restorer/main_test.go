package restorer

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"wharf/internal/audit"
	"wharf/internal/catalog"
	"wharf/internal/fault"
	"wharf/internal/fieldcrypt"
	"wharf/internal/objectstore"
	"wharf/internal/tenancy"
	"wharf/internal/testenv"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// house is a service on real parts. Jobs are not worked by a queue here: the test runs them.
type house struct {
	*Service
	p     tenancy.Principal
	other uuid.UUID // another tenant
	admin *pgxpool.Pool
	hooks *letterbox
	files *shelf
}

// noQueue numbers jobs that nobody works.
type noQueue struct{}

func (noQueue) Enqueue(context.Context, pgx.Tx, string, uuid.UUID, uuid.UUID) (int64, error) {
	return 1, nil
}

// shelf holds files that were sent ahead.
type shelf struct {
	mu    sync.Mutex
	files map[uuid.UUID]objectstore.Object
}

func (s *shelf) UploadedFile(_ context.Context, _ tenancy.Principal, id uuid.UUID) (objectstore.Object, string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.files[id], "file", nil
}

func (*shelf) ClaimUploadForRestore(context.Context, pgx.Tx, tenancy.Principal, uuid.UUID, uuid.UUID) error {
	return nil
}

// letterbox keeps what webhooks are told, and who has a secret.
type letterbox struct {
	mu      sync.Mutex
	sent    []Event
	dropped []uuid.UUID
}

func (*letterbox) CheckURL(string) error { return nil }

func (l *letterbox) Send(_ context.Context, _ pgx.Tx, e Event) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent = append(l.sent, e)
	return nil
}

func (*letterbox) Secret(context.Context, pgx.Tx, uuid.UUID, uuid.UUID) (string, error) {
	return "whsec_x", nil
}

func (l *letterbox) Drop(_ context.Context, _ pgx.Tx, _, id uuid.UUID) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dropped = append(l.dropped, id)
	return nil
}

func newHouse(t *testing.T) *house {
	t.Helper()
	db := testenv.Sample(t)
	pool := db.Service(t)
	wall := &tenancy.DB{Pool: pool, Wall: tenancy.Wall{Setting: "app.tenant_id", Column: "tenant_id"}}
	ring, err := fieldcrypt.New(testenv.FieldKeys)
	require.NoError(t, err)
	s3 := testenv.Objects(t)
	store, err := objectstore.Open(context.Background(), objectstore.Config{
		Endpoint: s3.Endpoint, Bucket: s3.Bucket, AccessKey: s3.AccessKey, SecretKey: s3.SecretKey, PathStyle: true,
	})
	require.NoError(t, err)
	t.Cleanup(store.Close)
	h := &house{
		p:     tenancy.Principal{Tenant: db.Tenant(t, "acme"), Actor: "key:test", Role: tenancy.Owner},
		other: db.Tenant(t, "globex"), admin: db.Admin(t), hooks: &letterbox{}, files: &shelf{files: map[uuid.UUID]objectstore.Object{}},
	}
	t.Cleanup(func() {
		_, err := store.DeletePrefix(context.Background(), objectstore.TenantPrefix(h.p.Tenant))
		require.NoError(t, err)
	})
	h.Service = New(Config{
		Pool: pool, DB: wall, Objects: store, Audit: audit.New(pool, wall), Queue: noQueue{}, Uploads: h.files, Webhooks: h.hooks, Crypt: ring,
		Catalog: func(ctx context.Context, tx pgx.Tx) (*catalog.Snapshot, error) {
			return catalog.Read(ctx, tx, catalog.Config{Schemas: []string{"public"}, TenantColumn: "tenant_id", TenantTable: "wharf.tenants"})
		},
		TenantTable: "wharf.tenants", FileTTL: time.Hour, UndoTTL: time.Hour, Direct: 1, DirectTime: time.Minute,
	})
	return h
}

func done(context.Context, pgx.Tx) error { return nil }

// start asks for a restore of the content.
func (h *house) start(t *testing.T, content string, req Request) Restore {
	t.Helper()
	ctx, id := context.Background(), uuid.New()
	obj, err := h.cfg.Objects.Put(ctx, objectstore.Key(h.p.Tenant, kindUpload, "file"), "", strings.NewReader(content))
	require.NoError(t, err)
	h.files.mu.Lock()
	h.files.files[id] = obj
	h.files.mu.Unlock()
	req.Upload = &id
	r, err := h.Start(ctx, h.p, req)
	require.NoError(t, err)
	return r
}

// run does what the job does, and ends the restore as the job would if it fails.
func (h *house) run(t *testing.T, id uuid.UUID) Restore {
	t.Helper()
	ctx := context.Background()
	if err := h.Run(ctx, h.p.Tenant, id, done); err != nil {
		f, coded := fault.As(err)
		require.True(t, coded, "%v", err)
		require.NoError(t, h.end(id, Failed, f.Message))
	}
	return h.shown(t, id)
}

func (h *house) end(id uuid.UUID, status, reason string) error {
	return tenancy.Tx(context.Background(), h.cfg.DB, h.p, func(ctx context.Context, tx pgx.Tx) error {
		return h.End(ctx, tx, h.p.Tenant, id, status, reason)
	})
}

func (h *house) reopen(id uuid.UUID) error {
	return tenancy.Tx(context.Background(), h.cfg.DB, h.p, func(ctx context.Context, tx pgx.Tx) error {
		return h.Reopen(ctx, tx, h.p.Tenant, id, 2)
	})
}

func (h *house) shown(t *testing.T, id uuid.UUID) Restore {
	t.Helper()
	r, err := h.Show(context.Background(), h.p, id)
	require.NoError(t, err)
	return r
}

func scan[T any](t *testing.T, h *house, sql string, args ...any) (v T) {
	t.Helper()
	require.NoError(t, h.admin.QueryRow(context.Background(), sql, args...).Scan(&v), sql)
	return v
}

func (h *house) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	_, err := h.admin.Exec(context.Background(), sql, args...)
	require.NoError(t, err, sql)
}

func (h *house) companies(t *testing.T) int {
	t.Helper()
	return scan[int](t, h, `SELECT count(*) FROM companies WHERE tenant_id = $1`, h.p.Tenant)
}

// objects gives the keys of one kind that the tenant has in the store.
func (h *house) objects(t *testing.T, kind string) (keys []string) {
	t.Helper()
	for o, err := range h.cfg.Objects.List(context.Background(), objectstore.TenantPrefix(h.p.Tenant)+kind+"/") {
		require.NoError(t, err)
		keys = append(keys, o.Key)
	}
	return keys
}

// document holds n companies.
func document(n int) string {
	rows := make([]string, n)
	for i := range rows {
		rows[i] = fmt.Sprintf(`{"external_id": "c%d", "name": "Company %d"}`, i, i)
	}
	return `{"schema_version": 1, "companies": [` + strings.Join(rows, ",") + `]}`
}

func hexSum(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

// bundle is a zip of one row of files, with its bytes.
func bundle(t *testing.T, content string) string {
	t.Helper()
	sum := hexSum(content)
	row := fmt.Sprintf(`{"id": %q, "filename": "a.txt", "content_type": "text/plain", "size_bytes": %d, "sha256": %q, "storage_key": "far/away"}`,
		uuid.NewString(), len(content), sum) + "\n"
	manifest, err := json.Marshal(map[string]any{
		"schema_version": 1, "scope": "full", "format": "jsonl",
		"tables": []map[string]any{{"table": "files", "file": "tables/files.jsonl", "rows": 1, "sha256": hexSum(row)}},
		"files":  []map[string]any{{"file": "files/1/a.txt", "key": "far/away", "bytes": len(content), "sha256": sum}},
	})
	require.NoError(t, err)
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, f := range []struct{ name, content string }{{"tables/files.jsonl", row}, {"files/1/a.txt", content}, {"manifest.json", string(manifest)}} {
		entry, err := w.Create(f.name)
		require.NoError(t, err)
		_, err = entry.Write([]byte(f.content))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.String()
}
