package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wharf/internal/tenancy"
)

const people = `{"name": "People", "fields": [{"name": "email", "type": "email"}]}`

// keyed posts JSON with an Idempotency-Key.
func (n tenant) keyed(t *testing.T, key, path, body string) response {
	t.Helper()
	return n.do(t, request{
		method: http.MethodPost, path: path, key: n.key, body: strings.NewReader(body), contentType: "application/json",
		header: map[string]string{"Idempotency-Key": key},
	})
}

// keyedUpload posts a form with an Idempotency-Key.
func (n tenant) keyedUpload(t *testing.T, key string, parts ...part) response {
	t.Helper()
	body, kind := form(t, parts...)
	return n.do(t, request{
		method: http.MethodPost, path: "/api/v1/imports", key: n.key, body: body, contentType: kind, header: map[string]string{"Idempotency-Key": key},
	})
}

func (n tenant) count(t require.TestingT, table string) int {
	return scan[int](t, n.house, `SELECT count(*) FROM wharf.`+table+` WHERE tenant_id = $1`, n.id)
}

// sameAgain checks that an answer is the first one, given again.
func sameAgain(t *testing.T, first, again response) {
	t.Helper()
	require.Empty(t, first.header.Get("Idempotency-Replayed"))
	require.Equal(t, "true", again.header.Get("Idempotency-Replayed"), again.body)
	require.Equal(t, first.status, again.status)
	require.Equal(t, first.body, again.body)
	for _, name := range []string{"Location", "Content-Type"} {
		require.Equal(t, first.header.Get(name), again.header.Get(name))
	}
}

// These tests share a house, each with tenants of its own.
func TestIdempotency(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for name, test := range map[string]func(t *testing.T, h *house){
		"request sent again is answered as the first":      requestSentAgainIsAnsweredAsTheFirst,
		"file sent again is imported once":                 fileSentAgainIsImportedOnce,
		"key belongs to one request of one caller":         keyBelongsToOneRequestOfOneCaller,
		"request that was refused leaves its key free":     requestThatWasRefusedLeavesItsKeyFree,
		"upload that broke off can be sent again":          uploadThatBrokeOffCanBeSentAgain,
		"signed URL is not stored and made anew":           signedURLIsNotStoredAndMadeAnew,
		"key that is none is refused":                      keyThatIsNoneIsRefused,
		"key means nothing where nothing is created":       keyMeansNothingWhereNothingIsCreated,
		"of many at once over two replicas one is created": ofManyAtOnceOverTwoReplicasOneIsCreated,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, h)
		})
	}
}

func requestSentAgainIsAnsweredAsTheFirst(t *testing.T, h *house) {
	n := h.newTenant(t, "acme")
	first := n.keyed(t, "k 1", "/api/v1/importers", people)
	require.Equal(t, http.StatusCreated, first.status, first.body)
	sameAgain(t, first, n.keyed(t, "k 1", "/api/v1/importers", people))
	sameAgain(t, first, n.keyed(t, "k 1", "/api/v1/importers", `{"fields":[{"type":"email","name":"email"}],"name":"People"}`))
	require.Equal(t, 1, n.count(t, "importers"))

	export := n.keyed(t, "k 2", "/api/v1/exports", "")
	require.Equal(t, http.StatusAccepted, export.status, export.body)
	sameAgain(t, export, n.keyed(t, "k 2", "/api/v1/exports", ""))
	require.Equal(t, 1, n.count(t, "exports"))
	require.Equal(t, http.StatusAccepted, n.keyed(t, "k 3", "/api/v1/exports", "").status)
	require.Equal(t, 2, n.count(t, "exports"))
}

func fileSentAgainIsImportedOnce(t *testing.T, h *house) {
	n := h.newTenant(t, "acme")
	id, file := part{"importer_id", n.importer(t)}, part{"file:a.csv", content}
	first := n.keyedUpload(t, "k", id, file, part{"write", "insert"})
	require.Equal(t, http.StatusAccepted, first.status, first.body)
	sameAgain(t, first, n.keyedUpload(t, "k", file, part{"write", "insert"}, id))
	for name, parts := range map[string][]part{
		"another file":   {id, {"file:a.csv", content + "bob@example.com,Bob\n"}, {"write", "insert"}},
		"another name":   {id, {"file:b.csv", content}, {"write", "insert"}},
		"another field":  {id, file, {"write", "update"}},
		"one field less": {id, file},
	} {
		got := n.keyedUpload(t, "k", parts...)
		require.Equal(t, http.StatusUnprocessableEntity, got.status, name)
		require.Contains(t, got.problem(t).Detail, "another request", name)
	}
	require.Equal(t, 1, n.count(t, "imports"))
	require.Len(t, n.objects(t), 1, "what was stored for the others is deleted")
	require.Equal(t, content, n.stored(t, decoded[map[string]any](t, first)["id"].(string)))

	u := n.announce(t, content)
	n.put(t, u, content)
	body := `{"table": "contacts", "upload_id": "` + u.ID + `"}`
	first = n.keyed(t, "by upload", "/api/v1/imports", body)
	require.Equal(t, http.StatusAccepted, first.status, first.body)
	sameAgain(t, first, n.keyed(t, "by upload", "/api/v1/imports", body))
}

func keyBelongsToOneRequestOfOneCaller(t *testing.T, h *house) {
	n, other := h.newTenant(t, "acme"), h.newTenant(t, "other")
	first := n.keyed(t, "k", "/api/v1/importers", people)
	for path, body := range map[string]string{"/api/v1/importers": strings.Replace(people, "People", "Others", 1), "/api/v1/exports": people} {
		got := n.keyed(t, "k", path, body)
		require.Equal(t, http.StatusUnprocessableEntity, got.status, got.body)
		require.Contains(t, got.problem(t).Detail, "another request")
	}
	colleague := n
	colleague.key = n.newKey(t, tenancy.Member)
	for _, who := range []tenant{other, colleague} {
		got := who.keyed(t, "k", "/api/v1/importers", people)
		require.Equal(t, http.StatusCreated, got.status)
		require.Empty(t, got.header.Get("Idempotency-Replayed"))
		require.NotEqual(t, first.header.Get("Location"), got.header.Get("Location"))
	}
}

func requestThatWasRefusedLeavesItsKeyFree(t *testing.T, h *house) {
	n := h.newTenant(t, "acme")
	require.Equal(t, http.StatusUnprocessableEntity, n.keyed(t, "k", "/api/v1/importers", `{"name": "x", "fields": [{"name": "a", "type": "odd"}]}`).status)
	require.Equal(t, http.StatusBadRequest, n.keyed(t, "k", "/api/v1/importers", `{`).status)
	require.Equal(t, http.StatusNotFound, n.keyedUpload(t, "k", part{"file:a.csv", content}, part{"table", "nothing"}).status)
	require.Zero(t, n.count(t, "idempotency"))
	require.Empty(t, n.objects(t))
	require.Equal(t, http.StatusCreated, n.keyed(t, "k", "/api/v1/importers", people).status)
}

func uploadThatBrokeOffCanBeSentAgain(t *testing.T, h *house) {
	n := h.newTenant(t, "acme")
	id, file := part{"importer_id", n.importer(t)}, part{"file:a.csv", content}
	body, kind := form(t, id, file)
	whole := body.String()
	got := n.do(t, request{
		method: http.MethodPost, path: "/api/v1/imports", key: n.key, body: strings.NewReader(whole[:len(whole)-30]), contentType: kind,
		header: map[string]string{"Idempotency-Key": "k"},
	})
	require.Equal(t, http.StatusBadRequest, got.status)
	first := n.keyedUpload(t, "k", id, file)
	require.Equal(t, http.StatusAccepted, first.status, first.body)
	sameAgain(t, first, n.keyedUpload(t, "k", id, file))
	require.Len(t, n.objects(t), 1)
}

func signedURLIsNotStoredAndMadeAnew(t *testing.T, h *house) {
	n := h.newTenant(t, "acme")
	const body = `{"name": "a.csv", "bytes": 5}`
	first := n.keyed(t, "k", "/api/v1/uploads", body)
	require.Equal(t, http.StatusCreated, first.status, first.body)
	require.NotContains(t, n.dump(t), "X-Amz-Signature")
	again := n.keyed(t, "k", "/api/v1/uploads", body)
	require.Equal(t, http.StatusCreated, again.status, again.body)
	require.Equal(t, "true", again.header.Get("Idempotency-Replayed"))
	require.Equal(t, first.header.Get("Location"), again.header.Get("Location"))
	u := decoded[announced](t, again)
	require.Equal(t, decoded[announced](t, first).ID, u.ID)
	require.Equal(t, http.StatusOK, n.put(t, u, "12345"), "the URL works")
	require.Equal(t, 1, n.count(t, "uploads"))
}

func keyThatIsNoneIsRefused(t *testing.T, h *house) {
	n := h.newTenant(t, "acme")
	for key, want := range map[string]string{
		strings.Repeat("k", 256): "Idempotency-Key: must have at most 255 characters",
		"schlüssel":              "Idempotency-Key: must match ^[ -~]+$",
	} {
		got := n.keyed(t, key, "/api/v1/importers", people)
		require.Equal(t, http.StatusBadRequest, got.status)
		require.Equal(t, []string{want}, got.problem(t).fields())
	}
	require.Zero(t, n.count(t, "importers"))
}

func keyMeansNothingWhereNothingIsCreated(t *testing.T, h *house) {
	n := h.newTenant(t, "acme")
	for range 2 {
		got := n.do(t, request{path: "/api/v1/importers", key: n.key, header: map[string]string{"Idempotency-Key": "k"}})
		require.Equal(t, http.StatusOK, got.status)
		require.Empty(t, got.header.Get("Idempotency-Replayed"))
	}
	require.Zero(t, n.count(t, "idempotency"))
}

func ofManyAtOnceOverTwoReplicasOneIsCreated(t *testing.T, h *house) {
	n := h.newTenant(t, "acme")
	twin := n
	twin.house = h.twin(t)
	id, file := part{"importer_id", n.importer(t)}, part{"file:a.csv", content}
	for table, send := range map[string]func(who tenant) response{
		"exports": func(who tenant) response { return who.keyed(t, "k 1", "/api/v1/exports", `{}`) },
		"imports": func(who tenant) response { return who.keyedUpload(t, "k 2", id, file) },
	} {
		const tries = 8
		answers := make(chan response, tries)
		for i := range tries {
			go func() { answers <- send([]tenant{n, twin}[i%2]) }()
		}
		var bodies []string
		for range tries {
			got := <-answers
			if got.status == http.StatusConflict {
				require.Contains(t, got.problem(t).Detail, "under way")
				require.Equal(t, "2", got.header.Get("Retry-After"))
				continue
			}
			require.Equal(t, http.StatusAccepted, got.status, got.body)
			bodies = append(bodies, got.body)
		}
		require.NotEmpty(t, bodies)
		for _, body := range bodies {
			require.Equal(t, bodies[0], body)
		}
		require.Equal(t, 1, n.count(t, table))
		require.Equal(t, "true", send(twin).header.Get("Idempotency-Replayed"))
	}
	require.Len(t, n.objects(t), 1)
}

// What went wrong on our side may go right the next time.
func TestFailureOfOursLeavesTheKeyFree(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	n := h.newTenant(t, "acme")
	h.exec(t, `REVOKE INSERT ON wharf.importers FROM wharf_service`)
	require.Equal(t, http.StatusInternalServerError, n.keyed(t, "k", "/api/v1/importers", people).status)
	h.exec(t, `GRANT INSERT ON wharf.importers TO wharf_service`)
	require.Equal(t, http.StatusCreated, n.keyed(t, "k", "/api/v1/importers", people).status)
}

// What was done is answered, even if its answer cannot be kept; the key stays taken for its lease.
func TestAnswerThatCannotBeKeptIsGiven(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	n := h.newTenant(t, "acme")
	h.exec(t, `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no''; END'`)
	h.exec(t, `CREATE TRIGGER refuse BEFORE UPDATE ON wharf.idempotency FOR EACH ROW EXECUTE FUNCTION refuse()`)
	require.Equal(t, http.StatusCreated, n.keyed(t, "k", "/api/v1/importers", people).status)
	require.Len(t, h.log.lines("idempotency key not settled"), 1)
	require.Equal(t, http.StatusConflict, n.keyed(t, "k", "/api/v1/importers", people).status)
	require.Equal(t, 1, n.count(t, "importers"))
}
