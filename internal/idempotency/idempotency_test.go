package idempotency_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"wharf/internal/idempotency"
	"wharf/internal/tenancy"
	"wharf/internal/testenv"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// desk is a Store over a database of the test's own.
type desk struct {
	*idempotency.Store
	admin *pgxpool.Pool
	p     tenancy.Principal
	other tenancy.Principal // another tenant's
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	db := testenv.Wharf(t)
	pool := db.Service(t)
	return &desk{
		Store: idempotency.New(idempotency.Config{
			Pool: pool, DB: &tenancy.DB{Pool: pool, Wall: tenancy.Wall{Setting: "app.tenant_id"}}, TTL: time.Hour, Lease: time.Minute,
		}),
		admin: db.Admin(t),
		p:     tenancy.Principal{Tenant: db.Tenant(t, "acme"), Actor: "key:1", Role: tenancy.Owner},
		other: tenancy.Principal{Tenant: db.Tenant(t, "other"), Actor: "key:1", Role: tenancy.Owner},
	}
}

// held begins a request whose key must be free.
func (d *desk) held(t *testing.T, p tenancy.Principal, key, request string) *idempotency.Attempt {
	t.Helper()
	a, answer, err := d.Begin(context.Background(), p, key, []byte(request))
	require.NoError(t, err)
	require.Nil(t, answer)
	return a
}

func (d *desk) exec(t *testing.T, sql string) {
	t.Helper()
	_, err := d.admin.Exec(context.Background(), sql)
	require.NoError(t, err)
}

var created = idempotency.Answer{Status: 201, Location: "/things/1", ContentType: "application/json", Body: []byte(`{"id":1}`)}

func TestSameRequestGetsTheFirstAnswer(t *testing.T) {
	t.Parallel()
	ctx, d := context.Background(), newDesk(t)
	a := d.held(t, d.p, "k", "make a thing")
	_, _, err := d.Begin(ctx, d.p, "k", []byte("make a thing"))
	require.ErrorIs(t, err, idempotency.ErrInFlight)
	require.NoError(t, d.Keep(ctx, a, created))
	again, answer, err := d.Begin(ctx, d.p, "k", []byte("make a thing"))
	require.NoError(t, err)
	require.Nil(t, again)
	require.Equal(t, created, *answer)
	require.NoError(t, d.Release(ctx, a), "too late")
	_, answer, err = d.Begin(ctx, d.p, "k", []byte("make a thing"))
	require.NoError(t, err)
	require.Equal(t, created, *answer)
}

func TestAnswerWithASecretIsKnownAndNotStored(t *testing.T) {
	t.Parallel()
	ctx, d := context.Background(), newDesk(t)
	require.NoError(t, d.Keep(ctx, d.held(t, d.p, "k", "r"), idempotency.Answer{Status: 201}))
	_, answer, err := d.Begin(ctx, d.p, "k", []byte("r"))
	require.NoError(t, err)
	require.Nil(t, answer.Body)
}

func TestKeyBelongsToOneRequest(t *testing.T) {
	t.Parallel()
	ctx, d := context.Background(), newDesk(t)
	a := d.held(t, d.p, "k", "make a thing")
	_, _, err := d.Begin(ctx, d.p, "k", []byte("make another"))
	require.ErrorIs(t, err, idempotency.ErrOther)
	require.NoError(t, d.Keep(ctx, a, created))
	_, _, err = d.Begin(ctx, d.p, "k", []byte("make another"))
	require.ErrorIs(t, err, idempotency.ErrOther)
}

func TestKeyBelongsToOneActorOfOneTenant(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	colleague := d.p
	colleague.Actor = "key:2"
	for _, p := range []tenancy.Principal{d.p, colleague, d.other} {
		require.NoError(t, d.Keep(context.Background(), d.held(t, p, "k", "r"), created))
	}
}

func TestFailedRequestLeavesItsKeyFree(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	require.NoError(t, d.Release(context.Background(), d.held(t, d.p, "k", "r")))
	d.held(t, d.p, "k", "another request")
}

func TestDeadProcessBlocksItsKeyForTheLeaseOnly(t *testing.T) {
	t.Parallel()
	ctx, d := context.Background(), newDesk(t)
	dead := d.held(t, d.p, "k", "r")
	d.exec(t, `UPDATE wharf.idempotency SET leased_until = now() - interval '1 second'`)
	_, _, err := d.Begin(ctx, d.p, "k", []byte("another"))
	require.ErrorIs(t, err, idempotency.ErrOther, "the key is still that request's")
	heir := d.held(t, d.p, "k", "r")
	// It was not dead after all: what it says counts no more.
	require.NoError(t, d.Keep(ctx, dead, idempotency.Answer{Status: 202}))
	require.NoError(t, d.Release(ctx, dead))
	require.NoError(t, d.Keep(ctx, heir, created))
	_, answer, err := d.Begin(ctx, d.p, "k", []byte("r"))
	require.NoError(t, err)
	require.Equal(t, created, *answer)
}

func TestKeyIsForgottenAfterItsTime(t *testing.T) {
	t.Parallel()
	ctx, d := context.Background(), newDesk(t)
	for _, p := range []tenancy.Principal{d.p, d.other} {
		require.NoError(t, d.Keep(ctx, d.held(t, p, "k", "r"), created))
	}
	n, err := d.Sweep(ctx)
	require.NoError(t, err)
	require.Zero(t, n)
	d.exec(t, `UPDATE wharf.idempotency SET expires_at = now() - interval '1 second'`)
	d.held(t, d.p, "k", "another request") // free before it is swept
	n, err = d.Sweep(ctx)
	require.NoError(t, err)
	require.Equal(t, 1, n)
}

func TestOfManyAtOnceOneHoldsTheKey(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	var wait sync.WaitGroup
	errs := make(chan error, 16)
	for range cap(errs) {
		wait.Go(func() {
			_, _, err := d.Begin(context.Background(), d.p, "k", []byte("r"))
			errs <- err
		})
	}
	wait.Wait()
	close(errs)
	held := 0
	for err := range errs {
		if err == nil {
			held++
			continue
		}
		require.ErrorIs(t, err, idempotency.ErrInFlight)
	}
	require.Equal(t, 1, held)
}
