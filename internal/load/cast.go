package load

import (
	"context"
	"errors"
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
	if !refused(err) {
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
	err := m.judge(ctx, "FROM "+m.staging+" s JOIN "+tried+" w ON w.given = "+c.s()+"::text", "s.line", []rule{{
		name: "type", field: c.Name, value: c.s(),
		broken: "w.problem IS NOT NULL", message: literal(c.label()+" is not accepted: ") + " || w.problem",
	}})
	if err != nil {
		return err
	}
	_, err = m.exec(ctx, "tidy up", `DROP TABLE `+tried)
	return err
}

// refused reports whether the database refused a value: a wrong form (class 22), a broken constraint (23), or what a
// trigger of the product raised (P0001). See the PostgreSQL manual, appendix A.
func refused(err error) bool {
	var pe *pgconn.PgError
	if !errors.As(err, &pe) {
		return false
	}
	return strings.HasPrefix(pe.Code, "22") || strings.HasPrefix(pe.Code, "23") || pe.Code == "P0001"
}
