package auth

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"wharf/internal/pg"
	"wharf/internal/tenancy"
)

// Keys verifies API keys.
type Keys struct{ pool *pgxpool.Pool }

// NewKeys returns Keys over the service's pool.
func NewKeys(pool *pgxpool.Pool) *Keys { return &Keys{pool: pool} }

// keyRow is a key that is neither expired nor revoked.
type keyRow struct {
	ID         uuid.UUID
	TenantID   *uuid.UUID // nil: an operator's
	Name       string
	Hash       []byte
	Role       *string // nil with TenantID
	Scopes     []string
	ImporterID *uuid.UUID // of an embed token
	Idle       bool       // last_used_at is more than a minute old
}

const (
	findKey  = `SELECT id, tenant_id, name, hash, role, scopes, importer_id, idle FROM wharf.find_api_key($1)`
	touchKey = `SELECT wharf.touch_api_key($1)`
)

// Beside queues statements that are sent along with the one that finds the key, in one round trip. They are told what is known of
// the credential by then; it may be none of ours. What becomes of them does not touch the key's being good.
type Beside func(b *pgx.Batch, prefix string, hash []byte)

// Authenticate gives the principal of a key. ErrUnauthenticated if it is unknown, expired or revoked; Unavailable. It
// notes the key's use, at most once a minute.
func (k *Keys) Authenticate(ctx context.Context, key string, beside ...Beside) (tenancy.Principal, error) {
	prefix, ok := prefixOf(key)
	if !ok {
		return tenancy.Principal{}, ErrUnauthenticated
	}
	row, err := k.find(ctx, prefix, hashOf(key), beside)
	if err != nil {
		return tenancy.Principal{}, err
	}
	if subtle.ConstantTimeCompare(row.Hash, hashOf(key)) != 1 {
		return tenancy.Principal{}, ErrUnauthenticated
	}
	if row.Idle {
		if _, err := k.pool.Exec(ctx, touchKey, row.ID); err != nil {
			return tenancy.Principal{}, pg.Translate(fmt.Errorf("auth: note the use of a key: %w", err))
		}
	}
	return row.principal(), nil
}

// find gives the key of the prefix. The other statements tell their own callers how they ended: only a key that could not be asked
// for is an error here.
func (k *Keys) find(ctx context.Context, prefix string, hash []byte, beside []Beside) (keyRow, error) {
	var b pgx.Batch
	var row keyRow
	var rowErr error
	answered := false
	b.Queue(findKey, prefix).Query(func(rows pgx.Rows) error {
		row, rowErr = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[keyRow])
		answered = rowErr == nil || errors.Is(rowErr, pgx.ErrNoRows)
		return nil
	})
	for _, queue := range beside {
		queue(&b, prefix, hash)
	}
	err := k.pool.SendBatch(ctx, &b).Close()
	switch {
	case answered && rowErr != nil:
		return keyRow{}, ErrUnauthenticated
	case answered:
		return row, nil
	case err == nil:
		err = rowErr
	}
	return keyRow{}, pg.Translate(fmt.Errorf("auth: find key: %w", err))
}

func (r keyRow) principal() tenancy.Principal {
	p := tenancy.Principal{Actor: "key:" + r.ID.String(), Name: r.Name}
	if r.TenantID == nil {
		p.Operator = true
		return p
	}
	if r.ImporterID != nil {
		p.Actor, p.Importer = "embed:"+r.ID.String(), r.ImporterID
	}
	p.Tenant, p.Role = *r.TenantID, tenancy.Role(*r.Role)
	for _, s := range r.Scopes {
		p.Scopes = append(p.Scopes, tenancy.Permission(s))
	}
	return p
}
