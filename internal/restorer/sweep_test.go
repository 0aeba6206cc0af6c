package restorer

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"wharf/internal/fault"
)

func text(s string) io.Reader { return strings.NewReader(s) }

// older makes a restore look two hours older: all its times have passed then.
func (h *house) older(t *testing.T, id uuid.UUID) {
	t.Helper()
	h.exec(t, `UPDATE wharf.restores SET created_at = created_at - interval '2 hours', completed_at = completed_at - interval '2 hours',
		revertible_until = revertible_until - interval '2 hours' WHERE id = $1`, id)
}

func TestFilesOfRestoresGoWhenTheirTimeHasPassed(t *testing.T) {
	t.Parallel()
	ctx, h := context.Background(), newHouse(t)
	old := h.run(t, h.start(t, "[]", Request{WebhookURL: "https://example.com"}).ID)
	young := h.run(t, h.start(t, document(1), Request{}).ID)
	waiting := h.start(t, document(1), Request{})
	h.older(t, waiting.ID)
	require.NoError(t, h.Sweep(ctx))
	require.Len(t, h.objects(t, kindUpload), 3, "nothing that has ended is that old")

	h.older(t, old.ID)
	require.NoError(t, h.Sweep(ctx))
	require.NoError(t, h.Sweep(ctx), "again")
	require.Len(t, h.objects(t, kindUpload), 2)
	require.Equal(t, []uuid.UUID{old.ID}, h.hooks.dropped)
	err := h.reopen(old.ID)
	require.Equal(t, fault.Conflict, fault.CodeOf(err))
	require.ErrorContains(t, err, "not kept any more")
	require.Equal(t, Failed, h.shown(t, old.ID).Status)
	require.Equal(t, Completed, h.shown(t, young.ID).Status)
	require.Equal(t, Completed, h.run(t, waiting.ID).Status)
}

func TestWhatAKilledRunStoredIsSwept(t *testing.T) {
	t.Parallel()
	ctx, h := context.Background(), newHouse(t)
	r := h.start(t, bundle(t, "the bytes"), Request{})
	killed := &run{s: h.Service, p: h.p, complete: done, prefix: newPrefix(h.p.Tenant)}
	_, err := killed.begin(ctx, r.ID)
	require.NoError(t, err)
	_, _, err = files{h.cfg.Objects, killed.prefix}.Put(ctx, "", text("lost"))
	require.NoError(t, err)
	got := h.run(t, r.ID)
	require.Equal(t, Completed, got.Status, got.Error)
	h.cfg.FileTTL = 0
	require.NoError(t, h.Sweep(ctx))
	require.Empty(t, h.objects(t, kindUpload))
	require.Len(t, h.objects(t, kindRestored), 2, "a run that was taken for dead may still write")
	h.older(t, r.ID)
	require.NoError(t, h.Sweep(ctx))
	require.Equal(t, []string{scan[string](t, h, `SELECT storage_key FROM files WHERE tenant_id = $1`, h.p.Tenant)}, h.objects(t, kindRestored))
}

func TestRestoresKnowTheirObjects(t *testing.T) {
	t.Parallel()
	ctx, h := context.Background(), newHouse(t)
	h.start(t, document(1), Request{})
	key := h.objects(t, kindUpload)[0]
	owned := h.Owners()[kindUpload]
	for tenant, want := range map[uuid.UUID][]string{h.p.Tenant: {key}, h.other: nil, uuid.New(): {key, "lost"}} {
		known, err := owned(ctx, tenant, []string{key, "lost"})
		require.NoError(t, err)
		require.ElementsMatch(t, want, known)
	}
}
