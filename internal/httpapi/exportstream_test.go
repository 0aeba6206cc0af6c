package httpapi_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wharf/internal/app"
	"wharf/internal/config"
	"wharf/internal/httpapi"
	"wharf/internal/tenancy"
)

// streamed is one of the two documents that come as a stream.
type streamed struct{ path, action, prefix string }

var streams = map[string]streamed{
	"export": {"/api/data-export", "export.stream", ""},
	"dump":   {"/export", "export.dump", "wharf-"},
}

// open asks for the stream, and gives the answer with its body unread. Nothing is unpacked on the way.
func (s streamed) open(t *testing.T, ctx context.Context, n tenant, key, method, accept string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, method, "http://"+n.address+s.path, nil)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+key)
	if accept != "" {
		req.Header.Set("Accept-Encoding", accept)
	}
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	res, err := (&http.Client{Transport: transport}).Do(req)
	require.NoError(t, err)
	t.Cleanup(func() { _ = res.Body.Close() })
	return res
}

const largeTable = `
	CREATE TABLE public.large (id int, tenant_id uuid NOT NULL, word text NOT NULL);
	GRANT SELECT ON public.large TO wharf_service`

// fill gives the tenant n rows of some 500 bytes.
func (n tenant) fill(t *testing.T, rows int) {
	t.Helper()
	n.exec(t, `INSERT INTO large SELECT i, $1, md5(i::text) || repeat('x', 450) FROM generate_series(1, $2) i`, n.id, rows)
}

// running counts the statements of exports that Postgres works on.
func (h *house) running(t *testing.T) int {
	return scan[int](t, h, `SELECT count(*)::int FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%"large" x%' AND state <> 'idle' AND pid <> pg_backend_pid()`)
}

func TestExportStreams(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.exec(t, largeTable)
	for name, test := range map[string]func(t *testing.T, n tenant, s streamed){
		"whole, to whoever takes it as it is":   streamIsWhole,
		"packed, to whoever takes gzip":         streamIsPacked,
		"the header alone, and reads nothing":   streamIsNotReadForItsHeader,
		"under the roles and limits of exports": streamIsRefused,
	} {
		for which, s := range streams {
			t.Run(which+" "+name, func(t *testing.T) {
				t.Parallel()
				test(t, h.newTenant(t, "stream"), s)
			})
		}
	}
}

// wholeDocument reads a document that has large's 3000 rows and ends as it should.
func wholeDocument(t *testing.T, body io.Reader) {
	t.Helper()
	var doc struct {
		Scope  string
		Large  []struct{ ID int }
		Counts map[string]int
	}
	dec := json.NewDecoder(body)
	require.NoError(t, dec.Decode(&doc))
	rest, err := io.ReadAll(io.MultiReader(dec.Buffered(), body))
	require.NoError(t, err, "the body ends as it should")
	require.Equal(t, "\n", string(rest))
	require.Equal(t, "full", doc.Scope)
	require.Len(t, doc.Large, 3000)
	require.Equal(t, 3000, doc.Counts["large"])
}

func (n tenant) audited(t *testing.T) string {
	t.Helper()
	return scan[string](t, n.house, `SELECT string_agg(concat_ws(' ', action, outcome, scope ->> 'rows'), '; ' ORDER BY id) FROM wharf.audit_log WHERE tenant_id = $1`, n.id)
}

func streamIsWhole(t *testing.T, n tenant, s streamed) {
	n.fill(t, 3000)
	res := s.open(t, t.Context(), n, n.key, http.MethodGet, "br, gzip;q=0")
	require.Equal(t, http.StatusOK, res.StatusCode)
	require.Equal(t, "application/json", res.Header.Get("Content-Type"))
	require.Empty(t, res.Header.Get("Content-Encoding"))
	require.Equal(t, []string{"chunked"}, res.TransferEncoding)
	require.Regexp(t, `^attachment; filename="`+s.prefix+n.slug+`-20\d\d-\d\d-\d\d\.json"$`, res.Header.Get("Content-Disposition"))
	wholeDocument(t, res.Body)
	require.Equal(t, s.action+" started; "+s.action+" done 3000", n.audited(t))
}

func streamIsPacked(t *testing.T, n tenant, s streamed) {
	n.fill(t, 3000)
	res := s.open(t, t.Context(), n, n.key, http.MethodGet, "deflate, GZIP;q=0.5")
	require.Equal(t, "gzip", res.Header.Get("Content-Encoding"))
	require.Equal(t, "Accept-Encoding", res.Header.Get("Vary"))
	body, err := gzip.NewReader(res.Body)
	require.NoError(t, err)
	wholeDocument(t, body)
}

func streamIsNotReadForItsHeader(t *testing.T, n tenant, s streamed) {
	res := s.open(t, t.Context(), n, n.key, http.MethodHead, "")
	require.Equal(t, http.StatusOK, res.StatusCode)
	require.Equal(t, "application/json", res.Header.Get("Content-Type"))
	require.Zero(t, scan[int](t, n.house, `SELECT count(*) FROM wharf.audit_log WHERE tenant_id = $1`, n.id))
}

func streamIsRefused(t *testing.T, n tenant, s streamed) {
	res := s.open(t, t.Context(), n, n.newKey(t, tenancy.Member), http.MethodGet, "")
	require.Equal(t, http.StatusForbidden, res.StatusCode)
	require.Equal(t, s.action+" denied", n.audited(t))

	limited := *n.house
	cfg := n.cfg
	cfg.Rates = app.Rates(config.Rates{ExportStarts: 1, ImportStarts: 9, RestoreStarts: 9, UploadStarts: 9, Requests: 99, Failures: 9})
	limited.serve(t, cfg)
	n.house = &limited
	require.Equal(t, http.StatusOK, s.open(t, t.Context(), n, n.key, http.MethodGet, "").StatusCode)
	again := s.open(t, t.Context(), n, n.key, http.MethodGet, "")
	require.Equal(t, http.StatusTooManyRequests, again.StatusCode)
	require.NotEmpty(t, again.Header.Get("Retry-After"))
	require.True(t, strings.HasSuffix(n.audited(t), s.action+" limited"), n.audited(t))
}

// TestExportThatBreaksHalfwayHasNoEnd has a policy that fails at a row behind the first megabytes.
func TestExportThatBreaksHalfwayHasNoEnd(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.exec(t, largeTable)
	n := h.newTenant(t, "stream")
	n.fill(t, 20_000)
	h.exec(t, `CREATE POLICY broken ON large USING (1 / (id - 15000) < 2); ALTER TABLE large ENABLE ROW LEVEL SECURITY`)
	for _, s := range streams {
		for _, accept := range []string{"", "gzip"} {
			res := s.open(t, t.Context(), n, n.key, http.MethodGet, accept)
			require.Equal(t, http.StatusOK, res.StatusCode)
			body, err := io.ReadAll(res.Body)
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
			require.Greater(t, len(body), 50_000)
		}
		require.Contains(t, n.audited(t), s.action+" started; "+s.action+" failed")
	}
}

// TestExportThatCannotBeginIsAnError is one that fails before its first byte: it is answered as any other mistake.
func TestExportThatCannotBeginIsAnError(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.exec(t, `CREATE TABLE public.hidden (id int, tenant_id uuid NOT NULL); REVOKE ALL ON public.hidden FROM wharf_service`)
	n := h.newTenant(t, "stream")
	for _, s := range streams {
		res := s.open(t, t.Context(), n, n.key, http.MethodGet, "gzip")
		require.Equal(t, http.StatusForbidden, res.StatusCode)
		require.Equal(t, "application/problem+json", res.Header.Get("Content-Type"))
		require.Empty(t, res.Header.Get("Content-Encoding"))
		require.Empty(t, res.Header.Get("Content-Disposition"))
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.Contains(t, string(body), "the table hidden cannot be read")
	}
}

// TestExportBeginsAtOnceAndEndsWithItsClient reads the first bytes of an export that is far from its end, and leaves.
func TestExportBeginsAtOnceAndEndsWithItsClient(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(cfg *httpapi.Config) { cfg.StallTimeout = time.Minute })
	h.exec(t, largeTable)
	n := h.newTenant(t, "stream")
	n.fill(t, 100)
	h.exec(t, `CREATE POLICY slow ON large USING (id < 2 OR pg_sleep(1000) IS NULL); ALTER TABLE large ENABLE ROW LEVEL SECURITY`)
	for _, s := range streams {
		for _, accept := range []string{"", "gzip"} {
			s.leftHalfway(t, n, accept)
		}
	}
}

func (s streamed) leftHalfway(t *testing.T, n tenant, accept string) {
	t.Helper()
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	res := s.open(t, ctx, n, n.key, http.MethodGet, accept)
	var first io.Reader = res.Body
	if accept != "" {
		var err error
		first, err = gzip.NewReader(res.Body)
		require.NoError(t, err)
	}
	line, err := bufio.NewReader(first).ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, line, `{"schema_version":1`)
	require.Eventually(t, func() bool { return n.running(t) == 1 }, soon, tick, "it reads on")
	leave()
	require.Eventually(t, func() bool { return n.running(t) == 0 }, soon, tick, "nobody waits for it any more")
}

func TestDumpIsForOwnersAndAdmins(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	n := h.newTenant(t, "dump")
	for role, want := range map[tenancy.Role]int{
		tenancy.Owner: 200, tenancy.Admin: 200, tenancy.Manager: 403, tenancy.Member: 403, tenancy.Readonly: 403,
	} {
		got := h.get(t, n.newKey(t, role), "/export")
		require.Equal(t, want, got.status, role)
		if want == http.StatusForbidden {
			require.Equal(t, "Insufficient permissions", got.problem(t).Detail)
		}
	}
	require.Equal(t, 3, strings.Count(n.audited(t), "export.dump denied"))
}

func TestDumpHoldsTheTimelineWhenItIsAskedFor(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	n := h.newTenant(t, "dump")
	for query, want := range map[string]bool{"": false, "?include_timeline=false": false, "?include_timeline=true": true} {
		doc := decoded[map[string]any](t, h.get(t, n.key, "/export"+query))
		_, has := doc["timeline_events"]
		require.Equal(t, want, has, query)
		require.Contains(t, doc, "contacts")
		require.NotContains(t, doc, "webhook_deliveries")
	}
	require.Equal(t, http.StatusBadRequest, h.get(t, n.key, "/export?include_timeline=perhaps").status)
}
