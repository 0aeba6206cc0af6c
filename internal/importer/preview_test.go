package importer

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wharf/internal/fault"
	"wharf/internal/mapping"
	"wharf/internal/objectstore"
	"wharf/internal/tenancy"
)

func (h *house) preview(t *testing.T, req Request, content string) Preview {
	t.Helper()
	ctx := context.Background()
	u, err := h.StoreUpload(ctx, h.p, "file.csv", strings.NewReader(content))
	require.NoError(t, err)
	req.Upload = &u.ID
	got, err := h.Preview(ctx, h.p, req)
	require.NoError(t, err)
	return got
}

func TestPreviewTellsWhatAnImportWouldBeginWith(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHouse(t)
	imp := h.contacts(t, "")
	got := h.preview(t, Request{ImporterID: &imp.ID}, "external_id;E-Mail;Hat\n1;ada@example.com;M\n2;no address;M\n")
	require.Equal(t, ";", got.File.Delimiter)
	require.Equal(t, "csv", got.File.Format)
	require.Len(t, got.Columns, 3)
	require.Equal(t, mapping.Exact, got.Columns[0].Reason)
	require.Equal(t, "email", *got.Columns[1].Field)
	require.Greater(t, got.Columns[1].Confidence, 0.5)
	require.Nil(t, got.Columns[2].Field)
	require.Equal(t, []string{"M"}, got.Columns[2].Samples)
	require.Nil(t, got.Mapping["Hat"])
	require.Len(t, got.Rows, 2)
	require.EqualValues(t, 3, got.Rows[1].Row)
	require.Equal(t, "email", got.Rows[1].Errors[0].Field)
	require.Empty(t, got.Problems)
	require.Zero(t, h.count(t, `SELECT count(*) FROM wharf.imports`), "nothing is created")

	id := got.UploadID
	req := Request{ImporterID: &imp.ID, Upload: &id}
	started, err := h.Start(ctx, h.p, req, objectstore.Object{})
	require.NoError(t, err)
	require.Equal(t, Completed, h.run(t, started.ID).Status, "the file need not be sent again")
}

func TestPreviewSaysWhatKeepsAnImportFromBeginning(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	imp := h.contacts(t, "")
	got := h.preview(t, Request{ImporterID: &imp.ID}, "Hat\nM\n")
	require.NotEmpty(t, got.Problems)
	require.Empty(t, got.Rows)
	require.Equal(t, "Hat", got.Columns[0].Header)
}

func TestPreviewShowsAConfirmedMapping(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	imp := h.contacts(t, "")
	field := "external_id"
	asked := map[string]*string{"Nr": &field}
	got := h.preview(t, Request{ImporterID: &imp.ID, Mapping: asked}, "Nr\n1\n")
	require.Equal(t, given, got.Columns[0].Reason)
	require.Equal(t, Completed, h.run(t, h.upload(t, Request{ImporterID: &imp.ID, Mapping: asked}, "Nr\n1\n")).Status)
	got = h.preview(t, Request{ImporterID: &imp.ID}, "Nr\n1\n")
	require.Equal(t, remembered, got.Columns[0].Reason)
	require.Equal(t, "external_id", *got.Columns[0].Field)
}

func TestPreviewReadsAmbiguousCellsByTheirColumn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	imp := h.importer(t, `{"name": "x", "fields": [{"name": "day", "type": "date"}]}`)
	got := h.preview(t, Request{ImporterID: &imp.ID}, "day\n03/04/2024\n13/02/2024\n")
	require.Equal(t, "2024-04-03", got.Rows[0].Values["day"])
	require.Equal(t, "dmy", got.File.Decisions[0].Value)
}

func TestPreviewOfAnothersUploadIsNotFound(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHouse(t)
	u, err := h.StoreUpload(ctx, h.p, "a.csv", strings.NewReader("email\n"))
	require.NoError(t, err)
	_, err = h.Preview(ctx, tenancy.Principal{Tenant: h.other, Actor: "thief", Role: tenancy.Owner}, Request{Table: "contacts", Upload: &u.ID})
	require.Equal(t, fault.NotFound, fault.CodeOf(err))
}
