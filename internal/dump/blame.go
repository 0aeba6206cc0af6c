package dump

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"wharf/internal/catalog"
	"wharf/internal/fault"
	"wharf/internal/load"
)

// rowFault says what is wrong with a row of the document, which is that of its table's rows.
func rowFault(table string, row int64, column, message string) error {
	place := fmt.Sprintf("%s[%d]", table, row)
	if column != "" {
		return fault.Newf(fault.Invalid, "%s row %d: %s %s", table, row, column, message).
			WithFields(fault.Field{Field: place + "." + column, Message: message})
	}
	return fault.Newf(fault.Invalid, "%s row %d: %s", table, row, message).WithFields(fault.Field{Field: place, Message: message})
}

// tableFault says what is wrong with the rows of a table.
func tableFault(table, message string) error {
	return fault.Newf(fault.Invalid, "%s: %s", table, message).WithFields(fault.Field{Field: table, Message: message})
}

// refusal says what the database has against a row of the document.
func refusal(t *catalog.Table, row int64, err error) error {
	var pe *pgconn.PgError
	if !errors.As(err, &pe) {
		return err
	}
	if pe.SchemaName == t.Schema && pe.TableName == t.Relation {
		switch pe.Code {
		case "23502": // not_null_violation
			return rowFault(t.Name, row, pe.ColumnName, "is required")
		case "23505": // unique_violation
			for _, u := range t.Uniques {
				if u.Name == pe.ConstraintName {
					return rowFault(t.Name, row, t.KeyNames(u.Keys), "is that of another row already")
				}
			}
		case "23514": // check_violation
			for _, check := range t.Checks {
				if check.Name == pe.ConstraintName {
					return rowFault(t.Name, row, strings.Join(check.Columns, ", "), "breaks the rule "+check.Name)
				}
			}
		case "23503": // foreign_key_violation
			for _, k := range t.ForeignKeys {
				if k.Name == pe.ConstraintName {
					names, _ := k.Pairs(t)
					return rowFault(t.Name, row, strings.Join(names, ", "), "names a row that is not there")
				}
			}
		}
	}
	return rowFault(t.Name, row, "", load.PublicMessage(err))
}

// checkCells has the database try the cells whose form only it knows: ranges, intervals, domains.
func (m *merge) checkCells(ctx context.Context, t *merging) error {
	var all []string
	cols := map[string]*catalog.Column{}
	for _, c := range t.given {
		if verify := verifyOf(c); verify != "" {
			cell := t.cell(c)
			all = append(all, fmt.Sprintf("count(CASE WHEN s.c%d IS NOT NULL THEN (%s)::%s END)", c.Num, cell, verify))
			cols[all[len(all)-1]] = c
		}
	}
	if len(all) == 0 {
		return nil
	}
	try := func(ctx context.Context, what, where string) error {
		return m.attempt(ctx, func(ctx context.Context) error {
			_, err := m.exec(ctx, "try cells of "+t.table.Name, `SELECT `+what+` FROM `+t.name+` s`+where)
			return err
		})
	}
	err := try(ctx, strings.Join(all, ", "), "")
	if err == nil {
		return m.checkLoss(ctx, t)
	}
	if !load.Refused(err) {
		return err
	}
	for _, what := range all {
		if err := try(ctx, what, ""); !load.Refused(err) {
			continue
		}
		from, to := int64(1), t.rows
		for from < to {
			half := from + (to-from)/2
			err := try(ctx, what, fmt.Sprintf(" WHERE s.n BETWEEN %d AND %d", from, half))
			switch {
			case err == nil:
				from = half + 1
			case load.Refused(err):
				to = half
			default:
				return err
			}
		}
		return rowFault(t.table.Name, from, cols[what].Name, "does not have the form of its type "+cols[what].Type)
	}
	return tableFault(t.table.Name, load.PublicMessage(err))
}

// verifyOf gives the type that a staged cell is tried as, "" if staging has tried it.
func verifyOf(c *catalog.Column) string {
	if c.Tags.User || c.Tags.File || c.Tags.Encrypted {
		return ""
	}
	return load.Encode(c).Verify
}

// checkDeferred has the database check now what it would check when the transaction commits.
func (m *merge) checkDeferred(ctx context.Context) error {
	_, err := m.exec(ctx, "check deferred constraints", `SET CONSTRAINTS ALL IMMEDIATE`)
	var pe *pgconn.PgError
	if load.Refused(err) && errors.As(err, &pe) {
		return tableFault(pe.TableName, "the rule "+pe.ConstraintName+" is broken: "+load.PublicMessage(err))
	}
	return err
}
