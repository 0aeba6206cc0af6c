package catalog

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// addMatches gives a table without @match the natural keys that its unique indexes are.
//
// The tenant column is left out of a key. No natural key is an index that may be broken inside a transaction (DEFERRABLE),
// that holds a secret or a ciphertext (@redact, @encrypted: equal values are not equal there), or that holds a surrogate:
// a generated or identity column, one whose default calls a volatile function (nextval, gen_random_uuid), or a uuid of the
// primary key that is no reference, which the product mints itself. The keys are tried in the order of their columns in
// the table, then by the index's name.
func (b *builder) addMatches() {
	for _, t := range b.snapshot.Tables {
		if t.Matches != nil {
			continue
		}
		for _, u := range t.Uniques {
			m := Match{Keys: t.withoutTenant(u.Keys), Predicate: u.Predicate}
			if len(m.Keys) > 0 && !u.Deferrable && !slices.ContainsFunc(m.Keys, t.unportable) {
				t.addMatch(m)
			}
		}
		slices.SortStableFunc(t.Matches, func(a, z Match) int { return slices.Compare(t.places(a), t.places(z)) })
	}
}

// addMatch adds m; of two with the same keys the one that holds for all rows stays.
func (t *Table) addMatch(m Match) {
	for i := range t.Matches {
		if sameKeys(t.Matches[i].Keys, m.Keys) {
			if m.Predicate == "" {
				t.Matches[i] = m
			}
			return
		}
	}
	t.Matches = append(t.Matches, m)
}

func (t *Table) withoutTenant(keys []IndexKey) []IndexKey {
	return slices.DeleteFunc(slices.Clone(keys), func(k IndexKey) bool { return k.Column != "" && k.Column == t.Scope.Column })
}

func (t *Table) unportable(k IndexKey) bool {
	return slices.ContainsFunc(k.Columns, func(name string) bool {
		c, ok := t.Column(name)
		return !ok || c.Tags.Redact || c.Tags.Encrypted || t.surrogate(c)
	})
}

func (t *Table) surrogate(c *Column) bool {
	return c.Generated || c.Minted || (c.Kind == KindUUID && slices.Contains(t.PrimaryKey, c.Name) &&
		!slices.ContainsFunc(t.ForeignKeys, func(k ForeignKey) bool { return slices.Contains(k.Columns, c.Name) }))
}

// places gives where the columns of the keys stand in the table.
func (t *Table) places(m Match) []int16 {
	var nums []int16
	for _, k := range m.Keys {
		for _, name := range k.Columns {
			if c, ok := t.Column(name); ok {
				nums = append(nums, c.Num)
			}
		}
	}
	return nums
}

const matchUsage = "columns and lower(), upper() or trim() of one are accepted, or an expression of a unique index, joined by commas"

// tagMatch reads one natural key. It takes over the predicate of a unique index on the same keys.
func tagMatch(_ *builder, o tagged, arg string) error {
	t := o.table
	m := Match{}
	for _, text := range splitOutside(arg, ',') {
		k, ok := t.parseKey(text)
		if !ok {
			return fmt.Errorf("%s is no key of %s; %s", text, t.Name, matchUsage)
		}
		for _, name := range k.Columns {
			switch c, _ := t.Column(name); {
			case c.Generated:
				return fmt.Errorf("%s is generated, so no file can give it", name)
			case c.Tags.Encrypted:
				return fmt.Errorf("%s is @encrypted; match its @hash column instead", name)
			case c.Tags.Redact:
				return fmt.Errorf("%s is @redact, so no dump holds its value", name)
			}
		}
		m.Keys = append(m.Keys, k)
	}
	if m.Keys = t.withoutTenant(m.Keys); len(m.Keys) == 0 {
		return errors.New(matchUsage)
	}
	for _, u := range t.Uniques {
		if sameKeys(t.withoutTenant(u.Keys), m.Keys) {
			m.Predicate = u.Predicate
			if u.Predicate == "" {
				break
			}
		}
	}
	if slices.ContainsFunc(t.Matches, func(other Match) bool { return sameKeys(other.Keys, m.Keys) }) {
		return errors.New("the same key stands twice")
	}
	t.Matches = append(t.Matches, m)
	return nil
}

// parseKey reads one key of a @match. An expression that a unique index has is taken from there, so that the index serves.
func (t *Table) parseKey(text string) (IndexKey, bool) {
	if c, ok := t.Column(unquoteName(text)); ok {
		return IndexKey{Column: c.Name, Columns: []string{c.Name}}, true
	}
	call, isCall := parseCall(text)
	for _, u := range t.Uniques {
		for _, k := range u.Keys {
			if k.Expression != "" && (trimParens(k.Expression) == trimParens(text) || isCall && k.name() == call.String()) {
				return k, true
			}
		}
	}
	c, ok := t.Column(call.column)
	if !isCall || !ok || c.Kind != KindText {
		return IndexKey{}, false
	}
	return t.learnCall(call), true
}

// trimParens takes away the parentheses around all of an expression, which Postgres prints round operators.
func trimParens(s string) string {
	s = strings.TrimSpace(s)
	if parts := splitOutside(s, ' '); len(parts) == 1 && strings.HasPrefix(s, "(") && strings.HasSuffix(s, ")") {
		return strings.TrimSpace(s[1 : len(s)-1])
	}
	return s
}

// name is equal for keys that mean the same, however they are written.
func (k IndexKey) name() string {
	if k.Column != "" {
		return quote(k.Column)
	}
	if call, ok := parseCall(k.Expression); ok {
		return call.String()
	}
	return k.Expression
}

// sameKeys compares without regard to order.
func sameKeys(a, z []IndexKey) bool { return slices.Equal(keyNames(a), keyNames(z)) }

func keyNames(keys []IndexKey) []string {
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = k.name()
	}
	slices.SortFunc(names, cmp.Compare)
	return names
}
