package ratelimit_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"wharf/internal/auth"
	"wharf/internal/fault"
	"wharf/internal/ratelimit"
	"wharf/internal/tenancy"
	"wharf/internal/testenv"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// office is a database with two tenants, and stores over it as two processes have them.
type office struct {
	admin, pool *pgxpool.Pool
	wall        *tenancy.DB
	store, twin *ratelimit.Store
	a, b        uuid.UUID
}

func newOffice(t *testing.T) *office {
	t.Helper()
	db := testenv.Wharf(t)
	o := &office{admin: db.Admin(t), pool: db.Service(t), a: db.Tenant(t, "a"), b: db.Tenant(t, "b")}
	o.wall = &tenancy.DB{Pool: o.pool, Wall: tenancy.Wall{Setting: "app.tenant_id", Column: "tenant_id"}}
	other := db.Service(t)
	o.store = ratelimit.New(o.pool, o.wall, "wharf.tenants")
	o.twin = ratelimit.New(other, &tenancy.DB{Pool: other, Wall: o.wall.Wall}, "wharf.tenants")
	return o
}

func (o *office) take(t *testing.T, l ratelimit.Limit, k ratelimit.Key) ratelimit.Verdict {
	t.Helper()
	v, err := o.store.Take(context.Background(), l, k)
	require.NoError(t, err)
	return v
}

// pass has every bucket stand as if the time had passed.
func (o *office) pass(t *testing.T, d time.Duration) {
	t.Helper()
	_, err := o.admin.Exec(context.Background(), `UPDATE wharf.rate_limits SET tat = tat - $1::interval`, d)
	require.NoError(t, err)
}

var exports = ratelimit.PerMinute(ratelimit.ExportStarts, 3)

func TestBucketLetsItsBurstInAndThenOneEachStep(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for left := 2; left >= 0; left-- {
		v := o.take(t, exports, ratelimit.OfTenant(o.a))
		require.True(t, v.Allowed)
		require.Equal(t, []int{3, left}, []int{v.Limit, v.Remaining})
		require.InDelta(t, float64(3-left)*20, v.Reset.Seconds(), 5)
		require.Zero(t, v.RetryAfter)
	}
	v := o.take(t, exports, ratelimit.OfTenant(o.a))
	require.False(t, v.Allowed)
	require.Zero(t, v.Remaining)
	require.InDelta(t, 20, v.RetryAfter.Seconds(), 5)
	o.pass(t, 20*time.Second)
	require.True(t, o.take(t, exports, ratelimit.OfTenant(o.a)).Allowed)
	require.False(t, o.take(t, exports, ratelimit.OfTenant(o.a)).Allowed, "and no more than one")
	o.pass(t, time.Hour)
	require.Equal(t, 2, o.take(t, exports, ratelimit.OfTenant(o.a)).Remaining, "a bucket holds no more than its burst")
}

// A step of an hour: the test itself takes no part of it that matters.
func TestRetryAfterIsWhenTheNextIsLetIn(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	slow := ratelimit.Limit{Name: ratelimit.ExportStarts, Rate: 2, Per: 2 * time.Hour, Burst: 2}
	for range 2 {
		require.True(t, o.take(t, slow, ratelimit.OfTenant(o.a)).Allowed)
	}
	o.pass(t, 10*time.Minute)
	refused := o.take(t, slow, ratelimit.OfTenant(o.a))
	require.False(t, refused.Allowed)
	require.InDelta(t, 50*time.Minute.Seconds(), refused.RetryAfter.Seconds(), 30)
	o.pass(t, refused.RetryAfter-time.Minute)
	require.False(t, o.take(t, slow, ratelimit.OfTenant(o.a)).Allowed, "not before")
	o.pass(t, time.Minute)
	require.True(t, o.take(t, slow, ratelimit.OfTenant(o.a)).Allowed, "but then")
}

func TestOfManyAtOnceAsManyAreLetInAsTheBucketHolds(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	var allowed atomic.Int32
	var all sync.WaitGroup
	for i := range 60 {
		store := []*ratelimit.Store{o.store, o.twin}[i%2]
		all.Go(func() {
			v, err := store.Take(context.Background(), exports, ratelimit.OfTenant(o.a))
			if err == nil && v.Allowed {
				allowed.Add(1)
			}
		})
	}
	all.Wait()
	require.EqualValues(t, 3, allowed.Load())
}

func TestBucketsAreApart(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	one := ratelimit.PerMinute(ratelimit.ExportStarts, 1)
	require.True(t, o.take(t, one, ratelimit.OfTenant(o.a)).Allowed)
	require.False(t, o.take(t, one, ratelimit.OfTenant(o.a)).Allowed)
	require.True(t, o.take(t, one, ratelimit.OfTenant(o.b)).Allowed, "another tenant's")
	require.True(t, o.take(t, ratelimit.PerMinute(ratelimit.ImportStarts, 1), ratelimit.OfTenant(o.a)).Allowed, "another limit's")
	failures := ratelimit.PerMinute(ratelimit.Failures, 1)
	for _, same := range [][]string{{"10.0.0.1", "::ffff:10.0.0.1"}, {"10.0.0.2"}, {"2001:db8::1", "2001:db8::ffff:1%eth0"}, {"2001:db8:0:1::1"}, {"nonsense"}} {
		for i, ip := range same {
			require.Equal(t, i == 0, o.take(t, failures, ratelimit.OfAddress(ip)).Allowed, ip)
		}
	}
}

func TestOverrideHoldsAtOnceForOneTenant(t *testing.T) {
	t.Parallel()
	ctx, o := context.Background(), newOffice(t)
	one := ratelimit.PerMinute(ratelimit.ExportStarts, 1)
	require.True(t, o.take(t, one, ratelimit.OfTenant(o.a)).Allowed)
	require.False(t, o.take(t, one, ratelimit.OfTenant(o.a)).Allowed)
	require.NoError(t, o.twin.SetOverrides(ctx, o.a, ratelimit.Overrides{ratelimit.ExportStarts: 5, ratelimit.Requests: 7}))
	v := o.take(t, one, ratelimit.OfTenant(o.a))
	require.True(t, v.Allowed)
	require.Equal(t, 5, v.Limit)
	require.Equal(t, 1, o.take(t, one, ratelimit.OfTenant(o.b)).Limit)
	require.Equal(t, 1, o.take(t, ratelimit.PerMinute(ratelimit.ImportStarts, 1), ratelimit.OfTenant(o.a)).Limit)

	set, err := o.store.Overrides(ctx, o.a)
	require.NoError(t, err)
	require.Equal(t, ratelimit.Overrides{ratelimit.ExportStarts: 5, ratelimit.Requests: 7}, set)
	require.NoError(t, o.store.SetOverrides(ctx, o.a, ratelimit.Overrides{}))
	require.Equal(t, 1, o.take(t, one, ratelimit.OfTenant(o.a)).Limit, "and not for ever")
}

func TestOverrideMustMakeSense(t *testing.T) {
	t.Parallel()
	ctx, o := context.Background(), newOffice(t)
	for _, wrong := range []ratelimit.Overrides{
		{ratelimit.ExportStarts: 0}, {ratelimit.ExportStarts: -1}, {ratelimit.ExportStarts: 1_000_001}, {ratelimit.Failures: 5}, {"nonsense": 5},
	} {
		require.Equal(t, fault.Invalid, fault.CodeOf(o.store.SetOverrides(ctx, o.a, wrong)), wrong)
	}
	for _, id := range []uuid.UUID{uuid.New(), uuid.Nil} {
		require.ErrorIs(t, o.store.SetOverrides(ctx, id, ratelimit.Overrides{ratelimit.ExportStarts: 5}), ratelimit.ErrNoTenant)
		_, err := o.store.Overrides(ctx, id)
		require.ErrorIs(t, err, ratelimit.ErrNoTenant)
	}
}

// request takes one from a key's bucket; false if the credential has none.
func (o *office) request(t *testing.T, l ratelimit.Limit, prefix string, hash []byte) (v ratelimit.Verdict, has bool) {
	t.Helper()
	var b pgx.Batch
	ratelimit.QueueRequest(&b, l, prefix, hash, func(got ratelimit.Verdict) { v, has = got, true })
	require.NoError(t, o.pool.SendBatch(context.Background(), &b).Close())
	return v, has
}

func TestRequestsAreCountedForTheKeyItselfAlone(t *testing.T) {
	t.Parallel()
	ctx, o := context.Background(), newOffice(t)
	_, prefix, hash := auth.NewKey()
	_, err := o.admin.Exec(ctx, `INSERT INTO wharf.api_keys (tenant_id, name, prefix, hash, role) VALUES ($1, 'x', $2, $3, 'owner')`, o.a, prefix, hash)
	require.NoError(t, err)
	one := ratelimit.PerMinute(ratelimit.Requests, 1)
	_, _, otherHash := auth.NewKey()
	for range 3 {
		_, has := o.request(t, one, prefix, otherHash)
		require.False(t, has, "its prefix is no secret")
	}
	v, has := o.request(t, one, prefix, hash)
	require.True(t, has && v.Allowed)
	v, _ = o.request(t, one, prefix, hash)
	require.False(t, v.Allowed)
	require.NoError(t, o.store.SetOverrides(ctx, o.a, ratelimit.Overrides{ratelimit.Requests: 100}))
	v, _ = o.request(t, one, prefix, hash)
	require.True(t, v.Allowed)
	require.Equal(t, 100, v.Limit)
}

func TestFullBucketsAreSweptAndOthersStay(t *testing.T) {
	t.Parallel()
	ctx, o := context.Background(), newOffice(t)
	one := ratelimit.Limit{Name: ratelimit.ExportStarts, Rate: 1, Per: 2 * time.Hour, Burst: 1}
	o.take(t, one, ratelimit.OfTenant(o.a))
	o.pass(t, 3*time.Hour)
	o.take(t, one, ratelimit.OfTenant(o.b))
	n, err := o.store.Sweep(ctx)
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
	require.False(t, o.take(t, one, ratelimit.OfTenant(o.b)).Allowed)
	require.True(t, o.take(t, one, ratelimit.OfTenant(o.a)).Allowed)
}

func TestServiceReachesBucketsByTheFunctionsAlone(t *testing.T) {
	t.Parallel()
	ctx, o := context.Background(), newOffice(t)
	o.take(t, exports, ratelimit.OfTenant(o.a))
	for _, sql := range []string{`SELECT FROM wharf.rate_limits`, `UPDATE wharf.rate_limits SET tat = now()`, `DELETE FROM wharf.rate_limits`} {
		_, err := o.pool.Exec(ctx, sql)
		require.ErrorContains(t, err, "permission denied", sql)
	}
	require.NoError(t, o.store.SetOverrides(ctx, o.a, ratelimit.Overrides{ratelimit.ExportStarts: 5}))
	require.NoError(t, tenancy.Tx(ctx, o.wall, tenancy.System(o.b), func(ctx context.Context, tx pgx.Tx) error {
		var n int
		require.NoError(t, tx.QueryRow(ctx, `SELECT count(*) FROM wharf.tenant_limits`).Scan(&n))
		require.Zero(t, n, "another tenant's limits")
		return nil
	}))
}
