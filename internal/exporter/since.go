package exporter

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"wharf/internal/catalog"
)

// changedColumn is the column by which rows are known to have changed.
const changedColumn = "updated_at"

// narrow keeps the rows that changed at the moment or after it, or nobody knows when. A row that others sit in is kept with all
// of them, if it changed or one of them did. A table that does not say when its rows changed stays whole, and so do those that it
// sits in; a warning names them.
func (p *plan) narrow(since time.Time) {
	var whole []string
	for i := range p.tables {
		t := &p.tables[i]
		condition, known := changed(*t, 0, "$"+strconv.Itoa(len(t.args)+1))
		if !known {
			whole = append(whole, strings.Join(names(every(p.tables[i:i+1])), " with "))
			continue
		}
		t.where, t.args, t.narrowed = t.where+" AND "+condition, append(slices.Clip(t.args), since), true
	}
	if len(whole) > 0 {
		p.warnings = append(p.warnings, "since could not narrow what has no updated_at, all rows are here: "+strings.Join(whole, ", "))
	}
}

// changed gives the condition that the row of the level, or one that sits in it, changed at the moment of the parameter or
// after it; false if one of the tables does not tell.
func changed(t planned, level int, since string) (condition string, known bool) {
	condition, known = updated(t.Table, alias(level), since)
	for _, inner := range t.nested {
		more, tells := changed(inner, level+1, since)
		known = known && tells
		condition += " OR EXISTS (SELECT FROM " + inner.Ident() + " " + alias(level+1) + " WHERE " + inner.joined(level+1) +
			" AND " + inner.TenantPredicate(alias(level+1), "$1") + " AND " + more + ")"
	}
	return "(" + condition + ")", known
}

// updated gives the condition that the row's own column says so.
func updated(t *catalog.Table, row, since string) (condition string, known bool) {
	c, ok := t.Column(changedColumn)
	if !ok {
		return "false", false
	}
	at := row + "." + c.Ident()
	condition = at + " >= " + since + "::timestamptz"
	switch c.Kind {
	case catalog.KindTimestampTZ:
	case catalog.KindTimestamp: // of no zone: taken for UTC, as everywhere
		condition += " AT TIME ZONE 'UTC'"
	default:
		return "false", false
	}
	if !c.NotNull {
		condition += " OR " + at + " IS NULL"
	}
	return condition, true
}
