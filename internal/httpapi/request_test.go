package httpapi_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"wharf/internal/tenancy"
)

// These tests share a house, each with tenants of its own.
func TestRequest(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for name, test := range map[string]func(t *testing.T, h *house){
		"unknown route or method is a problem too":             unknownRouteOrMethodIsAProblemToo,
		"importer's answer can be put back":                    importersAnswerCanBePutBack,
		"parameter that does not fit is named":                 parameterThatDoesNotFitIsNamed,
		"body that does not fit is told where":                 bodyThatDoesNotFitIsToldWhere,
		"member that is null counts as left out":               memberThatIsNullCountsAsLeftOut,
		"body of another kind or too large is refused":         bodyOfAnotherKindOrTooLargeIsRefused,
		"tables are shown as the catalog has them":             tablesAreShownAsTheCatalogHasThem,
		"download answers with a signed link and an audit row": downloadAnswersWithASignedLinkAndAnAuditRow,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, h)
		})
	}
}

func unknownRouteOrMethodIsAProblemToo(t *testing.T, h *house) {
	n := h.newTenant(t, "acme")
	for _, key := range []string{"", n.key} {
		for _, path := range []string{"/", "/api", "/api/v1/nothing", "/api/v1/imports/", "/api/v1/imports/" + uuid.NewString() + "/nothing", "/%00"} {
			got := h.get(t, key, path)
			require.Equal(t, http.StatusNotFound, got.status, path)
			require.Contains(t, got.problem(t).Detail, "no such route")
		}
		for path, allow := range map[string]string{"/api/v1/exports": "GET, POST", "/api/v1/me": "GET", "/api/v1/jobs/retry": "POST"} {
			for _, method := range []string{http.MethodPatch, http.MethodDelete, "BREW"} {
				got := h.do(t, request{method: method, path: path, key: key})
				require.Equal(t, http.StatusMethodNotAllowed, got.status, "%s %s", method, path)
				for _, m := range strings.Split(allow, ", ") {
					require.Contains(t, got.header.Get("Allow"), m)
				}
			}
		}
	}
	cors := h.do(t, request{method: http.MethodOptions, path: "/api/v1/me", header: map[string]string{"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "GET"}})
	require.Empty(t, cors.header.Get("Access-Control-Allow-Origin"), "closed by default")
	require.Equal(t, http.StatusOK, h.do(t, request{method: http.MethodHead, path: "/api/v1/me", key: n.key}).status)
	require.Equal(t, http.StatusUnauthorized, h.do(t, request{method: http.MethodHead, path: "/api/v1/me"}).status)
	require.Equal(t, http.StatusMethodNotAllowed, h.do(t, request{method: http.MethodHead, path: "/api/v1/queues/import/pause", key: n.key}).status)
}

func parameterThatDoesNotFitIsNamed(t *testing.T, h *house) {
	key, operator := h.newTenant(t, "acme").key, h.newOperatorKey(t)
	for path, want := range map[string]string{
		"/api/v1/imports/17":                              "id: must be a UUID",
		"/api/v1/imports/%20":                             "id: must be a UUID",
		"/api/v1/exports/x/download":                      "id: must be a UUID",
		"/api/v1/importers/x":                             "id: must be a UUID",
		"/api/v1/importers/by-key/x":                      "key: must be a UUID",
		"/api/v1/jobs/x":                                  "job_id: must be a whole number",
		"/api/v1/jobs/1.5":                                "job_id: must be a whole number",
		"/api/v1/jobs/9223372036854775808":                "job_id: must be a whole number",
		"/api/v1/imports?limit=0":                         "limit: must be at least 1",
		"/api/v1/imports?limit=1001":                      "limit: must be at most 1000",
		"/api/v1/imports?limit=ten":                       "limit: must be a whole number",
		"/api/v1/imports?limit=":                          "limit: must be a whole number",
		"/api/v1/imports?limit=1&limit=2":                 "limit: is given more than once",
		"/api/v1/imports?status=done":                     "status: must be one of pending, processing, review, completed, failed, cancelled",
		"/api/v1/imports?importer_id=x":                   "importer_id: must be a UUID",
		"/api/v1/imports?after=x":                         "after: must be a UUID",
		"/api/v1/exports?status=review":                   "status: must be one of pending, processing, completed, failed, cancelled, expired",
		"/api/v1/importers?skip=-1":                       "skip: must be at least 0",
		"/api/v1/importers?limit=2000":                    "limit: must be at most 1000",
		"/api/v1/jobs?after=0":                            "after: must be at least 1",
		"/api/v1/jobs?state=lost":                         "state: must be one of available, cancelled, completed, discarded, pending, retryable, running, scheduled",
		"/api/v1/jobs?tenant=" + uuid.NewString():         "tenant: is for operators",
		"/api/v1/audit?tenant=" + uuid.NewString():        "tenant: is for operators",
		"/api/v1/audit?since=yesterday":                   "since: must be a date and time such as 2006-01-02T15:04:05Z",
		"/api/v1/audit?until=2026-01-01":                  "until: must be a date and time such as 2006-01-02T15:04:05Z",
		"/api/v1/audit?limit=1e2":                         "limit: must be a whole number",
		"/api/v1/jobs?tenant=x&limit=0":                   "limit: must be at least 1; tenant: must be a UUID",
		"/api/v1/imports?after=" + uuid.Nil.String():      "",
		"/api/v1/imports?status=failed&unknown=1":         "",
		"/api/v1/audit?since=2026-01-01T00:00:00%2B02:00": "",
	} {
		got := h.get(t, key, path)
		if want == "" {
			require.Equal(t, http.StatusOK, got.status, path)
			continue
		}
		require.Equal(t, http.StatusBadRequest, got.status, path)
		require.ElementsMatch(t, strings.Split(want, "; "), got.problem(t).fields(), path)
	}
	for path, detail := range map[string]string{"/api/v1/jobs?kind=odd": `"odd"`, "/api/v1/jobs?queue=odd": `"odd"`} {
		got := h.get(t, key, path)
		require.Equal(t, http.StatusBadRequest, got.status)
		require.Contains(t, got.problem(t).Detail, detail)
	}
	got := h.json(t, operator, http.MethodPost, "/api/v1/queues/odd/pause", "")
	require.Equal(t, http.StatusNotFound, got.status)
	require.Contains(t, got.problem(t).Detail, `"odd"`)
}

func bodyThatDoesNotFitIsToldWhere(t *testing.T, h *house) {
	n := h.newTenant(t, "acme")
	keys := map[string]string{"/api/v1/jobs/retry": h.newOperatorKey(t)}
	const importers, exports, retry = "/api/v1/importers", "/api/v1/exports", "/api/v1/jobs/retry"
	before := n.dump(t)
	for name, c := range map[string]struct {
		path, body string
		status     int
		want       string // fields; or, of a 400, the detail
	}{
		"no body":              {importers, ``, 400, "a JSON body is needed"},
		"white space":          {importers, " \n", 400, "a JSON body is needed"},
		"broken off":           {importers, `{"name": "x"`, 400, "breaks off"},
		"no JSON":              {importers, `name=x`, 400, "at byte 2"},
		"bytes behind":         {importers, `{"name": "x"} {"name": "y"}`, 400, "goes on after its JSON value"},
		"garbage behind":       {exports, `{}]`, 400, "goes on after its JSON value"},
		"a byte order mark":    {importers, "\ufeff{}", 400, "at byte 1"},
		"an array":             {importers, `[]`, 422, "the body must be an object"},
		"null":                 {importers, `null`, 422, "the body must be an object"},
		"an unknown member":    {importers, `{"name": "x", "title": "y", "fields": [{"name": "a", "type": "text"}]}`, 422, "title: is not known"},
		"another case":         {importers, `{"Name": "x", "fields": [{"name": "a", "type": "text"}]}`, 422, "Name: is not known"},
		"an inner unknown one": {importers, `{"name": "x", "fields": [{"name": "a", "type": "text"}], "destination": {"kid": "file"}}`, 422, "destination.kid: is not known"},
		"wrong types": {
			importers, `{"name": 5, "fields": {}, "dark_mode": "yes", "webhook_data_sample_size": 1.5}`, 422,
			"dark_mode: must be true or false; fields: must be an array; name: must be a string; webhook_data_sample_size: must be a whole number or null",
		},
		"a wrong type deep inside": {
			importers, `{"name": "x", "fields": [{"name": "a", "type": "text"}, {"name": "b", "type": "number", "validators": [{"type": "required"}, {"type": "regex", "pattern": 7}]}]}`,
			422, "fields[1].validators[1].pattern: must be a string",
		},
		"not in the enumeration": {
			importers, `{"name": "x", "fields": [{"name": "a", "type": "txt"}]}`, 422,
			"fields[0].type: must be one of text, email, number, date, phone, boolean, select, custom_regex",
		},
		"an empty name": {importers, `{"name": "", "fields": [{"name": "a", "type": "text"}]}`, 422, "name: must have at least 1 characters"},
		"a long name":   {importers, `{"name": "` + strings.Repeat("x", 256) + `", "fields": [{"name": "a", "type": "text"}]}`, 422, "name: must have at most 255 characters"},
		"what only compiling finds": {
			importers, `{"name": "x", "fields": [{"name": "a", "type": "text"}, {"name": "b", "type": "text", "validators": [{"type": "regex", "pattern": "("}]}]}`,
			422, "fields[1].validators[0].pattern: ",
		},
		"a scope there is not": {exports, `{"scope": "half", "format": "stone"}`, 422, "format: must be one of json, dump, jsonl, csv, xlsx; scope: must be one of full, tables, subject"},
		"no filter":            {retry, `{}`, 422, "filter: is required"},
		"a filter of nothing":  {retry, `{"filter": null}`, 422, "filter: is required"},
		"a wrong filter": {
			retry, `{"filter": {"tenant": "x", "limit": 0, "after": -1, "stat": ""}}`, 422,
			"filter.after: must be at least 1; filter.limit: must be at least 1; filter.stat: is not known; filter.tenant: must be a UUID",
		},
		"a number beyond 64 bits": {retry, `{"filter": {"after": 1e300}}`, 422, "filter.after: "},
	} {
		key := keys[c.path]
		if key == "" {
			key = n.key
		}
		got := h.json(t, key, http.MethodPost, c.path, c.body)
		require.Equal(t, c.status, got.status, "%s: %s", name, got.body)
		p := got.problem(t)
		switch {
		case strings.HasSuffix(c.want, ": "):
			require.Contains(t, strings.Join(p.fields(), "; "), c.want, name)
		case len(p.Errors) > 0:
			require.Equal(t, c.want, strings.Join(p.fields(), "; "), name)
		default:
			require.Contains(t, p.Detail, c.want, name)
		}
	}
	require.Equal(t, before, n.dump(t))
}

func memberThatIsNullCountsAsLeftOut(t *testing.T, h *house) {
	key := h.newTenant(t, "acme").key
	got := h.json(t, key, http.MethodPost, "/api/v1/importers", `{"name": "x", "description": null, "webhook_url": null, "webhook_data_sample_size": null,
		"dark_mode": null, "fields": [{"name": "a", "type": "text", "display_name": null, "validators": null, "options": null, "aliases": null}]}`)
	require.Equal(t, http.StatusCreated, got.status, got.body)
	require.Equal(t, http.StatusAccepted, h.do(t, request{method: http.MethodPost, path: "/api/v1/exports", key: key}).status, "a body that is optional")
}

func importersAnswerCanBePutBack(t *testing.T, h *house) {
	key := h.newTenant(t, "acme").key
	made := h.json(t, key, http.MethodPost, "/api/v1/importers", `{"name": "x", "fields": [{"name": "email", "type": "email", "validators": [{"type": "required"}]}],
		"destination": {"kind": "table", "table": "contacts", "match": ["lower(email)"]}, "webhook_data_sample_size": 5}`)
	require.Equal(t, http.StatusCreated, made.status, made.body)
	type stamped struct {
		ID        string    `json:"id"`
		UpdatedAt time.Time `json:"updated_at"`
	}
	path := "/api/v1/importers/" + decoded[stamped](t, made).ID
	before := h.get(t, key, path)
	got := h.json(t, key, http.MethodPut, path, before.body)
	require.Equal(t, http.StatusOK, got.status, got.body)
	without := func(r response) map[string]any {
		doc := decoded[map[string]any](t, r)
		delete(doc, "updated_at")
		return doc
	}
	require.Equal(t, without(before), without(got))
	require.True(t, decoded[stamped](t, got).UpdatedAt.After(decoded[stamped](t, before).UpdatedAt), "it is the database's, not the body's")

	other := strings.ReplaceAll(before.body, decoded[stamped](t, made).ID, uuid.NewString())
	got = h.json(t, key, http.MethodPut, path, other)
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.Equal(t, without(before), without(got), "an id is nothing that a body changes")

	for body, want := range map[string]string{
		`{"fields": null}`:                      "fields: must not be null",
		`{"destination": null}`:                 "destination: must not be null",
		`{"destination": null, "fields": null}`: "fields: must not be null; destination: must not be null",
		`{"webhook_url": "ftp://example.com"}`:  "webhook_url: must be an http or https URL",
		`{"webhook_url": "nonsense"}`:           "webhook_url: must be an http or https URL",
		`{"title": "x"}`:                        "title: is not known",
	} {
		got := h.json(t, key, http.MethodPut, path, body)
		require.Equal(t, http.StatusUnprocessableEntity, got.status, body)
		require.Equal(t, want, strings.Join(got.problem(t).fields(), "; "), body)
	}
}

func bodyOfAnotherKindOrTooLargeIsRefused(t *testing.T, h *house) {
	n := h.newTenant(t, "acme")
	whole := `{"name": "x", "fields": [{"name": "a", "type": "text"}]}`
	for kind, want := range map[string]int{
		"application/json": 201, "application/json; charset=utf-8": 201, "Application/JSON": 201,
		"": 415, "text/plain": 415, "application/x-www-form-urlencoded": 415, "application/json;;": 415, "multipart/form-data; boundary=x": 415, "application/xml": 415,
	} {
		got := h.do(t, request{method: http.MethodPost, path: "/api/v1/importers", key: n.key, body: strings.NewReader(whole), contentType: kind})
		require.Equal(t, want, got.status, kind)
	}
	for _, kind := range []string{"application/json", "multipart/form-data; boundary=x"} { // what a form may hold is for uploads
		large := `{"name": "` + strings.Repeat("x", 64<<10) + `"}`
		got := h.do(t, request{method: http.MethodPost, path: "/api/v1/importers", key: n.key, body: chunked(large), contentType: kind})
		require.Equal(t, http.StatusRequestEntityTooLarge, got.status, kind)
		require.Contains(t, got.problem(t).Detail, "65536 bytes")
	}
	for _, kind := range []string{"", "text/csv", "application/json;;"} {
		got := h.do(t, request{method: http.MethodPost, path: "/api/v1/imports", key: n.key, body: strings.NewReader(whole), contentType: kind})
		require.Equal(t, http.StatusUnsupportedMediaType, got.status, kind)
	}
	got := h.do(t, request{method: http.MethodPost, path: "/api/v1/imports", key: n.key, body: strings.NewReader(whole), contentType: "multipart/form-data"})
	require.Equal(t, http.StatusUnsupportedMediaType, got.status)
	require.Contains(t, got.problem(t).Detail, "boundary")
}

// chunked hides the length of a body.
func chunked(s string) *struct{ *strings.Reader } {
	return &struct{ *strings.Reader }{strings.NewReader(s)}
}

func TestFailureOfOursTellsNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	n := h.newTenant(t, "acme")
	h.exec(t, `REVOKE SELECT ON wharf.importers FROM wharf_service`)
	got := h.get(t, n.key, "/api/v1/importers")
	require.Equal(t, http.StatusInternalServerError, got.status)
	got.problem(t)
	require.NotContains(t, got.body, "permission")
	lines := h.log.lines("request failed", got.header.Get("X-Request-Id"))
	require.Len(t, lines, 1, "the cause is logged once")
	require.Contains(t, lines[0], "permission denied for table importers")
	require.Contains(t, lines[0], n.id.String())

	h.exec(t, `ALTER DATABASE `+h.db.Name+` CONNECTION LIMIT 0`) // does not bind a superuser
	h.exec(t, `SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'wharf_service'`)
	for _, path := range []string{"/api/v1/me", "/api/v1/imports"} {
		got = h.get(t, n.key, path)
		require.Equal(t, http.StatusServiceUnavailable, got.status, h.log.lines("request failed"))
		require.Equal(t, "not available now; try again", got.problem(t).Detail)
		require.Equal(t, "5", got.header.Get("Retry-After"))
	}
}

func TestHealthIsToldWithoutACredential(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	require.JSONEq(t, `{"status": "ok"}`, h.get(t, "", "/livez").body)
	got := decoded[map[string]any](t, h.get(t, "", "/readyz"))
	require.Equal(t, "ok", got["status"])
	require.Equal(t, map[string]any{"database": "ok", "migrations": "ok", "objects": "ok", "catalog": "ok"}, got["checks"])

	h.exec(t, `DELETE FROM wharf.schema_migrations WHERE version_id > 0`)
	failing := h.get(t, "", "/readyz")
	require.Equal(t, http.StatusServiceUnavailable, failing.status)
	require.Equal(t, "failing", decoded[map[string]any](t, failing)["status"])
	require.Len(t, h.log.lines("not ready", "migrations"), 1)
}

func tablesAreShownAsTheCatalogHasThem(t *testing.T, h *house) {
	n := h.newTenant(t, "acme")
	type table struct {
		Name, Label string
		PrimaryKey  []string `json:"primary_key"`
		Match       []string
		Columns     []struct {
			Name, References   string
			Required, Readonly bool
			Options            []string
		}
	}
	var contacts *table
	for _, one := range decoded[[]table](t, h.get(t, n.newKey(t, tenancy.Readonly), "/api/v1/tables")) {
		require.NotEmpty(t, one.Label)
		for _, c := range one.Columns {
			require.NotEqual(t, "tenant_id", c.Name, "the tenant is nobody's column")
		}
		if one.Name == "contacts" {
			contacts = &one
		}
	}
	require.NotNil(t, contacts)
	require.Equal(t, []string{"id"}, contacts.PrimaryKey)
	require.NotEmpty(t, contacts.Match)
	var referring int
	for _, c := range contacts.Columns {
		if c.Name == "company_id" && c.References == "companies" {
			referring++
		}
	}
	require.Equal(t, 1, referring)
}

// The signed link works, and is in no log.
func downloadAnswersWithASignedLinkAndAnAuditRow(t *testing.T, h *house) {
	n := h.newTenant(t, "acme")
	things := n.furnish(t)
	for path, action := range map[string]string{
		"/api/v1/exports/" + things["completed export"] + "/download": "export.download",
		"/api/v1/imports/" + things["completed import"] + "/result":   "import.download",
	} {
		got := h.get(t, n.key, path)
		require.Equal(t, http.StatusFound, got.status)
		require.Empty(t, got.body)
		link := h.log.plant(got.header.Get("Location"))
		_, signature, _ := strings.Cut(link, "X-Amz-Signature=")
		h.log.plant(signature[:64])
		req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, link, nil)
		require.NoError(t, err)
		res, err := client.Do(req)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.Equal(t, http.StatusOK, res.StatusCode)
		require.Contains(t, res.Header.Get("Content-Disposition"), "attachment")
		require.Equal(t, 1, scan[int](t, h, `SELECT count(*) FROM wharf.audit_log WHERE action = $1 AND outcome = 'started' AND request_id = $2`,
			action, got.header.Get("X-Request-Id")))
	}
	got := h.get(t, n.key, "/api/v1/imports/"+things["waiting import"]+"/result")
	require.Equal(t, http.StatusConflict, got.status)
	require.Equal(t, []string{"failed", "started"}, scan[[]string](t, h, `SELECT array_agg(outcome ORDER BY id DESC) FROM wharf.audit_log WHERE request_id = $1`,
		got.header.Get("X-Request-Id")))
}
