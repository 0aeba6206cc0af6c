package mapping

import (
	"cmp"
	"slices"

	"wharf/internal/rowprogram"
	"wharf/internal/tabular"
)

// Reason says what a proposal rests on.
type Reason string

// The reasons, the surest first.
const (
	Exact   Reason = "exact"   // the header is the field's name or label
	Name    Reason = "name"    // the same but for case, spaces, punctuation and accents
	Alias   Reason = "alias"   // one of the field's aliases
	Similar Reason = "similar" // it means the same, or nearly
	Values  Reason = "values"  // a header that says nothing, over values of only one kind of field
)

// Confidence of a name before values are looked at.
const (
	nameConfidence    = 0.98
	aliasConfidence   = 0.95
	similarConfidence = 0.94 // of full likeness
	valuesConfidence  = 0.7
)

// Config is what a proposal needs beside the names.
type Config struct {
	Subject  string            // what a row is, e.g. the table's name "companies": "Company Name" is then its name; "" is unknown
	Programs rowprogram.Config // how cells are read
}

// Match is what becomes of one column.
type Match struct {
	Header     string  `json:"header"`
	Field      string  `json:"field"`      // name of the field; "" for none
	Confidence float64 `json:"confidence"` // 0–1; 0 for none
	Reason     Reason  `json:"reason,omitempty"`
}

// Proposal maps a file.
type Proposal struct {
	Columns Columns // by field
	Matches []Match // by column, in the file's order
}

// Propose maps a file by itself: each field takes at most one column, and each column goes into at most one field.
//
// header is what a tabular.Reader gives. sample holds some rows of the file, of which up to 200 are looked at; nil leaves
// the names alone to decide. It costs some milliseconds for hundreds of columns and never fails: what it is not sure
// of is left out.
func Propose(header []string, sample *tabular.Batch, fields []rowprogram.Field, cfg Config) Proposal {
	p := proposer{header: header, fields: fields, columns: make(Columns, len(fields)), matches: make([]Match, len(header))}
	for f := range fields {
		p.columns[f] = -1
	}
	for c := range header {
		p.order = append(p.order, c)
		p.matches[c].Header = header[c]
	}
	slices.SortStableFunc(p.order, func(a, b int) int { return cmp.Compare(header[a], header[b]) })
	p.byName(Exact, 1, func(s string) string { return s })
	p.byName(Name, nameConfidence, Fold)
	p.byAlias()
	if p.open() {
		p.reader = newReader(namesOf(fields), cfg.Subject)
		p.readAll()
	}
	p.values = newValues(sample, fields, p.fieldReadings, cfg.Programs)
	p.doubt()
	if p.open() {
		p.bySimilarity()
		p.byValues()
	}
	return Proposal{p.columns, p.matches}
}

// proposer is one proposal in the making. Columns are gone through in the order of their names, so that their order in
// the file decides nothing.
type proposer struct {
	header  []string
	fields  []rowprogram.Field
	order   []int // columns by name
	columns Columns
	matches []Match

	reader         *reader
	headerReadings [][]reading // by column; only of those that are free after the names
	fieldReadings  [][]reading // by field; the same
	values         values
}

func namesOf(fields []rowprogram.Field) []string {
	var names []string
	for _, f := range fields {
		names = append(append(names, f.Name, f.Label()), f.Aliases...)
	}
	return names
}

func (p *proposer) take(f, c int, confidence float64, reason Reason) {
	p.columns[f] = c
	p.matches[c].Field, p.matches[c].Confidence, p.matches[c].Reason = p.fields[f].Name, confidence, reason
}

func (p *proposer) free(c int) bool { return p.matches[c].Reason == "" }

// open reports whether both a field and a column are left.
func (p *proposer) open() bool {
	return slices.Contains(p.columns, -1) && slices.ContainsFunc(p.matches, func(m Match) bool { return m.Reason == "" })
}

// byName takes columns whose key is that of a field's name, then those whose key is that of a label.
func (p *proposer) byName(reason Reason, confidence float64, key func(string) string) {
	for _, name := range []func(rowprogram.Field) string{
		func(f rowprogram.Field) string { return f.Name },
		rowprogram.Field.Label,
	} {
		fields := map[string][]int{}
		for f := range p.fields {
			if k := key(name(p.fields[f])); p.columns[f] < 0 && k != "" {
				fields[k] = append(fields[k], f)
			}
		}
		for _, c := range p.order {
			if k := key(p.header[c]); p.free(c) && len(fields[k]) > 0 {
				p.take(fields[k][0], c, confidence, reason)
				fields[k] = fields[k][1:]
			}
		}
	}
}

// byAlias takes columns that are called by an alias; of several, as many as can be, and by aliases that come first.
func (p *proposer) byAlias() {
	columns := map[string][]int{} // place in order, by folded header
	for i, c := range p.order {
		if k := Fold(p.header[c]); p.free(c) && k != "" {
			columns[k] = append(columns[k], i)
		}
	}
	var pairs []pair
	for f := range p.fields {
		if p.columns[f] >= 0 {
			continue
		}
		seen := map[int]bool{}
		for n, alias := range p.fields[f].Aliases {
			for _, i := range columns[Fold(alias)] {
				if !seen[i] {
					seen[i] = true
					pairs = append(pairs, pair{f, i, 1 + 1e-4/float64(n+1)})
				}
			}
		}
	}
	for f, i := range assign(len(p.fields), pairs) {
		if i >= 0 {
			p.take(f, p.order[i], aliasConfidence, Alias)
		}
	}
}

// doubt lowers the confidence of what the names gave where the values speak against it.
func (p *proposer) doubt() {
	for f, c := range p.columns {
		if c < 0 {
			continue
		}
		switch v := p.values.check(f, c); {
		case v.cells == 0:
		case v.plausible == 0:
			p.matches[c].Confidence *= 0.5
		case v.fits < 0.5:
			p.matches[c].Confidence *= 0.8
		}
	}
}
