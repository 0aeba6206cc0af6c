package exporter_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"wharf/internal/exporter"
	"wharf/internal/fault"
)

// made gives an export that has ended well.
func (d *desk) made(t *testing.T, req exporter.Request) exporter.Export {
	t.Helper()
	e, err := d.Start(t.Context(), d.p, exporter.Input{Request: req})
	require.NoError(t, err)
	require.NoError(t, d.work(t, e.ID))
	return d.export(t, e.ID)
}

func (d *desk) export(t *testing.T, id uuid.UUID) exporter.Export {
	t.Helper()
	e, err := d.Show(t.Context(), d.p, id)
	require.NoError(t, err)
	return e
}

func (d *desk) link(t *testing.T, id uuid.UUID) string {
	t.Helper()
	link, err := d.Download(t.Context(), d.p, id)
	require.NoError(t, err)
	return link
}

// asked sends a GET for a range of what the link leads to; "": all of it.
func asked(t *testing.T, link, bytes string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, link, nil)
	require.NoError(t, err)
	if bytes != "" {
		req.Header.Set("Range", "bytes="+bytes)
	}
	res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res, body
}

func TestLinkLeadsToTheWholeFileUnderItsNameAndToParts(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for format, extension := range map[string]string{
		exporter.FormatJSON: ".json", exporter.FormatJSONL: ".zip", exporter.FormatCSV: ".zip", exporter.FormatXLSX: ".xlsx",
	} {
		e := d.made(t, exporter.Request{Format: format})
		link := d.link(t, e.ID)
		res, whole := asked(t, link, "")
		require.Equal(t, http.StatusOK, res.StatusCode)
		require.Equal(t, `attachment; filename="acme-`+e.CreatedAt.UTC().Format(time.DateOnly)+extension+`"`, res.Header.Get("Content-Disposition"))
		require.EqualValues(t, e.Bytes, len(whole))
		sum := sha256.Sum256(whole)
		require.Equal(t, *e.SHA256, hex.EncodeToString(sum[:]))
		for asks, want := range map[string][]byte{"0-9": whole[:10], "7-": whole[7:], "-5": whole[len(whole)-5:]} {
			res, part := asked(t, link, asks)
			require.Equal(t, http.StatusPartialContent, res.StatusCode)
			require.Equal(t, want, part, asks)
		}
		_, again := asked(t, d.link(t, e.ID), "")
		require.Equal(t, whole, again, "another link to the same bytes")
	}
}

func TestDeletedExportEndsEveryLinkAtOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	e := d.made(t, exporter.Request{})
	links := []string{d.link(t, e.ID), d.link(t, e.ID)}
	require.NoError(t, d.Delete(t.Context(), d.p, e.ID))
	for _, link := range links {
		res, _ := asked(t, link, "")
		require.Equal(t, http.StatusNotFound, res.StatusCode)
	}
	d.gone(t, e)
	require.NoError(t, d.Delete(t.Context(), d.p, e.ID), "again")
}

// gone checks that the export's row is still there and tells what it was, while nobody gets the object.
func (d *desk) gone(t *testing.T, e exporter.Export) {
	t.Helper()
	_, err := d.Download(t.Context(), d.p, e.ID)
	require.Equal(t, fault.NotFound, fault.CodeOf(err))
	require.ErrorContains(t, err, "expired")
	now := d.export(t, e.ID)
	require.Equal(t, exporter.Expired, now.Status)
	require.NotContains(t, now.Links, "download")
	require.Equal(t, []any{e.NumRows, e.Bytes, e.SHA256, e.Tables}, []any{now.NumRows, now.Bytes, now.SHA256, now.Tables})
	require.EqualValues(t, 100, now.Progress.Percent, "it was whole")
	require.False(t, now.ExpiresAt.After(time.Now()))
	listed, err := d.List(t.Context(), d.p, exporter.Filter{Status: exporter.Expired, Limit: 10})
	require.NoError(t, err)
	require.Equal(t, []exporter.Export{now}, listed)
	listed, err = d.List(t.Context(), d.p, exporter.Filter{Status: exporter.Completed, Limit: 10})
	require.NoError(t, err)
	require.Empty(t, listed)
}

func TestExportEndsWithItsTimeAndItsObjectWithTheSweep(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	e := d.made(t, exporter.Request{Format: exporter.FormatCSV})
	link := d.link(t, e.ID)
	d.exec(t, `UPDATE wharf.exports SET expires_at = now() - interval '1 second'`)
	d.gone(t, e)
	require.Len(t, d.keys(t, d.p.Tenant.String()+"/"), 1, "the sweep has not come yet")
	require.NoError(t, d.Sweep(t.Context()))
	require.Empty(t, d.keys(t, d.p.Tenant.String()+"/"))
	res, _ := asked(t, link, "")
	require.Equal(t, http.StatusNotFound, res.StatusCode)
	d.gone(t, e)
}

func TestDeletionDoesNotWaitForTheSweep(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	e := d.made(t, exporter.Request{})
	d.exec(t, `UPDATE wharf.exports SET expires_at = now() - interval '1 second'`)
	require.NoError(t, d.Delete(t.Context(), d.p, e.ID))
	require.Empty(t, d.keys(t, d.p.Tenant.String()+"/"))
}

func TestNoLinkOutlivesItsExport(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	e := d.made(t, exporter.Request{})
	require.InDelta(t, 7*24, e.ExpiresAt.Sub(*e.CompletedAt).Hours(), 0.1)
	lives := func() int {
		u, err := url.Parse(d.link(t, e.ID))
		require.NoError(t, err)
		n, err := strconv.Atoi(u.Query().Get("X-Amz-Expires"))
		require.NoError(t, err)
		return n
	}
	require.Equal(t, int(d.app.Config.S3.LinkTTL.Seconds()), lives())
	d.exec(t, `UPDATE wharf.exports SET expires_at = now() + interval '30 seconds'`)
	require.LessOrEqual(t, lives(), 30)
	require.NotZero(t, lives())
}

func TestWarningsAreAListThoughThereAreNone(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	e := d.made(t, exporter.Request{})
	require.NotNil(t, e.Warnings)
	require.Equal(t, "[]", read[string](t, d, `SELECT warnings::text FROM wharf.exports`))
}

func TestAnotherTenantGetsNoLinkAndDeletesNothing(t *testing.T) {
	t.Parallel()
	ctx, d := context.Background(), newDesk(t)
	e := d.made(t, exporter.Request{})
	other := d.as(d.db.Tenant(t, "other"))
	_, err := other.Download(ctx, other.p, e.ID)
	require.ErrorIs(t, err, exporter.ErrNotFound)
	require.ErrorIs(t, other.Delete(ctx, other.p, e.ID), exporter.ErrNotFound)
	require.Len(t, d.keys(t, d.p.Tenant.String()+"/"), 1)
	require.Equal(t, `export.download started; export.download failed; export.delete started`, read[string](t, d,
		`SELECT string_agg(action || ' ' || outcome, '; ' ORDER BY id) FROM wharf.audit_log WHERE tenant_id = $1`, other.p.Tenant))
}

func TestWebhookOfAnExportIsToldHowItEnds(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	start := func() exporter.Export {
		e, err := d.Start(t.Context(), d.p, exporter.Input{WebhookURL: text("https://example.com/hook")})
		require.NoError(t, err)
		return e
	}
	done, lost, told := start(), start(), func(id uuid.UUID) map[string]any {
		return read[map[string]any](t, d, `SELECT payload::jsonb FROM wharf.deliveries WHERE owner_kind = 'export' AND owner_id = $1 AND url = 'https://example.com/hook'`, id)
	}
	require.Regexp(t, "^whsec_", done.WebhookSecret)
	require.NotEqual(t, done.WebhookSecret, lost.WebhookSecret)
	require.NoError(t, d.work(t, done.ID))
	d.end(t, lost.ID, exporter.Failed, "no more room")
	now := d.export(t, done.ID)
	require.Empty(t, now.WebhookSecret, "it is shown once")
	require.Equal(t, text("https://example.com/hook"), now.WebhookURL)
	m := told(done.ID)
	require.Equal(t, []any{"export.completed", "completed", done.ID.String(), nil, *now.SHA256}, []any{m["event"], m["status"], m["export_id"], m["schedule_id"], m["sha256"]})
	m = told(lost.ID)
	require.Equal(t, []any{"export.failed", "failed", lost.ID.String(), "no more room"}, []any{m["event"], m["status"], m["export_id"], m["error"]})
	d.made(t, exporter.Request{})
	require.Equal(t, 2, read[int](t, d, `SELECT count(*) FROM wharf.deliveries`), "who has none is told nothing")
	require.NotContains(t, read[string](t, d, `SELECT string_agg(w::text, '') FROM wharf.webhooks w`), done.WebhookSecret)
}

func TestWebhookThatCannotBeIsRefused(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "WHARF_WEBHOOK_ALLOW_PRIVATE=false")
	for _, url := range []string{"nope", "http://example.com/", "ftp://example.com", ""} {
		_, err := d.Start(t.Context(), d.p, exporter.Input{WebhookURL: &url})
		f, coded := fault.As(err)
		require.True(t, coded, "%q: %v", url, err)
		require.Equal(t, fault.Invalid, f.Code)
		require.Equal(t, "webhook_url", f.Fields[0].Field)
	}
	require.Empty(t, d.exports(t))
	require.Equal(t, 4, read[int](t, d, `SELECT count(*) FROM wharf.audit_log WHERE action = 'export.start'`))
}
