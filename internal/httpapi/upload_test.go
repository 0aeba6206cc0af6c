package httpapi_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wharf/internal/httpapi"
	"wharf/internal/objectstore"
)

const content = "email,name\nada@example.com,Ada\n"

// importer makes an importer for the content and gives its id.
func (n tenant) importer(t *testing.T) string {
	t.Helper()
	got := n.json(t, n.key, http.MethodPost, "/api/v1/importers", `{"name": "Contacts", "fields": [{"name": "email", "type": "email"}, {"name": "name", "type": "text"}]}`)
	require.Equal(t, http.StatusCreated, got.status, got.body)
	i := decoded[map[string]any](t, got)
	require.Equal(t, "/api/v1/importers/"+i["id"].(string), got.header.Get("Location"))
	return i["id"].(string)
}

// nothingLeft checks that a refused upload left neither an object, nor a part of one, nor a row.
func (n tenant) nothingLeft(t require.TestingT) {
	require.Empty(t, n.objects(t))
	parts, err := n.app.Objects.AbortUploads(context.Background(), objectstore.TenantPrefix(n.id), time.Now().Add(time.Hour))
	require.NoError(t, err)
	require.Zero(t, parts, "an upload in parts was left behind")
	require.Zero(t, scan[int](t, n.house, `SELECT count(*) FROM wharf.imports WHERE tenant_id = $1`, n.id))
}

// These tests share a house, each with tenants of its own.
func TestUpload(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for name, test := range map[string]func(t *testing.T, h *house){
		"upload is taken whatever the order of its parts":      uploadIsTakenWhateverTheOrderOfItsParts,
		"upload straight into a table":                         uploadStraightIntoATable,
		"refused upload says what is wrong and leaves nothing": refusedUploadSaysWhatIsWrongAndLeavesNothing,
		"file may have any name":                               fileMayHaveAnyName,
		"form without its end is refused":                      formWithoutItsEndIsRefused,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, h)
		})
	}
}

func uploadIsTakenWhateverTheOrderOfItsParts(t *testing.T, h *house) {
	n := h.newTenant(t, "acme")
	h.log.plant("ada@example.com")
	id, file := part{"importer_id", n.importer(t)}, part{"file:contacts.csv", content}
	mapping := part{"mapping", `{"email": "email", "name": null}`}
	for name, parts := range map[string][]part{
		"file last": {id, mapping, file}, "file first": {file, mapping, id}, "file between": {mapping, file, id},
		"empty fields": {file, id, {"write", ""}, {"encoding", " "}, {"table", ""}, {"match", ""}},
		"every field": {
			file, id, mapping,
			{"write", "insert"},
			{"match", `["email"]`},
			{"blank", "clear"},
			{"on_duplicate", "last"},
			{"encoding", "utf-8"},
			{"delimiter", "\t"},
			{"header_row", "1"},
			{"filter_invalid_rows", "true"},
			{"disable_on_invalid_rows", "false"},
		},
	} {
		got := n.upload(t, n.key, parts...)
		require.Equal(t, http.StatusAccepted, got.status, "%s: %s", name, got.body)
		accepted := decoded[map[string]any](t, got)
		require.Equal(t, "/api/v1/imports/"+accepted["id"].(string), got.header.Get("Location"))
		require.Equal(t, "pending", accepted["status"])
		require.Equal(t, id.content, accepted["importer_id"])

		shown := n.get(t, n.key, got.header.Get("Location"))
		require.Equal(t, "1", shown.header.Get("Retry-After"), "it has not ended: ask again")
		about := decoded[struct {
			File struct {
				Name  string
				Bytes int
			}
		}](t, shown).File
		require.Equal(t, "contacts.csv", about.Name)
		require.Equal(t, len(content), about.Bytes)
		require.Equal(t, content, n.stored(t, accepted["id"].(string)))
	}
	require.Equal(t, "\t", scan[string](t, h, `SELECT read_options ->> 'delimiter' FROM wharf.imports WHERE tenant_id = $1 AND read_options ? 'delimiter'`, n.id), "a tab is a delimiter, not white space")
	require.Equal(t, 5, scan[int](t, h, `SELECT count(*) FROM wharf.imports i JOIN river.river_job j ON j.id = i.job_id WHERE i.tenant_id = $1`, n.id), "each has its job")
}

// stored gives the file of an import as it is in the store.
func (n tenant) stored(t *testing.T, id string) string {
	t.Helper()
	body, _, err := n.app.Objects.Get(context.Background(), scan[string](t, n.house, `SELECT file_key FROM wharf.imports WHERE id = $1`, id), 0, -1)
	require.NoError(t, err)
	defer body.Close()
	got, err := io.ReadAll(body)
	require.NoError(t, err)
	return string(got)
}

func uploadStraightIntoATable(t *testing.T, h *house) {
	n := h.newTenant(t, "acme")
	got := n.upload(t, n.key, part{"table", "contacts"}, part{"file:a.csv", content}, part{"match", "lower(email)"})
	require.Equal(t, http.StatusAccepted, got.status, got.body)
	require.Nil(t, decoded[map[string]any](t, got)["importer_id"])
}

func refusedUploadSaysWhatIsWrongAndLeavesNothing(t *testing.T, h *house) {
	n, other := h.newTenant(t, "acme"), h.newTenant(t, "other")
	id, file := part{"importer_id", n.importer(t)}, part{"file:a.csv", content}
	for name, c := range map[string]struct {
		parts  []part
		status int
		want   string // field: message, or a part of the detail
	}{
		"nothing":                    {nil, 422, "file: is required, or upload_id"},
		"no file":                    {[]part{id}, 422, "file: is required, or upload_id"},
		"a file and an upload":       {[]part{file, id, {"upload_id", uuid.NewString()}}, 422, "upload_id: is given beside a file"},
		"an upload that is none":     {[]part{id, {"upload_id", "17"}}, 422, "upload_id: must be a UUID"},
		"an upload there is not":     {[]part{id, {"upload_id", uuid.NewString()}}, 404, "upload not found"},
		"two files":                  {[]part{file, id, file}, 422, "file: is given twice"},
		"an id twice":                {[]part{file, id, id}, 422, "importer_id: is given twice"},
		"neither importer nor table": {[]part{file}, 422, "importer_id: exactly one of importer_id and table is required"},
		"both":                       {[]part{file, id, {"table", "contacts"}}, 422, "importer_id: exactly one of importer_id and table is required"},
		"an unknown field":           {[]part{file, id, {"colour", "red"}}, 422, "colour: is not known"},
		"a field in another case":    {[]part{file, {"Importer_ID", id.content}}, 422, "Importer_ID: is not known"},
		"a part without a name":      {[]part{file, {"", "x"}}, 400, "no name"},
		"an id that is none":         {[]part{file, {"importer_id", "17"}}, 422, "importer_id: must be a UUID"},
		"an importer there is not":   {[]part{file, {"importer_id", uuid.NewString()}}, 404, "importer not found"},
		"another tenant's importer":  {[]part{file, {"importer_id", other.importer(t)}}, 404, "importer not found"},
		"a table there is not":       {[]part{file, {"table", "secrets"}}, 404, `no table "secrets"`},
		"one of Wharf's own tables":  {[]part{file, {"table", "wharf.api_keys"}}, 404, "no table"},
		"a mapping that is no JSON":  {[]part{file, id, {"mapping", "email=email"}}, 422, `mapping: must be JSON of the form {"file header": "field name"}; null ignores a column`},
		"a mapping of numbers":       {[]part{file, id, {"mapping", `{"a": 1}`}}, 422, `mapping: must be JSON of the form {"file header": "field name"}; null ignores a column`},
		"a wrong choice":             {[]part{file, id, {"write", "replace"}}, 422, "write: must be one of upsert, insert, update"},
		"a wrong blank":              {[]part{file, id, {"blank", "no"}}, 422, "blank: must be one of keep, clear"},
		"a wrong on_duplicate":       {[]part{file, id, {"on_duplicate", "first"}}, 422, "on_duplicate: must be one of error, last"},
		"a wrong row":                {[]part{file, id, {"header_row", "0"}}, 422, "header_row: must be a row number, 1 or more"},
		"a wrong truth":              {[]part{file, id, {"filter_invalid_rows", "perhaps"}}, 422, "filter_invalid_rows: must be true or false"},
		"a wrong key":                {[]part{file, {"table", "contacts"}, {"match", "nothing"}}, 422, "destination.match[0]: nothing is no key of contacts"},
		"keys that are no JSON":      {[]part{file, id, {"match", `["a"`}}, 422, `match: must be one key, or a JSON array of them: ["external_id", "lower(email)"]`},
		"bytes that are no text":     {[]part{file, {"table", "\xff"}}, 422, "table: must be UTF-8 text"},
		"a NUL in a table's name":    {[]part{file, {"table", "a\x00b"}}, 404, "no table"},
		"a field that is too large":  {[]part{file, id, {"mapping", strings.Repeat(" ", 1<<20) + "{}"}}, 413, `"mapping" is larger than 1048576 bytes`},
	} {
		got := n.upload(t, n.key, c.parts...)
		require.Equal(t, c.status, got.status, "%s: %s", name, got.body)
		p := got.problem(t)
		require.Contains(t, strings.Join(append(p.fields(), p.Detail), "\n"), c.want, name)
		n.nothingLeft(t)
	}
}

func fileMayHaveAnyName(t *testing.T, h *house) {
	n := h.newTenant(t, "acme")
	id := n.importer(t)
	for given, kept := range map[string]string{
		"Kunden 2026 (neu).csv":           "Kunden 2026 (neu).csv",
		"客户.xlsx":                         "客户.xlsx",
		"../../etc/passwd":                "passwd",
		"a\xffb.csv":                      "a\uFFFDb.csv",
		"tab\tbed.csv":                    "tabbed.csv",
		strings.Repeat("x", 300) + ".csv": strings.Repeat("x", 251) + ".csv",
		"":                                "upload",
	} {
		got := n.upload(t, n.key, part{"importer_id", id}, part{"file:" + given, content})
		require.Equal(t, http.StatusAccepted, got.status, "%q: %s", given, got.body)
		shown := decoded[struct{ File struct{ Name string } }](t, n.get(t, n.key, got.header.Get("Location")))
		require.Equal(t, kept, shown.File.Name)
	}
	got := n.upload(t, n.key, part{"importer_id", id}, part{"file", content})
	require.Equal(t, http.StatusAccepted, got.status, "a file without a name is an upload")
}

// A limit of more than one part of the store's, so that a file over it has begun to be stored in parts.
func TestFileOverTheLimitByOneByteIsRefusedAndGone(t *testing.T) {
	t.Parallel()
	const limit = 6 << 20
	h := newHouse(t, func(cfg *httpapi.Config) { cfg.UploadBytes = limit })
	n := h.newTenant(t, "acme")
	id := part{"importer_id", n.importer(t)}
	over := part{"file:a.csv", strings.Repeat("x", limit+1)}
	for _, parts := range [][]part{{id, over}, {over, id}} {
		got := n.upload(t, n.key, parts...)
		require.Equal(t, http.StatusRequestEntityTooLarge, got.status)
		require.Equal(t, fmt.Sprintf("the file is larger than %d bytes, the most that is taken", limit), got.problem(t).Detail)
		n.nothingLeft(t)
	}
	got := n.upload(t, n.key, id, part{"file:a.csv", over.content[1:]})
	require.Equal(t, http.StatusAccepted, got.status, "the limit itself is taken")
}

func TestFormThatDwarfsItsFileIsRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(cfg *httpapi.Config) { cfg.UploadBytes = 1000 })
	n := h.newTenant(t, "acme")
	parts := []part{{"file:a.csv", content}}
	for _, field := range []string{"mapping", "match"} {
		parts = append(parts, part{field, strings.Repeat(" ", 600<<10)})
	}
	got := n.upload(t, n.key, parts...)
	require.Equal(t, http.StatusRequestEntityTooLarge, got.status, got.body)
	n.nothingLeft(t)
}

// breakOff sends so many bytes of an upload's body, and closes the connection.
func (n tenant) breakOff(t *testing.T, body []byte, contentType string, sent int) {
	t.Helper()
	conn, err := net.Dial("tcp", n.address)
	require.NoError(t, err)
	_, err = fmt.Fprintf(conn, "POST /api/v1/imports HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", n.key, contentType, len(body))
	require.NoError(t, err)
	_, err = conn.Write(body[:sent])
	require.NoError(t, err)
	require.NoError(t, conn.Close())
}

func TestUploadThatBreaksOffLeavesNothingAndIsNoFailureOfOurs(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(cfg *httpapi.Config) { cfg.UploadBytes = 16 << 20 })
	n := h.newTenant(t, "acme")
	id := part{"importer_id", n.importer(t)}
	large := part{"file:a.csv", strings.Repeat("some,bytes\n", 1<<20)} // 11 MiB: stored in parts
	inFile, kind := form(t, id, large)
	behind, kindBehind := form(t, part{"file:a.csv", content}, id)
	mark := bytes.Index(behind.Bytes(), []byte("importer_id"))
	for i, c := range []struct {
		body []byte
		kind string
		sent int
	}{
		{inFile.Bytes(), kind, 200},                             // in the file's first bytes
		{inFile.Bytes(), kind, inFile.Len() - 1000},             // in its last ones
		{behind.Bytes(), kindBehind, mark},                      // behind the file, which was stored
		{behind.Bytes(), kindBehind, mark + len("importer_id")}, // in a field's header
		{behind.Bytes(), kindBehind, behind.Len() - 4},          // in the boundary that ends the form
	} {
		n.breakOff(t, c.body, c.kind, c.sent)
		require.EventuallyWithT(t, func(t *assert.CollectT) {
			require.Len(t, h.log.lines(`"route":"/api/v1/imports"`), i+1)
			n.nothingLeft(t)
		}, soon, tick)
	}
	require.Len(t, h.log.lines(`"route":"/api/v1/imports"`, `"status":400`), 5, h.log.String())
	require.Empty(t, h.log.lines("request failed"))
}

// A form that ends where a part could follow has lost what came behind.
func formWithoutItsEndIsRefused(t *testing.T, h *house) {
	n := h.newTenant(t, "acme")
	body, kind := form(t, part{"importer_id", n.importer(t)}, part{"file:a.csv", content}, part{"write", "insert"})
	whole := body.String()
	boundary := whole[:strings.Index(whole, "\r\n")]
	for name, cut := range map[string]string{
		"behind a part":     whole[:strings.LastIndex(whole, boundary)+len(boundary)] + "\r\n",
		"before its end":    strings.TrimSuffix(whole, "--\r\n"),
		"in a part's head":  whole[:strings.LastIndex(whole, "write")],
		"behind a head":     whole[:strings.LastIndex(whole, "insert")],
		"empty":             "",
		"another boundary":  strings.ReplaceAll(whole, boundary, "--other"),
		"no form":           "email\nada@example.com\n",
		"a head of garbage": boundary + "\r\ngarbage\r\n\r\nx\r\n" + boundary + "--\r\n",
	} {
		got := h.do(t, request{method: http.MethodPost, path: "/api/v1/imports", key: n.key, body: strings.NewReader(cut), contentType: kind})
		require.Equal(t, http.StatusBadRequest, got.status, "%s: %s", name, got.body)
		require.Contains(t, got.problem(t).Detail, "the form", name)
		n.nothingLeft(t)
	}
	for name, form := range map[string]string{"as it is": whole, "without the last line's end": strings.TrimSuffix(whole, "\r\n"), "with an epilogue": whole + "that was all\n"} {
		got := h.do(t, request{method: http.MethodPost, path: "/api/v1/imports", key: n.key, body: strings.NewReader(form), contentType: kind})
		require.Equal(t, http.StatusAccepted, got.status, "%s: %s", name, got.body)
	}
}

// pulse gives its bytes a piece a tick.
type pulse struct {
	rest  []byte
	ticks <-chan time.Time
}

func (p *pulse) Read(b []byte) (int, error) {
	if len(p.rest) == 0 {
		return 0, io.EOF
	}
	<-p.ticks
	n := copy(b, p.rest[:min(len(p.rest), 40)])
	p.rest = p.rest[n:]
	return n, nil
}

func TestSlowUploadLivesAndAStandingOneIsEnded(t *testing.T) {
	t.Parallel()
	const stall = time.Second
	h := newHouse(t, func(cfg *httpapi.Config) { cfg.StallTimeout, cfg.HeaderTimeout, cfg.IdleTimeout = stall, stall, stall })
	n := h.newTenant(t, "acme")
	body, kind := form(t, part{"file:a.csv", content}, part{"importer_id", n.importer(t)})
	standing := append([]byte(nil), body.Bytes()...)
	beat := time.NewTicker(stall / 8)
	defer beat.Stop()
	began := time.Now()
	got := h.do(t, request{method: http.MethodPost, path: "/api/v1/imports", key: n.key, body: &pulse{body.Bytes(), beat.C}, contentType: kind})
	require.Equal(t, http.StatusAccepted, got.status, got.body)
	require.Greater(t, time.Since(began), stall, "it took longer than a body may stand still")

	m := h.newTenant(t, "standing")
	conn, err := net.Dial("tcp", h.address)
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	_, err = fmt.Fprintf(conn, "POST /api/v1/imports HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s",
		m.key, kind, len(standing), standing[:len(standing)/2])
	require.NoError(t, err)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(soon)))
	answer, err := io.ReadAll(conn)
	require.NoError(t, err, "the server closes the connection")
	require.Contains(t, string(answer), "400 Bad Request")
	require.Contains(t, string(answer), "stood still for 1s")
	m.nothingLeft(t)
}

// An error of ours may hide that the import was written: then its file must be there.
func TestUploadWhoseImportMayHaveBegunKeepsItsFile(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	n := h.newTenant(t, "acme")
	id := n.importer(t)
	h.exec(t, `REVOKE INSERT ON wharf.imports FROM wharf_service`)
	got := n.upload(t, n.key, part{"importer_id", id}, part{"file:a.csv", content})
	require.Equal(t, http.StatusInternalServerError, got.status)
	require.Len(t, n.objects(t), 1)
	require.Len(t, h.log.lines("upload kept", n.objects(t)[0]), 1)
}
