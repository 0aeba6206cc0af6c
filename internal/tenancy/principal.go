// Package tenancy says who acts and where the wall stands: the principal, what a role may do, and the transaction that
// carries a tenant's context.
//
// Invariant: a statement on tenant data runs inside Tx, which sets the tenant for that transaction only and asserts it.
// A missing tenant is an error, never an empty result.
package tenancy

import (
	"slices"

	"github.com/google/uuid"

	"wharf/internal/fault"
)

// Role is what a principal is within its tenant.
type Role string

// The roles, as api.md's table has them.
const (
	Owner    Role = "owner"
	Admin    Role = "admin"
	Manager  Role = "manager"
	Member   Role = "member"
	Readonly Role = "readonly"
)

// Roles lists every role.
func Roles() []Role { return []Role{Owner, Admin, Manager, Member, Readonly} }

// Permission is one thing a role may or may not do. It is the name of a scope as well.
type Permission string

// The permissions.
const (
	DataRead     Permission = "data:read"
	DataWrite    Permission = "data:write"
	PIIRead      Permission = "pii:read"
	ImportsRead  Permission = "imports:read"
	ImportsWrite Permission = "imports:write"
	ExportsRead  Permission = "exports:read"
	ExportsWrite Permission = "exports:write"
	DumpRead     Permission = "dump:read"      // GET /export: the portable document, streamed
	Restore      Permission = "restores:write" // POST /import and /api/v1/restores
	Manage       Permission = "manage"         // keys, webhooks, members
	JobsManage   Permission = "jobs:manage"    // own tenant's jobs: list, show, retry, cancel
	AuditRead    Permission = "audit:read"
	Operate      Permission = "ops" // the installation; no tenant's rows
)

// Permissions lists every permission.
func Permissions() []Permission {
	return []Permission{
		DataRead, DataWrite, PIIRead, ImportsRead, ImportsWrite, ExportsRead, ExportsWrite, DumpRead, Restore, Manage,
		JobsManage, AuditRead, Operate,
	}
}

//nolint:gochecknoglobals // a table
var granted = map[Role][]Permission{
	Owner: {
		DataRead, DataWrite, PIIRead, ImportsRead, ImportsWrite, ExportsRead, ExportsWrite, DumpRead, Restore, Manage,
		JobsManage, AuditRead,
	},
	Admin: {
		DataRead, DataWrite, PIIRead, ImportsRead, ImportsWrite, ExportsRead, ExportsWrite, DumpRead, Restore, Manage,
		JobsManage, AuditRead,
	},
	Manager:  {DataRead, DataWrite, PIIRead, ImportsRead, ImportsWrite, ExportsRead, ExportsWrite, JobsManage, AuditRead},
	Member:   {DataRead, DataWrite, ImportsRead, ImportsWrite},
	Readonly: {DataRead},
}

// ErrForbidden is the answer to a principal that may not.
var ErrForbidden = fault.New(fault.Forbidden, "Insufficient permissions")

// Principal is who acts: a user, an API key or the service itself, in one tenant with one role; or an operator of the
// installation, who has no tenant.
type Principal struct {
	Tenant   uuid.UUID // zero for an operator
	Actor    string    // for the audit log: "key:<id>", "user:<id>", "system"
	Name     string    // for people
	Role     Role
	Scopes   []Permission // empty: all that the role may
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
