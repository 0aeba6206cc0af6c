// Package tenancy says who acts and where the wall stands: the principal, what a role may do, and the transaction that
// carries a tenant's context.
//
// Invariants: a statement on tenant data runs inside Tx, which sets the tenant for that transaction only and asserts it. A
// missing tenant is an error, never an empty result. An operator of the installation sees no tenant's rows: a transaction
// of OperatorTx reads the audit log, and no other row that belongs to a tenant.
package tenancy
