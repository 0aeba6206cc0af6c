package httpapi_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"wharf/internal/tenancy"
)

// embedded are the operations that are open to embed tokens, written by hand from the design.
var embedded = []string{
	"getImporterByKey", "createUpload", "getUpload", "deleteUpload",
	"createImport", "getImport", "downloadImportResult", "cancelImport",
	"getImporterTemplate", "previewImport", "streamImport", "listImportRows", "amendImportRow", "commitImport", "downloadImportErrors",
}

type embedToken struct {
	ID, Token   string
	ImporterID  string    `json:"importer_id"`
	ImporterKey string    `json:"importer_key"`
	ExpiresAt   time.Time `json:"expires_at"`
}

// embed makes a token for the importer, and gives the tenant as the token sees it.
func (n tenant) embed(t *testing.T, importer string) (as tenant, token embedToken) {
	t.Helper()
	got := n.json(t, n.key, http.MethodPost, "/api/v1/importers/"+importer+"/embed-tokens", "")
	require.Equal(t, http.StatusCreated, got.status, got.body)
	token = decoded[embedToken](t, got)
	as = n
	as.key = n.log.plant(token.Token)
	return as, token
}

// These tests share a house, each with tenants of its own.
func TestEmbed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for name, test := range map[string]func(t *testing.T, h *house){
		"token opens nothing but what importing takes": tokenOpensNothingButWhatImportingTakes,
		"token imports through its importer":           tokenImportsThroughItsImporter,
		"token sees nothing of others":                 tokenSeesNothingOfOthers,
		"token decides nothing of the importer's":      tokenDecidesNothingOfTheImporters,
		"token is shown once":                          tokenIsShownOnce,
		"token lives as long as was asked":             tokenLivesAsLongAsWasAsked,
		"tokens end when they are revoked":             tokensEndWhenTheyAreRevoked,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, h)
		})
	}
}

func tokenOpensNothingButWhatImportingTakes(t *testing.T, h *house) {
	n := h.newTenant(t, "acme")
	as, _ := n.embed(t, n.importer(t))
	before := n.dump(t)
	for _, r := range everyRoute(t) {
		if r.column == "everybody" {
			continue
		}
		got := h.call(t, r, as.key, r.anything())
		open := slices.Contains(embedded, r.op.OperationID)
		require.Equal(t, open, may(t, got), "%s: %s", r.op.OperationID, got.body)
		if open && r.op.OperationID != "createUpload" {
			require.Equal(t, http.StatusNotFound, got.status, r.op.OperationID)
		}
	}
	require.Equal(t, 1, n.count(t, "uploads"))
	h.exec(t, `DELETE FROM wharf.uploads WHERE tenant_id = $1`, n.id)
	h.exec(t, `DELETE FROM wharf.audit_log WHERE tenant_id = $1 AND actor LIKE 'embed:%'`, n.id)
	require.Equal(t, before, n.dump(t))
}

func tokenImportsThroughItsImporter(t *testing.T, h *house) {
	n := h.newTenant(t, "acme")
	as, token := n.embed(t, n.importer(t))
	shown := decoded[map[string]any](t, as.get(t, as.key, "/api/v1/importers/by-key/"+token.ImporterKey))
	require.Equal(t, "Contacts", shown["name"])

	u := as.announce(t, content)
	as.put(t, u, content)
	for _, file := range []part{{"file:a.csv", content}, {"upload_id", u.ID}} {
		got := as.upload(t, as.key, file, part{"importer_id", token.ImporterID}, part{"mapping", `{"email": "email"}`}, part{"encoding", "utf-8"}, part{"header_row", "1"})
		require.Equal(t, http.StatusAccepted, got.status, got.body)
		path := got.header.Get("Location")
		require.Equal(t, "pending", decoded[map[string]any](t, as.get(t, as.key, path))["status"])
		cancelled := as.json(t, as.key, http.MethodPost, path+"/cancel", "")
		require.Equal(t, http.StatusAccepted, cancelled.status, cancelled.body)
		require.Equal(t, "embed:"+token.ID, scan[string](t, h, `SELECT requested_by FROM wharf.imports WHERE id = $1`, strings.TrimPrefix(path, "/api/v1/imports/")))
		require.Equal(t, http.StatusOK, n.get(t, n.key, path).status, "the tenant sees it")
	}
}

func tokenSeesNothingOfOthers(t *testing.T, h *house) {
	n := h.newTenant(t, "acme")
	things := n.furnish(t)
	as, _ := n.embed(t, n.importer(t))
	sibling, _ := n.embed(t, things["importer"])
	ofSibling := sibling.upload(t, sibling.key, part{"file:a.csv", content}, part{"importer_id", things["importer"]})
	require.Equal(t, http.StatusAccepted, ofSibling.status, ofSibling.body)
	siblings := sibling.announce(t, content).ID
	same, _ := n.embed(t, things["importer"])
	for _, who := range []tenant{as, same} { // bound to another importer; bound to the same, and another's token
		for _, path := range []string{
			"/api/v1/imports/" + things["completed import"], "/api/v1/imports/" + things["completed import"] + "/result",
			ofSibling.header.Get("Location"), "/api/v1/uploads/" + things["upload"], "/api/v1/uploads/" + siblings,
		} {
			require.Equal(t, http.StatusNotFound, who.get(t, who.key, path).status, path)
		}
		cancel := who.json(t, who.key, http.MethodPost, "/api/v1/imports/"+things["waiting import"]+"/cancel", "")
		require.Equal(t, http.StatusNotFound, cancel.status)
		for _, id := range []string{things["upload"], siblings} {
			require.Equal(t, http.StatusNotFound, who.do(t, request{method: http.MethodDelete, path: "/api/v1/uploads/" + id, key: who.key}).status)
		}
	}
	got := same.upload(t, same.key, part{"importer_id", things["importer"]}, part{"upload_id", things["upload"]})
	require.Equal(t, http.StatusNotFound, got.status, got.body)
	got = as.upload(t, as.key, part{"file:a.csv", content}, part{"importer_id", things["importer"]})
	require.Equal(t, http.StatusNotFound, got.status, got.body)
	require.Equal(t, http.StatusNotFound, as.get(t, as.key, "/api/v1/importers/by-key/"+things["importer key"]).status)
	require.Equal(t, http.StatusOK, same.get(t, same.key, "/api/v1/importers/by-key/"+things["importer key"]).status)
}

func tokenDecidesNothingOfTheImporters(t *testing.T, h *house) {
	n := h.newTenant(t, "acme")
	as, token := n.embed(t, n.importer(t))
	for _, p := range []part{
		{"write", "insert"},
		{"match", "email"},
		{"blank", "clear"},
		{"on_duplicate", "last"},
		{"filter_invalid_rows", "true"},
		{"disable_on_invalid_rows", "false"},
	} {
		got := as.upload(t, as.key, part{"file:a.csv", content}, part{"importer_id", token.ImporterID}, p)
		require.Equal(t, http.StatusForbidden, got.status, p.name)
		require.Equal(t, []string{p.name + ": is not for an embed token to decide"}, got.problem(t).fields())
	}
	got := as.upload(t, as.key, part{"file:a.csv", content}, part{"table", "contacts"})
	require.Equal(t, http.StatusForbidden, got.status)
	n.nothingLeft(t)
}

func tokenIsShownOnce(t *testing.T, h *house) {
	n := h.newTenant(t, "acme")
	path := "/api/v1/importers/" + n.importer(t) + "/embed-tokens"
	first := n.keyed(t, "k", path, `{"user": "ada"}`)
	require.Equal(t, http.StatusCreated, first.status, first.body)
	token := decoded[embedToken](t, first)
	h.log.plant(token.Token)
	again := n.keyed(t, "k", path, `{"user": "ada"}`)
	require.Equal(t, http.StatusConflict, again.status)
	require.Contains(t, again.problem(t).Detail, "held a secret")
	require.NotContains(t, n.dump(t), token.Token[17:])
	require.Equal(t, 1, scan[int](t, h, `SELECT count(*) FROM wharf.api_keys WHERE tenant_id = $1 AND importer_id IS NOT NULL`, n.id))
	require.JSONEq(t, `{"importer_id": "`+token.ImporterID+`", "token_id": "`+token.ID+`", "user": "ada"}`,
		scan[string](t, h, `SELECT scope::text FROM wharf.audit_log WHERE tenant_id = $1 AND action = 'embed_token.create'`, n.id))
}

func tokenLivesAsLongAsWasAsked(t *testing.T, h *house) {
	n := h.newTenant(t, "acme")
	path := "/api/v1/importers/" + n.importer(t) + "/embed-tokens"
	for body, want := range map[string]time.Duration{``: 15 * time.Minute, `{}`: 15 * time.Minute, `{"ttl_seconds": 60}`: time.Minute, `{"ttl_seconds": 3600}`: time.Hour} {
		got := n.json(t, n.key, http.MethodPost, path, body)
		require.Equal(t, http.StatusCreated, got.status, got.body)
		token := decoded[embedToken](t, got)
		h.log.plant(token.Token)
		require.WithinDuration(t, time.Now().Add(want), token.ExpiresAt, 30*time.Second)
	}
	for _, body := range []string{`{"ttl_seconds": 3601}`, `{"ttl_seconds": 0}`, `{"ttl_seconds": "60"}`, `{"role": "owner"}`} {
		require.Equal(t, http.StatusUnprocessableEntity, n.json(t, n.key, http.MethodPost, path, body).status, body)
	}
	absent := n.json(t, n.key, http.MethodPost, "/api/v1/importers/"+uuid.NewString()+"/embed-tokens", "")
	require.Equal(t, http.StatusNotFound, absent.status)
	require.Equal(t, http.StatusForbidden, n.json(t, n.newKey(t, tenancy.Owner, "imports:read"), http.MethodPost, path, "").status)
}

func tokensEndWhenTheyAreRevoked(t *testing.T, h *house) {
	n := h.newTenant(t, "acme")
	id := n.importer(t)
	as, token := n.embed(t, id)
	other, otherToken := n.embed(t, n.importer(t))
	got := n.do(t, request{method: http.MethodDelete, path: "/api/v1/importers/" + id + "/embed-tokens", key: n.key})
	require.Equal(t, http.StatusNoContent, got.status, got.body)
	require.Equal(t, http.StatusUnauthorized, as.get(t, as.key, "/api/v1/importers/by-key/"+token.ImporterKey).status)
	require.Equal(t, http.StatusOK, other.get(t, other.key, "/api/v1/importers/by-key/"+otherToken.ImporterKey).status)
}
