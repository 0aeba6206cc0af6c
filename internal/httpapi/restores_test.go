package httpapi_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"wharf/internal/fault"
	"wharf/internal/httpapi"
	"wharf/internal/sample"
	"wharf/internal/tenancy"
)

// restore posts a form to the restores.
func (n tenant) restore(t *testing.T, parts ...part) response {
	t.Helper()
	body, contentType := form(t, parts...)
	return n.do(t, request{method: http.MethodPost, path: "/api/v1/restores", key: n.key, body: body, contentType: contentType})
}

// merge posts a document to be merged at once.
func (n tenant) merge(t *testing.T, body string) response {
	t.Helper()
	return n.json(t, n.key, http.MethodPost, "/import", body)
}

// restored is what the tests look at of a restore.
type restored struct {
	ID       string
	Status   string
	DryRun   bool    `json:"dry_run"`
	ExportID *string `json:"export_id"`
	Error    *string
	NumRows  int64 `json:"num_rows"`
	File     struct {
		Name, SHA256 string
		Bytes        int64
	}
	Report *struct {
		Created, Updated, Unchanged, Skipped map[string]int64
		Warnings                             []string
		Verified                             map[string]struct{ Equal, Missing, Different int64 }
	}
	Progress struct{ Percent float64 }
	Links    map[string]string
	Secret   string `json:"webhook_secret"`

	RevertibleUntil *string `json:"revertible_until"`
	RevertedAt      *string `json:"reverted_at"`
	Revert          *struct {
		Status            string
		Deleted, Restored map[string]int64
		NumLeft           int64 `json:"num_left"`
		Left              []struct{ Table, Key, Reason string }
		InTheWay          []struct{ To, Table, Column string } `json:"in_the_way"`
		Error             *string
	}
}

// accepted starts a restore that is accepted.
func (n tenant) accepted(t *testing.T, r response) restored {
	t.Helper()
	require.Equal(t, http.StatusAccepted, r.status, r.body)
	v := decoded[restored](t, r)
	require.Equal(t, "/api/v1/restores/"+v.ID, r.header.Get("Location"))
	require.Equal(t, "pending", v.Status)
	return v
}

// done has the restore run as its job would, and end as it would if it fails.
func (n tenant) done(t *testing.T, r response) restored {
	t.Helper()
	ctx, id := context.Background(), uuid.MustParse(n.accepted(t, r).ID)
	err := n.app.Restores.Run(ctx, n.id, id, func(context.Context, pgx.Tx) error { return nil })
	if f, coded := fault.As(err); coded {
		require.NoError(t, tenancy.Tx(ctx, n.app.DB, tenancy.System(n.id), func(ctx context.Context, tx pgx.Tx) error {
			return n.app.Restores.End(ctx, tx, n.id, id, "failed", f.Message)
		}))
		err = nil
	}
	require.NoError(t, err)
	return decoded[restored](t, n.get(t, n.key, "/api/v1/restores/"+id.String()))
}

// seed gives the tenant rows of every table.
func (n tenant) seed(t *testing.T) {
	t.Helper()
	conn, err := n.admin.Acquire(context.Background())
	require.NoError(t, err)
	defer conn.Release()
	_, err = sample.Seed(context.Background(), conn.Conn(), sample.Config{TenantID: n.id, Rows: 60, Seed: 7, Now: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)})
	require.NoError(t, err)
}

// exported is the tenant's rows as one document.
func (n tenant) exported(t *testing.T) string {
	t.Helper()
	got := n.get(t, n.key, "/api/data-export")
	require.Equal(t, http.StatusOK, got.status, got.body)
	return got.body
}

// rows counts what the tenant has of a table.
func (n tenant) rows(t *testing.T, table string) int64 {
	t.Helper()
	return scan[int64](t, n.house, `SELECT count(*) FROM public.`+table+` WHERE tenant_id = $1`, n.id)
}

// companies is a document of n of them.
func companies(n int) string {
	var b strings.Builder
	b.WriteString(`{"schema_version": 1, "companies": [`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"external_id": "c%d", "name": "Company %d"}`, i, i)
	}
	b.WriteString(`]}`)
	return b.String()
}

// These tests share a house, each with tenants of its own.
func TestRestores(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(cfg *httpapi.Config) { cfg.DocumentBytes = 8 << 20 })
	for name, test := range map[string]func(t *testing.T, h *house){
		"a workspace walks into an empty tenant":             workspaceWalksIn,
		"a dry run writes nothing and tells the same":        dryRunTellsTheSame,
		"a document that is wrong says where":                wrongDocumentSaysWhere,
		"a document may come compressed only to the jobs":    packedDocumentsGoToTheJobs,
		"files of each kind are restored":                    filesOfEachKindAreRestored,
		"an export is restored by its id":                    exportIsRestored,
		"an export that cannot be read says the way out":     exportThatCannotBeRead,
		"an upload serves one restore":                       uploadServesOneRestore,
		"what is refused leaves nothing":                     refusedRestoreLeavesNothing,
		"a restore is listed, shown and followed":            restoreIsListedAndFollowed,
		"a restore that is asked for again is done once":     restoreIsDoneOnce,
		"a webhook's secret is shown once":                   restoresSecretIsShownOnce,
		"a restore is cancelled before it runs, and retried": restoreIsCancelledAndRetried,
		"a restore is reverted":                              restoreIsReverted,
		"what came of restores is in the audit log":          restoresAreAudited,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, h)
		})
	}
}

type merged struct {
	Created, Updated, Skipped map[string]int64
	Warnings                  []string
	DryRun                    bool `json:"dry_run"`
}

func (n tenant) merged(t *testing.T, body string) merged {
	t.Helper()
	got := n.merge(t, body)
	require.Equal(t, http.StatusOK, got.status, got.body)
	return decoded[merged](t, got)
}

func workspaceWalksIn(t *testing.T, h *house) {
	from, to := h.newTenant(t, "from"), h.newTenant(t, "to")
	from.seed(t)
	for _, table := range []string{"contacts", "companies"} { // some have no natural key, and would be created again
		h.exec(t, `UPDATE `+table+` SET external_id = id WHERE tenant_id = $1 AND external_id IS NULL`, from.id)
	}
	doc := from.exported(t)
	first := to.merged(t, `{"doc": `+doc+`, "verify": true}`)
	for _, table := range []string{"contacts", "companies", "deals", "customers", "inventory"} {
		require.Positive(t, first.Created[table], table)
		require.Equal(t, from.rows(t, table), to.rows(t, table), table)
		require.Equal(t, first.Created[table], to.rows(t, table), table)
	}
	again := to.merged(t, `{"doc": `+doc+`}`)
	for _, table := range []string{"contacts", "companies", "pipelines"} {
		require.Zero(t, again.Created[table], "%s: %v", table, again.Warnings)
		require.Zero(t, again.Updated[table], table)
		require.Equal(t, first.Created[table], again.Skipped[table], table)
	}
}

func dryRunTellsTheSame(t *testing.T, h *house) {
	from, to := h.newTenant(t, "from"), h.newTenant(t, "to")
	from.seed(t)
	doc := from.exported(t)
	before := to.dump(t)
	dry := to.merged(t, `{"dry_run": true, "doc": `+doc+`}`)
	require.True(t, dry.DryRun)
	require.Zero(t, to.rows(t, "contacts"))
	h.exec(t, `DELETE FROM wharf.audit_log WHERE tenant_id = $1`, to.id)
	require.Equal(t, before, to.dump(t))
	job := to.done(t, to.restore(t, part{"file:a.json", doc}, part{"dry_run", "true"}))
	require.Equal(t, "completed", job.Status, job.Error)
	require.Zero(t, to.rows(t, "contacts"))
	wet := to.merged(t, `{"doc": `+doc+`}`)
	require.False(t, wet.DryRun)
	dry.DryRun = false
	require.Equal(t, wet, dry)
	require.Equal(t, wet.Created, job.Report.Created)
	require.Equal(t, wet.Warnings, job.Report.Warnings)
}

func wrongDocumentSaysWhere(t *testing.T, h *house) {
	n := h.newTenant(t, "acme")
	for body, want := range map[string]struct {
		status int
		says   string
	}{
		`{"doc": {"schema_version": 999}}`: {422, "unsupported schema_version: 999; this server supports [1]"},
		`{"doc": {"schema_version": 1, "companies": [{"external_id": "1", "name": "A"}, {"external_id": "2", "employee_count": "many", "name": "B"}]}}`: {422, "companies"},
		`{"doc": {"schema_version": 1, "companies": [{"external_id": "1"`:                                                                               {422, ""},
		`{"dry_run": true}`: {422, "doc"},
		``:                  {422, ""},
	} {
		got := n.merge(t, body)
		require.Equal(t, want.status, got.status, "%s: %s", body, got.body)
		require.Contains(t, got.problem(t).Detail, want.says)
	}
	big := n.merge(t, `{"doc": `+companies(250_000)+`}`)
	require.Equal(t, http.StatusRequestEntityTooLarge, big.status, big.body)
	require.Contains(t, big.problem(t).Detail, "8388608 bytes")
	require.Contains(t, big.problem(t).Detail, "POST /api/v1/restores")
	other := h.do(t, request{method: http.MethodPost, path: "/import", key: n.key, body: strings.NewReader("{}"), contentType: "text/plain"})
	require.Equal(t, http.StatusUnsupportedMediaType, other.status)
	require.Zero(t, n.rows(t, "companies"))
	require.Empty(t, scan[[]string](t, h, `SELECT coalesce(array_agg(tablename::text), '{}') FROM pg_tables WHERE schemaname = 'wharf_staging' AND tablename LIKE 'r\_%'`))
}

func packed(t *testing.T, content string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write([]byte(content))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.String()
}

func zipped(t *testing.T, name, content string) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.Create(name)
	require.NoError(t, err)
	_, err = f.Write([]byte(content))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.String()
}

func packedDocumentsGoToTheJobs(t *testing.T, h *house) {
	n := h.newTenant(t, "acme")
	got := n.merge(t, packed(t, `{"doc": `+companies(1)+`}`))
	require.Equal(t, http.StatusUnsupportedMediaType, got.status)
	require.Contains(t, got.problem(t).Detail, "POST /api/v1/restores")
}

func filesOfEachKindAreRestored(t *testing.T, h *house) {
	doc := companies(3)
	for name, content := range map[string]string{"a.json": doc, "a.json.gz": packed(t, doc), "a.zip": zipped(t, "a.json", doc), "odd": doc} {
		n := h.newTenant(t, "acme")
		got := n.done(t, n.restore(t, part{"file:" + name, content}, part{"verify", "true"}))
		require.Equal(t, "completed", got.Status, "%s: %v", name, got.Error)
		require.EqualValues(t, 3, got.Report.Created["companies"])
		require.EqualValues(t, 3, got.Report.Verified["companies"].Equal)
		require.EqualValues(t, 3, got.NumRows)
		require.EqualValues(t, 100, got.Progress.Percent)
		require.EqualValues(t, 3, n.rows(t, "companies"))
		require.Equal(t, name, got.File.Name)
		require.EqualValues(t, len(content), got.File.Bytes)
		require.Len(t, got.File.SHA256, 64)
	}
	n := h.newTenant(t, "acme")
	for name, content := range map[string]string{"a.csv": "name\nAcme\n", "a.json.gz": packed(t, doc)[:60], "a.zip": zipped(t, "a.csv", "name\n"), "b.zip": zipped(t, "a.json", doc)[:150]} {
		got := n.done(t, n.restore(t, part{"file:" + name, content}))
		require.Equal(t, "failed", got.Status, name)
		require.NotEmpty(t, *got.Error)
		require.Nil(t, got.Report)
	}
	require.Zero(t, n.rows(t, "companies"))
}

// export gives a finished one.
func (n tenant) export(t *testing.T, body string) string {
	t.Helper()
	got := n.json(t, n.key, http.MethodPost, "/api/v1/exports", body)
	require.Equal(t, http.StatusAccepted, got.status, got.body)
	id := decoded[map[string]any](t, got)["id"].(string)
	require.NoError(t, n.app.Exports.Run(context.Background(), n.id, uuid.MustParse(id), func(context.Context, pgx.Tx) error { return nil }))
	return id
}

func (n tenant) restoreExport(t *testing.T, id string) response {
	t.Helper()
	return n.json(t, n.key, http.MethodPost, "/api/v1/restores", `{"export_id": "`+id+`"}`)
}

func exportIsRestored(t *testing.T, h *house) {
	for _, format := range []string{"json", "jsonl"} {
		n := h.newTenant(t, "acme")
		n.seed(t)
		id := n.export(t, `{"format": "`+format+`"}`)
		kept := n.rows(t, "contacts")
		h.exec(t, `UPDATE contacts SET title = 'changed' WHERE tenant_id = $1 AND external_id IS NOT NULL AND deleted_at IS NULL`, n.id)
		got := n.done(t, n.restoreExport(t, id))
		require.Equal(t, "completed", got.Status, "%s: %v", format, got.Error)
		require.Equal(t, id, *got.ExportID)
		require.Equal(t, "/api/v1/exports/"+id, got.Links["export"])
		require.Equal(t, kept, n.rows(t, "contacts"), "what is there is found again")
		require.Positive(t, got.Report.Updated["contacts"])
		require.Zero(t, scan[int](t, h, `SELECT count(*) FROM contacts WHERE tenant_id = $1 AND title = 'changed'`, n.id))
	}
}

func exportThatCannotBeRead(t *testing.T, h *house) {
	n, other := h.newTenant(t, "acme"), h.newTenant(t, "other")
	id := n.export(t, `{}`)
	require.Equal(t, http.StatusNotFound, other.restoreExport(t, id).status)
	require.Equal(t, http.StatusNotFound, n.restoreExport(t, uuid.NewString()).status)
	for body, says := range map[string]string{
		`{"format": "csv"}`:  "export_id: is of the format csv, which no restore reads; export as json, dump or jsonl",
		`{"format": "xlsx"}`: "export_id: is of the format xlsx, which no restore reads; export as json, dump or jsonl",
		`{"encrypt": {"passphrase": "correct horse battery"}}`: "export_id: is encrypted; download it, decrypt it (age --decrypt) and restore the file",
	} {
		got := n.restoreExport(t, n.export(t, body))
		require.Equal(t, http.StatusUnprocessableEntity, got.status, got.body)
		require.Equal(t, []string{says}, got.problem(t).fields())
	}
	waiting := decoded[map[string]any](t, n.json(t, n.key, http.MethodPost, "/api/v1/exports", `{}`))["id"].(string)
	require.Equal(t, http.StatusConflict, n.restoreExport(t, waiting).status)

	accepted := n.restoreExport(t, id)
	h.exec(t, `UPDATE wharf.exports SET expires_at = now() WHERE id = $1`, id)
	late := n.restoreExport(t, id)
	require.Equal(t, http.StatusNotFound, late.status)
	require.Contains(t, late.problem(t).Detail, "request a new one")
	got := n.done(t, accepted)
	require.Equal(t, "failed", got.Status)
	require.Contains(t, *got.Error, "request a new one", "it expired while the restore waited")
}

func uploadServesOneRestore(t *testing.T, h *house) {
	n := h.newTenant(t, "acme")
	doc := companies(2)
	u := n.announce(t, doc)
	early := n.json(t, n.key, http.MethodPost, "/api/v1/restores", `{"upload_id": "`+u.ID+`"}`)
	require.Equal(t, http.StatusConflict, early.status, "it has not arrived")
	n.put(t, u, doc)
	first := n.restore(t, part{"upload_id", u.ID})
	got := n.done(t, first)
	require.Equal(t, "completed", got.Status, got.Error)
	shown := decoded[map[string]any](t, n.get(t, n.key, "/api/v1/uploads/"+u.ID))
	require.Equal(t, "used", shown["status"])
	require.Equal(t, got.ID, shown["restore_id"])
	for _, again := range []response{
		n.restore(t, part{"upload_id", u.ID}),
		n.upload(t, n.key, part{"upload_id", u.ID}, part{"table", "companies"}),
	} {
		require.Equal(t, http.StatusConflict, again.status)
		require.Contains(t, again.problem(t).Detail, "was used by the restore "+got.ID)
	}
	require.Equal(t, http.StatusConflict, n.do(t, request{method: http.MethodDelete, path: "/api/v1/uploads/" + u.ID, key: n.key}).status)
	require.Len(t, n.objects(t), 1)
}

func refusedRestoreLeavesNothing(t *testing.T, h *house) {
	n := h.newTenant(t, "acme")
	file := part{"file:a.json", companies(1)}
	for name, c := range map[string]struct {
		want  int
		parts []part
	}{
		"nothing":          {422, []part{{"dry_run", "true"}}},
		"a strange field":  {422, []part{file, {"table", "contacts"}}},
		"no truth":         {422, []part{file, {"dry_run", "perhaps"}}},
		"two files":        {422, []part{file, {"export_id", uuid.NewString()}}},
		"an upload beside": {422, []part{{"upload_id", uuid.NewString()}, file}},
		"no such upload":   {404, []part{{"upload_id", uuid.NewString()}}},
		"no receiver":      {422, []part{file, {"webhook_url", "http://localhost/"}}},
		"too large":        {413, []part{{"file:a.json", strings.Repeat("x", 1<<20+1)}}},
	} {
		got := n.restore(t, c.parts...)
		require.Equal(t, c.want, got.status, "%s: %s", name, got.body)
	}
	got := n.json(t, n.key, http.MethodPost, "/api/v1/restores", `{"export_id": "`+uuid.NewString()+`", "format": "json"}`)
	require.Equal(t, http.StatusUnprocessableEntity, got.status)
	require.Zero(t, n.count(t, "restores")+n.count(t, "uploads"))
	require.Empty(t, n.objects(t))
}

func restoreIsListedAndFollowed(t *testing.T, h *house) {
	n := h.newTenant(t, "acme")
	var ids []string
	for range 3 {
		ids = append(ids, n.accepted(t, n.restore(t, part{"file:a.json", companies(1)})).ID)
	}
	page := n.get(t, n.key, "/api/v1/restores?limit=2")
	require.Len(t, decoded[[]restored](t, page), 2)
	require.Equal(t, ids[2], decoded[[]restored](t, page)[0].ID, "newest first")
	link := page.header.Get("Link")
	rest := decoded[[]restored](t, n.get(t, n.key, link[1:strings.Index(link, ">")]))
	require.Len(t, rest, 1)
	require.Equal(t, ids[0], rest[0].ID)
	require.Empty(t, decoded[[]restored](t, n.get(t, n.key, "/api/v1/restores?status=completed")))
	shown := n.get(t, n.key, "/api/v1/restores/"+ids[0])
	require.Equal(t, "1", shown.header.Get("Retry-After"))

	got := n.done(t, n.restore(t, part{"file:a.json", companies(1)}))
	require.Empty(t, n.get(t, n.key, got.Links["self"]).header.Get("Retry-After"))
	events := n.get(t, n.key, got.Links["events"])
	require.Contains(t, events.body, "event: restore\n")
	require.Contains(t, events.body, `"status":"completed"`)
	last := strings.TrimPrefix(strings.Split(events.body, "\n")[1], "id: ")
	known := n.do(t, request{path: got.Links["events"], key: n.key, header: map[string]string{"Last-Event-ID": last}})
	require.Equal(t, http.StatusNoContent, known.status)
}

func restoreIsDoneOnce(t *testing.T, h *house) {
	n := h.newTenant(t, "acme")
	keyed := func(key string, parts ...part) response {
		body, contentType := form(t, parts...)
		return n.do(t, request{method: http.MethodPost, path: "/api/v1/restores", key: n.key, body: body, contentType: contentType, header: map[string]string{"Idempotency-Key": key}})
	}
	file, flag := part{"file:a.json", companies(1)}, part{"dry_run", "true"}
	first, again := keyed("k", file, flag), keyed("k", flag, file)
	require.Equal(t, http.StatusAccepted, first.status, first.body)
	require.Equal(t, http.StatusAccepted, again.status, again.body)
	require.Equal(t, "true", again.header.Get("Idempotency-Replayed"))
	require.Equal(t, first.header.Get("Location"), again.header.Get("Location"))
	require.Equal(t, http.StatusUnprocessableEntity, keyed("k", part{"file:a.json", companies(2)}, flag).status)
	require.Equal(t, []int{1, 1}, []int{n.count(t, "restores"), n.count(t, "uploads")})
	require.Len(t, n.objects(t), 1)
}

func restoresSecretIsShownOnce(t *testing.T, h *house) {
	n := h.newTenant(t, "acme")
	got := n.restore(t, part{"file:a.json", companies(1)}, part{"webhook_url", "https://example.com/hook"})
	v := n.accepted(t, got)
	require.Regexp(t, "^whsec_", v.Secret)
	h.log.plant(v.Secret)
	require.NotContains(t, n.get(t, n.key, v.Links["self"]).body, "whsec_")
	require.NotContains(t, n.dump(t), v.Secret)
	n.done(t, n.restore(t, part{"file:a.json", companies(1)}))
	require.Zero(t, n.count(t, "deliveries"), "the other one has no webhook")
	require.NoError(t, n.app.Restores.Run(context.Background(), n.id, uuid.MustParse(v.ID), func(context.Context, pgx.Tx) error { return nil }))
	var events []string
	for _, payload := range scan[[]string](t, h, `SELECT array_agg(payload::text ORDER BY id) FROM wharf.deliveries WHERE tenant_id = $1`, n.id) {
		var m map[string]any
		require.NoError(t, json.Unmarshal([]byte(payload), &m))
		require.Equal(t, v.ID, m["restore_id"])
		events = append(events, m["event"].(string)+" "+m["status"].(string))
	}
	require.Equal(t, []string{"restore.started processing", "restore.completed completed"}, events)
}

func restoreIsCancelledAndRetried(t *testing.T, h *house) {
	n := h.newTenant(t, "acme")
	v := n.accepted(t, n.restore(t, part{"file:a.json", companies(1)}))
	post := func(what string) response {
		return n.json(t, n.key, http.MethodPost, v.Links["self"]+"/"+what, "")
	}
	require.Equal(t, http.StatusConflict, post("retry").status, "it has not ended")
	cancelled := post("cancel")
	require.Equal(t, http.StatusAccepted, cancelled.status, cancelled.body)
	require.Equal(t, "cancelled", decoded[restored](t, cancelled).Status)
	require.Equal(t, http.StatusConflict, post("cancel").status)
	require.Equal(t, "pending", decoded[restored](t, post("retry")).Status)
	require.NoError(t, n.app.Restores.Run(context.Background(), n.id, uuid.MustParse(v.ID), func(context.Context, pgx.Tx) error { return nil }))
	require.EqualValues(t, 1, n.rows(t, "companies"))
	require.Equal(t, http.StatusConflict, post("retry").status, "it has ended well")
}

// reverted has a restore taken back, as its job would.
func (n tenant) reverted(t *testing.T, v restored) restored {
	t.Helper()
	asked := n.json(t, n.key, http.MethodPost, v.Links["self"]+"/revert", "")
	require.Equal(t, http.StatusAccepted, asked.status, asked.body)
	require.Equal(t, "pending", decoded[restored](t, asked).Revert.Status)
	require.NotEmpty(t, n.get(t, n.key, v.Links["self"]).header.Get("Retry-After"))
	require.NoError(t, n.app.Restores.Run(context.Background(), n.id, uuid.MustParse(v.ID), func(context.Context, pgx.Tx) error { return nil }))
	return decoded[restored](t, n.get(t, n.key, v.Links["self"]))
}

func restoreIsReverted(t *testing.T, h *house) {
	n, other := h.newTenant(t, "acme"), h.newTenant(t, "globex")
	other.seed(t)
	before := n.exported(t)
	dry := n.done(t, n.restore(t, part{"file:a.json", companies(1)}, part{"dry_run", "true"}))
	require.Nil(t, dry.RevertibleUntil)
	require.Equal(t, http.StatusConflict, n.json(t, n.key, http.MethodPost, dry.Links["self"]+"/revert", "").status)

	v := n.done(t, n.restore(t, part{"file:a.json", other.exported(t)}))
	require.NotNil(t, v.RevertibleUntil)
	require.Nil(t, v.Revert)
	n.exec(t, `INSERT INTO contacts (tenant_id, company_id) SELECT tenant_id, id FROM companies WHERE tenant_id = $1 LIMIT 1`, n.id)
	v = n.reverted(t, v)
	require.Equal(t, "failed", v.Revert.Status)
	require.NotEmpty(t, v.Revert.Error)
	require.Equal(t, []struct{ To, Table, Column string }{{"companies", "contacts", "company_id"}}, v.Revert.InTheWay)
	require.Nil(t, v.RevertedAt)

	n.exec(t, `DELETE FROM contacts WHERE tenant_id = $1 AND external_id IS NULL AND email IS NULL AND first_name IS NULL`, n.id)
	v = n.reverted(t, v)
	require.Equal(t, "completed", v.Revert.Status)
	require.Equal(t, "completed", v.Status)
	require.NotNil(t, v.RevertedAt)
	require.Equal(t, v.Report.Created["sales"], v.Revert.Deleted["sales"])
	require.Zero(t, v.Revert.NumLeft)
	require.Equal(t, rowsOf(t, before), rowsOf(t, n.exported(t)))
	require.Contains(t, n.get(t, n.key, v.Links["events"]).body, `"reverted_at":"2`)
	require.Equal(t, http.StatusConflict, n.json(t, n.key, http.MethodPost, v.Links["self"]+"/revert", "").status, "once")
	require.Equal(t, "started; failed; started; failed; started; done; started; failed",
		scan[string](t, h, `SELECT string_agg(outcome, '; ' ORDER BY id) FROM wharf.audit_log WHERE tenant_id = $1 AND action = 'restore.revert' AND actor LIKE 'key:%'`, n.id))
}

// rowsOf is what a document says but when it was written.
func rowsOf(t *testing.T, doc string) map[string]any {
	t.Helper()
	var all map[string]any
	require.NoError(t, json.Unmarshal([]byte(doc), &all))
	delete(all, "exported_at")
	return all
}

func restoresAreAudited(t *testing.T, h *house) {
	n := h.newTenant(t, "acme")
	n.merge(t, `{"doc": `+companies(2)+`}`)
	n.merge(t, `{"doc": {}}`)
	n.done(t, n.restore(t, part{"file:a.json", companies(3)}))
	n.done(t, n.restore(t, part{"file:a.json", "no JSON"}))
	n.restoreExport(t, uuid.NewString())
	require.Equal(t, "started ; done 2; started ; failed 0; started ; done 3; started ; failed 0; started ; failed ",
		scan[string](t, h, `SELECT string_agg(concat_ws(' ', outcome, coalesce(scope ->> 'rows', '')), '; ' ORDER BY id) FROM wharf.audit_log
			WHERE tenant_id = $1 AND action = 'restore' AND actor LIKE 'key:%'`, n.id))
}
