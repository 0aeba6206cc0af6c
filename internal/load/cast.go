package load

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// checkCasts marks the cells that a type refuses whose rules only the database knows: ranges, intervals, domains. Casting
// the whole column is cheap and mostly goes well; only if it fails is each distinct text tried by itself, which costs an
// exception a text.
func (m *merge) checkCasts(ctx context.Context) error {
	var all []string
	for i := range m.plan.cols {
		if c := &m.plan.cols[i]; c.verify != "" {
			all = append(all, "count(CASE WHEN "+c.s()+" IS NOT NULL THEN "+c.s()+"::"+c.verify+" END)")
		}
	}
	if len(all) == 0 {
		return nil
	}
	err := m.attempt(ctx, func(ctx context.Context) error {
		_, err := m.exec(ctx, "try casts", `SELECT `+strings.Join(all, ", ")+` FROM `+m.staging+` s`)
		return err
	})
	if !Refused(err) {
		return err
	}
	for i := range m.plan.cols {
		if c := &m.plan.cols[i]; c.verify != "" {
			if err := m.markCasts(ctx, c); err != nil {
				return err
			}
		}
	}
	return nil
}

// markCasts tries each distinct text of a column.
func (m *merge) markCasts(ctx context.Context, c *column) error {
	tried := beside(m.name, "_w")
	if _, err := m.exec(ctx, "try "+c.Name, `
`+m.createBeside()+tried+` AS
SELECT given, wharf.cast_error(given, `+literal(c.verify)+`) AS problem
FROM (SELECT DISTINCT `+c.s()+`::text AS given FROM `+m.staging+` s WHERE `+c.s()+` IS NOT NULL) g`); err != nil {
		return err
	}
	text, err := m.castText(ctx, c)
	if err != nil {
		return err
	}
	err = m.judge(ctx, "FROM "+m.staging+" s JOIN "+tried+" w ON w.given = "+c.s()+"::text", "s.line", []rule{{
		name: "type", field: c.Name,
		broken: "w.problem IS NOT NULL", message: literal(text),
	}})
	if err != nil {
		return err
	}
	_, err = m.exec(ctx, "tidy up", `DROP TABLE `+tried)
	return err
}

// castText says for people what a value of the column must be: what its domain asks for, or what its type looks like.
func (m *merge) castText(ctx context.Context, c *column) (string, error) {
	if c.target.TypeOID == c.target.BaseOID {
		return c.label() + " " + form(c.target), nil
	}
	var rules []string
	err := m.row(ctx, "read the rules of "+c.target.Type, fmt.Sprintf(
		`SELECT coalesce(array_agg(pg_get_expr(conbin, 0) ORDER BY conname), '{}') FROM pg_constraint WHERE contypid = %d AND contype = 'c'`, c.target.TypeOID), &rules)
	if err != nil {
		return "", err
	}
	words := ""
	if len(rules) > 0 {
		words = sentence("("+strings.Join(rules, " AND ")+")", func(name string) (string, bool) { return c.label(), name == "VALUE" })
	}
	switch {
	case words != "":
		return words, nil
	case c.cast != "":
		return c.label() + " " + form(c.target), nil
	}
	return c.label() + " breaks a rule of its type " + c.target.Type[strings.LastIndexByte(c.target.Type, '.')+1:], nil
}

// Refused reports whether the database refused a value: a wrong form (class 22), a broken constraint (23), or what a
// trigger of the product raised (P0001). See the PostgreSQL manual, appendix A.
func Refused(err error) bool {
	var pe *pgconn.PgError
	if !errors.As(err, &pe) {
		return false
	}
	return strings.HasPrefix(pe.Code, "22") || strings.HasPrefix(pe.Code, "23") || pe.Code == "P0001"
}
