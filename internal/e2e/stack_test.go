package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"wharf/internal/testenv"
)

// binaries are built once for all tests of the package.
var binaries = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "wharf-e2e-")
	if err != nil {
		return "", err
	}
	out, err := exec.Command("go", "build", "-o", dir+"/", "wharf/cmd/api", "wharf/cmd/worker").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return dir, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, err := binaries(); err == nil {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

// stack is one installation: a database, the api and any number of workers.
type stack struct {
	env    []string
	url    string
	Admin  *pgxpool.Pool // superuser: sees every tenant
	Tenant uuid.UUID
	Owner  string // API key
	Ops    string
}

// newStack starts the api on a database of its own. Workers are started by the test.
func newStack(t *testing.T, extra ...string) *stack {
	t.Helper()
	db := testenv.Sample(t)
	return startStack(t, db.ServiceURL, db.OwnerURL, db.AdminURL, append([]string{
		"WHARF_S3_ENDPOINT=" + testenv.Setting(t, "WHARF_TEST_S3_ENDPOINT"),
		"WHARF_S3_ACCESS_KEY=" + testenv.Setting(t, "WHARF_TEST_S3_ACCESS_KEY"),
		"WHARF_S3_SECRET_KEY=" + testenv.Setting(t, "WHARF_TEST_S3_SECRET_KEY"),
		"WHARF_S3_BUCKET=" + testenv.Setting(t, "WHARF_TEST_S3_BUCKET"),
	}, extra...))
}

func startStack(t *testing.T, service, owner, admin string, extra []string) *stack {
	t.Helper()
	s := &stack{env: append([]string{
		"PATH=" + os.Getenv("PATH"),
		"DATABASE_URL=" + service,
		"WHARF_OWNER_DATABASE_URL=" + owner,
		"WHARF_S3_PATH_STYLE=true",
		"WHARF_FIELD_KEYS=" + testenv.FieldKeys,
		"WHARF_LOG_FORMAT=text",
		"WHARF_HEARTBEAT=200ms", // a dead worker is noticed in a second or two
		"WHARF_LEASE=1500ms",
		"WHARF_REQUESTS_PER_MINUTE=100000", // tests ask without a pause
		"WHARF_EXPORT_STARTS_PER_MINUTE=100000",
		"WHARF_IMPORT_STARTS_PER_MINUTE=100000",
		"WHARF_RESTORE_STARTS_PER_MINUTE=100000",
	}, extra...)}
	pool, err := pgxpool.New(context.Background(), admin)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	s.Admin = pool
	t.Cleanup(func() { s.tell(t) })
	var tenant struct{ ID uuid.UUID }
	s.command(t, &tenant, "tenant", "create", "--name", "Acme", "--slug", "acme")
	s.Tenant = tenant.ID
	s.Owner = s.key(t, "--tenant", s.Tenant.String(), "--role", "owner")
	s.Ops = s.key(t, "--ops")
	addr := freeAddress(t)
	s.url = "http://" + addr
	s.start(t, "api", "WHARF_LISTEN="+addr)
	s.await(t, "the api to be ready", func() bool {
		res, err := http.Get(s.url + "/readyz")
		if err != nil {
			return false
		}
		defer res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
	return s
}

// tell logs how the jobs stood when a test failed.
func (s *stack) tell(t *testing.T) {
	t.Helper()
	if !t.Failed() {
		return
	}
	var jobs string
	err := s.Admin.QueryRow(context.Background(), `SELECT coalesce(string_agg(to_jsonb(j)::text, E'\n'), 'none') FROM river.river_job j`).Scan(&jobs)
	t.Logf("jobs (%v):\n%s", err, jobs)
	err = s.Admin.QueryRow(context.Background(), `SELECT coalesce(string_agg(format('%s %s: %s', now() - query_start, wait_event, query), E'\n'), 'none')
		FROM pg_stat_activity WHERE datname = current_database() AND state <> 'idle' AND pid <> pg_backend_pid()`).Scan(&jobs)
	t.Logf("statements (%v):\n%s", err, jobs)
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return l.Addr().String()
}

// command runs `api args…` and reads its JSON answer.
func (s *stack) command(t *testing.T, out any, args ...string) {
	t.Helper()
	dir, err := binaries()
	require.NoError(t, err)
	cmd := exec.Command(filepath.Join(dir, "api"), args...)
	cmd.Env = s.env
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	answer, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	require.NoError(t, json.Unmarshal(answer, out))
}

func (s *stack) key(t *testing.T, args ...string) string {
	t.Helper()
	var made struct{ Key string }
	s.command(t, &made, append([]string{"key", "create", "--name", "test"}, args...)...)
	return made.Key
}

// process is a running binary.
type process struct {
	cmd  *exec.Cmd
	log  *lockedBuffer
	done chan struct{}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (s *stack) start(t *testing.T, binary string, extra ...string) *process {
	t.Helper()
	dir, err := binaries()
	require.NoError(t, err)
	p := &process{cmd: exec.Command(filepath.Join(dir, binary)), log: &lockedBuffer{}, done: make(chan struct{})}
	p.cmd.Env = append(append([]string{}, s.env...), extra...)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	require.NoError(t, p.cmd.Start())
	go func() { _ = p.cmd.Wait(); close(p.done) }()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%s said:\n%s", binary, p.log)
		}
	})
	return p
}

func (s *stack) worker(t *testing.T, extra ...string) *process {
	t.Helper()
	return s.start(t, "worker", append([]string{"WHARF_WORKER_LISTEN=" + freeAddress(t)}, extra...)...)
}

// kill is kill -9: nothing of the process runs after it.
func (p *process) kill() {
	_ = p.cmd.Process.Signal(syscall.SIGKILL)
	<-p.done
}

// await polls until ok, or fails the test after a minute, the time within which killed work must run again.
func (s *stack) await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	require.Eventually(t, ok, time.Minute, 10*time.Millisecond, "waited a minute for "+what)
}

// call sends a request as the key's principal and decodes the answer into out, which may be nil.
func (s *stack) call(t *testing.T, key, method, path string, body io.Reader, contentType string, out any) *http.Response {
	t.Helper()
	req, err := http.NewRequest(method, s.url+path, body)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+key)
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	if out != nil {
		require.NoError(t, json.Unmarshal(raw, out), string(raw))
	}
	return res
}

func (s *stack) get(t *testing.T, path string, out any) {
	t.Helper()
	res := s.call(t, s.Owner, http.MethodGet, path, nil, "", out)
	require.Equal(t, http.StatusOK, res.StatusCode, path)
}

// post sends JSON and expects the status.
func (s *stack) post(t *testing.T, path string, body any, status int, out any) {
	t.Helper()
	doc, err := json.Marshal(body)
	require.NoError(t, err)
	res := s.call(t, s.Owner, http.MethodPost, path, bytes.NewReader(doc), "application/json", out)
	require.Equal(t, status, res.StatusCode, path)
}

// status is what imports and exports have in common.
type status struct {
	ID           uuid.UUID
	Status       string
	Error        *string
	NumRows      int64             `json:"num_rows"`
	NumErrors    int64             `json:"num_errors"`
	NumCreated   int64             `json:"num_created"`
	NumUpdated   int64             `json:"num_updated"`
	NumUnchanged int64             `json:"num_unchanged"`
	NumSkipped   int64             `json:"num_skipped"`
	Bytes        int64             `json:"bytes"`
	SHA256       string            `json:"sha256"`
	Tables       map[string]int64  `json:"tables"`
	Mapping      map[string]string `json:"mapping"`
	Errors       []struct {
		Row                   int64
		Field, Message, Value string
	}
	Progress struct {
		Phase string
		Rows  int64
	}
}

// importFile uploads content with the form's fields.
func (s *stack) importFile(t *testing.T, name string, content []byte, fields map[string]string) status {
	t.Helper()
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	for k, v := range fields {
		require.NoError(t, w.WriteField(k, v))
	}
	part, err := w.CreateFormFile("file", name)
	require.NoError(t, err)
	_, err = part.Write(content)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	var answer json.RawMessage
	res := s.call(t, s.Owner, http.MethodPost, "/api/v1/imports", &form, w.FormDataContentType(), &answer)
	require.Equal(t, http.StatusAccepted, res.StatusCode, string(answer))
	var accepted status
	require.NoError(t, json.Unmarshal(answer, &accepted))
	require.Equal(t, "/api/v1/imports/"+accepted.ID.String(), res.Header.Get("Location"))
	return accepted
}

func (s *stack) export(t *testing.T) status {
	t.Helper()
	var accepted status
	s.post(t, "/api/v1/exports", map[string]string{}, http.StatusAccepted, &accepted)
	return accepted
}

// ended waits for the end of an import or export.
func (s *stack) ended(t *testing.T, kind string, id uuid.UUID) status {
	t.Helper()
	var now status
	s.await(t, kind+" to end", func() bool {
		// A part that is away may answer otherwise for a moment.
		var answer json.RawMessage
		res := s.call(t, s.Owner, http.MethodGet, "/api/v1/"+kind+"/"+id.String(), nil, "", &answer)
		if res.StatusCode != http.StatusOK {
			return false
		}
		require.NoError(t, json.Unmarshal(answer, &now))
		return now.Status != "pending" && now.Status != "processing"
	})
	return now
}

func (s *stack) completed(t *testing.T, kind string, id uuid.UUID) status {
	t.Helper()
	now := s.ended(t, kind, id)
	why := ""
	if now.Error != nil {
		why = *now.Error
	}
	require.Equal(t, "completed", now.Status, why)
	return now
}

// download follows the redirect to the signed link.
func (s *stack) download(t *testing.T, path string) []byte {
	t.Helper()
	res := s.call(t, s.Owner, http.MethodGet, path, nil, "", nil)
	require.Equal(t, http.StatusFound, res.StatusCode)
	got, err := http.Get(res.Header.Get("Location"))
	require.NoError(t, err)
	defer got.Body.Close()
	require.Equal(t, http.StatusOK, got.StatusCode)
	content, err := io.ReadAll(got.Body)
	require.NoError(t, err)
	return content
}

// count gives a number from the database, seen as the superuser.
func (s *stack) count(t *testing.T, sql string, args ...any) int64 {
	t.Helper()
	var n int64
	require.NoError(t, s.Admin.QueryRow(context.Background(), sql, args...).Scan(&n))
	return n
}

// contacts gives a CSV of n good contacts.
func contacts(n int) []byte {
	var b strings.Builder
	b.WriteString("external_id,first_name,last_name,email,title\n")
	for i := range n {
		fmt.Fprintf(&b, "c-%07d,First %d,Last %d,c%d@example.com,Title %d\n", i, i, i, i, i%7)
	}
	return []byte(b.String())
}

func sha256Hex(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
