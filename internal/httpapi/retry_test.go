package httpapi_test

import (
	"fmt"
	"net/http"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// job gives the number of the job that runs the import or export.
func (n tenant) job(t *testing.T, table, id string) int64 {
	t.Helper()
	return scan[int64](t, n.house, `SELECT job_id FROM wharf.`+table+` WHERE id = $1`, id)
}

func TestImportThatFailedInItsOwnTransactionIsRetried(t *testing.T) {
	t.Parallel()
	n := newHouse(t).newTenant(t, "acme")
	id := n.worked(t, part{"table", "contacts"}, part{"disable_on_invalid_rows", "true"}, part{"file:a.csv", "external_id\n1\n1\n"})
	path, old := "/api/v1/imports/"+id, n.job(t, "imports", id)
	n.exec(t, `UPDATE river.river_job SET state = 'completed', finalized_at = now() WHERE id = $1`, old)
	require.Equal(t, "failed", decoded[map[string]any](t, n.get(t, n.key, path))["status"])

	got := n.json(t, n.key, http.MethodPost, path+"/retry", "")
	require.Equal(t, http.StatusAccepted, got.status, got.body)
	require.Equal(t, "pending", decoded[map[string]any](t, got)["status"])
	next := n.job(t, "imports", id)
	require.NotEqual(t, old, next)
	require.Equal(t, "available", scan[string](t, n.house, `SELECT state::text FROM river.river_job WHERE id = $1`, next))
}

func TestRetryGoesByTheStatusAndNotByTheJob(t *testing.T) {
	t.Parallel()
	n := newHouse(t).newTenant(t, "acme")
	for _, kind := range []string{"import", "export"} {
		for job, sql := range map[string]string{
			"running":   `UPDATE river.river_job SET state = 'running' WHERE id = $1`,
			"completed": `UPDATE river.river_job SET state = 'completed', finalized_at = now() WHERE id = $1`,
			"discarded": `UPDATE river.river_job SET state = 'discarded', finalized_at = now() WHERE id = $1`,
			"gone":      `DELETE FROM river.river_job WHERE id = $1`,
		} {
			table := kind + "s"
			id := n.begin(t, kind)
			path, old := "/api/v1/"+table+"/"+id+"/retry", n.job(t, table, id)
			n.exec(t, sql, old)
			for _, status := range []string{"completed", "failed"} {
				n.exec(t, `UPDATE wharf.`+table+` SET status = $2 WHERE id = $1`, id, status)
				got := n.json(t, n.key, http.MethodPost, path, "")
				if status == "failed" {
					require.Equal(t, http.StatusAccepted, got.status, "%s %s: %s", kind, job, got.body)
					require.Greater(t, n.job(t, table, id), old, "%s %s", kind, job)
					continue
				}
				require.Equal(t, http.StatusConflict, got.status, "%s %s: %s", kind, job, got.body)
				require.Equal(t, fmt.Sprintf("only a failed or cancelled %s can be retried", kind), got.problem(t).Detail, job)
				require.Equal(t, old, n.job(t, table, id), "%s %s", kind, job)
			}
			again := n.json(t, n.key, http.MethodPost, path, "")
			require.Equal(t, http.StatusConflict, again.status, "%s %s: it waits already: %s", kind, job, again.body)
		}
	}
}

// begin gives an import or an export that waits.
func (n tenant) begin(t *testing.T, kind string) (id string) {
	t.Helper()
	var got response
	if kind == "import" {
		got = n.upload(t, n.key, part{"table", "contacts"}, part{"file:a.csv", "external_id\n1\n"})
	} else {
		got = n.json(t, n.key, http.MethodPost, "/api/v1/exports", `{}`)
	}
	require.Equal(t, http.StatusAccepted, got.status, got.body)
	return decoded[map[string]any](t, got)["id"].(string)
}

func TestRetriedJobIsAnswered(t *testing.T) {
	t.Parallel()
	n := newHouse(t).newTenant(t, "acme")
	id := n.begin(t, "import")
	old := n.job(t, "imports", id)
	path := "/api/v1/jobs/" + strconv.FormatInt(old, 10)
	require.Equal(t, http.StatusAccepted, n.json(t, n.key, http.MethodPost, path+"/cancel", "").status)
	got := n.json(t, n.key, http.MethodPost, path+"/retry", "")
	require.Equal(t, http.StatusAccepted, got.status, got.body)
	next := decoded[map[string]any](t, got)
	require.InDelta(t, old, next["retry_of"], 0)
	require.InDelta(t, n.job(t, "imports", id), next["id"], 0)
	shown := decoded[map[string]any](t, n.get(t, n.key, path))
	require.Equal(t, next["id"], shown["retried_as"])
	require.Equal(t, "cancelled", shown["state"])
	got = n.json(t, n.key, http.MethodPost, path+"/retry", "")
	require.Equal(t, http.StatusConflict, got.status)
	require.Contains(t, got.problem(t).Detail, "retried already")
}
