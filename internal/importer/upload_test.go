package importer

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"wharf/internal/fault"
	"wharf/internal/objectstore"
	"wharf/internal/tenancy"
)

func (h *house) claim(t *testing.T, id uuid.UUID) (importID uuid.UUID) {
	t.Helper()
	importID = uuid.New()
	err := tenancy.Tx(context.Background(), h.cfg.DB, h.p, func(ctx context.Context, tx pgx.Tx) error {
		return h.ClaimUpload(ctx, tx, h.p, id, importID)
	})
	require.NoError(t, err)
	return importID
}

func (h *house) age(t *testing.T, id uuid.UUID, by string) {
	t.Helper()
	_, err := h.admin.Exec(context.Background(), `UPDATE wharf.uploads SET expires_at = now() - $2::interval WHERE id = $1`, id, by)
	require.NoError(t, err)
}

func (h *house) files(t *testing.T) (keys []string) {
	t.Helper()
	for o, err := range h.cfg.Objects.List(context.Background(), objectstore.TenantPrefix(h.p.Tenant)) {
		require.NoError(t, err)
		keys = append(keys, o.Key)
	}
	return keys
}

func TestStoredFileIsThereForPreviewAndImport(t *testing.T) {
	t.Parallel()
	ctx, h := context.Background(), newHouse(t)
	u, err := h.StoreUpload(ctx, h.p, "a.csv", strings.NewReader("email\n"))
	require.NoError(t, err)
	require.Equal(t, UploadArrived, u.Status)
	require.EqualValues(t, 6, u.Bytes)
	require.Len(t, u.SHA256, 64)
	importID := h.claim(t, u.ID)
	obj, name, err := h.UploadedFile(ctx, h.p, u.ID)
	require.NoError(t, err)
	require.Equal(t, "a.csv", name)
	require.Equal(t, u.SHA256, obj.SHA256)
	u, err = h.ShowUpload(ctx, h.p, u.ID)
	require.NoError(t, err)
	require.Equal(t, UploadUsed, u.Status)
	require.Equal(t, importID, *u.ImportID)
}

func TestFileThatBreaksOffLeavesNoUpload(t *testing.T) {
	t.Parallel()
	ctx, h := context.Background(), newHouse(t)
	broken := errors.New("the line is down")
	_, err := h.StoreUpload(ctx, h.p, "a.csv", iotest.ErrReader(broken))
	require.ErrorIs(t, err, broken)
	require.Empty(t, h.files(t))
}

func TestPromiseBeyondTheLimitIsRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for bytes, want := range map[int64]fault.Code{1 << 20: "", 1<<20 + 1: fault.TooLarge, 0: fault.Invalid, -1: fault.Invalid} {
		_, err := h.CreateUpload(context.Background(), h.p, NewUpload{Name: "a.csv", Bytes: bytes})
		if want == "" {
			require.NoError(t, err)
			continue
		}
		require.Equal(t, want, fault.CodeOf(err))
	}
}

// A refused import must leave the upload to the next one.
func TestImportThatIsRefusedTakesNoUpload(t *testing.T) {
	t.Parallel()
	ctx, h := context.Background(), newHouse(t)
	u, err := h.StoreUpload(ctx, h.p, "a.csv", strings.NewReader("email\n"))
	require.NoError(t, err)
	_, err = h.Start(ctx, h.p, Request{Upload: &u.ID, Table: "nothing"}, objectstore.Object{})
	require.Equal(t, fault.NotFound, fault.CodeOf(err))
	accepted, err := h.Start(ctx, h.p, Request{Upload: &u.ID, Table: "contacts"}, objectstore.Object{})
	require.NoError(t, err)
	shown, err := h.Show(ctx, h.p, accepted.ID)
	require.NoError(t, err)
	require.Equal(t, "a.csv", shown.File.Name)
	require.Equal(t, u.SHA256, shown.File.SHA256)
}

func TestSweepRemovesWhatNoImportTook(t *testing.T) {
	t.Parallel()
	ctx, h := context.Background(), newHouse(t)
	upload := func() uuid.UUID {
		u, err := h.StoreUpload(ctx, h.p, "a.csv", strings.NewReader("email\n"))
		require.NoError(t, err)
		return u.ID
	}
	fresh, used, recent, old := upload(), upload(), upload(), upload()
	h.claim(t, used)
	never, err := h.CreateUpload(ctx, h.p, NewUpload{Name: "b.csv", Bytes: 5})
	require.NoError(t, err)
	h.age(t, recent, "1 hour")
	for _, id := range []uuid.UUID{used, old, never.ID} {
		h.age(t, id, "3 hours")
	}
	_, err = h.ShowUpload(ctx, h.p, recent)
	require.ErrorIs(t, err, ErrUploadNotFound, "expired, if not swept")

	n, err := h.SweepUploads(ctx)
	require.NoError(t, err)
	require.Equal(t, 3, n)
	require.Len(t, h.files(t), 3, "of the fresh one, of the import, and of the one whose URL may still live")
	_, err = h.ShowUpload(ctx, h.p, fresh)
	require.NoError(t, err)
	n, err = h.SweepUploads(ctx)
	require.NoError(t, err)
	require.Zero(t, n)
}

func TestSweepTakesMoreThanABatch(t *testing.T) {
	t.Parallel()
	ctx, h := context.Background(), newHouse(t)
	_, err := h.admin.Exec(ctx, `INSERT INTO wharf.uploads (id, tenant_id, file_name, object_key, bytes, stored, requested_by, expires_at)
		SELECT gen_random_uuid(), $1, 'a', $1::uuid || '/uploads/' || n, 1, false, 'x', now() - interval '1 day' FROM generate_series(1, 101) n`, h.p.Tenant)
	require.NoError(t, err)
	n, err := h.SweepUploads(ctx)
	require.NoError(t, err)
	require.Equal(t, 101, n)
}
