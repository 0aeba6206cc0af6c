package dump

import (
	"context"
	"strings"

	"wharf/internal/catalog"
)

// verify compares what the tables hold after the merge with what the document says, ids translated: each column's text as
// Postgres prints it. Sealed values and secrets are left out: the former are compared by their hashes, where they have any.
func (m *merge) verify(ctx context.Context, t *merging) error {
	if len(t.identity) == 0 || !t.tellsRows() {
		return nil // it is not known which row is which
	}
	var same []string
	var cols []*catalog.Column
	for _, c := range t.writable() {
		if c.Tags.Encrypted || c.Tags.Redact || c.Name == activeColumn && t.lacksSecrets() != "" {
			continue
		}
		cols = append(cols, c)
		equal := "t." + c.Ident() + "::text IS NOT DISTINCT FROM (" + t.value(c) + ")::text"
		if t.partial[c.Num] {
			equal = "(NOT " + t.isGiven(c) + " OR " + equal + ")"
		}
		same = append(same, equal)
	}
	if len(same) == 0 {
		same = []string{"true"}
	}
	from, err := m.from(ctx, t, append(cols, t.identity...))
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
