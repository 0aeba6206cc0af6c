package dump

import (
	"context"
	"slices"
	"strings"

	"wharf/internal/catalog"
)

// number gives new rows their numbers beforehand if they must be known later: the database would not tell which row got which.
func (m *merge) number(ctx context.Context, t *merging) error {
	if !m.spec.Verify || t.tellsRows() || !t.gives(t.key) {
		return nil
	}
	_, err := m.mapOf(ctx, t.table, []*catalog.Column{t.key})
	return err
}

// verify compares what the tables hold after the merge with what the document says, ids translated: each column's text as
// Postgres prints it. Sealed values and secrets are left out: the former are compared by their hashes, where they have any.
func (m *merge) verify(ctx context.Context, t *merging) error {
	cols := slices.DeleteFunc(t.writable(), func(c *catalog.Column) bool {
		return c.Tags.Encrypted || c.Tags.Redact || c.Name == activeColumn && t.lacksSecrets() != ""
	})
	if len(t.identity) == 0 || !t.tellsRows() {
		return m.verifyContents(ctx, t, slices.DeleteFunc(cols, func(c *catalog.Column) bool { return t.partial[c.Num] }))
	}
	same := []string{"true"}
	for _, c := range cols {
		equal := "t." + c.Ident() + "::text IS NOT DISTINCT FROM (" + t.value(c) + ")::text"
		if t.partial[c.Num] {
			equal = "(NOT " + t.isGiven(c) + " OR " + equal + ")"
		}
		same = append(same, equal)
	}
	from, err := m.from(ctx, t, slices.Concat(cols, t.identity))
	if err != nil {
		return err
	}
	if t.found != "" {
		from += " LEFT JOIN " + t.found + " f ON f.n = s.n"
	}
	on := []string{t.table.TenantPredicate("t", m.tenant)}
	for _, c := range t.identity {
		on = append(on, "t."+c.Ident()+" = "+t.final(c))
	}
	equal := strings.Join(same, " AND ")
	return m.row(ctx, "verify "+t.table.Name, `
SELECT count(*) FILTER (WHERE t.`+t.identity[0].Ident()+` IS NOT NULL AND `+equal+`), count(*) FILTER (WHERE t.`+t.identity[0].Ident()+` IS NULL),
       count(*) FILTER (WHERE t.`+t.identity[0].Ident()+` IS NOT NULL AND NOT (`+equal+`))
FROM `+from+` LEFT JOIN `+t.table.Ident()+` t ON `+strings.Join(on, " AND ")+` WHERE true`+t.kept(),
		&t.verified.Equal, &t.verified.Missing, &t.verified.Different)
}

// verifyContents does so for rows that nothing tells apart: as many as the document has must be there.
func (m *merge) verifyContents(ctx context.Context, t *merging, cols []*catalog.Column) error {
	from, err := m.from(ctx, t, cols)
	if err != nil {
		return err
	}
	var ours, theirs []string
	for _, c := range cols {
		ours, theirs = append(ours, "("+t.value(c)+")::text"), append(theirs, "t."+c.Ident()+"::text")
	}
	err = m.row(ctx, "verify "+t.table.Name, `
SELECT count(*) FROM (SELECT `+strings.Join(ours, ", ")+` FROM `+from+` WHERE true`+t.kept()+`
EXCEPT ALL SELECT `+strings.Join(theirs, ", ")+` FROM `+t.table.Ident()+` t WHERE `+t.table.TenantPredicate("t", m.tenant)+`) x`, &t.verified.Missing)
	t.verified.Equal = t.rows - t.counts.skipped - t.verified.Missing
	return err
}
