package e2e

import (
	"bytes"
	"context"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"wharf/internal/testenv"
)

// services are a database server and an S3 server of a test's own, which it may kill.
type services struct {
	dir string
	env map[string]string
}

func newServices(t *testing.T) *services {
	t.Helper()
	// Not t.TempDir: the server's own user must be able to enter every directory above.
	dir, err := os.MkdirTemp("", "wharf-outage-")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o755))
	s := &services{dir: filepath.Join(dir, "services"), env: map[string]string{}}
	t.Cleanup(func() {
		s.local(t, "services", "down", "--dir", s.dir, "--clean")
		require.NoError(t, os.RemoveAll(dir))
	})
	for line := range strings.Lines(s.local(t, "env", "--test", "--dir", s.dir)) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if ok {
			s.env[strings.TrimPrefix(name, "export ")] = strings.Trim(value, "'")
		}
	}
	require.NotEmpty(t, s.env["WHARF_TEST_DATABASE_URL"])
	return s
}

// local runs the program that starts servers, in the project's directory.
func (s *services) local(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command("go", append([]string{"run", "./deploy/local"}, args...)...)
	cmd.Dir = filepath.Join("..", "..")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	return string(out)
}

// restart brings back what was killed.
func (s *services) restart(t *testing.T) {
	t.Helper()
	s.local(t, "services", "up", "--dir", s.dir, "--test")
}

// kill is kill -9 of a server, whose pid lies beside its data.
func (s *services) kill(t *testing.T, what string) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(s.dir, "run", what+".lock"))
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(content)))
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
}

// stack starts the api on these services, in a database with the sample product.
func (s *services) stack(t *testing.T) *stack {
	t.Helper()
	admin := s.env["WHARF_TEST_DATABASE_URL"]
	conn, err := pgx.Connect(context.Background(), admin)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(context.Background())) }()
	for _, sql := range []string{
		"CREATE ROLE wharf_owner LOGIN PASSWORD 'outage'", "CREATE ROLE wharf_service LOGIN PASSWORD 'outage'",
		// The tests' servers do not wait for a commit to be written; here what was committed must outlive the crash.
		"ALTER ROLE wharf_service SET synchronous_commit = on",
		"CREATE DATABASE product OWNER wharf_owner",
	} {
		_, err := conn.Exec(context.Background(), sql)
		require.NoError(t, err)
	}
	as := func(role string) string {
		u, err := url.Parse(admin)
		require.NoError(t, err)
		u.Path = "/product"
		if role != "" {
			u.User = url.UserPassword(role, "outage")
		}
		return u.String()
	}
	env := []string{
		"WHARF_S3_ENDPOINT=" + s.env["WHARF_TEST_S3_ENDPOINT"], "WHARF_S3_BUCKET=" + s.env["WHARF_TEST_S3_BUCKET"],
		"WHARF_S3_ACCESS_KEY=" + s.env["WHARF_TEST_S3_ACCESS_KEY"], "WHARF_S3_SECRET_KEY=" + s.env["WHARF_TEST_S3_SECRET_KEY"],
		"WHARF_JOB_MAX_ATTEMPTS=20",
	}
	migrateSample(t, append([]string{"DATABASE_URL=" + as(testenv.ServiceRole), "WHARF_OWNER_DATABASE_URL=" + as(testenv.OwnerRole)}, env...))
	return startStack(t, as(testenv.ServiceRole), as(testenv.OwnerRole), as(""), env)
}

func migrateSample(t *testing.T, env []string) {
	t.Helper()
	dir, err := binaries()
	require.NoError(t, err)
	cmd := exec.Command(filepath.Join(dir, "api"), "migrate", "--sample")
	cmd.Env = env
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
}

func TestDatabaseCrashesDuringAnImportAndAnExport(t *testing.T) {
	t.Parallel()
	const rows = 20_000
	srv := newServices(t)
	s := srv.stack(t)
	s.seedContacts(t, rows)
	i := s.importFile(t, "contacts.csv", contacts(rows), map[string]string{"table": "contacts"})
	e := s.export(t)
	s.hold(t, `LOCK TABLE public.contacts IN ACCESS EXCLUSIVE MODE`)
	s.worker(t)
	s.await(t, "both jobs to stand still", func() bool {
		return s.count(t, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
			AND application_name = 'wharf worker' AND wait_event_type = 'Lock'`) >= 2
	})
	srv.kill(t, "postgres")
	s.Admin.Reset()
	srv.restart(t)
	s.await(t, "the database to answer", func() bool { return s.Admin.Ping(context.Background()) == nil })
	done := s.completed(t, "imports", i.ID)
	require.EqualValues(t, rows, done.NumCreated)
	s.completed(t, "exports", e.ID)
	s.holdsContacts(t, 2*rows)
}

func TestStoreIsAwayForTenSeconds(t *testing.T) {
	t.Parallel()
	const rows = 20_000
	srv := newServices(t)
	s := srv.stack(t)
	i := s.importFile(t, "contacts.csv", contacts(rows), map[string]string{"table": "contacts"})
	s.completedAfterOutage(t, srv, "imports", i)
	s.completedAfterOutage(t, srv, "exports", s.export(t))
	s.holdsContacts(t, rows)
}

// completedAfterOutage lets a worker meet a store that is not there, and brings the store back ten seconds later.
func (s *stack) completedAfterOutage(t *testing.T, srv *services, kind string, work status) {
	t.Helper()
	srv.kill(t, "s3")
	w := s.worker(t)
	s.await(t, "the work to begin", func() bool {
		var now status
		s.get(t, "/api/v1/"+kind+"/"+work.ID.String(), &now)
		return now.Status == "processing"
	})
	<-time.After(10 * time.Second) // the outage's length is what is tested
	srv.restart(t)
	s.completed(t, kind, work.ID)
	w.kill()
}
