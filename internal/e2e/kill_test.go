package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// hold keeps something in the database locked until let go, so that work stands still at a known place.
func (s *stack) hold(t *testing.T, sql string, args ...any) (letGo func()) {
	t.Helper()
	ctx := context.Background()
	conn, err := s.Admin.Acquire(ctx)
	require.NoError(t, err)
	tx, err := conn.Begin(ctx)
	require.NoError(t, err)
	_, err = tx.Exec(ctx, sql, args...)
	require.NoError(t, err)
	done := false
	letGo = func() {
		if !done {
			done = true
			_ = tx.Rollback(ctx)
			conn.Release()
		}
	}
	t.Cleanup(letGo)
	return letGo
}

// standsStill waits until a worker's statement waits for a lock.
func (s *stack) standsStill(t *testing.T) {
	t.Helper()
	s.await(t, "the work to stand still", func() bool {
		return s.count(t, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
			AND application_name = 'wharf worker' AND wait_event_type = 'Lock'`) > 0
	})
}

const (
	holdImport   = `SELECT FROM wharf.imports WHERE id = $1 FOR UPDATE`
	holdExport   = `SELECT FROM wharf.exports WHERE id = $1 FOR UPDATE`
	holdJob      = `SELECT FROM river.river_job WHERE args ->> 'id' = $1::text FOR UPDATE`
	holdWrites   = `LOCK TABLE public.contacts IN SHARE MODE`
	holdReads    = `LOCK TABLE public.contacts IN ACCESS EXCLUSIVE MODE`
	holdNewTable = `LOCK TABLE pg_class IN SHARE ROW EXCLUSIVE MODE`
)

// killAt starts a worker that runs into the lock, kills it there, and lets a second one do the work.
func (s *stack) killAt(t *testing.T, sql string, args ...any) (second *process) {
	t.Helper()
	letGo := s.hold(t, sql, args...)
	w := s.worker(t)
	s.standsStill(t)
	w.kill()
	letGo()
	return s.worker(t)
}

// killAtTheEnd kills a worker that has written everything and is about to complete its job. The job's row can only be
// locked once the job runs, so the work is stopped elsewhere first.
func (s *stack) killAtTheEnd(t *testing.T, before string, id uuid.UUID, args ...any) (second *process) {
	t.Helper()
	letGo := s.hold(t, before, args...)
	w := s.worker(t)
	s.standsStill(t)
	letJobGo := s.hold(t, holdJob, id)
	letGo()
	s.await(t, "the job's end to be asked for", func() bool {
		return s.count(t, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
			AND application_name = 'wharf worker' AND wait_event_type = 'Lock' AND query LIKE '%river_job%'`) > 0
	})
	w.kill()
	letJobGo()
	return s.worker(t)
}

func TestImportWhoseWorkerIsKilled(t *testing.T) {
	t.Parallel()
	const rows = 20_000
	file := contacts(rows)
	for name, kill := range map[string]func(t *testing.T, s *stack, id uuid.UUID){
		"as it begins":                  func(t *testing.T, s *stack, id uuid.UUID) { s.killAt(t, holdImport, id) },
		"before staging":                func(t *testing.T, s *stack, _ uuid.UUID) { s.killAt(t, holdNewTable) },
		"before rows are looked up":     func(t *testing.T, s *stack, _ uuid.UUID) { s.killAt(t, holdReads) },
		"before rows are written":       func(t *testing.T, s *stack, _ uuid.UUID) { s.killAt(t, holdWrites) },
		"before the merge is committed": func(t *testing.T, s *stack, id uuid.UUID) { s.killAtTheEnd(t, holdWrites, id) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStack(t)
			i := s.importFile(t, "contacts.csv", file, map[string]string{"table": "contacts"})
			kill(t, s, i.ID)
			done := s.completed(t, "imports", i.ID)
			require.EqualValues(t, rows, done.NumRows)
			require.EqualValues(t, rows, done.NumCreated)
			s.holdsContacts(t, rows)
		})
	}
}

// holdsContacts checks that each contact is there once, and nothing is left of how it came.
func (s *stack) holdsContacts(t *testing.T, rows int) {
	t.Helper()
	require.EqualValues(t, rows, s.count(t, `SELECT count(*) FROM contacts`))
	require.EqualValues(t, rows, s.count(t, `SELECT count(DISTINCT external_id) FROM contacts`))
	s.await(t, "staging to be gone", func() bool {
		return s.count(t, `SELECT count(*) FROM pg_tables WHERE schemaname = 'wharf_staging'`) == 0
	})
	require.Zero(t, s.count(t, `SELECT count(*) FROM wharf.imports WHERE status IN ('pending', 'processing')`))
	require.Zero(t, s.count(t, `SELECT count(*) FROM river.river_job WHERE finalized_at IS NULL AND kind IN ('import', 'export')`))
}

func TestExportWhoseWorkerIsKilled(t *testing.T) {
	t.Parallel()
	const rows = 20_000
	for name, kill := range map[string]func(t *testing.T, s *stack, id uuid.UUID){
		"as it begins": func(t *testing.T, s *stack, id uuid.UUID) { s.killAt(t, holdExport, id) },
		"while it plans": func(t *testing.T, s *stack, _ uuid.UUID) {
			s.killAt(t, `LOCK TABLE public.wishlists IN ACCESS EXCLUSIVE MODE`)
		},
		"before it is committed": func(t *testing.T, s *stack, id uuid.UUID) {
			s.killAtTheEnd(t, `LOCK TABLE public.wishlists IN ACCESS EXCLUSIVE MODE`, id)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStack(t)
			s.seedContacts(t, rows)
			e := s.export(t)
			kill(t, s, e.ID)
			done := s.completed(t, "exports", e.ID)
			require.EqualValues(t, rows, done.Tables["contacts"])
			s.wholeExport(t, e.ID, rows)
		})
	}
}

func (s *stack) seedContacts(t *testing.T, rows int) {
	t.Helper()
	_, err := s.Admin.Exec(context.Background(), `INSERT INTO contacts (tenant_id, external_id, first_name)
		SELECT $1, 'c-' || n, 'First ' || n FROM generate_series(1, $2) n`, s.Tenant, rows)
	require.NoError(t, err)
}

// wholeExport downloads the export and checks it against its own status.
func (s *stack) wholeExport(t *testing.T, id uuid.UUID, contacts int) map[string]json.RawMessage {
	t.Helper()
	var now status
	s.get(t, "/api/v1/exports/"+id.String(), &now)
	content := s.download(t, "/api/v1/exports/"+id.String()+"/download")
	require.Len(t, content, int(now.Bytes))
	require.Equal(t, now.SHA256, sha256Hex(content))
	var doc map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(content, &doc))
	var rows []json.RawMessage
	require.NoError(t, json.Unmarshal(doc["contacts"], &rows))
	require.Len(t, rows, contacts)
	return doc
}

// TestWorkersKilledAtRandom kills workers again and again at moments nobody chose, while imports and exports run.
func TestWorkersKilledAtRandom(t *testing.T) {
	t.Parallel()
	const rows = 40_000
	s := newStack(t)
	i := s.importFile(t, "contacts.csv", contacts(rows), map[string]string{"table": "contacts"})
	e := s.export(t)
	for range 4 {
		w := s.worker(t)
		<-time.After(time.Duration(rand.IntN(1200)) * time.Millisecond) // the moment is the point: it is not known
		w.kill()
	}
	s.worker(t)
	s.completed(t, "imports", i.ID)
	s.completed(t, "exports", e.ID)
	s.holdsContacts(t, rows)
	again := s.export(t)
	s.completed(t, "exports", again.ID)
	s.wholeExport(t, again.ID, rows)
}

func TestRowsGoInAndComeOut(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.worker(t)
	i := s.importFile(t, "contacts.csv", contacts(1000), map[string]string{"table": "contacts"})
	s.completed(t, "imports", i.ID)
	e := s.export(t)
	s.completed(t, "exports", e.ID)
	doc := s.wholeExport(t, e.ID, 1000)
	var rows []struct {
		ExternalID string `json:"external_id"`
		FirstName  string `json:"first_name"`
		Email      string
	}
	require.NoError(t, json.Unmarshal(doc["contacts"], &rows))
	byID := map[string]string{}
	for _, r := range rows {
		byID[r.ExternalID] = r.FirstName + " " + r.Email
	}
	for n := range 1000 {
		require.Equal(t, fmt.Sprintf("First %d c%d@example.com", n, n), byID[fmt.Sprintf("c-%07d", n)])
	}
	// The same file again changes nothing.
	again := s.importFile(t, "contacts.csv", contacts(1000), map[string]string{"table": "contacts"})
	done := s.completed(t, "imports", again.ID)
	require.EqualValues(t, 1000, done.NumUnchanged)
	require.Zero(t, done.NumCreated+done.NumUpdated+done.NumSkipped)
}
