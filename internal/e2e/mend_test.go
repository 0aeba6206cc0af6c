package e2e

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// reverting is what an import shows of its revert.
type reverting struct {
	RevertedAt *string `json:"reverted_at"`
	Revert     *struct {
		Status  string `json:"status"`
		Deleted int64  `json:"deleted"`
		Error   *string
	} `json:"revert"`
}

// ask posts without a body.
func (s *stack) ask(t *testing.T, path string) {
	t.Helper()
	require.Equal(t, http.StatusAccepted, s.call(t, s.Owner, http.MethodPost, path, nil, "", nil).StatusCode, path)
}

func TestRevertWhoseWorkerIsKilled(t *testing.T) {
	t.Parallel()
	const rows = 20_000
	for name, kill := range map[string]func(t *testing.T, s *stack, id uuid.UUID){
		"as it begins":            func(t *testing.T, s *stack, id uuid.UUID) { s.killAt(t, holdImport, id) },
		"before rows are deleted": func(t *testing.T, s *stack, _ uuid.UUID) { s.killAt(t, holdWrites) },
		"before it is committed":  func(t *testing.T, s *stack, id uuid.UUID) { s.killAtTheEnd(t, holdWrites, id) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStack(t)
			i := s.importFile(t, "contacts.csv", contacts(rows), map[string]string{"table": "contacts"})
			w := s.worker(t)
			require.EqualValues(t, rows, s.completed(t, "imports", i.ID).NumCreated)
			w.kill()
			s.ask(t, "/api/v1/imports/"+i.ID.String()+"/revert")
			kill(t, s, i.ID)
			var now reverting
			s.await(t, "the revert to end", func() bool {
				s.get(t, "/api/v1/imports/"+i.ID.String(), &now)
				return now.Revert.Status == "completed" || now.Revert.Status == "failed"
			})
			require.Equal(t, "completed", now.Revert.Status, now.Revert.Error)
			require.EqualValues(t, rows, now.Revert.Deleted)
			require.NotNil(t, now.RevertedAt)
			require.Zero(t, s.count(t, `SELECT count(*) FROM contacts`))
		})
	}
}

func TestReviewOutlivesItsWorkers(t *testing.T) {
	t.Parallel()
	const rows = 20_000
	file := bytes.Replace(contacts(rows), []byte("\n"), []byte("\n,,nobody@nowhere.example\n"), 1)
	for name, kill := range map[string]func(t *testing.T, s *stack, id uuid.UUID) *process{
		"killed while staging":              func(t *testing.T, s *stack, _ uuid.UUID) *process { return s.killAt(t, holdNewTable) },
		"killed before the review is begun": func(t *testing.T, s *stack, id uuid.UUID) *process { return s.killAtTheEnd(t, holdNewTable, id) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStack(t)
			i := s.importFile(t, "contacts.csv", file, map[string]string{"table": "contacts", "mode": "review"})
			path := "/api/v1/imports/" + i.ID.String()
			second := kill(t, s, i.ID)
			s.await(t, "the review", func() bool {
				var now status
				s.get(t, path, &now)
				return now.Status == "review"
			})
			res := s.call(t, s.Owner, http.MethodPatch, path+"/rows/2", strings.NewReader(`{"external_id": "mended"}`), "application/json", nil)
			require.Equal(t, http.StatusOK, res.StatusCode)
			letGo := s.hold(t, holdWrites)
			s.ask(t, path+"/commit")
			s.standsStill(t)
			second.kill()
			letGo()
			s.worker(t)
			done := s.completed(t, "imports", i.ID)
			require.EqualValues(t, rows+1, done.NumCreated)
			s.holdsContacts(t, rows+1)
			require.EqualValues(t, 1, s.count(t, `SELECT count(*) FROM contacts WHERE external_id = 'mended'`), "what was mended is not lost")
		})
	}
}
