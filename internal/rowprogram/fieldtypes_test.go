package rowprogram

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"

	"wharf/internal/tabular"
)

var update = flag.Bool("update", false, "write docs/field-types.md anew")

func TestFieldTypesDoc(t *testing.T) {
	t.Parallel()
	path := filepath.Join("..", "..", "docs", "field-types.md")
	doc := fieldTypesDoc()
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(doc), 0o644))
	}
	kept, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, doc, string(kept), "run: go test ./internal/rowprogram -run TestFieldTypesDoc -update")
}

func fieldTypesDoc() string {
	var doc strings.Builder
	doc.WriteString(`# Field types

What each type of an importer's field makes of a value: what is stored, or the error it gets (after the field's label).
This page is written by the tests of ` + "`internal/rowprogram`" + `, which hold every line of it.

Empty means empty after trimming, by Unicode's white space, the byte-order mark and the zero-width space. An empty cell is
subject to ` + "`required`" + ` and to nothing else. Values that a workbook holds as numbers, dates or booleans are marked so; an
error cell of a workbook is an error in a field of any type.
`)
	for _, table := range valueTables {
		fmt.Fprintf(&doc, "\n## %s\n\n%s\n\n| value | stored | error |\n|---|---|---|\n", table.title, table.about)
		for _, c := range table.cases {
			origin := map[tabular.Kind]string{
				tabular.Number: " (workbook: number)", tabular.Date: " (workbook: date)",
				tabular.Boolean: " (workbook: boolean)", tabular.Failed: " (workbook: error)",
			}[c.kind]
			fmt.Fprintf(&doc, "| %s%s | %s | %s |\n", code(c.in), origin, storedText(c), markdown(c.message))
		}
	}
	doc.WriteString("\n## Columns\n\nWhat one value cannot tell, the column's values decide together. The import's status names what was decided and why.\n\n" +
		"| column | stored | decision |\n|---|---|---|\n")
	for _, table := range columnTables {
		decision := ""
		if table.want != nil {
			decision = fmt.Sprintf(" `%s`: %s.", table.want.What, cmpOr(table.want.Value, "undecided"))
			decision += " " + markdown(table.want.Reason) + "."
		}
		fmt.Fprintf(&doc, "| %s | %s | %s%s |\n", codes(table.in), codes(table.stored), table.about, decision)
	}
	return doc.String()
}

func cmpOr(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return "`" + value + "`"
}

func storedText(c valueCase) string {
	switch {
	case c.message != "":
		return ""
	case c.stored == "":
		return "*empty*"
	case c.stored == c.in:
		return "as is"
	}
	return code(c.stored)
}

func codes(values []string) string {
	parts := make([]string, len(values))
	for i, value := range values {
		switch value {
		case "!":
			parts[i] = "error"
		case "":
			parts[i] = "*empty*"
		default:
			parts[i] = code(value)
		}
	}
	return strings.Join(parts, ", ")
}

// code shows a value as it is, with what cannot be seen escaped, and long runs cut.
func code(value string) string {
	if len(value) > 60 && strings.Count(value, value[2:12]) > 1 {
		value = fmt.Sprintf("%s… (%d bytes)", value[:12], len(value))
	}
	plain := strings.TrimSpace(value) == value
	for _, r := range value {
		plain = plain && unicode.IsPrint(r) && r != unicode.ReplacementChar
	}
	if !plain {
		value = fmt.Sprintf("%+q", value)
	}
	if strings.Contains(value, "`") {
		return "`` " + markdown(value) + " ``"
	}
	return "`" + markdown(value) + "`"
}

func markdown(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
