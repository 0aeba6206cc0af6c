package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// restored is what the tests look at of a restore.
type restored struct {
	ID       uuid.UUID
	Status   string
	Error    *string
	ExportID *uuid.UUID `json:"export_id"`
	Report   *struct {
		Created, Updated, Unchanged, Skipped map[string]int64
		Verified                             map[string]struct{ Equal, Missing, Different int64 }
	}
}

// restoreFile uploads a document to be restored.
func (s *stack) restoreFile(t *testing.T, content []byte, fields map[string]string) uuid.UUID {
	t.Helper()
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	for k, v := range fields {
		require.NoError(t, w.WriteField(k, v))
	}
	part, err := w.CreateFormFile("file", "dump.json")
	require.NoError(t, err)
	_, err = part.Write(content)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	var r restored
	res := s.call(t, s.Owner, http.MethodPost, "/api/v1/restores", &form, w.FormDataContentType(), &r)
	require.Equal(t, http.StatusAccepted, res.StatusCode)
	return r.ID
}

// restored waits for the end of a restore.
func (s *stack) restored(t *testing.T, id uuid.UUID) restored {
	t.Helper()
	s.ended(t, "restores", id)
	var r restored
	s.get(t, "/api/v1/restores/"+id.String(), &r)
	return r
}

func (s *stack) wellRestored(t *testing.T, id uuid.UUID) restored {
	t.Helper()
	r := s.restored(t, id)
	require.Nil(t, r.Error)
	require.Equal(t, "completed", r.Status)
	return r
}

// document holds n contacts, as those of contacts and with a company each tenth.
func document(n int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"contacts":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":"00000000-0000-4000-8000-%012d","external_id":"c-%07d","first_name":"First %d","last_name":"Last %d","email":"c%d@example.com","title":"Title %d","company_id":"00000000-0000-4000-9000-%012d"}`,
			i, i, i, i, i, i%7, i%(n/10))
	}
	b.WriteString(`],"companies":[`)
	for i := range n / 10 {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":"00000000-0000-4000-9000-%012d","external_id":"o-%d","name":"Company %d"}`, i, i, i)
	}
	b.WriteString(`],"schema_version":1}`)
	return b.Bytes()
}

// holdsDocument checks that each row of the document is there once and names its company, and that nothing is left of how it came.
func (s *stack) holdsDocument(t *testing.T, rows int) {
	t.Helper()
	require.EqualValues(t, rows, s.count(t, `SELECT count(*) FROM contacts WHERE tenant_id = $1`, s.Tenant))
	require.EqualValues(t, rows/10, s.count(t, `SELECT count(*) FROM companies WHERE tenant_id = $1`, s.Tenant))
	require.EqualValues(t, rows, s.count(t, `SELECT count(*) FROM contacts c JOIN companies o ON o.id = c.company_id AND o.tenant_id = c.tenant_id
		WHERE c.tenant_id = $2 AND o.external_id = 'o-' || right(c.external_id, 7)::int % $1`, rows/10, s.Tenant))
	require.Zero(t, s.count(t, `SELECT count(*) FROM pg_tables WHERE schemaname = 'wharf_staging'`))
}

func TestRestoreWhoseWorkerIsKilled(t *testing.T) {
	t.Parallel()
	const (
		rows        = 20_000
		holdRestore = `SELECT FROM wharf.restores WHERE id = $1 FOR UPDATE`
		holdCompany = `LOCK TABLE public.companies IN SHARE MODE`
	)
	file := document(rows)
	for name, kill := range map[string]func(t *testing.T, s *stack, id uuid.UUID){
		"as it begins":                  func(t *testing.T, s *stack, id uuid.UUID) { s.killAt(t, holdRestore, id) },
		"before staging":                func(t *testing.T, s *stack, _ uuid.UUID) { s.killAt(t, holdNewTable) },
		"before rows are looked up":     func(t *testing.T, s *stack, _ uuid.UUID) { s.killAt(t, holdReads) },
		"before rows are written":       func(t *testing.T, s *stack, _ uuid.UUID) { s.killAt(t, holdCompany) },
		"between two tables":            func(t *testing.T, s *stack, _ uuid.UUID) { s.killAt(t, holdWrites) },
		"before the merge is committed": func(t *testing.T, s *stack, id uuid.UUID) { s.killAtTheEnd(t, holdWrites, id) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStack(t)
			id := s.restoreFile(t, file, nil)
			kill(t, s, id)
			done := s.wellRestored(t, id)
			require.EqualValues(t, rows, done.Report.Created["contacts"], "the run that was killed left nothing")
			require.EqualValues(t, rows/10, done.Report.Created["companies"])
			s.holdsDocument(t, rows)
		})
	}
}

func TestRestoresWhoseWorkersAreKilledAtRandom(t *testing.T) {
	t.Parallel()
	const rows = 10_000
	s := newStack(t)
	file := document(rows)
	first, second := s.restoreFile(t, file, nil), s.restoreFile(t, file, map[string]string{"dry_run": "true"})
	for range 4 {
		w := s.worker(t)
		<-time.After(time.Duration(rand.IntN(1500)) * time.Millisecond) // the moment is the point: it is not known
		w.kill()
	}
	s.worker(t)
	s.wellRestored(t, second)
	require.EqualValues(t, rows, s.wellRestored(t, first).Report.Created["contacts"])
	s.holdsDocument(t, rows)
}

func TestRunningRestoreIsCancelledAndRetried(t *testing.T) {
	t.Parallel()
	const rows = 2_000
	s := newStack(t)
	letGo := s.hold(t, holdWrites)
	id := s.restoreFile(t, document(rows), map[string]string{"verify": "true"})
	s.worker(t)
	s.standsStill(t)
	s.post(t, "/api/v1/restores/"+id.String()+"/cancel", struct{}{}, http.StatusAccepted, nil)
	require.Equal(t, "cancelled", s.restored(t, id).Status, "while its statement still waits")
	letGo()
	require.Zero(t, s.count(t, `SELECT count(*) FROM contacts WHERE tenant_id = $1`, s.Tenant))
	s.post(t, "/api/v1/restores/"+id.String()+"/retry", struct{}{}, http.StatusAccepted, nil)
	done := s.wellRestored(t, id)
	require.EqualValues(t, rows, done.Report.Verified["contacts"].Equal)
	s.holdsDocument(t, rows)
}

// What an export of one workspace holds walks into another, by the binaries alone.
func TestExportWalksIntoAnotherWorkspace(t *testing.T) {
	t.Parallel()
	const rows = 3_000
	s := newStack(t)
	s.worker(t)
	s.wellRestored(t, s.restoreFile(t, document(rows), nil))
	e := s.export(t)
	s.completed(t, "exports", e.ID)
	content := s.download(t, "/api/v1/exports/"+e.ID.String()+"/download")

	var again restored
	s.post(t, "/api/v1/restores", map[string]any{"export_id": e.ID}, http.StatusAccepted, &again)
	back := s.wellRestored(t, again.ID)
	require.Equal(t, e.ID, *back.ExportID)
	require.EqualValues(t, rows, back.Report.Unchanged["contacts"])
	require.Zero(t, back.Report.Created["contacts"]+back.Report.Updated["contacts"])

	var tenant struct{ ID uuid.UUID }
	s.command(t, &tenant, "tenant", "create", "--name", "Globex", "--slug", "globex")
	s.Tenant, s.Owner = tenant.ID, s.key(t, "--tenant", tenant.ID.String(), "--role", "owner")
	var merged struct {
		Created map[string]int64
		DryRun  bool `json:"dry_run"`
	}
	for _, dry := range []bool{true, false} {
		s.post(t, "/import", map[string]any{"dry_run": dry, "doc": json.RawMessage(content)}, http.StatusOK, &merged)
		require.EqualValues(t, rows, merged.Created["contacts"])
		require.Equal(t, dry, merged.DryRun)
	}
	s.holdsDocument(t, rows)
	require.Zero(t, s.count(t, `SELECT count(*) FROM contacts a JOIN contacts b ON b.company_id = a.company_id WHERE a.tenant_id <> b.tenant_id`))
	require.EqualValues(t, 2*rows, s.count(t, `SELECT count(*) FROM contacts`))
}

// A revert goes through several tables: whatever moment it dies at, all of them are as they were before the restore, or none is yet.
func TestRevertOfARestoreWhoseWorkerIsKilled(t *testing.T) {
	t.Parallel()
	const (
		rows          = 20_000
		holdCompanies = `LOCK TABLE public.companies IN SHARE MODE` // against DELETE
	)
	held := `SELECT count(*) FROM contacts WHERE tenant_id = $1 AND first_name = 'was' AND company_id IS NULL`
	for name, kill := range map[string]func(t *testing.T, s *stack, id uuid.UUID){
		"as it begins": func(t *testing.T, s *stack, id uuid.UUID) {
			s.killAt(t, `SELECT FROM wharf.restores WHERE id = $1 FOR UPDATE`, id)
		},
		"before rows are collected": func(t *testing.T, s *stack, _ uuid.UUID) { s.killAt(t, holdNewTable) },
		"between two tables":        func(t *testing.T, s *stack, _ uuid.UUID) { s.killAt(t, holdCompanies) },
		"before it is committed":    func(t *testing.T, s *stack, id uuid.UUID) { s.killAtTheEnd(t, holdCompanies, id) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStack(t)
			w := s.worker(t)
			s.post(t, "/import", map[string]any{"doc": json.RawMessage(`{"schema_version": 1, "contacts": [
				{"external_id": "c-0000001", "first_name": "was"}, {"external_id": "c-0000002", "first_name": "was"}]}`)}, http.StatusOK, nil)
			id := s.restoreFile(t, document(rows), nil)
			require.EqualValues(t, 2, s.wellRestored(t, id).Report.Updated["contacts"])
			w.kill()
			s.ask(t, "/api/v1/restores/"+id.String()+"/revert")
			kill(t, s, id)
			var now struct {
				Revert struct {
					Status            string
					Error             *string
					Deleted, Restored map[string]int64
				}
			}
			s.await(t, "the revert to end", func() bool {
				s.get(t, "/api/v1/restores/"+id.String(), &now)
				return now.Revert.Status == "completed" || now.Revert.Status == "failed"
			})
			require.Equal(t, "completed", now.Revert.Status, now.Revert.Error)
			require.Equal(t, map[string]int64{"contacts": rows - 2, "companies": rows / 10}, now.Revert.Deleted)
			require.EqualValues(t, 2, now.Revert.Restored["contacts"])
			require.EqualValues(t, 2, s.count(t, held, s.Tenant))
			require.EqualValues(t, 2, s.count(t, `SELECT count(*) FROM contacts`))
			require.Zero(t, s.count(t, `SELECT count(*) FROM companies`))
			require.Zero(t, s.count(t, `SELECT count(*) FROM pg_tables WHERE schemaname = 'wharf_staging'`))
		})
	}
}
