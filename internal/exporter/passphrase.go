package exporter

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"wharf/internal/fault"
	"wharf/internal/fieldcrypt"
)

// A passphrase lives in the export's row alone, sealed for that row, and a trigger removes it with the export's end. It
// never stands in the request as stored, in a job's arguments, in the audit log or in a message.

var (
	// ErrNoPassphraseKeys means that a passphrase cannot be kept: there is no key ring to seal it with.
	ErrNoPassphraseKeys = fault.New(fault.Conflict, "an export cannot be encrypted by a passphrase here: it would have to wait in the clear, as WHARF_FIELD_KEYS is not set "+
		"(`api field-keys new` makes one); encrypt for recipients instead")

	// ErrPassphraseForgotten means that an export which ended is to run again, and its passphrase went with its end.
	ErrPassphraseForgotten = fault.New(fault.Conflict, "the export's passphrase was forgotten when it ended; start a new export")
)

const (
	keepPassphraseSQL   = `UPDATE wharf.exports SET sealed_passphrase = $3 WHERE tenant_id = $1 AND id = $2 AND status = 'pending'`
	recallPassphraseSQL = `SELECT sealed_passphrase FROM wharf.exports WHERE tenant_id = $1 AND id = $2`
)

// keepPassphrase seals the passphrase into the pending export's row, in the transaction that writes it.
// ErrNoPassphraseKeys without a ring.
func keepPassphrase(ctx context.Context, tx pgx.Tx, ring *fieldcrypt.Ring, tenant, id uuid.UUID, passphrase string) error {
	sealed, err := ring.Seal(nil, []byte(passphrase), passphrasePlace(tenant, id))
	if errors.Is(err, fieldcrypt.ErrNoKeys) {
		return ErrNoPassphraseKeys
	}
	if err != nil {
		return fmt.Errorf("exporter: seal passphrase: %w", err)
	}
	n, err := exec(ctx, tx, "keep passphrase", keepPassphraseSQL, tenant, id, sealed)
	if err == nil && n == 0 {
		return ErrNotFound
	}
	return err
}

// recallPassphrase gives the passphrase that keepPassphrase sealed; ErrPassphraseForgotten after the export's end.
func recallPassphrase(ctx context.Context, tx pgx.Tx, ring *fieldcrypt.Ring, tenant, id uuid.UUID) (string, error) {
	var sealed []byte
	err := tx.QueryRow(ctx, recallPassphraseSQL, tenant, id).Scan(&sealed)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return "", ErrNotFound
	case err != nil:
		return "", fmt.Errorf("exporter: read passphrase: %w", err)
	case sealed == nil:
		return "", ErrPassphraseForgotten
	}
	plain, err := ring.Open(nil, sealed, passphrasePlace(tenant, id))
	if errors.Is(err, fieldcrypt.ErrNoKeys) {
		return "", ErrNoPassphraseKeys
	}
	if err != nil {
		return "", fmt.Errorf("exporter: open passphrase: %w", err)
	}
	return string(plain), nil
}

// passphrasePlace is the one export that a sealed passphrase opens for.
func passphrasePlace(tenant, id uuid.UUID) fieldcrypt.Column {
	return fieldcrypt.Column{Tenant: tenant, Table: "wharf.exports", Column: "sealed_passphrase " + id.String()}
}
