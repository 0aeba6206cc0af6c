package dump

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"wharf/internal/catalog"
	"wharf/internal/fieldcrypt"
)

const sealedPage = 500

// compareSealed finds the rows that differ in nothing but encrypted values, which are opened to tell.
func (m *merge) compareSealed(ctx context.Context, t *merging) error {
	sealed := slices.DeleteFunc(t.writable(), func(c *catalog.Column) bool { return !c.Tags.Encrypted })
	if len(sealed) == 0 || t.counts.matched == t.counts.changed {
		return nil
	}
	from, err := m.found(ctx, t, sealed)
	if err != nil {
		return err
	}
	cells := []string{"s.n"}
	for _, c := range sealed {
		now := t.cell(c)
		if t.partial[c.Num] {
			now = "CASE WHEN " + t.isGiven(c) + " THEN " + now + " ELSE t." + c.Ident() + " END"
		}
		cells = append(cells, "t."+c.Ident(), now)
	}
	_, err = m.exec(ctx, "compare sealed values", `DECLARE wharf_sealed NO SCROLL CURSOR FOR SELECT `+strings.Join(cells, ", ")+` FROM `+from+`
AND NOT EXISTS (SELECT FROM `+t.changed+` c WHERE c.n = s.n)`)
	if err != nil {
		return err
	}
	for more := true; more; {
		if more, err = m.comparePage(ctx, t, sealed); err != nil {
			return err
		}
	}
	_, err = m.exec(ctx, "compare sealed values", `CLOSE wharf_sealed`)
	return err
}

// comparePage notes the rows whose values are others; more is false at the end.
func (m *merge) comparePage(ctx context.Context, t *merging, sealed []*catalog.Column) (more bool, err error) {
	rows, err := m.tx.Query(ctx, fmt.Sprintf(`FETCH %d FROM wharf_sealed`, sealedPage), pgx.QueryExecModeDescribeExec)
	if err != nil {
		return false, fmt.Errorf("dump: fetch sealed values: %w", err)
	}
	defer rows.Close()
	var differ []string
	var n int64
	values := make([][]byte, 2*len(sealed))
	dst := []any{&n}
	for i := range values {
		dst = append(dst, &values[i])
	}
	for rows.Next() {
		more = true
		if err := rows.Scan(dst...); err != nil {
			return false, fmt.Errorf("dump: fetch sealed values: %w", err)
		}
		for i, c := range sealed {
			if !m.sameSealed(t, c, values[2*i], values[2*i+1]) {
				differ = append(differ, fmt.Sprintf("(%d)", n))
				break
			}
		}
	}
	if err := rows.Err(); err != nil {
		return false, fmt.Errorf("dump: fetch sealed values: %w", err)
	}
	if len(differ) == 0 {
		return more, nil
	}
	t.counts.changed += int64(len(differ))
	_, err = m.exec(ctx, "note changed rows", `INSERT INTO `+t.changed+` VALUES `+strings.Join(differ, ", "))
	return more, err
}

// sameSealed reports whether two sealed values hold the same. One that no key opens is not what the document says.
func (m *merge) sameSealed(t *merging, c *catalog.Column, a, z []byte) bool {
	if a == nil || z == nil {
		return a == nil && z == nil
	}
	place := fieldcrypt.Column{Tenant: m.spec.Tenant, Table: t.table.Schema + "." + t.table.Relation, Column: c.Name}
	left, err := m.spec.Crypt.Open(nil, a, place)
	if err != nil {
		return false
	}
	right, err := m.spec.Crypt.Open(nil, z, place)
	return err == nil && bytes.Equal(left, right)
}
