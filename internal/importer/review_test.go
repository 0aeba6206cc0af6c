package importer

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"wharf/internal/fault"
	"wharf/internal/tenancy"
)

// What the reader found wrong looks good to the row program: a cell that nobody wrote anew stays wrong.
func TestMendingOneCellKeepsWhatIsWrongWithTheOthers(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHouse(t)
	imp := h.contacts(t, "")
	id := h.upload(t, Request{ImporterID: &imp.ID, Mode: ModeReview},
		"external_id,first_name,email\n1,nul\x00x,bad\n2,Ann,bad,surplus,more\n3,\"quo\"ted\",bad\n")
	require.Equal(t, Review, h.run(t, id).Status)
	good, name := "good@example.com", "New"
	for _, line := range []int64{2, 3, 4} {
		row, err := h.Amend(ctx, h.p, id, line, map[string]*string{"email": &good})
		require.NoError(t, err)
		require.Len(t, row.Errors, 1, "row %d: %v", line, row.Errors)
	}
	for _, line := range []int64{2, 4} {
		row, err := h.Amend(ctx, h.p, id, line, map[string]*string{"first_name": &name})
		require.NoError(t, err)
		require.Empty(t, row.Errors, "row %d: what was wrong was written anew", line)
	}
}

func TestReviewShowsEncryptedFieldsToThoseWhoMaySeeThem(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHouse(t)
	file := "email,phone\nrita@example.com,not a phone\nno address,\n"
	imp := h.importer(t, `{"name": "x", "destination": {"kind": "table", "table": "customers"},
		"fields": [{"name": "email", "type": "email"}, {"name": "phone", "type": "text"}]}`)
	id := h.upload(t, Request{ImporterID: &imp.ID, Mode: ModeReview}, file)
	require.Equal(t, Review, h.run(t, id).Status)
	done := h.upload(t, Request{ImporterID: &imp.ID}, file)
	h.run(t, done)
	member := tenancy.Principal{Tenant: h.p.Tenant, Actor: "member", Role: tenancy.Member}
	for _, c := range []struct {
		p     tenancy.Principal
		shown string
	}{{h.p, "rita@example.com"}, {member, withheld}} {
		rows, err := h.Rows(ctx, c.p, id, "all", 0, 1)
		require.NoError(t, err)
		require.Equal(t, c.shown, rows[0].Values["email"])
	}
	_, err := h.ErrorsLink(ctx, member, done)
	require.ErrorIs(t, err, tenancy.ErrForbidden)
	_, err = h.ErrorsLink(ctx, h.p, done)
	require.NoError(t, err)
	own := member
	own.Actor = h.p.Actor
	_, err = h.ErrorsLink(ctx, own, done)
	require.NoError(t, err, "who brought the file has it")
}

func TestWhatAnExportShowsInPlaceOfASecretIsNoSecret(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	req := Request{Table: "webhooks"}
	h.run(t, h.upload(t, req, "name,url,secret\nHook,https://ex.example/h,sekrit\n"))
	req.Match = []string{"url"}
	got := h.run(t, h.upload(t, req, "name,url,secret\nHook,https://ex.example/h,[redacted on export]\n"))
	require.Equal(t, Completed, got.Status, got.Error)
	require.Equal(t, 1, h.count(t, `SELECT count(*) FROM webhooks WHERE secret = 'sekrit'`))
	require.Zero(t, h.count(t, `SELECT count(*) FROM webhooks WHERE secret LIKE '%redacted%'`))
	req.Blank = "clear"
	got = h.run(t, h.upload(t, req, "name,url,secret\nHook,https://ex.example/h,[redacted on export]\n"))
	require.EqualValues(t, 1, got.NumErrors)
	require.Equal(t, "secret", got.Errors[0].Field)
}

func TestWebhooksAreForThoseWhoManage(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHouse(t)
	imp := h.contacts(t, "")
	member := tenancy.Principal{Tenant: h.p.Tenant, Actor: "member", Role: tenancy.Member}
	var in Input
	url := "https://example.com/evil"
	in.WebhookURL = optional[string]{set: true, value: &url}
	_, err := h.Update(ctx, member, imp.ID, in)
	require.Equal(t, fault.Forbidden, fault.CodeOf(err))
	_, err = h.Update(ctx, h.p, imp.ID, in)
	require.NoError(t, err)
	name := "Renamed"
	_, err = h.Update(ctx, member, imp.ID, Input{Name: &name})
	require.NoError(t, err)
}
