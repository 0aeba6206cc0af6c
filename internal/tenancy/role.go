package tenancy

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
