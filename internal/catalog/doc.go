// Package catalog is the list of tables that nobody keeps: it reads the Postgres catalog and finds what belongs to tenants.
//
// Read gives a Snapshot, an immutable value; exports, imports and restores read one at their start, the API takes the
// Cache's. From it come exports, templates, merges, dumps, the data API and its OpenAPI document.
//
// Invariants:
//
//   - Every tenant-scoped table of the configured schemas is in the snapshot, readable or not. A table without the tenant
//     column belongs to the tenant of the row that a NOT NULL foreign key leads to; of several paths the shortest counts,
//     then that of the column that stands first, then the constraint's name.
//   - A partition or inherited child is not listed beside a listed ancestor, whose rows hold its own.
//   - Tables stand in foreign-key order. Only references that lie on a cycle point backwards (ForeignKey.Late), of these
//     only nullable ones, unless the cycle has none. Polymorphic references do not order. See sortTables.
//   - Names are unique: see apiName.
//   - What a comment says wrong is an error that lists every wrong place, never a guess.
package catalog
