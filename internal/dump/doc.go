// Package dump reads the portable document of a tenant, and merges it into one: rows are staged by COPY, ids are translated,
// and a few statements a table create what is missing and update what differs, all of it or nothing.
//
//	Source → scanner → rows → tuples → sender → staging tables → merge → Report
//
// A Source is a document, a request with one in it, or a bundle. Its JSON is read once, from its first byte to its last, in
// whatever order its keys stand: each value as it comes becomes the cell of a row, each row a tuple of its table's staging
// table, and while a chunk of tuples is sent the next is made. Rows that stand inside of another go to their own table's.
//
// Invariants of reading:
//
//   - Memory holds one row of each level, a chunk of tuples of each table that is being read, and a bounded list of what was
//     left out; never the document, nor a list of it that it can make longer.
//   - What is staged is what the document says, to the digit; what it says of the tenant, of a generated column or of a hash
//     is read over. An encrypted column's text leaves this process sealed.
//   - What is not read to its end is refused: a document cut short, one with something behind it, and a bundle's file with
//     another checksum than its manifest's.
//   - Nothing is left out in silence, and no error of a document is an internal one.
//
// What a merge does is kept if its Spec says so, a part for each table; load.Revert takes all parts back together. Only versions of
// rows are overwritten then whose former values are kept.
package dump
