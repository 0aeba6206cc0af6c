package load

import (
	"errors"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"

	"wharf/internal/catalog"
	"wharf/internal/fault"
	"wharf/internal/pg"
)

// checkText says for people what a CHECK of the table asks for.
func (p *Plan) checkText(check catalog.Check) string {
	words := sentence(check.Expression, func(name string) (string, bool) {
		if i := slices.IndexFunc(p.table.Columns, func(c *catalog.Column) bool { return c.Name == name || ident(c.Name) == name }); i >= 0 {
			return p.labelOf(p.table.Columns[i]), true
		}
		return "", false
	})
	if words == "" {
		return "the row breaks the rule " + check.Name + " of " + p.table.Label
	}
	return words
}

// refusal says for people what the database has against a row, and whose cell is to blame, "" if it is the row's.
func (p *Plan) refusal(err error) (field, message string) {
	var pe *pgconn.PgError
	if !errors.As(err, &pe) || pe.TableName != p.table.Relation || pe.SchemaName != p.table.Schema {
		return "", PublicMessage(err)
	}
	switch pe.Code {
	case "23505": // unique_violation
		for _, u := range p.table.Uniques {
			if u.Name == pe.ConstraintName {
				keys := p.withoutTenant(u.Keys)
				return p.blamedKey(keys), "another row has this " + p.nameOf(keys)
			}
		}
	case "23502": // not_null_violation
		if c, ok := p.table.Column(pe.ColumnName); ok {
			return p.field(c.Name), p.labelOf(c) + " is required"
		}
	case "23514": // check_violation
		for _, check := range p.table.Checks {
			if check.Name == pe.ConstraintName {
				cols, _ := p.columnsOf(check.Columns)
				return p.blamed(cols), p.checkText(check)
			}
		}
	case "23P01": // exclusion_violation
		return "", "another row of " + p.table.Label + " is in the way (rule " + pe.ConstraintName + ")"
	case "23503": // foreign_key_violation
		for i := range p.table.ForeignKeys {
			if fk := &p.table.ForeignKeys[i]; fk.Name == pe.ConstraintName {
				cols, _ := p.columnsOf(fk.Columns)
				return p.blamed(cols), "the row refers to one that is not there (" + p.labelsOf(cols) + ")"
			}
		}
	}
	return "", PublicMessage(err)
}

// PublicMessage gives what may be said of an error of the database: the translated message, or what a trigger of the product
// says.
func PublicMessage(err error) string {
	if f, ok := fault.As(pg.Translate(err)); ok {
		return f.Message
	}
	var pe *pgconn.PgError
	if errors.As(err, &pe) {
		return pe.Message
	}
	return "the row was refused"
}
