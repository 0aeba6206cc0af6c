package rowprogram

import (
	"errors"
	"fmt"

	"wharf/internal/tabular"
)

// ErrUndecided is Apply's answer to a cell that can be read in two ways while its column is not decided. The caller
// surveys the whole file from its start, calls Decide, and applies from the start again.
var ErrUndecided = errors.New("rowprogram: a column's date order or decimal mark is not decided yet")

// Decision is what was decided for a column whose values can be read in two ways, and why, in words for people.
type Decision struct {
	Field  string `json:"field"`  // the field's name
	What   string `json:"what"`   // "date_order" or "decimal"
	Value  string `json:"value"`  // "dmy" or "mdy", "." or ","; "" if the values do not tell
	Reason string `json:"reason"` // e.g. "13/02/2024 in row 5 can only have the day first"
}

// sighting is the first cell that shows something, and the row a person finds it in.
type sighting struct {
	seen bool
	line int64
	text string
}

func (s *sighting) note(w *work, text []byte) {
	if !s.seen {
		*s = sighting{seen: true, line: w.line(), text: excerpt(text)}
	}
}

func (s *sighting) String() string { return fmt.Sprintf("%s in row %d", s.text, s.line) }

// column is what is known of the two questions a column may ask: which part of a date comes first, and which character
// marks decimals. A field that answers by itself is fixed.
type column struct {
	order      order
	orderFixed bool // date_order was given
	mark       mark
	markFixed  bool // decimal was given
	decided    bool // Decide has run: what is still unknown stays unknown

	dayFirst, monthFirst, dateUnclear sighting
	point, comma, commaUnclear        sighting
	pointUnclear                      sighting
}

// date notes what the spelling of a date shows.
func (c *column) date(w *work, t *stamp, why reason, text []byte) {
	switch {
	case why == dateUnclear:
		c.dateUnclear.note(w, text)
	case why != fine:
	case t.shows == dayFirst:
		c.dayFirst.note(w, text)
	case t.shows == monthFirst:
		c.monthFirst.note(w, text)
	}
}

// number notes what the spelling of a number shows.
func (c *column) number(w *work, shows, unclear mark, text []byte) {
	switch {
	case unclear == markComma:
		c.commaUnclear.note(w, text)
	case unclear == markPoint:
		c.pointUnclear.note(w, text)
	case shows == markPoint:
		c.point.note(w, text)
	case shows == markComma:
		c.comma.note(w, text)
	}
}

// pointWaits reports whether a number such as 1.234 cannot be read before the column is decided. Alone it has a decimal
// point, as machines write it; in a column that shows commas in any doubtful way it does not speak for itself.
func (c *column) pointWaits() bool {
	return c.pointUnclear.seen && (c.comma.seen || c.commaUnclear.seen)
}

func (c *column) decide(field string) []Decision {
	c.decided = true
	var decisions []Decision
	if !c.orderFixed {
		c.order = orderUnknown
		if c.dayFirst.seen != c.monthFirst.seen {
			c.order = monthFirst
			if c.dayFirst.seen {
				c.order = dayFirst
			}
		}
		if c.dateUnclear.seen {
			decisions = append(decisions, c.orderDecision(field))
		}
	}
	if !c.markFixed {
		c.mark = markUnknown
		switch {
		case c.point.seen != c.comma.seen:
			c.mark = markComma
			if c.point.seen {
				c.mark = markPoint
			}
		case !c.point.seen && !c.commaUnclear.seen:
			c.mark = markPoint
		}
		if c.commaUnclear.seen || c.pointWaits() {
			decisions = append(decisions, c.markDecision(field))
		}
	}
	return decisions
}

func (c *column) orderDecision(field string) Decision {
	d := Decision{Field: field, What: "date_order"}
	switch {
	case c.order == dayFirst:
		d.Value, d.Reason = "dmy", fmt.Sprintf("%s can only have the day first", &c.dayFirst)
	case c.order == monthFirst:
		d.Value, d.Reason = "mdy", fmt.Sprintf("%s can only have the month first", &c.monthFirst)
	case c.dayFirst.seen:
		d.Reason = fmt.Sprintf("the column holds both orders: %s has the day first, %s the month", &c.dayFirst, &c.monthFirst)
	default:
		d.Reason = fmt.Sprintf("no value tells day from month: %s could be either", &c.dateUnclear)
	}
	return d
}

func (c *column) markDecision(field string) Decision {
	d := Decision{Field: field, What: "decimal"}
	switch {
	case c.mark == markPoint:
		d.Value, d.Reason = ".", fmt.Sprintf("%s can only have a decimal point", &c.point)
	case c.mark == markComma:
		d.Value, d.Reason = ",", fmt.Sprintf("%s can only have a decimal comma", &c.comma)
	case c.point.seen:
		d.Reason = fmt.Sprintf("the column holds both: %s has a decimal point, %s a decimal comma", &c.point, &c.comma)
	default:
		d.Reason = fmt.Sprintf("no value tells decimals from thousands: %s could be either", &c.commaUnclear)
	}
	return d
}

// Survey gathers from the rows of b what they tell about the columns: which order dates have, which mark decimals. The
// batch is left as it is. The whole file must pass, in order, before Decide.
func (p *Program) Survey(b *tabular.Batch) {
	w := p.begin(b)
	w.survey = true
	for c := range p.fields {
		f := &p.fields[c]
		if !f.asks {
			continue
		}
		w.field, w.col = f, c
		for r := range b.Len() {
			w.row = r
			w.cell(b.Cells[r*b.Cols+c])
		}
		w.arena = w.arena[:0]
	}
}

// Decide fixes each column by what was surveyed, and tells so for every column that has values which can be read in two
// ways. Where the values do not decide, those cells become errors. It is final: surveying again needs a new program.
func (p *Program) Decide() []Decision {
	var decisions []Decision
	for c := range p.fields {
		decisions = append(decisions, p.fields[c].column.decide(p.fields[c].source.Name)...)
	}
	return decisions
}
