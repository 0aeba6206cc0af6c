package importer

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"wharf/internal/fault"
	"wharf/internal/tenancy"
)

const contactsFile = "external_id,first_name,email\n1,Ada,ada@example.com\n2,Bob,no address\n3,Cy,cy@example.com\n"

// contactImporter goes into contacts and checks e-mail addresses.
const contactImporter = `{"name": "Contacts", "destination": {"kind": "table", "table": "contacts"}, "fields": [
	{"name": "external_id", "type": "text", "validators": [{"type": "required"}]}, {"name": "first_name", "type": "text"},
	{"name": "email", "type": "email"}]%s}`

func (h *house) count(t *testing.T, sql string, args ...any) (n int) {
	t.Helper()
	require.NoError(t, h.admin.QueryRow(context.Background(), sql, args...).Scan(&n))
	return n
}

func (h *house) contacts(t *testing.T, options string) Importer {
	t.Helper()
	return h.importer(t, strings.Replace(contactImporter, "%s", options, 1))
}

func TestDryRunCountsWhatACommitWouldDoAndWritesNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	imp := h.contacts(t, "")
	dry := h.run(t, h.upload(t, Request{ImporterID: &imp.ID, Mode: ModeDryRun}, contactsFile))
	require.Equal(t, Completed, dry.Status)
	require.Zero(t, h.count(t, `SELECT count(*) FROM contacts`))
	require.Nil(t, dry.RevertibleUntil)
	require.Contains(t, dry.Links, "errors")

	real := h.run(t, h.upload(t, Request{ImporterID: &imp.ID}, contactsFile))
	require.Equal(t, 2, h.count(t, `SELECT count(*) FROM contacts`))
	for _, i := range []Import{dry, real} {
		require.EqualValues(t, []int64{3, 1, 2, 0, 0, 1}, []int64{i.NumRows, i.NumErrors, i.NumCreated, i.NumUpdated, i.NumUnchanged, i.NumSkipped})
	}
	require.Equal(t, dry.Errors, real.Errors)
	require.NotNil(t, real.RevertibleUntil)
}

func TestReviewWaitsIsMendedAndGoesOn(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHouse(t)
	imp := h.contacts(t, "")
	id := h.upload(t, Request{ImporterID: &imp.ID, Mode: ModeReview}, contactsFile)
	got := h.run(t, id)
	require.Equal(t, Review, got.Status)
	require.EqualValues(t, 3, got.NumRows)
	require.EqualValues(t, 1, got.NumErrors)
	require.Zero(t, h.count(t, `SELECT count(*) FROM contacts`))

	wrong, err := h.Rows(ctx, h.p, id, "invalid", 0, 10)
	require.NoError(t, err)
	require.Len(t, wrong, 1)
	require.Equal(t, "no address", wrong[0].Values["email"])
	require.EqualValues(t, 3, wrong[0].Row)
	require.Equal(t, "email", wrong[0].Errors[0].Field)
	page, err := h.Rows(ctx, h.p, id, "all", 2, 1)
	require.NoError(t, err)
	require.EqualValues(t, 3, page[0].Row)

	still, better := "still none", "bob@example.com"
	row, err := h.Amend(ctx, h.p, id, 3, map[string]*string{"email": &still})
	require.NoError(t, err)
	require.Len(t, row.Errors, 1, "a mended row is checked")
	_, err = h.Amend(ctx, h.p, id, 3, map[string]*string{"nosuch": &better})
	require.Equal(t, fault.Invalid, fault.CodeOf(err))
	_, err = h.Amend(ctx, h.p, id, 99, map[string]*string{"email": &better})
	require.Equal(t, fault.NotFound, fault.CodeOf(err))
	row, err = h.Amend(ctx, h.p, id, 3, map[string]*string{"email": &better})
	require.NoError(t, err)
	require.Empty(t, row.Errors)
	require.Equal(t, "Bob", row.Values["first_name"])
	shown, err := h.Show(ctx, h.p, id)
	require.NoError(t, err)
	require.Zero(t, shown.NumErrors)
	require.Empty(t, shown.Errors)

	_, err = h.Confirm(ctx, h.p, id)
	require.NoError(t, err)
	got = h.run(t, id)
	require.Equal(t, Completed, got.Status)
	require.EqualValues(t, 3, got.NumCreated)
	require.Equal(t, 1, h.count(t, `SELECT count(*) FROM contacts WHERE email = 'bob@example.com' AND external_id = '2'`))
	_, err = h.Rows(ctx, h.p, id, "all", 0, 1)
	require.Equal(t, fault.Conflict, fault.CodeOf(err), "there is nothing to review any more")
}

func TestReviewOfAmbiguousDatesReadsMendedOnesAsTheOthers(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHouse(t)
	imp := h.importer(t, `{"name": "Deals", "fields": [{"name": "closes", "type": "date"}, {"name": "amount", "type": "number"}]}`)
	id := h.upload(t, Request{ImporterID: &imp.ID, Mode: ModeReview}, "closes,amount\n13/02/2024,\"1.234,5\"\n03/04/2024,\"7,25\"\nsoon,1\n")
	require.Equal(t, Review, h.run(t, id).Status)
	date, amount := "05/06/2024", "2.000,5"
	row, err := h.Amend(ctx, h.p, id, 4, map[string]*string{"closes": &date, "amount": &amount})
	require.NoError(t, err)
	require.Empty(t, row.Errors)
	require.Equal(t, map[string]string{"closes": "2024-06-05", "amount": "2000.5"}, row.Values)
	kept, err := h.Amend(ctx, h.p, id, 3, map[string]*string{"amount": &amount})
	require.NoError(t, err)
	require.Equal(t, "2024-04-03", kept.Values["closes"], "a cell that was good is not read anew")
}

func TestReviewCanBeGivenUp(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHouse(t)
	id := h.upload(t, Request{Table: "contacts", Mode: ModeReview}, contactsFile)
	require.Equal(t, Review, h.run(t, id).Status)
	got, err := h.Abandon(ctx, h.p, id)
	require.NoError(t, err)
	require.Equal(t, Cancelled, got.Status)
	require.Zero(t, h.count(t, `SELECT count(*) FROM pg_tables WHERE schemaname = 'wharf_staging'`))
	_, err = h.Confirm(ctx, h.p, id)
	require.Equal(t, fault.Conflict, fault.CodeOf(err))
}

func TestReviewIsOneTenantsOwn(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHouse(t)
	id := h.upload(t, Request{Table: "contacts", Mode: ModeReview}, contactsFile)
	require.Equal(t, Review, h.run(t, id).Status)
	other := tenancy.Principal{Tenant: h.other, Actor: "thief", Role: tenancy.Owner}
	_, err := h.Rows(ctx, other, id, "all", 0, 10)
	require.ErrorIs(t, err, ErrImportNotFound)
	_, err = h.Amend(ctx, other, id, 2, nil)
	require.ErrorIs(t, err, ErrImportNotFound)
	_, err = h.Confirm(ctx, other, id)
	require.ErrorIs(t, err, ErrImportNotFound)
	_, err = h.Abandon(ctx, other, id)
	require.ErrorIs(t, err, ErrImportNotFound)
	_, err = h.Revert(ctx, other, id)
	require.ErrorIs(t, err, ErrImportNotFound)
	_, err = h.ErrorsLink(ctx, other, id)
	require.ErrorIs(t, err, ErrImportNotFound)
}

func TestConfirmedReviewThatFailedKeepsWhatWasMended(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHouse(t)
	id := h.upload(t, Request{Table: "contacts", Mode: ModeReview}, contactsFile)
	require.Equal(t, Review, h.run(t, id).Status)
	name := "Robert"
	_, err := h.Amend(ctx, h.p, id, 3, map[string]*string{"first_name": &name})
	require.NoError(t, err)
	_, err = h.Confirm(ctx, h.p, id)
	require.NoError(t, err)
	inTenant := func(fn func(ctx context.Context, tx pgx.Tx) error) {
		require.NoError(t, tenancy.Tx(ctx, h.cfg.DB, h.p, fn))
	}
	inTenant(func(ctx context.Context, tx pgx.Tx) error {
		return h.End(ctx, tx, h.p.Tenant, id, Failed, "the database was away")
	})
	require.NoError(t, h.Sweep(ctx))
	inTenant(func(ctx context.Context, tx pgx.Tx) error { return h.Reopen(ctx, tx, h.p.Tenant, id, 2) })
	require.Equal(t, Completed, h.run(t, id).Status)
	require.Equal(t, 1, h.count(t, `SELECT count(*) FROM contacts WHERE first_name = 'Robert'`))
}

func TestConfirmedReviewThatHeldInvalidRowsIsReviewedAgainWhenRetried(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHouse(t)
	disable := true
	id := h.upload(t, Request{Table: "contacts", Mode: ModeReview, Disable: &disable}, "external_id\n1\n1\n")
	require.Equal(t, Review, h.run(t, id).Status)
	_, err := h.Confirm(ctx, h.p, id)
	require.NoError(t, err)
	require.Equal(t, Failed, h.run(t, id).Status)
	require.NoError(t, tenancy.Tx(ctx, h.cfg.DB, h.p, func(ctx context.Context, tx pgx.Tx) error {
		return h.Reopen(ctx, tx, h.p.Tenant, id, 2)
	}))
	got := h.run(t, id)
	require.Equal(t, Review, got.Status)
	require.EqualValues(t, 2, got.NumRows)
}

func TestColumnsWithoutAFieldAreKept(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	file := "external_id,First Name,Shoe Size (EU),Shoe-size EU,\n1,Ada,38,x,\n2,Bob,,,z\n"
	imp := h.importer(t, `{"name": "x", "include_unmatched_columns": true,
		"fields": [{"name": "external_id", "type": "text"}, {"name": "first_name", "type": "text"}]}`)
	id := h.upload(t, Request{ImporterID: &imp.ID}, file)
	require.Equal(t, Completed, h.run(t, id).Status)
	require.Equal(t, [][]string{
		{"external_id", "first_name", "shoe_size_eu", "shoe_size_eu_2", "e", "errors"},
		{"1", "Ada", "38", "x", "", ""},
		{"2", "Bob", "", "", "z", ""},
	}, h.result(t, id))

	imp = h.contacts(t, `, "include_unmatched_columns": true`)
	id = h.upload(t, Request{ImporterID: &imp.ID}, file)
	got := h.run(t, id)
	require.Equal(t, Completed, got.Status)
	require.Equal(t, 1, h.count(t, `SELECT count(*) FROM contacts WHERE data = '{"shoe_size_eu": "38", "shoe_size_eu_2": "x"}' AND external_id = '1'`))
	require.Equal(t, 1, h.count(t, `SELECT count(*) FROM contacts WHERE data = '{"e": "z"}' AND external_id = '2'`))
	again := h.run(t, h.upload(t, Request{ImporterID: &imp.ID}, "external_id,hat\n1,M\n2,\n"))
	require.EqualValues(t, 1, again.NumUpdated)
	require.EqualValues(t, 1, again.NumUnchanged)
	require.Equal(t, 1, h.count(t, `SELECT count(*) FROM contacts WHERE data = '{"shoe_size_eu": "38", "shoe_size_eu_2": "x", "hat": "M"}'`))
}

func TestConfirmedMappingIsRemembered(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	imp := h.contacts(t, "")
	field, id := "first_name", "external_id"
	asked := map[string]*string{"Column One": &id, "Nick": &field}
	got := h.run(t, h.upload(t, Request{ImporterID: &imp.ID, Mapping: asked}, "Column One,Nick\n1,Ada\n"))
	require.Equal(t, Completed, got.Status)
	got = h.run(t, h.upload(t, Request{ImporterID: &imp.ID}, "Nick,Column One\nBob,2\n"))
	require.Equal(t, Completed, got.Status, "the same headers in another order")
	require.Equal(t, 1, h.count(t, `SELECT count(*) FROM contacts WHERE external_id = '2' AND first_name = 'Bob'`))
	got = h.run(t, h.upload(t, Request{ImporterID: &imp.ID}, "Nick,Column One,x\nBob,2,3\n"))
	require.Equal(t, Failed, got.Status, "other headers are another file")
	title := "first_name"
	h.p.Importer, h.p.Actor = &imp.ID, "embed:x"
	visitor := h.upload(t, Request{ImporterID: &imp.ID, Mapping: map[string]*string{"Column One": &id, "Nick": nil, "Title": &title}}, "Column One,Nick,Title\n7,Eve,Dr\n")
	require.Equal(t, Completed, h.run(t, visitor).Status)
	h.p.Importer, h.p.Actor = nil, "test"
	got = h.run(t, h.upload(t, Request{ImporterID: &imp.ID}, "Column One,Nick,Title\n8,Eve,Dr\n"))
	require.Equal(t, Failed, got.Status, "what a visitor chose is the visitor's")
	other := h.contacts(t, "")
	got = h.run(t, h.upload(t, Request{ImporterID: &other.ID}, "Nick,Column One\nBob,2\n"))
	require.Equal(t, Failed, got.Status, "another importer has its own")
}

func TestDuplicateFilesAreToldAndNotBlocked(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	imp := h.contacts(t, "")
	first := h.run(t, h.upload(t, Request{ImporterID: &imp.ID}, contactsFile))
	require.Nil(t, first.DuplicateOf)
	again := h.run(t, h.upload(t, Request{ImporterID: &imp.ID, FileName: "renamed.csv"}, contactsFile))
	require.Equal(t, Completed, again.Status)
	require.Equal(t, first.ID, *again.DuplicateOf)
	elsewhere := h.run(t, h.upload(t, Request{Table: "contacts"}, contactsFile))
	require.Nil(t, elsewhere.DuplicateOf, "another way to the table is another matter")
}

func TestWebhookIsToldHowAnImportBeganAndEnded(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const hook = `, "webhook_url": "https://example.com/hook", "webhook_enabled": true, "include_data_in_webhook": true, "webhook_data_sample_size": 1`
	imp := h.contacts(t, hook)
	require.Equal(t, "whsec_x", imp.WebhookSecret)
	good := h.run(t, h.upload(t, Request{ImporterID: &imp.ID}, contactsFile))
	bad := h.run(t, h.upload(t, Request{ImporterID: &imp.ID}, "foo\n1\n"))
	h.run(t, h.upload(t, Request{ImporterID: &imp.ID, Mode: ModeDryRun}, contactsFile))
	told := h.hooks.told(t)
	require.Len(t, told, 4, "a dry run is nobody's news")
	require.Equal(t, "import.started", told[0]["event"])
	require.Equal(t, "import.completed", told[1]["event"])
	require.Equal(t, good.ID.String(), told[1]["import_id"])
	require.EqualValues(t, 3, told[1]["num_rows"])
	require.Equal(t, []any{map[string]any{"external_id": "1", "first_name": "Ada", "email": "ada@example.com"}}, told[1]["data"])
	require.Equal(t, "import.started", told[2]["event"])
	require.Equal(t, "import.failed", told[3]["event"])
	require.Equal(t, bad.ID.String(), told[3]["import_id"])
	require.Contains(t, told[3]["error"], "foo")
}
