package exporter

import (
	"time"

	"wharf/internal/catalog"
)

// changedColumn is the column by which rows are known to have changed.
const changedColumn = "updated_at"

// narrow keeps the rows that changed at the moment or after it, or nobody knows when; false if the table does not say when its rows did.
func (p *planned) narrow(since time.Time) bool {
	c, ok := p.Column(changedColumn)
	if !ok {
		return false
	}
	condition := "x." + c.Ident() + " >= ?::timestamptz"
	switch c.Kind {
	case catalog.KindTimestampTZ:
	case catalog.KindTimestamp: // of no zone: taken for UTC, as everywhere
		condition += " AT TIME ZONE 'UTC'"
	default:
		return false
	}
	if !c.NotNull {
		condition = "(" + condition + " OR x." + c.Ident() + " IS NULL)"
	}
	p.and(condition, since)
	p.narrowed = true
	return true
}
