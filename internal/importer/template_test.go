package importer

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wharf/internal/fault"
	"wharf/internal/tabular"
)

func TestTemplatesExampleCanBeImportedAsItIs(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHouse(t)
	imp := h.importer(t, `{"name": "People", "fields": [
		{"name": "full_name", "type": "text", "display_name": "Name of the person", "validators": [{"type": "required"}, {"type": "max_length", "value": 40}]},
		{"name": "email", "type": "email", "validators": [{"type": "unique"}]}, {"name": "phone", "type": "phone"},
		{"name": "age", "type": "number", "validators": [{"type": "min", "value": 18}, {"type": "max", "value": 99}]},
		{"name": "joined", "type": "date", "validators": [{"type": "min", "value": "2020-01-01"}]}, {"name": "active", "type": "boolean"},
		{"name": "grade", "type": "select", "options": ["gold", "silver"]}]}`)
	for _, format := range []string{"csv", "xlsx"} {
		tmpl, err := h.Template(ctx, h.p, imp.ID)
		require.NoError(t, err)
		var file bytes.Buffer
		require.NoError(t, tabular.WriteTemplate(&file, format, tmpl))
		got := h.run(t, h.upload(t, Request{ImporterID: &imp.ID, FileName: "t." + format}, file.String()))
		require.Equal(t, Completed, got.Status, format)
		require.EqualValues(t, 1, got.NumRows)
		require.Empty(t, got.Errors)
		for _, field := range []string{"full_name", "email", "phone", "age", "joined", "active", "grade"} {
			require.Contains(t, mapped(got), field)
		}
	}
}

func mapped(i Import) (fields []string) {
	for _, field := range i.Mapping {
		if field != nil {
			fields = append(fields, *field)
		}
	}
	return fields
}

func TestTablesTemplateNamesItsColumns(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	tmpl, err := h.TableTemplate("deals")
	require.NoError(t, err)
	columns := map[string]tabular.TemplateColumn{}
	for _, c := range tmpl.Columns {
		columns[c.Header] = c
	}
	require.NotContains(t, columns, "tenant_id")
	require.Contains(t, columns["status"].Options, "won")
	require.True(t, columns["name"].Required)
	require.Equal(t, 255, columns["name"].MaxLength)
	require.Equal(t, tabular.Number, columns["amount"].Kind)
	require.True(t, strings.Contains(columns["company_id"].Description, "natural key"))
	_, err = h.TableTemplate("wharf.imports")
	require.Equal(t, fault.NotFound, fault.CodeOf(err))
}
