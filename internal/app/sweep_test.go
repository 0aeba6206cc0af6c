package app

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"wharf/internal/config"
	"wharf/internal/exporter"
	"wharf/internal/importer"
	"wharf/internal/objectstore"
	"wharf/internal/restorer"
	"wharf/internal/tenancy"
	"wharf/internal/testenv"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// house is the parts of a process, with a bucket of its own: a sweep goes through all of it.
type house struct {
	*App
	db     *testenv.DB
	bucket string
	s3     *s3.Client
}

func newHouse(t *testing.T) *house {
	t.Helper()
	ctx, db, env := context.Background(), testenv.Sample(t), testenv.Objects(t)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	h := &house{db: db, bucket: "sweep-" + uuid.NewString(), s3: s3.New(s3.Options{
		BaseEndpoint: &env.Endpoint, Region: "us-east-1", UsePathStyle: true, HTTPClient: &http.Client{Transport: transport},
		Credentials: credentials.NewStaticCredentialsProvider(env.AccessKey, env.SecretKey, ""),
	})}
	cfg, err := config.Load([]string{
		"DATABASE_URL=" + db.ServiceURL, "WHARF_S3_ENDPOINT=" + env.Endpoint, "WHARF_S3_BUCKET=" + h.bucket, "WHARF_S3_PATH_STYLE=true",
		"WHARF_S3_ACCESS_KEY=" + env.AccessKey, "WHARF_S3_SECRET_KEY=" + env.SecretKey, "WHARF_FIELD_KEYS=" + testenv.FieldKeys,
	})
	require.NoError(t, err)
	h.App, err = Open(ctx, cfg, slog.New(slog.DiscardHandler), "test")
	require.NoError(t, err)
	t.Cleanup(h.Close)
	require.NoError(t, h.EnqueueOnly())
	require.NoError(t, h.Objects.EnsureBucket(ctx))
	t.Cleanup(func() {
		for o, err := range h.Objects.List(ctx, "") {
			require.NoError(t, err)
			require.NoError(t, h.Objects.Delete(ctx, o.Key))
		}
		_, err := h.s3.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &h.bucket})
		require.NoError(t, err)
	})
	return h
}

func done(context.Context, pgx.Tx) error { return nil }

// put stores an object that no row names.
func (h *house) put(t *testing.T, tenant uuid.UUID, kind string) string {
	t.Helper()
	o, err := h.Objects.Put(t.Context(), objectstore.Key(tenant, kind, "a.json"), "", strings.NewReader("{}"))
	require.NoError(t, err)
	return o.Key
}

func (h *house) keys(t *testing.T) (keys []string) {
	t.Helper()
	for o, err := range h.Objects.List(t.Context(), "") {
		require.NoError(t, err)
		keys = append(keys, o.Key)
	}
	return keys
}

// uploads counts the multipart uploads that nobody has ended.
func (h *house) uploads(t *testing.T) int {
	t.Helper()
	out, err := h.s3.ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: &h.bucket})
	require.NoError(t, err)
	return len(out.Uploads)
}

func (h *house) export(t *testing.T, tenant uuid.UUID) exporter.Export {
	t.Helper()
	e, err := h.Exports.Start(t.Context(), tenancy.System(tenant), exporter.Input{})
	require.NoError(t, err)
	require.NoError(t, h.Exports.Run(t.Context(), tenant, e.ID, done))
	return e
}

func TestWhatAKilledExportLeftIsSweptAndAFinishedOneStays(t *testing.T) {
	t.Parallel()
	ctx, h := t.Context(), newHouse(t)
	tenant := h.db.Tenant(t, "acme")
	h.export(t, tenant)
	finished := h.keys(t)
	require.Len(t, finished, 1)
	foreign := h.put(t, uuid.New(), "exports") // of an installation that shares the bucket
	h.put(t, tenant, "exports")
	begun := objectstore.Key(tenant, "exports", "export.json")
	_, err := h.s3.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &h.bucket, Key: aws.String(begun)})
	require.NoError(t, err)

	n, err := h.Objects.SweepOrphans(ctx, time.Now().Add(-time.Minute), h.owners())
	require.NoError(t, err)
	require.Zero(t, n, "their rows may be on the way")
	require.Equal(t, 1, h.uploads(t))

	n, err = h.Objects.SweepOrphans(ctx, time.Now().Add(time.Minute), h.owners())
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Zero(t, h.uploads(t))
	require.ElementsMatch(t, append(finished, foreign), h.keys(t))
}

func TestExportGoesWhenItsTimeHasPassed(t *testing.T) {
	t.Parallel()
	ctx, h := t.Context(), newHouse(t)
	tenant := h.db.Tenant(t, "acme")
	old, young := h.export(t, tenant), h.export(t, tenant)
	require.NoError(t, h.Exports.Sweep(ctx))
	require.Len(t, h.keys(t), 2)
	_, err := h.db.Admin(t).Exec(ctx, `UPDATE wharf.exports SET expires_at = now() - interval '1 second' WHERE id = $1`, old.ID)
	require.NoError(t, err)
	require.NoError(t, h.Exports.Sweep(ctx))
	require.NoError(t, h.Exports.Sweep(ctx), "again, with nothing to do")
	require.Len(t, h.keys(t), 1)
	for id, want := range map[uuid.UUID]string{old.ID: exporter.Expired, young.ID: exporter.Completed} {
		e, err := h.Exports.Show(ctx, tenancy.System(tenant), id)
		require.NoError(t, err)
		require.Equal(t, want, e.Status)
	}
}

// A file that was sent for a restore is the restore's: it outlives its upload's row.
func TestFileOfARestoreOutlivesItsUpload(t *testing.T) {
	t.Parallel()
	ctx, h := t.Context(), newHouse(t)
	tenant := h.db.Tenant(t, "acme")
	p := tenancy.System(tenant)
	const doc = `{"schema_version": 1}`
	sent, err := h.Importers.StoreUpload(ctx, p, "a.json", strings.NewReader(doc))
	require.NoError(t, err)
	put, err := h.Importers.CreateUpload(ctx, p, importer.NewUpload{Name: "b.json", Bytes: int64(len(doc))})
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, put.URL, strings.NewReader(doc))
	require.NoError(t, err)
	transport := &http.Transport{DisableKeepAlives: true}
	res, err := (&http.Client{Transport: transport}).Do(req)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	var ids []uuid.UUID
	for _, u := range []importer.Upload{sent, put} {
		r, err := h.Restores.Start(ctx, p, restorer.Request{Upload: &u.ID})
		require.NoError(t, err)
		ids = append(ids, r.ID)
	}
	_, err = h.db.Admin(t).Exec(ctx, `UPDATE wharf.uploads SET expires_at = now() - interval '1 day'`)
	require.NoError(t, err)
	swept, err := h.Importers.SweepUploads(ctx)
	require.NoError(t, err)
	require.Equal(t, 2, swept)
	n, err := h.Objects.SweepOrphans(ctx, time.Now().Add(time.Minute), h.owners())
	require.NoError(t, err)
	require.Zero(t, n)
	require.Len(t, h.keys(t), 2)
	for _, id := range ids {
		require.NoError(t, h.Restores.Run(ctx, tenant, id, done))
	}
}
