// Package tabular turns a stored file into batches of rows, and rows back into a file.
//
// It is the first stage of an import: Open looks at the bytes of a Source (never at its name alone), takes off gzip or a
// zip of one file, finds the encoding, the delimiter and the header row, and gives a Reader. What the next stages may
// rely on:
//
//   - No row is dropped. A row that cannot be right stays in its batch, marked in Batch.Errors; what makes the rest of
//     the file unreadable is an error of Next that names the row.
//   - Every cell is valid UTF-8 without NUL. Where a file holds something else, U+FFFD stands in its place and the cell
//     is marked (rules "encoding" and "nul").
//   - A cell's bytes are never written to: cells of a workbook share their text.
//   - Row numbers are those of a spreadsheet program: every record counts, so does a blank line, a line break within
//     quotes does not. (JSON lines: the line; a JSON array: the element.)
//   - Memory is bounded by Limits and Options.BatchRows, never by the file.
//
// docs/files.md says the same for people, with every choice made where files in the wild disagree.
package tabular
