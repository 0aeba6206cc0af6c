package importer

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"wharf/internal/fault"
	"wharf/internal/objectstore"
	"wharf/internal/tenancy"
)

// older makes an import look two hours older: all its times have passed then.
func (h *house) older(t *testing.T, id uuid.UUID) {
	t.Helper()
	_, err := h.admin.Exec(context.Background(), `UPDATE wharf.imports SET created_at = created_at - interval '2 hours',
completed_at = completed_at - interval '2 hours', revertible_until = revertible_until - interval '2 hours' WHERE id = $1`, id)
	require.NoError(t, err)
}

func TestWhatHasPassedItsTimeGoes(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHouse(t)
	old := h.run(t, h.upload(t, Request{Table: "contacts"}, contactsFile+"1,Again,x@example.com\n"))
	young := h.run(t, h.upload(t, Request{Table: "contacts"}, contactsFile+"1,Once more,x@example.com\n"))
	review := h.upload(t, Request{Table: "contacts", Mode: ModeReview}, contactsFile)
	require.Equal(t, Review, h.run(t, review).Status)
	undo := func() int { return h.count(t, `SELECT count(*) FROM wharf.undo WHERE import_id = $1`, old.ID) }
	require.Equal(t, 1, undo())
	require.NoError(t, h.Sweep(ctx))
	require.Contains(t, old.Links, "errors")
	require.NotEmpty(t, h.report(t, old.ID), "nothing is that old")
	before, err := h.row(ctx, h.p, old.ID)
	require.NoError(t, err)

	h.older(t, old.ID)
	h.older(t, review)
	require.NoError(t, h.Sweep(ctx))
	require.NoError(t, h.Sweep(ctx), "again")
	for _, key := range []string{before.FileKey, *before.ErrorsKey} {
		_, err := h.cfg.Objects.Head(ctx, key)
		require.ErrorIs(t, err, objectstore.ErrNotFound)
	}
	_, err = h.ErrorsLink(ctx, h.p, old.ID)
	require.Equal(t, fault.Conflict, fault.CodeOf(err))
	require.Zero(t, undo())
	_, err = h.Revert(ctx, h.p, old.ID)
	require.Equal(t, fault.Conflict, fault.CodeOf(err))
	gone, err := h.Show(ctx, h.p, review)
	require.NoError(t, err)
	require.Equal(t, Cancelled, gone.Status)
	require.Zero(t, h.count(t, `SELECT count(*) FROM pg_tables WHERE schemaname = 'wharf_staging'`))
	require.NotEmpty(t, h.report(t, young.ID))
}

func TestStagingOfNobodyIsSwept(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHouse(t)
	review := h.upload(t, Request{Table: "contacts", Mode: ModeReview}, contactsFile)
	require.Equal(t, Review, h.run(t, review).Status)
	ended := h.run(t, h.upload(t, Request{Table: "contacts"}, contactsFile))
	require.NoError(t, pgx.BeginFunc(ctx, h.cfg.Pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `CREATE TABLE wharf_staging.`+pgx.Identifier{stagingPrefix(ended.ID) + "lost"}.Sanitize()+` ();
CREATE TABLE wharf_staging.`+pgx.Identifier{stagingPrefix(uuid.New()) + "lost"}.Sanitize()+` (); CREATE TABLE wharf_staging.other ()`)
		return err
	}))
	require.NoError(t, h.Sweep(ctx))
	require.Equal(t, 2, h.count(t, `SELECT count(*) FROM pg_tables WHERE schemaname = 'wharf_staging' AND tablename NOT LIKE 'u\_%'`),
		"the review's, and one that is no import's")
	_, err := h.Rows(ctx, h.p, review, "all", 0, 1)
	require.NoError(t, err)
}

func TestImportsKnowTheirObjects(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHouse(t)
	imp := h.importer(t, `{"name": "x", "fields": [{"name": "email", "type": "email"}]}`)
	i := h.run(t, h.upload(t, Request{ImporterID: &imp.ID}, "email\nx\n"))
	r, err := h.row(ctx, h.p, i.ID)
	require.NoError(t, err)
	owners := h.Owners()
	for kind, key := range map[string]string{kindFile: r.FileKey, kindResult: *r.ResultKey, kindErrors: *r.ErrorsKey} {
		known, err := owners[kind](ctx, h.p.Tenant, []string{key, "lost"})
		require.NoError(t, err)
		require.Equal(t, []string{key}, known, kind)
		known, err = owners[kind](ctx, h.other, []string{key})
		require.NoError(t, err)
		require.Empty(t, known, "another tenant knows nothing of it")
		known, err = owners[kind](ctx, uuid.New(), []string{key})
		require.NoError(t, err)
		require.Equal(t, []string{key}, known, "what is another installation's stays")
	}
}

func TestAFileThatIsNotKeptCannotBeReadAgain(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHouse(t)
	i := h.run(t, h.upload(t, Request{Table: "contacts"}, "foo\n1\n"))
	require.Equal(t, Failed, i.Status)
	h.older(t, i.ID)
	require.NoError(t, h.Sweep(ctx))
	require.NoError(t, tenancy.Tx(ctx, h.cfg.DB, h.p, func(ctx context.Context, tx pgx.Tx) error {
		return h.Reopen(ctx, tx, h.p.Tenant, i.ID, 2)
	}))
	got := h.run(t, i.ID)
	require.Equal(t, Failed, got.Status)
	require.Contains(t, *got.Error, "not kept any more")
}
