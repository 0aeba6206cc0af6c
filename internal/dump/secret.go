package dump

import (
	"context"
	"fmt"
	"strings"

	"wharf/internal/catalog"
)

const activeColumn = "is_active"

// minted gives SQL that makes a secret of 244 random bits, or as many as the column holds.
func mintedSecret(c *catalog.Column) string {
	secret := "replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '')"
	if c.MaxLength > 0 {
		secret = fmt.Sprintf("left(%s, %d)", secret, c.MaxLength)
	}
	return secret
}

// secret gives what a @redact column of a created row holds, "" if it is left to the database.
func (t *merging) secret(c *catalog.Column) string {
	instead := "NULL"
	switch {
	case c.Default != "":
		instead = c.Default
	case c.NotNull && c.Kind == catalog.KindText:
		instead = mintedSecret(c)
	}
	switch given := t.isGiven(c); given {
	case "true":
		return t.value(c)
	case "false":
		return instead
	default:
		return "CASE WHEN " + given + " THEN " + t.value(c) + " ELSE " + instead + " END"
	}
}

// lacksSecrets gives the condition under which the row came without one of its secrets, "" if none did.
func (t *merging) lacksSecrets() string {
	var lacks []string
	for _, c := range t.table.Columns {
		if c.Tags.Redact && t.isGiven(c) != "true" {
			lacks = append(lacks, "NOT "+t.isGiven(c))
		}
	}
	return strings.Join(lacks, " OR ")
}

// tellSecrets warns of created rows that came without their secrets.
func (m *merge) tellSecrets(ctx context.Context, t *merging) error {
	lacks := t.lacksSecrets()
	if lacks == "" {
		return nil
	}
	var names []string
	for _, c := range t.table.Columns {
		if c.Tags.Redact && t.isGiven(c) != "true" {
			names = append(names, c.Name)
		}
	}
	what := strings.Join(names, " and ")
	return m.tellRows(ctx, t, t.name+" s WHERE ("+lacks+")"+t.isNew()+t.kept(), "imported without "+article(what)+" — mint a new one via PATCH")
}

func article(word string) string {
	if strings.HasSuffix(word, "s") {
		return word
	}
	if word != "" && strings.ContainsRune("aeiou", rune(word[0])) {
		return "an " + word
	}
	return "a " + word
}
