// Package mapping finds which column of a file goes into which field of an importer.
package mapping

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"wharf/internal/fault"
	"wharf/internal/rowprogram"
)

// Columns says, for each field, which column of the file it takes: an index into the header, -1 for none.
type Columns []int

// Propose maps each field to at most one column, and each column to at most one field: by the exact name first, then by
// name and label without regard to case, spaces and punctuation, then by aliases in the same way.
func Propose(header []string, fields []rowprogram.Field) Columns {
	out := make(Columns, len(fields))
	for i := range out {
		out[i] = -1
	}
	taken := make([]bool, len(header))
	folded := make([]string, len(header))
	for i, h := range header {
		folded[i] = Fold(h)
	}
	try := func(names func(rowprogram.Field) []string, keys []string, key func(string) string) {
		for f, field := range fields {
			for _, name := range names(field) {
				if out[f] >= 0 {
					break
				}
				for c := range header {
					if !taken[c] && keys[c] != "" && keys[c] == key(name) {
						out[f], taken[c] = c, true
						break
					}
				}
			}
		}
	}
	own := func(f rowprogram.Field) []string { return []string{f.Name, f.Label()} }
	try(own, header, func(s string) string { return s })
	try(own, folded, Fold)
	try(func(f rowprogram.Field) []string { return f.Aliases }, folded, Fold)
	return out
}

// Fold gives the form in which names are compared: letters and digits only, in lower case.
func Fold(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, s)
}

// Apply turns a mapping that a person gave ({header: field}; "" ignores the column) into columns. A header or field that
// does not exist, and a field that is given twice, are each named in a fault.Invalid.
func Apply(asked map[string]string, header []string, fields []rowprogram.Field) (Columns, error) {
	out := make(Columns, len(fields))
	for i := range out {
		out[i] = -1
	}
	var wrong []fault.Field
	for _, name := range sortedKeys(asked) {
		field := asked[name]
		c := slices.Index(header, name)
		if c < 0 {
			c = slices.IndexFunc(header, func(h string) bool { return Fold(h) == Fold(name) && Fold(h) != "" })
		}
		place := fmt.Sprintf("mapping[%q]", name)
		if c < 0 {
			wrong = append(wrong, fault.Field{Field: place, Message: "the file has no such column; it has " + strings.Join(header, ", ")})
			continue
		}
		if field == "" {
			continue
		}
		f := slices.IndexFunc(fields, func(f rowprogram.Field) bool { return f.Name == field })
		switch {
		case f < 0:
			wrong = append(wrong, fault.Field{Field: place, Message: fmt.Sprintf("there is no field %q", field)})
		case out[f] >= 0:
			wrong = append(wrong, fault.Field{Field: place, Message: fmt.Sprintf("field %q already takes column %q", field, header[out[f]])})
		default:
			out[f] = c
		}
	}
	if len(wrong) > 0 {
		return nil, fault.New(fault.Invalid, "the mapping does not fit the file").WithFields(wrong...)
	}
	return out, nil
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// Names gives the mapping as the status shows it: header → field, "" for a column that is not taken.
func (c Columns) Names(header []string, fields []rowprogram.Field) map[string]string {
	out := make(map[string]string, len(header))
	for _, h := range header {
		out[h] = ""
	}
	for f, col := range c {
		if col >= 0 {
			out[header[col]] = fields[f].Name
		}
	}
	return out
}
