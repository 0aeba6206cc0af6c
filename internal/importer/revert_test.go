package importer

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"wharf/internal/fault"
	"wharf/internal/tenancy"
)

func (h *house) revert(t *testing.T, i Import) Import {
	t.Helper()
	got, err := h.Revert(context.Background(), h.p, i.ID)
	require.NoError(t, err)
	require.True(t, got.Reverting())
	return h.run(t, i.ID)
}

func TestRevertTakesBackWhatAnImportDid(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHouse(t)
	h.run(t, h.upload(t, Request{Table: "contacts"}, "external_id,first_name\n1,Ada\n2,Bob\n"))
	i := h.run(t, h.upload(t, Request{Table: "contacts"}, "external_id,first_name\n1,Adele\n2,Bill\n3,Cy\n4,Dee\n"))
	require.EqualValues(t, 2, i.NumUpdated)
	_, err := h.admin.Exec(ctx, `UPDATE contacts SET title = 'Dr' WHERE external_id IN ('2', '4')`)
	require.NoError(t, err)

	got := h.revert(t, i)
	require.Equal(t, Completed, got.Status)
	require.NotNil(t, got.RevertedAt)
	require.Equal(t, Completed, got.Revert.Status)
	require.EqualValues(t, []int64{1, 1, 2}, []int64{got.Revert.Deleted, got.Revert.Restored, got.Revert.NumLeft})
	require.Len(t, got.Revert.Left, 2)
	for ext, name := range map[string]string{"1": "Ada", "2": "Bill", "4": "Dee"} {
		require.Equal(t, 1, h.count(t, `SELECT count(*) FROM contacts WHERE external_id = $1 AND first_name = $2`, ext, name), ext)
	}
	require.Zero(t, h.count(t, `SELECT count(*) FROM contacts WHERE external_id = '3'`))
	_, err = h.Revert(ctx, h.p, i.ID)
	require.Equal(t, fault.Conflict, fault.CodeOf(err), "once")
}

func TestRevertNamesWhatStandsInTheWay(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHouse(t)
	i := h.run(t, h.upload(t, Request{Table: "companies"}, "external_id,name\n1,Acme\n2,Umbrella\n"))
	require.EqualValues(t, 2, i.NumCreated)
	h.run(t, h.upload(t, Request{Table: "contacts"}, "external_id,first_name,company_id\nc,Ada,1\n"))
	got := h.revert(t, i)
	require.Equal(t, Failed, got.Revert.Status)
	require.Nil(t, got.RevertedAt)
	require.NotEmpty(t, *got.Revert.Error)
	require.Equal(t, "contacts", got.Revert.InTheWay[0].Table)
	require.EqualValues(t, 1, got.Revert.InTheWay[0].Rows)
	require.Equal(t, 2, h.count(t, `SELECT count(*) FROM companies`), "nothing was undone")
	require.Equal(t, 1, h.count(t, `SELECT count(*) FROM contacts WHERE company_id IS NOT NULL`))

	until := func(shift string) {
		_, err := h.admin.Exec(ctx, `UPDATE wharf.imports SET revertible_until = revertible_until + $2::interval WHERE id = $1`, i.ID, shift)
		require.NoError(t, err)
	}
	again := func() error {
		return tenancy.Tx(ctx, h.cfg.DB, h.p, func(ctx context.Context, tx pgx.Tx) error { return h.Reopen(ctx, tx, h.p.Tenant, i.ID, 2) })
	}
	until("-1 year")
	require.Equal(t, fault.Conflict, fault.CodeOf(again()), "what it needs may be gone")
	until("1 year")
	require.NoError(t, again())
	require.Equal(t, Failed, h.run(t, i.ID).Revert.Status, "nothing has changed")

	_, err := h.admin.Exec(ctx, `UPDATE contacts SET company_id = NULL`)
	require.NoError(t, err)
	require.Equal(t, Completed, h.revert(t, i).Revert.Status, "it may be tried again")
	require.Zero(t, h.count(t, `SELECT count(*) FROM companies`))
}

func TestWhatWroteNothingCannotBeReverted(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHouse(t)
	dry := h.run(t, h.upload(t, Request{Table: "contacts", Mode: ModeDryRun}, "external_id\n1\n"))
	failed := h.run(t, h.upload(t, Request{Table: "contacts"}, "foo\n1\n"))
	for _, i := range []Import{dry, failed} {
		_, err := h.Revert(ctx, h.p, i.ID)
		require.Equal(t, fault.Conflict, fault.CodeOf(err))
	}
}
