package tenancy_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"wharf/internal/fault"
	"wharf/internal/tenancy"
)

// rolesTable is the contract's table of roles, written by hand from api.md: what each may, all else they may not.
// "Keys, webhooks, members" is the permission manage; the audit log is for owner, admin and manager.
var rolesTable = map[string]string{
	"owner":    "data:read data:write pii:read imports:read imports:write exports:read exports:write dump:read restores:write manage jobs:manage audit:read",
	"admin":    "data:read data:write pii:read imports:read imports:write exports:read exports:write dump:read restores:write manage jobs:manage audit:read",
	"manager":  "data:read data:write pii:read imports:read imports:write exports:read exports:write jobs:manage audit:read",
	"member":   "data:read data:write imports:read imports:write",
	"readonly": "data:read",
}

func TestEachRoleMayWhatTheTableSaysAndNoMore(t *testing.T) {
	t.Parallel()
	require.Len(t, tenancy.Roles(), len(rolesTable))
	for _, role := range tenancy.Roles() {
		t.Run(string(role), func(t *testing.T) {
			t.Parallel()
			p := tenancy.Principal{Tenant: uuid.New(), Role: role}
			var may string
			for _, perm := range tenancy.Permissions() {
				if p.May(perm) {
					may += " " + string(perm)
					require.NoError(t, p.Require(perm))
				} else {
					require.ErrorIs(t, p.Require(perm), tenancy.ErrForbidden)
				}
			}
			require.Equal(t, " "+rolesTable[string(role)], may)
		})
	}
}

func TestScopesNarrowARoleAndNeverWidenIt(t *testing.T) {
	t.Parallel()
	p := tenancy.Principal{
		Tenant: uuid.New(), Role: tenancy.Member,
		Scopes: []tenancy.Permission{tenancy.DataRead, tenancy.ExportsRead, tenancy.Operate},
	}
	for _, perm := range tenancy.Permissions() {
		require.Equal(t, perm == tenancy.DataRead, p.May(perm), perm)
	}
}

func TestWhoMayNothing(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]tenancy.Principal{
		"nobody":                   {},
		"an owner without tenant":  {Role: tenancy.Owner},
		"a tenant without role":    {Tenant: uuid.New()},
		"a role that there is not": {Tenant: uuid.New(), Role: "root"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, perm := range tenancy.Permissions() {
				require.False(t, p.May(perm), perm)
			}
		})
	}
}

func TestOperatorMayOperateAndNothingElse(t *testing.T) {
	t.Parallel()
	p := tenancy.Principal{Operator: true, Role: tenancy.Owner, Tenant: uuid.New()}
	for _, perm := range tenancy.Permissions() {
		require.Equal(t, perm == tenancy.Operate, p.May(perm), perm)
	}
}

func TestForbiddenSaysWhatTheContractSays(t *testing.T) {
	t.Parallel()
	require.Equal(t, fault.Forbidden, tenancy.ErrForbidden.Code)
	require.Equal(t, "Insufficient permissions", tenancy.ErrForbidden.Message)
}
