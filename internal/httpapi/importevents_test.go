package httpapi_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"wharf/internal/tenancy"
)

// event is one server-sent event.
type event struct{ name, id, data string }

// follow gives the events of an import as they come, and the answer's status.
func (n tenant) follow(t *testing.T, id, last string) (events <-chan event, status int) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+n.address+"/api/v1/imports/"+id+"/events", nil)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+n.key)
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	out := make(chan event)
	go func() {
		defer close(out)
		defer res.Body.Close()
		var e event
		for lines := bufio.NewScanner(res.Body); lines.Scan(); {
			key, value, _ := strings.Cut(lines.Text(), ": ")
			switch key {
			case "event":
				e.name = value
			case "id":
				e.id = value
			case "data":
				e.data = value
			case "":
				if e.name != "" {
					out <- e
				}
				e = event{}
			}
		}
	}()
	return out, res.StatusCode
}

func TestImportIsFollowedToItsEnd(t *testing.T) {
	t.Parallel()
	n := newHouse(t).newTenant(t, "acme")
	got := n.upload(t, n.key, part{"table", "contacts"}, part{"file:a.csv", "external_id\n1\n"})
	require.Equal(t, http.StatusAccepted, got.status)
	id := decoded[map[string]any](t, got)["id"].(string)

	events, status := n.follow(t, id, "")
	require.Equal(t, http.StatusOK, status)
	first := <-events
	require.Equal(t, "import", first.name)
	require.Contains(t, first.data, `"status":"pending"`)
	require.NoError(t, n.app.Importers.Run(context.Background(), n.id, uuid.MustParse(id), func(context.Context, pgx.Tx) error { return nil }))
	var last event
	for e := range events { // which ends when the import has
		require.NotEqual(t, last.id, e.id)
		last = e
	}
	var shown map[string]any
	require.NoError(t, json.Unmarshal([]byte(last.data), &shown))
	require.Equal(t, "completed", shown["status"])
	require.EqualValues(t, 1, shown["num_created"])

	events, status = n.follow(t, id, first.id)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, last.id, (<-events).id, "what changed since")
	_, status = n.follow(t, id, last.id)
	require.Equal(t, http.StatusNoContent, status, "nothing will change any more")
}

func TestRevertIsInTheAuditLogWhateverCameOfIt(t *testing.T) {
	t.Parallel()
	n := newHouse(t).newTenant(t, "acme")
	id := n.worked(t, part{"table", "contacts"}, part{"file:a.csv", "external_id\n1\n"})
	outcomes := func() (all []string) {
		for _, e := range decoded[[]map[string]any](t, n.get(t, n.key, "/api/v1/audit?action=import.revert")) {
			all = append(all, e["outcome"].(string))
		}
		return all
	}
	path := "/api/v1/imports/" + id + "/revert"
	require.Equal(t, http.StatusForbidden, n.json(t, n.newKey(t, tenancy.Readonly), http.MethodPost, path, "").status)
	require.Equal(t, []string{"denied"}, outcomes())
	require.Equal(t, http.StatusAccepted, n.json(t, n.key, http.MethodPost, path, "").status)
	require.Equal(t, http.StatusConflict, n.json(t, n.key, http.MethodPost, path, "").status)
	require.Equal(t, []string{"failed", "started", "started", "denied"}, outcomes(), "newest first")
}
