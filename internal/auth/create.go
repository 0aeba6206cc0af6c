package auth

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"wharf/internal/fault"
	"wharf/internal/pg"
	"wharf/internal/tenancy"
)

// KeySpec says what a new key may do.
type KeySpec struct {
	Tenant  uuid.UUID            // zero: an operator's key, which has no role and no scopes of its own
	Name    string               // for people
	Role    tenancy.Role         // of a tenant's key
	Scopes  []tenancy.Permission // none: all that the role may
	Expires *time.Time           // nil: never
}

// check returns one fault.Invalid that names every place of the spec that is wrong.
func (s KeySpec) check() error {
	var wrong []fault.Field
	if strings.TrimSpace(s.Name) == "" {
		wrong = append(wrong, fault.Field{Field: "name", Message: "is required"})
	}
	operator := s.Tenant == uuid.Nil
	if operator && s.Role != "" {
		wrong = append(wrong, fault.Field{Field: "role", Message: "does not belong to an operator's key"})
	}
	if !operator && !slices.Contains(tenancy.Roles(), s.Role) {
		wrong = append(wrong, fault.Field{Field: "role", Message: fmt.Sprintf("must be one of %v", tenancy.Roles())})
	}
	for i, scope := range s.Scopes {
		if operator || scope == tenancy.Operate || !slices.Contains(tenancy.Permissions(), scope) {
			wrong = append(wrong, fault.Field{Field: fmt.Sprintf("scopes[%d]", i), Message: fmt.Sprintf("cannot be %q", scope)})
		}
	}
	if wrong != nil {
		return fault.New(fault.Invalid, "the key cannot be made as it is asked for").WithFields(wrong...)
	}
	return nil
}

const insertKey = `
INSERT INTO wharf.api_keys (tenant_id, name, prefix, hash, role, scopes, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id`

// CreateKey stores a new key and gives its id and the key itself, which cannot be read again. tx carries the key's tenant,
// or belongs to the owner's role for an operator's key. Invalid names what is wrong with the spec.
func CreateKey(ctx context.Context, tx pgx.Tx, spec KeySpec) (id uuid.UUID, key string, err error) {
	if err := spec.check(); err != nil {
		return uuid.Nil, "", err
	}
	scopes := make([]string, 0, len(spec.Scopes))
	for _, s := range spec.Scopes {
		scopes = append(scopes, string(s))
	}
	var tenant *uuid.UUID
	var role *string
	if spec.Tenant == uuid.Nil {
		scopes = []string{string(tenancy.Operate)}
	} else {
		r := string(spec.Role)
		tenant, role = &spec.Tenant, &r
	}
	key, prefix, hash := NewKey()
	err = tx.QueryRow(ctx, insertKey, tenant, spec.Name, prefix, hash, role, scopes, spec.Expires).Scan(&id)
	if err != nil {
		return uuid.Nil, "", pg.Translate(fmt.Errorf("auth: store key: %w", err))
	}
	return id, key, nil
}
