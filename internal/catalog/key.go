package catalog

import (
	"maps"
	"slices"
	"strings"
)

// ParseMatch reads a natural key in the syntax of @match: "external_id", "lower(email)", "pipeline_id, slug". The error
// says what is accepted.
func (t *Table) ParseMatch(text string) (Match, error) {
	scratch := *t // parsing notes what it learns about expressions; a snapshot is immutable
	scratch.Matches, scratch.expressions = nil, maps.Clone(t.expressions)
	if err := tagMatch(nil, tagged{table: &scratch}, text); err != nil {
		return Match{}, err
	}
	return scratch.Matches[0], nil
}

// Guarantees reports whether a unique index keeps two rows that the key can match from having the same one.
func (t *Table) Guarantees(m Match) bool {
	return slices.ContainsFunc(t.Uniques, func(u Unique) bool {
		return !u.Deferrable && sameKeys(t.withoutTenant(u.Keys), m.Keys) && (u.Predicate == "" || u.Predicate == m.Predicate)
	})
}

// String gives the key in the syntax of @match.
func (m Match) String() string {
	names := make([]string, 0, len(m.Keys))
	for _, k := range m.Keys {
		if k.Column != "" {
			names = append(names, k.Column)
			continue
		}
		names = append(names, k.name())
	}
	return strings.Join(names, ", ")
}

// KeyNames names the keys of an index in the syntax of @match, the tenant's column left out.
func (t *Table) KeyNames(keys []IndexKey) string { return Match{Keys: t.withoutTenant(keys)}.String() }
