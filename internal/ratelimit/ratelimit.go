// Package ratelimit holds limits that are one over all replicas: each is a row in Postgres, moved by one statement and by the
// database's clock.
//
// The algorithm is GCRA, the leaky bucket seen as one time stamp (ITU-T I.371, "virtual scheduling"): a bucket holds Burst, each
// attempt that is let in takes one, and one comes back each Per/Rate. What is refused takes nothing. Of attempts at once exactly as
// many are let in as the bucket holds, since each waits for the row.
//
// A limit of a tenant may be another than the installation's: operators set it (SetOverrides), and Take heeds it.
//
// The table is unlogged: after a crash of the database every bucket is full.
package ratelimit

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"wharf/internal/pg"
	"wharf/internal/tenancy"
)

// Limit is how often something may be done by one key.
type Limit struct {
	Name  string        // one of the constants
	Rate  int           // so many in …
	Per   time.Duration // … this time
	Burst int           // so many at once
}

// Names of limits.
const (
	ExportStarts  = "export_starts"      // of a tenant
	ImportStarts  = "import_starts"      // of a tenant
	RestoreStarts = "restore_starts"     // of a tenant
	UploadStarts  = "upload_starts"      // of a tenant
	Requests      = "requests"           // of an API key
	Failures      = "failed_credentials" // of an address
)

// PerMinute is a limit of n a minute, all of which may come at once.
func PerMinute(name string, n int) Limit {
	return Limit{Name: name, Rate: n, Per: time.Minute, Burst: n}
}

// Key is whose attempts are counted together.
type Key struct {
	text   string
	tenant *uuid.UUID // its overrides hold
}

// OfTenant counts a tenant's attempts.
func OfTenant(id uuid.UUID) Key { return Key{id.String(), &id} }

// OfAddress counts the attempts from an IP address; of IPv6 those from its /64, which one customer of a provider has whole.
func OfAddress(ip string) Key {
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return Key{text: ip}
	}
	addr = addr.Unmap().WithZone("")
	if addr.Is6() {
		return Key{text: netip.PrefixFrom(addr, 64).Masked().String()}
	}
	return Key{text: addr.String()}
}

// Verdict is what a limit says of one attempt.
type Verdict struct {
	Allowed    bool
	Limit      int           // that the bucket holds
	Remaining  int           // that it holds now
	Reset      time.Duration // until it is full, if nobody comes
	RetryAfter time.Duration // until the next attempt is let in; zero if this one was
}

// Store is where limits stand. It is safe for concurrent use.
type Store struct {
	db          *tenancy.DB
	pool        querier
	tenantTable string
}

type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// New returns a Store over the pool; db is the same database behind the wall, for overrides. tenantTable, "schema.table", is where
// tenants are known by their id.
func New(pool querier, db *tenancy.DB, tenantTable string) *Store {
	return &Store{db: db, pool: pool, tenantTable: tenantTable}
}

const (
	take    = `SELECT allowed, quota, remaining, reset, retry_after FROM wharf.take_limit($1, $2, $3, $4, $5, $6)`
	takeKey = `SELECT allowed, quota, remaining, reset, retry_after FROM wharf.take_key_limit($1, $2, $3, $4, $5)`
	sweep   = `SELECT wharf.sweep_limits()`
)

// Take asks the limit to let one attempt of the key in. Unavailable.
func (s *Store) Take(ctx context.Context, l Limit, k Key) (Verdict, error) {
	v, err := scan(s.pool.QueryRow(ctx, take, l.Name, k.text, k.tenant, l.Rate, l.Per, l.Burst))
	if err != nil {
		return Verdict{}, pg.Translate(fmt.Errorf("ratelimit: take %s: %w", l.Name, err))
	}
	return v, nil
}

// QueueRequest adds to b the statement that takes one from the bucket of an API key, so that it costs no round trip of its own.
// got is called with the verdict, but not for a credential that is no key.
func QueueRequest(b *pgx.Batch, l Limit, prefix string, hash []byte, got func(Verdict)) {
	b.Queue(takeKey, prefix, hash, l.Rate, l.Per, l.Burst).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			v, err := scan(rows)
			if err != nil {
				return err
			}
			got(v)
		}
		return rows.Err() //nolint:wrapcheck // whoever sends the batch says what it was for
	})
}

func scan(row pgx.Row) (v Verdict, err error) {
	err = row.Scan(&v.Allowed, &v.Limit, &v.Remaining, &v.Reset, &v.RetryAfter)
	return v, err //nolint:wrapcheck // its callers say what was asked
}

// Sweep removes the rows of buckets that are full. Unavailable.
func (s *Store) Sweep(ctx context.Context) (swept int64, err error) {
	if err := s.pool.QueryRow(ctx, sweep).Scan(&swept); err != nil {
		return 0, pg.Translate(fmt.Errorf("ratelimit: sweep: %w", err))
	}
	return swept, nil
}
