package catalog

import (
	"slices"
	"strings"
	"unicode"
)

// Names that mean something else below /api or in a document: routes, and keys of the envelope.
func reserved(name string) bool {
	return slices.Contains([]string{
		"v1", "docs", "openapi.json", "data-export",
		"schema_version", "wharf_version", "nakatomi_version", "exported_at", "scope", "counts", "workspace", "user_refs",
	}, name)
}

// apiName gives a table's name in the API, dumps and exports: the bare relation in the first schema, else schema.relation,
// also where the relation is reserved. A part that holds a dot or a quote is quoted as SQL does, so that two tables never
// share a name: public."a.b" is not a.b.
func apiName(first, schema, relation string) string {
	if schema == first && !reserved(relation) && !strings.ContainsAny(relation, `."`) {
		return relation
	}
	return namePart(schema) + "." + namePart(relation)
}

func namePart(s string) string {
	if strings.ContainsAny(s, `."`) {
		return quote(s)
	}
	return s
}

// titleCase makes a label of a name: first_name, first-name and firstName become "First Name".
func titleCase(name string) string {
	var b strings.Builder
	var before rune
	for _, r := range name {
		switch {
		case r == '_' || r == '-' || unicode.IsSpace(r):
			r = ' '
		case before == ' ' || before == 0:
			r = unicode.ToTitle(r)
		case unicode.IsUpper(r) && unicode.IsLower(before):
			b.WriteByte(' ')
		}
		if r == ' ' && (before == ' ' || before == 0) {
			continue
		}
		b.WriteRune(r)
		before = r
	}
	if label := strings.TrimSpace(b.String()); label != "" {
		return label
	}
	return name
}
