// Package mapping finds which column of a file goes into which field of an importer.
//
// It stands between the file's header (tabular) and the row program. A column is told by its name first, and by the
// values of some rows as a check:
//
//	exact name → name in any case, spacing and accents → alias → likeness of the whole name, checked by values → values alone
//
// Each step takes from what the steps before it left. Among likenesses the assignment with the greatest total is taken.
//
// Invariants:
//
//   - A column goes into one field at most, a field takes one column at most.
//   - An exact name always wins; values never take it away, they lower its confidence.
//   - The order of the columns does not matter.
//   - A name is understood as a whole. Where header and field each have a word of their own that distinguishes ("billing",
//     "shipping"), they are two things, whatever they share; where two columns fit a field equally, neither is proposed.
//   - No proposal is better than a wrong one: a person may map what is left, and may not see what went wrong.
//
// What words mean is in lexicon.txt.
package mapping
