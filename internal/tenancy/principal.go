package tenancy

import (
	"slices"

	"github.com/google/uuid"

	"wharf/internal/fault"
)

// ErrForbidden is the answer to a principal that may not.
var ErrForbidden = fault.New(fault.Forbidden, "Insufficient permissions")

// Principal is who acts: a user, an API key or the service itself, in one tenant with one role; or an operator of the
// installation, who has no tenant.
type Principal struct {
	Tenant   uuid.UUID // zero for an operator
	Actor    string    // for the audit log: "key:<id>", "embed:<id>", "user:<id>", "system"
	Name     string    // for people
	Role     Role
	Scopes   []Permission // empty: all that the role may
	Importer *uuid.UUID   // an embed token's: it may do nothing but import through this one; nil: not bound
	Operator bool
}

// System is the service itself, acting for a tenant.
func System(tenant uuid.UUID) Principal {
	return Principal{Tenant: tenant, Actor: "system", Name: "system", Role: Owner}
}

// May reports whether p holds the permission: its role grants it, and its scopes do not leave it out.
func (p Principal) May(perm Permission) bool {
	if p.Operator {
		return perm == Operate
	}
	if p.Tenant == uuid.Nil || !slices.Contains(granted[p.Role], perm) {
		return false
	}
	return len(p.Scopes) == 0 || slices.Contains(p.Scopes, perm)
}

// Require returns ErrForbidden unless p may.
func (p Principal) Require(perm Permission) error {
	if !p.May(perm) {
		return ErrForbidden
	}
	return nil
}
