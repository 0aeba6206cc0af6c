package webhook

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"wharf/internal/fault"
	"wharf/internal/fieldcrypt"
)

const (
	secretPrefix = "whsec_"
	secretBytes  = 32
)

const insertSecret = `INSERT INTO wharf.webhooks (tenant_id, owner_kind, owner_id, secret) VALUES ($1, $2, $3, $4)
ON CONFLICT (tenant_id, owner_kind, owner_id) DO NOTHING`

// Secret makes the owner's signing secret and gives it, to be shown this once: "whsec_…". It gives "" if the owner has
// one. tx carries the tenant.
func (s *Service) Secret(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, o Owner) (created string, err error) {
	secret, stored, err := s.newSecret(tenant)
	if err != nil {
		return "", err
	}
	tag, err := tx.Exec(ctx, insertSecret, tenant, o.Kind, o.ID, stored)
	if err != nil {
		return "", fmt.Errorf("webhook: store secret: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return "", nil
	}
	return secret, nil
}

// The former secret signs beside the new one for a day.
const rotateSecret = `INSERT INTO wharf.webhooks AS w (tenant_id, owner_kind, owner_id, secret) VALUES ($1, $2, $3, $4)
ON CONFLICT (tenant_id, owner_kind, owner_id) DO UPDATE SET secret = excluded.secret, former_secret = w.secret,
	former_until = now() + interval '24 hours', rotated_at = now()`

// Rotate gives the owner a new secret, to be shown this once. For 24 hours each delivery carries a signature by the former
// one too. tx carries the tenant.
func (s *Service) Rotate(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, o Owner) (string, error) {
	secret, stored, err := s.newSecret(tenant)
	if err != nil {
		return "", err
	}
	if _, err := tx.Exec(ctx, rotateSecret, tenant, o.Kind, o.ID, stored); err != nil {
		return "", fmt.Errorf("webhook: rotate secret: %w", err)
	}
	return secret, nil
}

const deleteSecret = `DELETE FROM wharf.webhooks WHERE tenant_id = $1 AND owner_kind = $2 AND owner_id = $3`

// Drop forgets the secret of an owner that is being deleted. Deliveries that wait fail at their next attempt; the log stays.
func (s *Service) Drop(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, o Owner) error {
	if _, err := tx.Exec(ctx, deleteSecret, tenant, o.Kind, o.ID); err != nil {
		return fmt.Errorf("webhook: drop secret: %w", err)
	}
	return nil
}

func place(tenant uuid.UUID) fieldcrypt.Column {
	return fieldcrypt.Column{Tenant: tenant, Table: "wharf.webhooks", Column: "secret"}
}

// newSecret gives a secret and what is stored of it.
func (s *Service) newSecret(tenant uuid.UUID) (secret string, stored []byte, err error) {
	random := make([]byte, secretBytes)
	if _, err := rand.Read(random); err != nil {
		return "", nil, fmt.Errorf("webhook: make a secret: %w", err)
	}
	secret = secretPrefix + base64.StdEncoding.EncodeToString(random)
	if s.cfg.Keys == nil {
		return secret, []byte(secret), nil
	}
	stored, err = s.cfg.Keys.Seal(nil, []byte(secret), place(tenant))
	if err != nil {
		return "", nil, fmt.Errorf("webhook: seal secret: %w", err)
	}
	return secret, stored, nil
}

// reveal gives the secret back. One that was stored before there was a key ring tells itself by its prefix, which no
// sealed value begins with.
func (s *Service) reveal(tenant uuid.UUID, stored []byte) (string, error) {
	if bytes.HasPrefix(stored, []byte(secretPrefix)) {
		return string(stored), nil
	}
	plain, err := s.cfg.Keys.Open(nil, stored, place(tenant))
	if err != nil { // the operator's to mend, and worth trying again then
		return "", fault.Wrap(err, fault.Unavailable, "the webhook's secret cannot be opened now")
	}
	return string(plain), nil
}

type secretRow struct{ Secret, FormerSecret []byte }

const selectSecrets = `SELECT secret, CASE WHEN former_until > now() THEN former_secret END AS former_secret
FROM wharf.webhooks WHERE tenant_id = $1 AND owner_kind = $2 AND owner_id = $3`

// secrets gives those that sign the owner's deliveries now, the newest first. ErrNoWebhook if there are none.
func (s *Service) secrets(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, o Owner) ([]string, error) {
	row, err := one[secretRow](ctx, tx, ErrNoWebhook, selectSecrets, tenant, o.Kind, o.ID)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, stored := range [][]byte{row.Secret, row.FormerSecret} {
		if stored == nil {
			continue
		}
		secret, err := s.reveal(tenant, stored)
		if err != nil {
			return nil, err
		}
		out = append(out, secret)
	}
	return out, nil
}
