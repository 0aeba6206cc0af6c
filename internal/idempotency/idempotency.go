// Package idempotency lets a client send a request again without having it done again: by the key that it chose, the first
// answer is found and given once more. It stands between the HTTP API and Wharf's own tables; no other room knows of it.
//
// Invariants: a key belongs to one actor of one tenant, and to one request, known by its fingerprint. Of requests with
// one key that are under way at once, over any number of processes, one holds it. A key is held under a lease, so that a process
// that dies does not block it. Only answers to what was done are kept; a request that failed leaves its key free. An answer that
// holds a secret is never stored: only that it was given.
//
// What this cannot see: a process that dies after its work committed and before its answer was kept. The request is then done
// again when the lease has passed.
package idempotency

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"wharf/internal/fault"
	"wharf/internal/pg"
	"wharf/internal/tenancy"
)

// Errors that callers meet.
var (
	ErrOther = fault.New(fault.Invalid, "the Idempotency-Key belongs to another request; give each request a key of its own")
	// ErrInFlight says when to ask again.
	ErrInFlight = &fault.Error{
		Code: fault.Conflict, Message: "a request with this Idempotency-Key is under way; send it again later for its answer", RetryAfter: 2 * time.Second,
	}
	ErrSecret = fault.New(fault.Conflict,
		"the request with this Idempotency-Key was done, and its answer held a secret, which is not kept; use another key to do it again")
)

// Config is what a Store needs; all of it is required.
type Config struct {
	Pool  *pgxpool.Pool
	DB    *tenancy.DB
	TTL   time.Duration // an answer is kept
	Lease time.Duration // who holds a key longer is taken for dead; longer than any handler takes
}

// Store keeps keys and answers.
type Store struct{ cfg Config }

// New returns a Store.
func New(cfg Config) *Store { return &Store{cfg: cfg} }

// Answer is what a request was answered with.
type Answer struct {
	Status      int
	Location    string
	ContentType string
	Body        []byte // nil: it held a secret
}

// Attempt is a request that holds its key. It ends by Keep or Release.
type Attempt struct {
	p   tenancy.Principal
	key string
	id  uuid.UUID
}

const (
	// hold takes a key that is free: never used, forgotten by now, or held by the same request of a process that died.
	hold = `INSERT INTO wharf.idempotency AS i (tenant_id, actor, key, fingerprint, attempt, leased_until, expires_at)
VALUES ($1, $2, $3, $4, $5, now() + $6::interval, now() + $7::interval)
ON CONFLICT (tenant_id, actor, key) DO UPDATE SET fingerprint = excluded.fingerprint, attempt = excluded.attempt,
    leased_until = excluded.leased_until, status = NULL, location = '', content_type = '', body = NULL, expires_at = excluded.expires_at
WHERE i.expires_at < now() OR (i.status IS NULL AND i.leased_until < now() AND i.fingerprint = excluded.fingerprint)`

	find = `SELECT fingerprint, status, location, content_type, body FROM wharf.idempotency WHERE tenant_id = $1 AND actor = $2 AND key = $3`

	keep = `UPDATE wharf.idempotency SET status = $5, location = $6, content_type = $7, body = $8
WHERE tenant_id = $1 AND actor = $2 AND key = $3 AND attempt = $4 AND status IS NULL`

	release = `DELETE FROM wharf.idempotency WHERE tenant_id = $1 AND actor = $2 AND key = $3 AND attempt = $4 AND status IS NULL`

	sweep = `SELECT wharf.sweep_idempotency($1)`
)

// found is a key that another request has, or had.
type found struct {
	Fingerprint []byte
	Status      *int
	Location    string
	ContentType string
	Body        []byte
}

// Begin takes the key for a request, or gives the answer that the same request got before: one of the two is nil. fingerprint
// tells requests apart. ErrOther, ErrInFlight, Unavailable.
func (s *Store) Begin(ctx context.Context, p tenancy.Principal, key string, fingerprint []byte) (*Attempt, *Answer, error) {
	a := &Attempt{p: p, key: key, id: uuid.New()}
	var was *found
	err := tenancy.Tx(ctx, s.cfg.DB, p, func(ctx context.Context, tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, hold, p.Tenant, p.Actor, key, fingerprint, a.id, s.cfg.Lease, s.cfg.TTL)
		if err != nil {
			return fmt.Errorf("idempotency: hold key: %w", err)
		}
		if tag.RowsAffected() == 0 {
			was, err = look(ctx, tx, p, key)
		}
		return err
	})
	switch {
	case err != nil:
		return nil, nil, err
	case was == nil:
		return a, nil, nil
	case !bytes.Equal(was.Fingerprint, fingerprint):
		return nil, nil, ErrOther
	case was.Status == nil:
		return nil, nil, ErrInFlight
	}
	return nil, &Answer{Status: *was.Status, Location: was.Location, ContentType: was.ContentType, Body: was.Body}, nil
}

func look(ctx context.Context, tx pgx.Tx, p tenancy.Principal, key string) (*found, error) {
	rows, err := tx.Query(ctx, find, p.Tenant, p.Actor, key)
	if err != nil {
		return nil, fmt.Errorf("idempotency: find key: %w", err)
	}
	was, err := pgx.CollectExactlyOneRow(rows, pgx.RowToAddrOfStructByName[found])
	if errors.Is(err, pgx.ErrNoRows) { // released this moment
		return nil, ErrInFlight
	}
	if err != nil {
		return nil, fmt.Errorf("idempotency: find key: %w", err)
	}
	return was, nil
}

// Keep stores the answer and ends the attempt. If another holds the key by now, nothing is stored. Unavailable.
func (s *Store) Keep(ctx context.Context, a *Attempt, answer Answer) error {
	return s.end(ctx, a, keep, answer.Status, answer.Location, answer.ContentType, answer.Body)
}

// Release frees the key of a request that did nothing. Unavailable.
func (s *Store) Release(ctx context.Context, a *Attempt) error { return s.end(ctx, a, release) }

func (s *Store) end(ctx context.Context, a *Attempt, sql string, args ...any) error {
	return tenancy.Tx(ctx, s.cfg.DB, a.p, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, sql, append([]any{a.p.Tenant, a.p.Actor, a.key, a.id}, args...)...); err != nil {
			return fmt.Errorf("idempotency: end attempt: %w", err)
		}
		return nil
	})
}

// sweepBatch bounds one statement of a sweep, in keys.
const sweepBatch = 1000

// Sweep forgets the keys of every tenant whose time has passed, and counts them. Unavailable.
func (s *Store) Sweep(ctx context.Context) (swept int, err error) {
	for {
		var n int
		if err := s.cfg.Pool.QueryRow(ctx, sweep, sweepBatch).Scan(&n); err != nil {
			return swept, pg.Translate(fmt.Errorf("idempotency: sweep: %w", err))
		}
		swept += n
		if n < sweepBatch {
			return swept, nil
		}
	}
}
