package httpapi_test

import (
	"net/http"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"wharf/internal/tenancy"
)

// TestRetriedExportIsInTheAuditLogWhoeverRetriesIt: an export that runs again reads rows again.
func TestRetriedExportIsInTheAuditLogWhoeverRetriesIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	n := h.newTenant(t, "acme")
	manager, operator := n.newKey(t, tenancy.Manager), h.newOperatorKey(t)
	for name, retry := range map[string]func(path, job string) response{
		"by the export": func(path, _ string) response { return n.json(t, manager, http.MethodPost, path+"/retry", "") },
		"by its job": func(_, job string) response {
			return n.json(t, manager, http.MethodPost, "/api/v1/jobs/"+job+"/retry", "")
		},
		"by an operator": func(_, job string) response {
			return n.json(t, operator, http.MethodPost, "/api/v1/jobs/"+job+"/retry", "")
		},
		"with many": func(_, _ string) response {
			return n.json(t, operator, http.MethodPost, "/api/v1/jobs/retry", `{"filter": {"state": "cancelled", "kind": "export"}}`)
		},
	} {
		started := n.json(t, n.key, http.MethodPost, "/api/v1/exports", `{"format": "csv", "exclude": ["contacts"]}`)
		id, path := decoded[map[string]any](t, started)["id"].(string), started.header.Get("Location")
		require.Equal(t, http.StatusAccepted, n.json(t, n.key, http.MethodPost, path+"/cancel", "").status)
		got := retry(path, strconv.FormatInt(n.job(t, "exports", id), 10))
		require.Less(t, got.status, 300, "%s: %s", name, got.body)
		actor := decoded[map[string]any](t, n.get(t, manager, "/api/v1/me"))["actor"]
		if name == "by an operator" || name == "with many" {
			actor = decoded[map[string]any](t, n.get(t, operator, "/api/v1/me"))["actor"]
		}
		require.Equal(t, 1, scan[int](t, h, `SELECT count(*) FROM wharf.audit_log WHERE tenant_id = $1 AND action = 'export.start' AND outcome = 'started'
			AND actor = $2 AND request_id = $3 AND scope = jsonb_build_object('scope', 'full', 'format', 'csv', 'exclude', '["contacts"]'::jsonb, 'retry_of', $4::text)`,
			n.id, actor, got.header.Get("X-Request-Id"), id), name)
	}
}

func TestExportWithAWebhookAnswersItsSecretOnce(t *testing.T) {
	t.Parallel()
	n := newHouse(t).newTenant(t, "acme")
	const body = `{"webhook_url": "https://example.com/hook"}`
	first := n.keyed(t, "k", "/api/v1/exports", body)
	require.Equal(t, http.StatusAccepted, first.status, first.body)
	require.Regexp(t, "^whsec_", n.log.plant(decoded[map[string]any](t, first)["webhook_secret"].(string)))
	again := n.keyed(t, "k", "/api/v1/exports", body)
	require.Equal(t, http.StatusAccepted, again.status, again.body)
	require.Equal(t, first.header.Get("Location"), again.header.Get("Location"))
	require.NotContains(t, again.body, "webhook_secret")
	require.NotContains(t, n.dump(t), decoded[map[string]any](t, first)["webhook_secret"])
	bad := n.json(t, n.key, http.MethodPost, "/api/v1/exports", `{"webhook_url": "ftp://example.com"}`)
	require.Equal(t, http.StatusUnprocessableEntity, bad.status)
	require.Equal(t, []string{"webhook_url: a webhook's URL must begin with https://"}, bad.problem(t).fields())
}

func TestMomentThatIsNoneIsToldInWords(t *testing.T) {
	t.Parallel()
	n := newHouse(t).newTenant(t, "acme")
	for _, moment := range []string{"2026-01-01T00:00:00+99:00", "2026-02-30T00:00:00Z"} {
		got := n.json(t, n.key, http.MethodPost, "/api/v1/exports", `{"since": "`+moment+`"}`)
		require.Equal(t, http.StatusUnprocessableEntity, got.status)
		require.Contains(t, got.problem(t).Detail, moment+` is no date and time such as 2006-01-02T15:04:05Z`)
	}
}
