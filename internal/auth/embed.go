package auth

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"wharf/internal/pg"
	"wharf/internal/tenancy"
)

// EmbedSpec says what a new embed token is for: a key that lives shortly and may do nothing but import through one importer.
type EmbedSpec struct {
	Tenant   uuid.UUID
	Importer uuid.UUID // the tenant's own
	Name     string    // for people: on whose behalf
	TTL      time.Duration
}

const (
	insertEmbed = `
INSERT INTO wharf.api_keys (tenant_id, name, prefix, hash, role, scopes, importer_id, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, now() + $8::interval) RETURNING id, expires_at`

	revokeEmbed = `
UPDATE wharf.api_keys SET revoked_at = now()
WHERE tenant_id = $1 AND importer_id = $2 AND revoked_at IS NULL AND expires_at > now()`

	sweepEmbed = `SELECT wharf.sweep_embed_tokens($1::interval)`
)

// CreateEmbedToken stores a new token and gives its id, the token itself, which cannot be read again, and when it ends. tx
// carries the tenant, which the caller has found the importer in: a foreign key does not ask whose it is.
func CreateEmbedToken(ctx context.Context, tx pgx.Tx, spec EmbedSpec) (id uuid.UUID, token string, expires time.Time, err error) {
	token, prefix, hash := NewKey()
	scopes := []string{string(tenancy.ImportsRead), string(tenancy.ImportsWrite)}
	err = tx.QueryRow(ctx, insertEmbed, spec.Tenant, spec.Name, prefix, hash, string(tenancy.Member), scopes, spec.Importer, spec.TTL).Scan(&id, &expires)
	if err != nil {
		return uuid.Nil, "", time.Time{}, pg.Translate(fmt.Errorf("auth: store embed token: %w", err))
	}
	return id, token, expires, nil
}

// RevokeEmbedTokens ends every token of an importer, and counts them. tx carries the tenant.
func RevokeEmbedTokens(ctx context.Context, tx pgx.Tx, tenant, importer uuid.UUID) (int64, error) {
	tag, err := tx.Exec(ctx, revokeEmbed, tenant, importer)
	if err != nil {
		return 0, pg.Translate(fmt.Errorf("auth: revoke embed tokens: %w", err))
	}
	return tag.RowsAffected(), nil
}

// embedGrace is how long an expired token is kept, for who looks up the actor of an entry in the audit log.
const embedGrace = 24 * time.Hour

// SweepEmbedTokens removes tokens of every tenant that expired a day ago, and counts them. Unavailable.
func (k *Keys) SweepEmbedTokens(ctx context.Context) (swept int, err error) {
	if err := k.pool.QueryRow(ctx, sweepEmbed, embedGrace).Scan(&swept); err != nil {
		return 0, pg.Translate(fmt.Errorf("auth: sweep embed tokens: %w", err))
	}
	return swept, nil
}
