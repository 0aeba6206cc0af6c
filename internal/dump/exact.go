package dump

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"wharf/internal/catalog"
	"wharf/internal/load"
)

// different gives the condition under which two values of a column are not the same to the last digit: numbers whose scale
// the column does not fix are equal for Postgres however many zeros end them, those inside of jsonb too.
func different(c *catalog.Column, a, z string) string {
	switch {
	case c.BaseType == "jsonb", c.Kind == catalog.KindNumeric && c.Precision == 0:
		return fmt.Sprintf("ROW((%[1]s)::%[3]s)::record OPERATOR(pg_catalog.*<>) ROW((%[2]s)::%[3]s)::record", a, z, c.BaseType)
	case c.Kind == catalog.KindFloat, c.Kind == catalog.KindArray: // minus zero is zero, too
		return a + "::text IS DISTINCT FROM " + z + "::text"
	}
	return load.Comparable(c, a) + " IS DISTINCT FROM " + load.Comparable(c, z)
}

// checkLoss refuses cells that a cast would shorten or round without a word: numbers in arrays, bits.
func (m *merge) checkLoss(ctx context.Context, t *merging) error {
	for _, c := range t.given {
		wide := unbound(castOf(c))
		if wide == "" {
			continue
		}
		var n *int64
		cell := fmt.Sprintf("s.c%d", c.Num)
		err := m.row(ctx, "look for cells that do not fit", `SELECT min(s.n) FROM `+t.name+` s WHERE `+cell+`::`+wide+` <> `+cell+`::`+castOf(c), &n)
		if err != nil {
			return err
		}
		if n != nil {
			return rowFault(t.table.Name, *n, c.Name, "has more digits or letters than its type "+c.Type+" holds")
		}
	}
	return nil
}

var bounds = regexp.MustCompile(`\(\d+(,-?\d+)?\)`)

// unbound gives a type without its length and precision, "" if it has none.
func unbound(name string) string {
	bare := bounds.ReplaceAllString(name, "")
	switch {
	case bare == name:
		return ""
	case strings.HasPrefix(name, "bit("): // without a length it would be one bit
		return "bit varying" + strings.TrimPrefix(bare, "bit")
	case strings.HasPrefix(name, "character("):
		return "bpchar" + strings.TrimPrefix(bare, "character")
	}
	return bare
}
