package importer

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/jackc/pgx/v5"

	"wharf/internal/catalog"
	"wharf/internal/fault"
	"wharf/internal/load"
	"wharf/internal/mapping"
	"wharf/internal/rowprogram"
	"wharf/internal/tabular"
)

// shape is how the columns of one file become those of a row program and of staging: the fields that are filled, then
// the file's columns that are kept without a field.
type shape struct {
	fields  []rowprogram.Field
	sources mapping.Columns // for each field, its column of the file; -1: it has a value without one
	kept    []kept          // columns that go together into extra
	extra   string          // the table's column that collects them; "": each is a field of its own
	sealed  map[string]bool // fields that are encrypted as soon as they are staged
	secret  map[string]bool // fields that no export shows
}

// kept is a column of the file without a field.
type kept struct {
	Column int    `json:"column"` // of the file
	Name   string `json:"name"`   // under which it is kept
}

// newShape fits the definition's fields to the file's columns. table is nil unless rows go into one; ignored are headers of
// columns that are no data.
func newShape(def Definition, header []string, columns mapping.Columns, table *catalog.Table, ignored []string) (*shape, []string, error) {
	s := &shape{sealed: map[string]bool{}, secret: map[string]bool{}}
	if err := s.take(def.Fields, header, columns); err != nil {
		return nil, nil, err
	}
	for _, f := range s.fields {
		if table == nil {
			break
		}
		c, ok := table.Column(f.Name)
		s.sealed[f.Name] = ok && c.Tags.Encrypted
		s.secret[f.Name] = ok && c.Tags.Redact
	}
	if !def.IncludeUnmatched {
		return s, nil, nil
	}
	return s, s.keep(def.Fields, header, columns, table, ignored), nil
}

// take keeps the fields that have a column, or a value without one.
func (s *shape) take(fields []rowprogram.Field, header []string, columns mapping.Columns) error {
	var missing []fault.Field
	filled := 0
	for n, f := range fields {
		switch {
		case columns[n] >= 0:
			filled++
		case has(f.Transformations, "default"):
		case required(f):
			missing = append(missing, fault.Field{Field: f.Name, Message: f.Label() + " is required, and no column of the file is mapped to it"})
			continue
		default:
			continue
		}
		s.fields, s.sources = append(s.fields, f), append(s.sources, columns[n])
	}
	if filled == 0 || len(missing) > 0 {
		return fault.Newf(fault.Invalid, "the file's columns (%s) do not fill the fields; give a mapping", strings.Join(header, ", ")).
			WithFields(missing...)
	}
	return nil
}

func has(all []rowprogram.Transformation, kind string) bool {
	return slices.ContainsFunc(all, func(t rowprogram.Transformation) bool { return t.Type == kind })
}

func required(f rowprogram.Field) bool {
	return slices.ContainsFunc(f.Validators, func(v rowprogram.Validator) bool { return v.Type == "required" })
}

// keep adds the file's columns without a field: in a result each under its own name, in a table together in its column
// for such. It warns of what cannot be kept.
func (s *shape) keep(fields []rowprogram.Field, header []string, columns mapping.Columns, table *catalog.Table, ignored []string) (warnings []string) {
	taken := map[string]bool{}
	for _, f := range fields {
		taken[f.Name] = true
	}
	for c, h := range header {
		if slices.Contains(columns, c) || slices.Contains(ignored, h) {
			continue
		}
		name := distinct(snake(h), taken)
		taken[name] = true
		s.kept = append(s.kept, kept{Column: c, Name: name})
	}
	if len(s.kept) == 0 {
		return nil
	}
	if table == nil {
		for _, k := range s.kept {
			s.fields = append(s.fields, rowprogram.Field{Name: k.Name, DisplayName: header[k.Column], Type: rowprogram.TypeText})
			s.sources = append(s.sources, k.Column)
		}
		s.kept = nil
		return nil
	}
	if s.extra = collector(table, s.fields); s.extra == "" {
		var names []string
		for _, k := range s.kept {
			names = append(names, header[k.Column])
		}
		s.kept = nil
		return []string{"the columns " + strings.Join(names, ", ") + " are not kept: " + table.Name + " has no jsonb column for them"}
	}
	s.fields = append(s.fields, rowprogram.Field{Name: s.extra, Type: rowprogram.TypeText})
	s.sources = append(s.sources, -1)
	return nil
}

// collectors are the names by which a table's jsonb column for whatever else there is goes, the most likely first.
var collectors = []string{"data", "custom_fields", "extra", "attributes", "properties", "metadata"}

// collector gives the table's column that collects what has none of its own, "" if there is none or a field fills it.
func collector(table *catalog.Table, fields []rowprogram.Field) string {
	for _, name := range collectors {
		c, ok := table.Column(name)
		filled := slices.ContainsFunc(fields, func(f rowprogram.Field) bool { return f.Name == name })
		if ok && !filled && c.BaseType == "jsonb" && notWritable(table, name) == "" {
			return name
		}
	}
	return ""
}

// snake gives a header as a name: "Shoe Size (EU)" → "shoe_size_eu".
func snake(header string) string {
	name := strings.Join(strings.FieldsFunc(strings.ToLower(header), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}), "_")
	if name == "" {
		return "column"
	}
	return name
}

func distinct(name string, taken map[string]bool) string {
	for n, plain := 2, name; taken[name]; n++ {
		name = plain + "_" + strconv.Itoa(n)
	}
	return name
}

// program compiles the shape's fields for a file of the format.
func (s *shape) program(cfg rowprogram.Config, format string) (*rowprogram.Program, error) {
	cfg.PlainNumbers = format == "json" || format == "jsonl" // a number there is no serial of a workbook's date
	return rowprogram.Compile(s.fields, cfg)                 //nolint:wrapcheck // names the fields
}

// columns gives the shape as staging's.
func (s *shape) columns() []load.Column {
	out := make([]load.Column, 0, len(s.fields))
	for _, f := range s.fields {
		out = append(out, load.Column{Name: f.Name, Label: f.Label(), Extra: s.extra != "" && f.Name == s.extra})
	}
	return out
}

// field gives the index of the field of that name, -1 if there is none.
func (s *shape) field(name string) int {
	return slices.IndexFunc(s.fields, func(f rowprogram.Field) bool { return f.Name == name })
}

// project fills b with the fields' cells of the file's rows. Cells are shared with file; arena holds those made here.
func (s *shape) project(b, file *tabular.Batch, arena []byte) []byte {
	file.Project(b, s.sources)
	if s.extra == "" {
		return arena
	}
	arena = arena[:0]
	ends := make([]int, 0, file.Len())
	for r := range file.Lines {
		arena = s.appendExtra(arena, file, r)
		ends = append(ends, len(arena))
	}
	from := 0
	for r, end := range ends {
		b.Row(r)[len(s.fields)-1] = arena[from:end:end]
		from = end
	}
	return arena
}

// appendExtra appends the kept cells of row r as a JSON object, and nothing if all are empty.
func (s *shape) appendExtra(dst []byte, file *tabular.Batch, r int) []byte {
	empty := true
	for _, k := range s.kept {
		cell := file.Row(r)[k.Column]
		if len(cell) == 0 {
			continue
		}
		if empty {
			dst, empty = append(dst, '{'), false
		} else {
			dst = append(dst, ',')
		}
		dst = append(appendJSON(dst, k.Name), ':')
		kind := tabular.Text
		if file.Kinds != nil {
			kind = file.Kinds[r*file.Cols+k.Column]
		}
		if (kind == tabular.Number || kind == tabular.Boolean) && json.Valid(cell) {
			dst = append(dst, cell...)
		} else {
			dst = appendJSON(dst, string(cell))
		}
	}
	if !empty {
		dst = append(dst, '}')
	}
	return dst
}

func appendJSON(dst []byte, text string) []byte {
	quoted, _ := json.Marshal(text) // a string has a JSON form, whatever it holds
	return append(dst, quoted...)
}

// table gives the destination's table as the transaction sees it, nil if rows go elsewhere.
func (s *Service) table(ctx context.Context, tx pgx.Tx, d Destination) (*catalog.Table, error) {
	if d.Kind != ToTable {
		return nil, nil //nolint:nilnil // said above
	}
	snap, err := s.cfg.Catalog(ctx, tx)
	if err != nil {
		return nil, err
	}
	table, ok := snap.Table(d.Table)
	if !ok {
		return nil, fault.Newf(fault.NotFound, "the table %q is not there any more", d.Table)
	}
	return table, nil
}
