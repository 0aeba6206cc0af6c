package mapping

import (
	"fmt"
	"slices"
	"strings"

	"wharf/internal/fault"
	"wharf/internal/rowprogram"
)

// Columns says, for each field, which column of the file it takes: an index into the header, -1 for none.
type Columns []int

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
