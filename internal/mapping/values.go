package mapping

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"wharf/internal/rowprogram"
	"wharf/internal/tabular"
)

// Bounds of what is looked at.
const (
	mostRows  = 200
	mostCells = 60 // filled ones of a column
)

// Looks that values have, beside the types of fields.
const (
	website  = "website"
	currency = "currency"
)

// values tells how the cells of a sample fit fields.
type values struct {
	sample  *tabular.Batch
	columns [][]int // by column: its filled cells
	program *rowprogram.Program
	looks   []look // by field
}

// look is what the values of a field look like.
type look struct {
	kind    string // a field's type, website or currency; "" for any text
	probe   int    // index into the program's fields, -1 for none
	options int
}

// verdict is what a column's cells say about a field.
type verdict struct {
	kind      string
	cells     int     // that were looked at; 0: nothing is known
	fits      float64 // part of them that the field's type reads
	plausible float64 // part of them that it may read once tidied: "20.00 USD" for a number
}

// newValues compiles what checks the cells. Fields that cannot compile are not checked.
func newValues(sample *tabular.Batch, fields []rowprogram.Field, readings [][]reading, cfg rowprogram.Config) values {
	v := values{sample: sample}
	if sample == nil || sample.Len() == 0 || sample.Cols == 0 {
		return v
	}
	v.columns = make([][]int, sample.Cols)
	for i := range min(sample.Len(), mostRows) * sample.Cols {
		if c := i % sample.Cols; len(v.columns[c]) < mostCells && len(bytes.TrimSpace(sample.Cells[i])) > 0 {
			v.columns[c] = append(v.columns[c], i)
		}
	}
	var probes []rowprogram.Field
	for f, field := range fields {
		l := look{kind: field.Type, probe: -1, options: len(field.Options)}
		if field.Type == rowprogram.TypeText {
			l.kind = ""
			if readings != nil {
				l.kind = textLook(readings[f])
			}
		}
		if l.kind != "" && l.kind != website && l.kind != currency {
			l.probe = len(probes)
			field.Type, field.Name = l.kind, strconv.Itoa(l.probe)
			probes = append(probes, field)
		}
		v.looks = append(v.looks, l)
	}
	if len(probes) > 0 {
		v.program, _ = rowprogram.Compile(probes, cfg)
	}
	return v
}

// textLook tells what the values of a text field look like by its name.
func textLook(readings []reading) string {
	for _, r := range readings {
		for _, l := range []struct{ term, kind string }{
			{"email", rowprogram.TypeEmail}, {"phone", rowprogram.TypePhone}, {website, website}, {currency, currency},
		} {
			if r.has(l.term) && !slices.ContainsFunc(r.terms, func(t *term) bool { return t.name != l.term && t.weight.header >= 1 }) {
				return l.kind
			}
		}
	}
	return ""
}

// check looks at the column's cells as values of the field.
func (v *values) check(f, c int) verdict {
	if c >= len(v.columns) || len(v.columns[c]) == 0 || v.looks[f].kind == "" {
		return verdict{}
	}
	l := v.looks[f]
	if l.probe >= 0 && v.program == nil {
		return verdict{}
	}
	fits, plausible := 0, 0
	distinct := map[string]bool{}
	for _, i := range v.columns[c] {
		cell := v.sample.Cells[i]
		ok := l.kind == website && isWebsite(cell) || l.kind == currency && !bytes.ContainsAny(cell, "0123456789")
		if l.probe >= 0 {
			kind := tabular.Text
			if v.sample.Kinds != nil {
				kind = v.sample.Kinds[i]
			}
			ok = v.program.Fits(l.probe, cell, kind)
		}
		if ok {
			fits++
		}
		if ok || isPlausible(l.kind, cell) {
			plausible++
		}
		distinct[strings.ToLower(string(bytes.TrimSpace(cell)))] = true
	}
	n := len(v.columns[c])
	out := verdict{l.kind, n, float64(fits) / float64(n), float64(plausible) / float64(n)}
	if few := max(3, l.options+3); (l.kind == rowprogram.TypeBoolean || l.kind == rowprogram.TypeSelect) && len(distinct) <= few {
		out.plausible = 1 // "ja" and "nein", or options in other words
	}
	return out
}

// isPlausible reports whether a cell may be of the kind but for its spelling.
func isPlausible(kind string, cell []byte) bool {
	letters, digits := 0, 0
	for _, b := range cell {
		switch {
		case '0' <= b && b <= '9':
			digits++
		case 'a' <= b|0x20 && b|0x20 <= 'z':
			letters++
		}
	}
	switch kind {
	case rowprogram.TypeEmail:
		return bytes.IndexByte(cell, '@') > 0
	case rowprogram.TypeNumber:
		return digits > 0 && letters <= 4
	case rowprogram.TypeDate:
		return digits > 0 && letters <= 12
	case rowprogram.TypePhone:
		return digits >= 5 && letters <= 4
	}
	return false
}

// isWebsite reports whether a cell looks like an address of the web or the name of a domain.
func isWebsite(cell []byte) bool {
	cell = bytes.TrimSpace(cell)
	return bytes.IndexByte(cell, '.') > 0 && !bytes.ContainsAny(cell, " @,")
}

// strength is how much values of a kind say: a column of numbers may be anything, one of e-mail addresses may not.
var strength = map[string]float64{
	rowprogram.TypeEmail: 0.4, rowprogram.TypeDate: 0.25, rowprogram.TypePhone: 0.2, website: 0.2, currency: 0.1,
	rowprogram.TypeSelect: 0.3, rowprogram.TypeBoolean: 0.2, rowprogram.TypeNumber: 0.1, rowprogram.TypeCustomRegex: 0.3,
}

const someCells = 3 // fewer say little

// weigh gives the likeness of names in the light of the values; 0 if they contradict it.
func (v verdict) weigh(likeness float64) float64 {
	sure := 1.0
	if v.cells < someCells {
		sure = 0.5
	}
	switch {
	case v.cells == 0:
		return likeness
	case v.plausible == 0 && v.cells >= someCells:
		return 0
	case v.plausible == 0:
		return likeness * 0.7
	case v.plausible < 0.5:
		return likeness * (1 - 0.2*sure)
	case v.fits >= 0.9:
		return likeness + (1-likeness)*strength[v.kind]*sure
	case v.fits < 0.1:
		return likeness * (1 - 0.07*sure)
	}
	return likeness
}

// vague are terms of headers over columns that may hold e-mail addresses.
var vague = []string{"contact", "address", "user", "login", "customer", "recipient", "to", "value", "column", "account", "name", "record"}

// byValues gives the one e-mail field that is left the one column of e-mail addresses that is left, if its header says nothing else.
func (p *proposer) byValues() {
	field := -1
	for f, c := range p.columns {
		if c < 0 && f < len(p.values.looks) && p.values.looks[f].kind == rowprogram.TypeEmail {
			if field >= 0 {
				return
			}
			field = f
		}
	}
	if field < 0 {
		return
	}
	column := -1
	for c := range p.header {
		if v := p.values.check(field, c); !p.free(c) || v.cells < someCells || v.fits < 0.9 {
			continue
		}
		if column >= 0 {
			return
		}
		column = c
	}
	if column >= 0 && isVague(p.headerReadings[column]) {
		p.take(field, column, valuesConfidence, Values)
	}
}

func isVague(readings []reading) bool {
	if len(readings) == 0 {
		return true
	}
	for _, t := range readings[0].terms {
		if len(t.name) > 1 && !t.number && !slices.Contains(vague, t.name) {
			return false
		}
	}
	return true
}
