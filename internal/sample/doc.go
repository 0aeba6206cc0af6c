// Package sample fills the sample product with rows, and writes the files that the demo and the benchmarks import.
//
// Everything is made up and follows from a seed: the same Config gives the same rows, byte for byte (identity columns
// excepted, which the database counts). Nothing is kept in memory: a row is a function of its table and its number, an
// id too, so that any row can refer to any other without having seen it.
//
// The values are those that break careless programs: names of many scripts, quotes and line breaks, numbers longer
// than a float, open ranges, empty lists beside nulls, rows that were deleted softly and left their key to another.
package sample
