// Package rowprogram compiles an importer's fields into a program that transforms and checks rows in place.
//
// It stands between the file's reader (tabular) and staging (load): a batch of cells comes in as the file had them, one
// column a field; it leaves with every good cell in its canonical text and every failing one named in Batch.Errors.
//
// A cell's way:
//
//	transformations of stage pre → type → validators → transformations of stage post
//
// Invariants:
//
//   - A row is marked, never dropped; a cell that fails keeps the text it came with.
//   - Every failing rule of a cell is reported. An empty cell (after trimming) is subject to required and to nothing else.
//   - Nothing is guessed. Whether 03/04/2024 is in March or in April, and whether 1,234 is a thousand, is decided once
//     a column from all its values; what they do not decide is an error that says so.
//   - Numbers are decimal text from end to end, never floats.
//   - The memory of source cells is read only; new text lives in memory of the batch's own, so batches may overlap.
//   - The good path allocates nothing a cell.
//
// Deciding a column takes the whole file, yet most files need no decision. Apply therefore runs at once and gives
// ErrUndecided at the first cell that needs one; the caller then surveys the file from its start, calls Decide, and
// applies from the start again:
//
//	Apply … Apply → done
//	Apply … ErrUndecided → Survey … Survey → Decide → Apply … Apply → done
//
// docs/field-types.md lists what each type makes of each kind of value; it is written by this package's tests.
package rowprogram
