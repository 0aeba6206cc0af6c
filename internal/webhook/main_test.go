package webhook_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"wharf/internal/jobs"
	"wharf/internal/tenancy"
	"wharf/internal/testenv"
	"wharf/internal/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	soon = 20 * time.Second
	tick = 10 * time.Millisecond
)

// desk is a database with two tenants and a service whose guard is open, as in development.
type desk struct {
	*webhook.Service
	db     *testenv.DB
	pool   *pgxpool.Pool // as the service's role
	admin  *pgxpool.Pool
	wall   *tenancy.DB
	a, b   uuid.UUID
	owner  webhook.Owner
	client *jobs.Client
}

// Enqueue is the queue that the service is given: the client is made after it.
type queue struct{ client *jobs.Client }

func (q *queue) Enqueue(ctx context.Context, tx pgx.Tx, kind string, tenant, id uuid.UUID) (int64, error) {
	return q.client.Enqueue(ctx, tx, kind, tenant, id)
}

// newDesk gives a desk that enqueues. With work, jobs are worked too, until the test ends.
func newDesk(t *testing.T, work bool, change ...func(*webhook.Config)) *desk {
	t.Helper()
	db := testenv.Wharf(t)
	d := &desk{
		db: db, pool: db.Service(t), admin: db.Admin(t), a: db.Tenant(t, "a"), b: db.Tenant(t, "b"),
		owner: webhook.Owner{Kind: webhook.OwnerImporter, ID: uuid.New()},
	}
	d.wall = &tenancy.DB{Pool: d.pool, Wall: tenancy.Wall{Setting: "app.tenant_id", Column: "tenant_id"}}
	q := &queue{}
	cfg := webhook.Config{
		DB: d.wall, Queue: q, Now: time.Now, Version: "1.2.3", Timeout: soon, TTL: 720 * time.Hour,
		AllowPrivate: true, Waits: []time.Duration{time.Millisecond, 2 * time.Millisecond},
	}
	for _, c := range change {
		c(&cfg)
	}
	d.Service = webhook.New(cfg)
	jc := jobs.Config{
		InTenant: func(ctx context.Context, tenant uuid.UUID, fn func(context.Context, pgx.Tx) error) error {
			return tenancy.Tx(ctx, d.wall, tenancy.System(tenant), fn)
		},
		Log: slog.New(slog.DiscardHandler), Now: time.Now,
		Queues: map[string]jobs.Queue{jobs.KindWebhook: {
			MaxAttempts: len(cfg.Waits) + 1, RetryBase: time.Millisecond, RetryCap: time.Millisecond,
		}},
		Heartbeat: 50 * time.Millisecond, Lease: time.Second, Grace: 100 * time.Millisecond,
	}
	handlers := jobs.Handlers{jobs.KindWebhook: d.Service}
	var err error
	if !work {
		d.client, err = jobs.NewInsertOnly(d.pool, jc, handlers)
		require.NoError(t, err)
		q.client = d.client
		return d
	}
	d.client, err = jobs.New(context.Background(), d.pool, jc, handlers)
	require.NoError(t, err)
	q.client = d.client
	require.NoError(t, d.client.Start(context.Background()))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), soon)
		defer cancel()
		require.NoError(t, d.client.Stop(ctx))
	})
	return d
}

func (d *desk) in(t *testing.T, tenant uuid.UUID, fn func(ctx context.Context, tx pgx.Tx) error) {
	t.Helper()
	require.NoError(t, tenancy.Tx(context.Background(), d.wall, tenancy.System(tenant), fn))
}

// secret makes the owner's secret.
func (d *desk) secret(t *testing.T) (secret string) {
	t.Helper()
	d.in(t, d.a, func(ctx context.Context, tx pgx.Tx) (err error) {
		secret, err = d.Secret(ctx, tx, d.a, d.owner)
		return err
	})
	return secret
}

const payload = `{ "event": "import.completed",  "num_rows": 3, "num_rows": 4, "name": "a\u0000b – ü" }`

// send enqueues a delivery of tenant a to url and gives its id.
func (d *desk) send(t *testing.T, url string) uuid.UUID {
	t.Helper()
	d.in(t, d.a, func(ctx context.Context, tx pgx.Tx) error {
		return d.Enqueue(ctx, tx, webhook.News{
			Tenant: d.a, Owner: d.owner, Event: "import.completed", URL: url, Payload: json.RawMessage(payload),
		})
	})
	found, err := d.List(context.Background(), tenancy.System(d.a), webhook.Filter{Limit: 1})
	require.NoError(t, err)
	require.Len(t, found, 1)
	return found[0].ID
}

func (d *desk) show(t require.TestingT, id uuid.UUID) webhook.Delivery {
	got, err := d.Show(context.Background(), tenancy.System(d.a), id)
	require.NoError(t, err)
	return got
}

// await polls until the delivery has the state.
func (d *desk) await(t *testing.T, id uuid.UUID, state string) webhook.Delivery {
	t.Helper()
	require.Eventually(t, func() bool { return d.show(t, id).State == state }, soon, tick, "state %s", state)
	return d.show(t, id)
}

// run makes an attempt without a job; complete succeeds.
func (d *desk) run(id uuid.UUID) error {
	return d.Run(context.Background(), d.a, id, func(context.Context, pgx.Tx) error { return nil })
}

func (d *desk) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	_, err := d.admin.Exec(context.Background(), sql, args...)
	require.NoError(t, err)
}

// post is what a receiver got.
type post struct {
	header http.Header
	body   string
}

// receiver is a real server that keeps what it got and answers by a function of the number of the request, from 1.
type receiver struct {
	*httptest.Server
	mu    sync.Mutex
	posts []post
}

func newReceiver(t *testing.T, answer func(n int, w http.ResponseWriter, r *http.Request)) *receiver {
	t.Helper()
	rc := &receiver{}
	rc.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		rc.mu.Lock()
		rc.posts = append(rc.posts, post{r.Header.Clone(), string(body)})
		n := len(rc.posts)
		rc.mu.Unlock()
		answer(n, w, r)
	}))
	t.Cleanup(rc.Close)
	return rc
}

func (rc *receiver) got() []post {
	rc.mu.Lock()
	defer rc.mu.Unlock()
	return append([]post(nil), rc.posts...)
}

func ok(_ int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }

func always(status int) func(int, http.ResponseWriter, *http.Request) {
	return func(_ int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
}
