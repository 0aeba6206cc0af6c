package httpapi_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestExportScheduleIsMadeChangedAndDeleted(t *testing.T) {
	t.Parallel()
	n := newHouse(t).newTenant(t, "acme")
	const asked = `{"cron": "30 2 * * *", "time_zone": "Europe/Zurich", "format": "csv", "webhook_url": "https://example.com/hook"}`
	made := n.keyed(t, "k", "/api/v1/export-schedules", asked)
	require.Equal(t, http.StatusCreated, made.status, made.body)
	path := made.header.Get("Location")
	v := decoded[map[string]any](t, made)
	require.Equal(t, []any{"30 2 * * *", "Europe/Zurich", "csv", "full", true, nil, nil},
		[]any{v["cron"], v["time_zone"], v["format"], v["scope"], v["enabled"], v["destination"], v["last_run"]})
	n.log.plant(v["webhook_secret"].(string))
	again := n.keyed(t, "k", "/api/v1/export-schedules", asked)
	require.Equal(t, http.StatusCreated, again.status, again.body)
	require.NotContains(t, again.body, "whsec_", "the secret is shown once")

	shown := decoded[map[string]any](t, n.get(t, n.key, path))
	delete(v, "webhook_secret")
	require.Equal(t, v, shown)
	changed := n.json(t, n.key, http.MethodPatch, path, `{"enabled": false, "webhook_url": null}`)
	require.Equal(t, http.StatusOK, changed.status, changed.body)
	after := decoded[map[string]any](t, changed)
	require.Equal(t, []any{false, nil, nil, "csv"}, []any{after["enabled"], after["next_run_at"], after["webhook_url"], after["format"]})
	require.Len(t, decoded[[]any](t, n.get(t, n.key, "/api/v1/export-schedules")), 1)
	require.Equal(t, http.StatusNoContent, n.do(t, request{method: http.MethodDelete, path: path, key: n.key}).status)
	require.Equal(t, http.StatusNotFound, n.get(t, n.key, path).status)
}

func TestExportScheduleTakesNothingElse(t *testing.T) {
	t.Parallel()
	n := newHouse(t).newTenant(t, "acme")
	made := n.json(t, n.key, http.MethodPost, "/api/v1/export-schedules", `{"cron": "@daily"}`)
	path := made.header.Get("Location")
	for body, field := range map[string]string{
		`{"cron": "@daily", "crom": 1}`:                         "crom",
		`{"cron": "@daily", "destination": {"key": "x"}}`:       "destination.key",
		`{"cron": "nonsense"}`:                                  "cron",
		`{"format": "csv"}`:                                     "cron",
		`{"cron": "@daily", "destination": {"access_key": 12}}`: "destination.access_key",
	} {
		got := n.json(t, n.key, http.MethodPost, "/api/v1/export-schedules", body)
		require.Equal(t, http.StatusUnprocessableEntity, got.status, body)
		require.Equal(t, field, got.problem(t).Errors[0].Field, body)
	}
	for _, body := range []string{`{"id": "x"}`, `{"next_run_at": null, "cron": 5}`, `[]`, `{"destination": "x"}`} {
		require.Equal(t, http.StatusUnprocessableEntity, n.json(t, n.key, http.MethodPatch, path, body).status, body)
	}
}

func TestCredentialsOfABucketAreNeverShown(t *testing.T) {
	t.Parallel()
	n := newHouse(t).newTenant(t, "acme")
	access, secret := n.log.plant("b0c1d2e3f4"), n.log.plant("a5b6c7d8e9")
	made := n.json(t, n.key, http.MethodPost, "/api/v1/export-schedules",
		`{"cron": "@daily", "destination": {"bucket": "theirs", "access_key": "`+access+`", "secret_key": "`+secret+`"}}`)
	require.Equal(t, http.StatusCreated, made.status, made.body)
	path := made.header.Get("Location")
	changed := n.json(t, n.key, http.MethodPatch, path, `{"destination": {"prefix": "here"}}`)
	refused := n.json(t, n.key, http.MethodPatch, path, `{"destination": {"bucket": "!", "access_key": "`+access+`", "secret_key": "`+secret+`"}}`)
	require.Equal(t, http.StatusUnprocessableEntity, refused.status)
	for _, got := range []response{made, changed, n.get(t, n.key, path), n.get(t, n.key, "/api/v1/export-schedules")} {
		require.Less(t, got.status, 300, got.body)
		require.Contains(t, got.body, `"has_credentials":true`)
	}
	for _, text := range []string{made.body, changed.body, refused.body, n.get(t, n.key, path).body, n.dump(t)} {
		require.NotContains(t, text, access)
		require.NotContains(t, text, secret)
	}
}
