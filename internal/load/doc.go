// Package load moves rows into tables: staging by COPY, then a set-based merge by natural key. Imports and restores share it.
//
// A staging table holds one row a source row: its line, its errors (NULL: it may be written), and a cell a column, in the
// column's own type where Postgres's binary form is known, as text where it is not or where a reference has yet to be
// found. Marking never removes a row: whatever keeps one from being written is added to its errors.
//
// A merge runs in its caller's transaction, which carries the tenant:
//
//	lock → references → which rows are there, and do they differ → checks → UPDATE what differs, INSERT what is new
//
// A check first asks whether any row fails, which is one pass over the rows; only then are rows marked. What the table
// itself would refuse (NOT NULL, CHECK, unique indexes) is looked for beforehand, so that a bad row never fails the rest.
//
// Invariants:
//
//   - Every statement on a product table carries the tenant predicate beside row security, and none runs before the
//     transaction's tenant was read back.
//   - A reference is written only after it was found among the tenant's own rows, because Postgres checks foreign keys
//     without row security. Another tenant's row and one that is not there are the same: the reference names no row.
//   - A key that the database gives (id) names rows and is never written, so that nobody can aim at another tenant's.
//   - Soft-deleted rows (deleted_at) are matched by no key and named by no natural key.
//   - A row is written whole or not at all; a row that would not change is not written.
//   - What is kept of a merge so that Revert can take it back commits with it, and only versions of rows are overwritten
//     whose former values are kept. Revert touches no row that anybody wrote since.
//   - A cell for an encrypted column is sealed before it is sent: its plain text is in no table and in no error.
//
// Which row of the table a staged row is: natural keys are tried in order, the database's own key before them where a file
// gives it. A key counts if it is filled and equal on both sides and of each key before it one side is blank. Two rows of a
// file are one if a key of theirs is filled and equal and one of the two has no key before it.
package load
