package rowprogram

import (
	"cmp"
	"slices"

	"wharf/internal/tabular"
)

// Program is an importer's fields, compiled. It belongs to one run over one file, since it learns from the file's
// columns, and is not safe for concurrent use.
type Program struct {
	fields []field
	work   work
	show   work // of AppendPresent
	used   int  // bytes of new text the last batch took
}

// field is a compiled Field.
type field struct {
	source   Field
	label    string
	kind     kind
	pre      []op
	post     []op // on a typed field these shape what is presented, else the cell itself
	required string
	rules    []rule
	unique   string
	choice   choice
	options  string // message for a value that is no option
	column   column
	asks     bool // a column-wise decision may be needed
}

// kind is a Field's type. The typed ones have a canonical text apart from what is presented.
type kind uint8

const (
	kindText kind = iota
	kindEmail
	kindPhone
	kindPattern
	kindSelect
	kindNumber
	kindDate
	kindBoolean
)

func (k kind) typed() bool { return k >= kindNumber }

// op is one transformation. It gives new text, or cell itself if nothing changes; cell's bytes are left as they are.
type op struct {
	run    func(w *work, cell []byte) []byte
	fills  bool         // it is a default: the one that has something to do for an empty cell
	filled tabular.Kind // what its value is
}

// Fields gives the fields as they were compiled, in the order of a batch's columns.
func (p *Program) Fields() []Field {
	fields := make([]Field, len(p.fields))
	for i := range p.fields {
		fields[i] = p.fields[i].source
	}
	return fields
}

// UniqueRule is a field whose values must differ throughout the file, by UniqueKey. The program does not check it: that
// takes the whole file.
type UniqueRule struct {
	Field   int    // index into Fields
	Message string // the importer's own, else e.g. "Email Address must be unique"; the first row is left to add
}

// Unique gives the fields with a unique validator.
func (p *Program) Unique() []UniqueRule {
	var rules []UniqueRule
	for i := range p.fields {
		if message := p.fields[i].unique; message != "" {
			rules = append(rules, UniqueRule{Field: i, Message: message})
		}
	}
	return rules
}

// Apply transforms and checks the rows of b in place.
//
// b holds n rows × len(Fields) cells; a field without a source column has empty cells, which default and required then
// see. A good cell is left in its canonical text, an empty one empty, a failing one as it came; each failing rule is
// added to b.Errors, which end up in the order of rows and columns. No row is removed.
//
// Canonical text is, by type: number, decimal digits with a point ("-1234.50"), exact, with an exponent only past a
// thousand digits; date, ISO 8601, with the time and offset the source had; boolean, "true" or "false"; select, the
// option's spelling; any other, the text itself. It lives as long as the source's cells or longer.
//
// Apply is not for cells that are canonical already, unless Kinds says so: "1.234" may mean a thousand in this column.
//
// It gives ErrUndecided at the first cell whose reading hangs on a column-wise decision that Decide has not made; the
// batch is then half done. After Decide it gives no error.
func (p *Program) Apply(b *tabular.Batch) error {
	w := p.begin(b)
	before := len(b.Errors)
	for c := range p.fields {
		w.field, w.col = &p.fields[c], c
		for r, i := 0, c; r < len(b.Lines); r, i = r+1, i+b.Cols {
			w.row = r
			b.Cells[i] = w.cell(b.Cells[i])
			if w.undecided {
				return ErrUndecided
			}
		}
	}
	p.used = len(w.arena)
	if len(b.Errors) > before {
		slices.SortStableFunc(b.Errors, func(x, y tabular.CellError) int {
			return cmp.Or(cmp.Compare(x.Row, y.Row), cmp.Compare(x.Col, y.Col))
		})
	}
	return nil
}

// Fits reports whether a cell, after the field's transformations, is of the field's type. Validators are left aside (but
// those of a custom_regex); an empty cell fits, and one that can be read in two ways. It helps to tell which column of a file a field means.
func (p *Program) Fits(field int, cell []byte, kind tabular.Kind) bool {
	b := tabular.Batch{Cols: 1, Lines: []int64{1}, Cells: [][]byte{cell}, Kinds: []tabular.Kind{kind}}
	f := p.fields[field]
	f.required = ""
	if f.kind != kindPattern {
		f.rules = nil
	}
	w := work{phones: p.work.phones, casing: p.work.casing, plainNumbers: p.work.plainNumbers, batch: &b, field: &f}
	w.cell(cell)
	return len(b.Errors) == 0
}

// AppendPresent appends to dst what results and webhooks show for a good cell of the column after Apply: the cell itself,
// but on a number, date or boolean as its transformations of stage post shape it (normalize_date on a date, above all).
// A table's column gets the cell itself.
func (p *Program) AppendPresent(dst []byte, column int, cell []byte) []byte {
	f := &p.fields[column]
	if !f.kind.typed() || len(f.post) == 0 {
		return append(dst, cell...)
	}
	w := &p.show
	w.field, w.arena = f, w.arena[:0]
	return append(dst, w.transform(f.post, cell)...)
}

// begin sets the work on the batch. New text gets memory of its own, about as much as the last batch took.
func (p *Program) begin(b *tabular.Batch) *work {
	w := &p.work
	w.batch, w.survey, w.undecided = b, false, false
	w.arena = make([]byte, 0, p.used+p.used/8)
	return w
}
