package restorer

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"wharf/internal/fault"
)

// revert has a restore taken back.
func (h *house) revert(t *testing.T, id uuid.UUID) Restore {
	t.Helper()
	asked, err := h.Revert(context.Background(), h.p, id)
	require.NoError(t, err)
	require.True(t, asked.Reverting())
	return h.run(t, id)
}

// kept gives how many notes and tables of undo there are.
func (h *house) kept(t *testing.T) (notes, tables int) {
	t.Helper()
	return scan[int](t, h, `SELECT count(*) FROM wharf.undo WHERE reverted_at IS NULL`), scan[int](t, h, `SELECT count(*) FROM pg_tables WHERE schemaname = 'wharf_staging'`)
}

func TestARevertTakesBackWhatARestoreDid(t *testing.T) {
	t.Parallel()
	ctx, h := context.Background(), newHouse(t)
	h.exec(t, `INSERT INTO companies (tenant_id, external_id, name, updated_at) VALUES ($1, 'c0', 'was', '2001-01-01'), ($1, 'c1', 'was', '2001-01-01')`, h.p.Tenant)
	r := h.run(t, h.start(t, document(4), Request{}).ID)
	require.NotNil(t, r.RevertibleUntil)
	h.exec(t, `UPDATE companies SET name = 'mine' WHERE external_id IN ('c1', 'c3')`)

	got := h.revert(t, r.ID)
	require.Equal(t, Completed, got.Status)
	require.Equal(t, Completed, got.Revert.Status)
	require.NotNil(t, got.RevertedAt)
	require.Equal(t, map[string]int64{"companies": 1}, got.Revert.Deleted)
	require.Equal(t, map[string]int64{"companies": 1}, got.Revert.Restored)
	require.EqualValues(t, 2, got.Revert.NumLeft)
	require.Len(t, got.Revert.Left, 2)
	require.Equal(t, []any{"companies", "it was changed since"}, []any{got.Revert.Left[0].Table, got.Revert.Left[0].Reason})
	require.Equal(t, "c0 was 2001; c1 mine 2026; c3 mine 2026", scan[string](t, h, `SELECT string_agg(concat_ws(' ', external_id, name,
		CASE WHEN updated_at < '2002-01-01' THEN 2001 ELSE 2026 END), '; ' ORDER BY external_id) FROM companies`))
	notes, tables := h.kept(t)
	require.Zero(t, notes+tables)
	_, err := h.Revert(ctx, h.p, r.ID)
	require.Equal(t, fault.Conflict, fault.CodeOf(err), "once")
	require.Equal(t, "started; done; started; failed", scan[string](t, h,
		`SELECT string_agg(outcome, '; ' ORDER BY id) FROM wharf.audit_log WHERE action = 'restore.revert' AND actor = 'key:test'`))
}

func TestARevertAndItsJobsEndCommitTogether(t *testing.T) {
	t.Parallel()
	ctx, h := context.Background(), newHouse(t)
	r := h.run(t, h.start(t, document(3), Request{}).ID)
	_, err := h.Revert(ctx, h.p, r.ID)
	require.NoError(t, err)
	err = h.Run(ctx, h.p.Tenant, r.ID, func(context.Context, pgx.Tx) error { return errEnd })
	require.ErrorIs(t, err, errEnd)
	require.Equal(t, 3, h.companies(t))
	require.Equal(t, Processing, h.shown(t, r.ID).Revert.Status)

	require.NoError(t, h.end(r.ID, Failed, "the worker died too often"))
	now := h.shown(t, r.ID)
	require.Equal(t, []string{Completed, Failed, "the worker died too often"}, []string{now.Status, now.Revert.Status, *now.Revert.Error})
	require.NoError(t, h.reopen(r.ID))
	require.True(t, h.shown(t, r.ID).Reverting())
	require.Equal(t, Completed, h.run(t, r.ID).Revert.Status)
	require.Zero(t, h.companies(t))
	require.Equal(t, fault.Conflict, fault.CodeOf(h.reopen(r.ID)), "it was reverted")
}

func TestARevertThatSomethingStandsInTheWayOfMayBeAskedForAgain(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r := h.run(t, h.start(t, document(2), Request{}).ID)
	h.exec(t, `INSERT INTO contacts (id, tenant_id, company_id) SELECT '00000000-0000-4000-8000-000000000001', tenant_id, id FROM companies WHERE external_id = 'c1'`)
	got := h.revert(t, r.ID)
	require.Equal(t, Failed, got.Revert.Status)
	require.Nil(t, got.RevertedAt)
	require.Equal(t, []Reference{{To: "companies", Table: "contacts", Column: "company_id", Rows: 1, Keys: []string{"00000000-0000-4000-8000-000000000001"}}}, got.Revert.InTheWay)
	require.Equal(t, 2, h.companies(t))

	h.exec(t, `DELETE FROM contacts`)
	require.Equal(t, Completed, h.revert(t, r.ID).Revert.Status)
	require.Zero(t, h.companies(t))
}

func TestWhatCannotBeRevertedSaysWhy(t *testing.T) {
	t.Parallel()
	ctx, h := context.Background(), newHouse(t)
	refused := func(id uuid.UUID, why string) {
		t.Helper()
		_, err := h.Revert(ctx, h.p, id)
		require.Equal(t, fault.Conflict, fault.CodeOf(err), err)
		require.ErrorContains(t, err, why)
	}
	refused(h.run(t, h.start(t, document(1), Request{DryRun: true}).ID).ID, "wrote no rows")
	refused(h.run(t, h.start(t, "[]", Request{}).ID).ID, "failed")
	waiting := h.start(t, document(1), Request{})
	refused(waiting.ID, "pending")
	r := h.run(t, waiting.ID)
	refused(h.run(t, h.start(t, document(1), Request{}).ID).ID, "wrote no rows")
	_, err := h.Revert(ctx, h.p, uuid.New())
	require.ErrorIs(t, err, ErrNotFound)
	_, err = h.Revert(ctx, h.p, r.ID)
	require.NoError(t, err)
	refused(r.ID, "being reverted")

	h.older(t, r.ID)
	require.NoError(t, h.end(r.ID, Cancelled, "cancelled"))
	refused(r.ID, "could be reverted until")
	require.Equal(t, fault.Conflict, fault.CodeOf(h.reopen(r.ID)), "what it needs may be gone")
}

func TestWhatARestoreCouldBeRevertedByGoesAfterItsTime(t *testing.T) {
	t.Parallel()
	ctx, h := context.Background(), newHouse(t)
	h.exec(t, `INSERT INTO companies (tenant_id, external_id, name) VALUES ($1, 'c0', 'was')`, h.p.Tenant)
	old := h.run(t, h.start(t, document(1), Request{}).ID)
	asked := h.run(t, h.start(t, document(2), Request{}).ID)
	young := h.run(t, h.start(t, document(3), Request{}).ID)
	_, err := h.Revert(ctx, h.p, asked.ID)
	require.NoError(t, err)
	h.older(t, old.ID)
	h.older(t, asked.ID)
	notes, tables := h.kept(t)
	require.Equal(t, []int{3, 1}, []int{notes, tables})
	for range 2 { // also again
		require.NoError(t, h.Sweep(ctx))
		notes, tables = h.kept(t)
		require.Equal(t, []int{2, 0}, []int{notes, tables}, "one is being reverted, the other may be")
		require.Nil(t, h.shown(t, old.ID).RevertibleUntil)
	}
	require.Equal(t, Completed, h.run(t, asked.ID).Revert.Status)
	require.Equal(t, Completed, h.revert(t, young.ID).Revert.Status)
}

func TestFilesOfARevertedRestoreAreSweptUnlessARowNamesThem(t *testing.T) {
	t.Parallel()
	for _, named := range []bool{true, false} {
		ctx, h := context.Background(), newHouse(t)
		r := h.run(t, h.start(t, bundle(t, "the bytes"), Request{}).ID)
		require.Equal(t, Completed, r.Status, r.Error)
		if named {
			h.exec(t, `INSERT INTO files (tenant_id, filename, storage_key) SELECT tenant_id, 'a copy', storage_key FROM files`)
		}
		require.Equal(t, Completed, h.revert(t, r.ID).Revert.Status)
		h.older(t, r.ID)
		require.NoError(t, h.Sweep(ctx))
		require.Equal(t, named, len(h.objects(t, kindRestored)) == 1)
	}
}
