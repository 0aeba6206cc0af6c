package e2e

import (
	"context"
	"net/http"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

func TestWorkerStartsTheExportsOfSchedules(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	var schedule struct{ ID uuid.UUID }
	s.post(t, "/api/v1/export-schedules", map[string]string{"cron": "@yearly", "format": "csv"}, http.StatusCreated, &schedule)
	_, err := s.Admin.Exec(context.Background(), `UPDATE wharf.export_schedules SET next_run_at = now() - interval '1 day' WHERE id = $1`, schedule.ID)
	require.NoError(t, err)
	s.worker(t)
	s.worker(t)
	var found []status
	s.await(t, "the schedule's export", func() bool {
		s.get(t, "/api/v1/exports", &found)
		return len(found) > 0
	})
	require.Len(t, found, 1)
	s.completed(t, "exports", found[0].ID)
	require.NotEmpty(t, s.download(t, "/api/v1/exports/"+found[0].ID.String()+"/download"))
}
