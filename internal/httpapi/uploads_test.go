package httpapi_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// announced is an upload as the API shows it.
type announced struct {
	ID, Name, Status, Method, URL string
	Bytes                         int64
	Headers                       map[string]string
	ImportID                      *string `json:"import_id"`
}

func (n tenant) announce(t *testing.T, file string) announced {
	t.Helper()
	sum := sha256.Sum256([]byte(file))
	got := n.json(t, n.key, http.MethodPost, "/api/v1/uploads",
		`{"name": "dir/contacts.csv", "bytes": `+itoa(len(file))+`, "sha256": "`+hex.EncodeToString(sum[:])+`"}`)
	require.Equal(t, http.StatusCreated, got.status, got.body)
	u := decoded[announced](t, got)
	require.Equal(t, "/api/v1/uploads/"+u.ID, got.header.Get("Location"))
	return u
}

func (n tenant) shownUpload(t *testing.T, id string) announced {
	t.Helper()
	got := n.get(t, n.key, "/api/v1/uploads/"+id)
	require.Equal(t, http.StatusOK, got.status, got.body)
	return decoded[announced](t, got)
}

// send puts bytes to the upload's URL, as a client would that knows nothing else, and gives the store's answer.
func (n tenant) send(t *testing.T, id, file string) int {
	t.Helper()
	return n.put(t, n.shownUpload(t, id), file)
}

func (n tenant) put(t *testing.T, u announced, file string) int {
	t.Helper()
	n.log.plant(u.URL)
	req, err := http.NewRequestWithContext(context.Background(), u.Method, u.URL, strings.NewReader(file))
	require.NoError(t, err)
	for name, value := range u.Headers {
		req.Header.Set(name, value)
	}
	res, err := client.Do(req)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	return res.StatusCode
}

// These tests share a house, each with tenants of its own.
func TestUploads(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for name, test := range map[string]func(t *testing.T, h *house){
		"file that was sent ahead is imported":             fileThatWasSentAheadIsImported,
		"import takes the fields in every kind of body":    importTakesTheFieldsInEveryKindOfBody,
		"file that has not arrived is not imported":        fileThatHasNotArrivedIsNotImported,
		"URL takes nothing but the file it was signed for": urlTakesNothingButTheFileItWasSignedFor,
		"upload serves one import":                         uploadServesOneImport,
		"deleted upload is gone":                           deletedUploadIsGone,
		"announcement that cannot be kept is refused":      announcementThatCannotBeKeptIsRefused,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, h)
		})
	}
}

func fileThatWasSentAheadIsImported(t *testing.T, h *house) {
	n := h.newTenant(t, "acme")
	u := n.announce(t, content)
	require.Equal(t, "waiting", u.Status)
	require.Equal(t, "PUT", u.Method)
	require.Equal(t, http.StatusOK, n.put(t, u, content))
	u = n.shownUpload(t, u.ID)
	require.Equal(t, "arrived", u.Status)
	require.Empty(t, u.URL, "nothing more is taken")

	got := n.upload(t, n.key, part{"importer_id", n.importer(t)}, part{"upload_id", u.ID})
	require.Equal(t, http.StatusAccepted, got.status, got.body)
	id := decoded[map[string]any](t, got)["id"].(string)
	require.Equal(t, content, n.stored(t, id))
	file := decoded[struct {
		File struct {
			Name  string
			Bytes int
		}
	}](t, n.get(t, n.key, "/api/v1/imports/"+id)).File
	require.Equal(t, "dir/contacts.csv", file.Name)
	require.Equal(t, len(content), file.Bytes)
	u = n.shownUpload(t, u.ID)
	require.Equal(t, "used", u.Status)
	require.Equal(t, id, *u.ImportID)
}

func importTakesTheFieldsInEveryKindOfBody(t *testing.T, h *house) {
	n := h.newTenant(t, "acme")
	id := n.importer(t)
	arrived := func() string {
		u := n.announce(t, content)
		n.put(t, u, content)
		return u.ID
	}
	form := url.Values{
		"importer_id": {id}, "upload_id": {arrived()}, "mapping": {`{"email": "email", "name": null}`}, "header_row": {"1"},
		"filter_invalid_rows": {"true"}, "delimiter": {"\t"}, "table": {""},
	}
	bodies := map[string]string{
		"application/x-www-form-urlencoded": form.Encode(),
		"Application/JSON; charset=UTF-8": `{"importer_id": "` + id + `", "upload_id": "` + arrived() + `", "mapping": {"email": "email", "name": null},
			"header_row": 1, "filter_invalid_rows": true, "delimiter": "\t", "table": null}`,
	}
	for kind, body := range bodies {
		got := h.do(t, request{method: http.MethodPost, path: "/api/v1/imports", key: n.key, body: strings.NewReader(body), contentType: kind})
		require.Equal(t, http.StatusAccepted, got.status, "%s: %s", kind, got.body)
		require.Equal(t, `{"name": "", "email": "email"} {"delimiter": "\t", "header_row": 1} true`, scan[string](t, h, `SELECT concat_ws(' ', mapping, read_options, definition ->> 'filter_invalid_rows')
			FROM wharf.imports WHERE id = $1`, decoded[map[string]any](t, got)["id"]))
	}
	for body, want := range map[string]string{
		`{"importer_id": "` + id + `"}`:                                                 "upload_id: is required",
		`{"upload_id": "x", "header_row": 0, "write": "all", "colour": "red"}`:          "colour: is not known",
		`{"upload_id": "` + uuid.NewString() + `", "match": ["a", 1]}`:                  "match",
		`{"upload_id": "` + uuid.NewString() + `", "mapping": {"a": {}}, "table": "x"}`: "mapping.a",
	} {
		got := h.json(t, n.key, http.MethodPost, "/api/v1/imports", body)
		require.Equal(t, http.StatusUnprocessableEntity, got.status, got.body)
		require.Contains(t, strings.Join(got.problem(t).fields(), "; "), want)
	}
	for body, want := range map[string]int{"upload_id=%zz": 400, "upload_id=a&upload_id=b": 422, "importer_id=" + id: 422, "table=" + strings.Repeat("x", 65<<10): 413} {
		got := h.do(t, request{method: http.MethodPost, path: "/api/v1/imports", key: n.key, body: strings.NewReader(body), contentType: "application/x-www-form-urlencoded"})
		require.Equal(t, want, got.status, got.body)
	}
}

func fileThatHasNotArrivedIsNotImported(t *testing.T, h *house) {
	n := h.newTenant(t, "acme")
	u := n.announce(t, content)
	got := n.upload(t, n.key, part{"table", "contacts"}, part{"upload_id", u.ID})
	require.Equal(t, http.StatusConflict, got.status)
	require.Contains(t, got.problem(t).Detail, "has not arrived")
	n.nothingLeft(t)
	// What came otherwise than by the URL is not what was announced either.
	key := scan[string](t, h, `SELECT object_key FROM wharf.uploads WHERE id = $1`, u.ID)
	_, err := h.app.Objects.Put(context.Background(), key, "", strings.NewReader("half"))
	require.NoError(t, err)
	for _, got := range []response{n.upload(t, n.key, part{"table", "contacts"}, part{"upload_id", u.ID}), n.get(t, n.key, "/api/v1/uploads/"+u.ID)} {
		require.Equal(t, http.StatusConflict, got.status)
		require.Contains(t, got.problem(t).Detail, "has 4 bytes instead of the "+itoa(len(content)))
	}
}

func urlTakesNothingButTheFileItWasSignedFor(t *testing.T, h *house) {
	n := h.newTenant(t, "acme")
	u := n.announce(t, content)
	require.Equal(t, http.StatusForbidden, n.put(t, u, content+"\n"), "longer")
	require.Equal(t, http.StatusForbidden, n.put(t, u, content[1:]), "shorter")
	require.Equal(t, http.StatusBadRequest, n.put(t, u, strings.ToUpper(content)), "as long, but another")
	require.Equal(t, "waiting", n.shownUpload(t, u.ID).Status)
	require.Equal(t, http.StatusOK, n.send(t, u.ID, content), "by a fresh URL")
}

func uploadServesOneImport(t *testing.T, h *house) {
	n := h.newTenant(t, "acme")
	u := n.announce(t, content)
	n.put(t, u, content)
	const tries = 4
	answers := make(chan response, tries)
	for range tries {
		go func() { answers <- n.upload(t, n.key, part{"table", "contacts"}, part{"upload_id", u.ID}) }()
	}
	var accepted string
	var refused []string
	for range tries {
		if got := <-answers; got.status == http.StatusAccepted {
			require.Empty(t, accepted, "a second import took it")
			accepted = decoded[map[string]any](t, got)["id"].(string)
		} else {
			require.Equal(t, http.StatusConflict, got.status, got.body)
			refused = append(refused, got.problem(t).Detail)
		}
	}
	for _, why := range refused {
		require.Contains(t, why, accepted, "it names the import that was first")
	}
	require.Equal(t, 1, scan[int](t, h, `SELECT count(*) FROM wharf.imports WHERE tenant_id = $1`, n.id))
	require.Equal(t, content, n.stored(t, accepted), "the refusals took nothing away")
	got := n.do(t, request{method: http.MethodDelete, path: "/api/v1/uploads/" + u.ID, key: n.key})
	require.Equal(t, http.StatusConflict, got.status)
	require.Equal(t, content, n.stored(t, accepted))
}

func deletedUploadIsGone(t *testing.T, h *house) {
	n := h.newTenant(t, "acme")
	u := n.announce(t, content)
	n.put(t, u, content)
	remove := request{method: http.MethodDelete, path: "/api/v1/uploads/" + u.ID, key: n.key}
	require.Equal(t, http.StatusNoContent, n.do(t, remove).status)
	require.Empty(t, n.objects(t))
	require.Equal(t, http.StatusNotFound, n.do(t, remove).status)
	require.Equal(t, http.StatusNotFound, n.get(t, n.key, remove.path).status)
	require.Equal(t, http.StatusNotFound, n.upload(t, n.key, part{"table", "contacts"}, part{"upload_id", u.ID}).status)
}

func announcementThatCannotBeKeptIsRefused(t *testing.T, h *house) {
	n := h.newTenant(t, "acme")
	for body, want := range map[string]struct {
		status int
		field  string
	}{
		`{"name": "a.csv"}`:                              {422, "bytes: is required"},
		`{"bytes": 1}`:                                   {422, "name: is required"},
		`{"name": "a.csv", "bytes": 0}`:                  {422, "bytes: must be at least 1"},
		`{"name": "a.csv", "bytes": 5368709121}`:         {413, "bytes: is too large"},
		`{"name": "a.csv", "bytes": 1, "sha256": "abc"}`: {422, "sha256: must match ^[0-9A-Fa-f]{64}$"},
		`{"name": "a.csv", "bytes": 1, "md5": "x"}`:      {422, "md5: is not known"},
	} {
		got := n.json(t, n.key, http.MethodPost, "/api/v1/uploads", body)
		require.Equal(t, want.status, got.status, got.body)
		require.Equal(t, []string{want.field}, got.problem(t).fields())
	}
	require.Zero(t, scan[int](t, h, `SELECT count(*) FROM wharf.uploads WHERE tenant_id = $1`, n.id))
}
