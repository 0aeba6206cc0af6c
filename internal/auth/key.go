// Package auth finds out who calls: API keys now, tokens and sessions beside them.
//
// A key is shown once and stored as a hash. It holds 256 random bits, so a plain SHA-256 is enough: there is nothing to
// guess that a slow hash would protect.
package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"wharf/internal/fault"
	"wharf/internal/pg"
	"wharf/internal/tenancy"
)

// ErrUnauthenticated is the one answer to every credential that is not good, so that none tells why.
var ErrUnauthenticated = fault.New(fault.Unauthenticated, "a valid API key is needed: Authorization: Bearer whf_…")

const (
	keyScheme   = "whf_"
	prefixBytes = 6
	secretBytes = 32
)

// NewKey gives a fresh key: "whf_<12 hex digits>_<43 characters>", with the prefix that finds it and the hash to store.
func NewKey() (key, prefix string, hash []byte) {
	b := make([]byte, prefixBytes+secretBytes)
	_, _ = rand.Read(b) // never fails, says crypto/rand
	prefix = hex.EncodeToString(b[:prefixBytes])
	key = keyScheme + prefix + "_" + base64.RawURLEncoding.EncodeToString(b[prefixBytes:])
	return key, prefix, hashOf(key)
}

func hashOf(key string) []byte {
	sum := sha256.Sum256([]byte(key))
	return sum[:]
}

// Keys verifies API keys.
type Keys struct{ pool *pgxpool.Pool }

// NewKeys returns Keys over the service's pool.
func NewKeys(pool *pgxpool.Pool) *Keys { return &Keys{pool: pool} }

type keyRow struct {
	ID       uuid.UUID
	TenantID *uuid.UUID
	Name     string
	Hash     []byte
	Role     *string
	Scopes   []string
	Idle     bool // last_used_at is more than a minute old
}

const findKey = `SELECT id, tenant_id, name, hash, role, scopes, idle FROM wharf.find_api_key($1)`

// Authenticate gives the principal of a key; ErrUnauthenticated if it is unknown, expired or revoked.
func (k *Keys) Authenticate(ctx context.Context, key string) (tenancy.Principal, error) {
	rest, ok := strings.CutPrefix(key, keyScheme)
	prefix, _, cut := strings.Cut(rest, "_")
	if !ok || !cut || len(prefix) != 2*prefixBytes {
		return tenancy.Principal{}, ErrUnauthenticated
	}
	rows, err := k.pool.Query(ctx, findKey, prefix)
	if err != nil {
		return tenancy.Principal{}, pg.Translate(fmt.Errorf("auth: find key: %w", err))
	}
	row, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[keyRow])
	if errors.Is(err, pgx.ErrNoRows) {
		return tenancy.Principal{}, ErrUnauthenticated
	}
	if err != nil {
		return tenancy.Principal{}, pg.Translate(fmt.Errorf("auth: find key: %w", err))
	}
	if subtle.ConstantTimeCompare(row.Hash, hashOf(key)) != 1 {
		return tenancy.Principal{}, ErrUnauthenticated
	}
	if row.Idle {
		if _, err := k.pool.Exec(ctx, `SELECT wharf.touch_api_key($1)`, row.ID); err != nil {
			return tenancy.Principal{}, pg.Translate(fmt.Errorf("auth: note the use of a key: %w", err))
		}
	}
	return principalOf(row), nil
}

func principalOf(row keyRow) tenancy.Principal {
	p := tenancy.Principal{Actor: "key:" + row.ID.String(), Name: row.Name}
	if row.TenantID == nil {
		p.Operator = true
		return p
	}
	p.Tenant, p.Role = *row.TenantID, tenancy.Role(*row.Role)
	for _, s := range row.Scopes {
		p.Scopes = append(p.Scopes, tenancy.Permission(s))
	}
	return p
}

// KeySpec says what a new key may do. Tenant is zero for an operator's key.
type KeySpec struct {
	Tenant  uuid.UUID
	Name    string
	Role    tenancy.Role
	Scopes  []tenancy.Permission
	Expires *time.Time
}

const insertKey = `
INSERT INTO wharf.api_keys (tenant_id, name, prefix, hash, role, scopes, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id`

// CreateKey stores a new key and gives its id and the key itself, which cannot be read again. tx carries the key's tenant,
// or belongs to the owner's role for an operator's key.
func CreateKey(ctx context.Context, tx pgx.Tx, spec KeySpec) (id uuid.UUID, key string, err error) {
	key, prefix, hash := NewKey()
	var tenant *uuid.UUID
	var role *string
	scopes := make([]string, 0, len(spec.Scopes))
	for _, s := range spec.Scopes {
		scopes = append(scopes, string(s))
	}
	if spec.Tenant == uuid.Nil {
		scopes = []string{string(tenancy.Operate)}
	} else {
		r := string(spec.Role)
		tenant, role = &spec.Tenant, &r
	}
	err = tx.QueryRow(ctx, insertKey, tenant, spec.Name, prefix, hash, role, scopes, spec.Expires).Scan(&id)
	if err != nil {
		return uuid.Nil, "", pg.Translate(fmt.Errorf("auth: store key: %w", err))
	}
	return id, key, nil
}
