package importer

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wharf/internal/catalog"
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

// needsRows are the columns of the sample product that a first file cannot leave empty, and no example can fill: they name
// rows that must be there.
var needsRows = map[string][]string{
	"appraisals":             {"customer_id"},
	"bespoke_job_milestones": {"bespoke_job_id"},
	"bespoke_jobs":           {"customer_id"},
	"campaign_recipients":    {"campaign_id", "customer_id"},
	"deal_line_items":        {"deal_id"},
	"deals":                  {"pipeline_id", "stage_id"},
	"invoice_items":          {"invoice_id"},
	"loyalty_points":         {"customer_id"},
	"memo_items":             {"memo_id", "inventory_id"},
	"memory_links":           {"crm_entity_type", "crm_entity_id"},
	"notes":                  {"entity_type", "entity_id"},
	"passports":              {"inventory_id"},
	"quote_items":            {"quote_id"},
	"refunds":                {"sale_id"},
	"relationships":          {"source_type", "source_id", "target_type", "target_id"},
	"repair_stages":          {"repair_id"},
	"repairs":                {"customer_id"},
	"sale_items":             {"sale_id"},
	"stages":                 {"pipeline_id"},
	"stock_movements":        {"inventory_id"},
	"timeline_events":        {"entity_type", "entity_id"},
	"voucher_redemptions":    {"voucher_id", "sale_id"},
	"webhook_deliveries":     {"webhook_id"},
	"wishlists":              {"customer_id", "inventory_id"},
}

func TestTheExampleRowOfEveryTableIsTakenByIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, table := range h.cfg.Snapshot().Tables {
		for _, format := range []string{"csv", "xlsx"} {
			t.Run(table.Name+" "+format, func(t *testing.T) {
				t.Parallel()
				tmpl, err := h.TableTemplate(table.Name)
				require.NoError(t, err)
				var file bytes.Buffer
				require.NoError(t, tabular.WriteTemplate(&file, format, tmpl))
				got := h.run(t, h.upload(t, Request{Table: table.Name, FileName: "t." + format, Mode: ModeDryRun}, file.String()))
				require.Equal(t, Completed, got.Status, "%v", got.Error)
				require.EqualValues(t, 1, got.NumRows)
				var blank []string
				for _, e := range got.Errors {
					require.Contains(t, e.Message, "is required", "%s: %q", e.Field, e.Value)
					blank = append(blank, e.Field)
				}
				require.ElementsMatch(t, needsRows[table.Name], blank)
			})
		}
	}
}

// A person who has never seen such a value learns from the template how to write it.
func TestATablesTemplateTellsHowValuesAreWritten(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for name, want := range map[string]struct{ example, words string }{
		"contacts.company_id":         {"", "Names a row of Companies, by its id or its natural key: external_id, domain."},
		"deals.stage_id":              {"", "Names a row of Stages, by its id or its natural key: slug."},
		"deals.owner_user_id":         {"", "The id of a user."},
		"deals.deleted_at":            {"", "Leave it empty: the row is not deleted."},
		"notes.entity_id":             {"", "Names a row, by its id or its natural key; entity_type says of which kind."},
		"notes.entity_type":           {"", "The kind of row that entity_id names."},
		"suppliers.lead_time":         {"1 day 02:30", "A length of time such as 1 day 02:30."},
		"suppliers.phones":            {`["a", "b"]`, `A list such as ["a", "b"].`},
		"suppliers.country":           {"US", "alpha-2"},
		"suppliers.payment_terms":     {`{"key": "value"}`, `JSON such as {"key": "value"}.`},
		"locations.opens_at":          {"09:30:00", "A time of day such as 09:30:00."},
		"locations.open_weekdays":     {"[1, 2]", "A list such as [1, 2]."},
		"locations.network":           {"192.0.2.1", "An IP address such as 192.0.2.1."},
		"inventory.dimensions_mm":     {"[1.5, 2]", "A list such as [1.5, 2]."},
		"inventory.cost_price":        {"42", "At most 2 decimal places."},
		"inventory.currency":          {"USD", ""},
		"inventory.sku":               {"EXAMPLE-1", "leading zeros count"},
		"inventory.status":            {"in_stock", ""},
		"contacts.email":              {"name@example.com", ""},
		"contacts.tags":               {`["a", "b"]`, `a list such as ["a", "b"].`},
		"stock_movements.kind":        {"purchase", ""},
		"timeline_events.occurred_at": {"2024-12-30", "A time of day may stand behind it, such as 2024-12-31 14:30."},
		"customers.email":             {"name@example.com", ""},
		"customers.birthday":          {"2024-12-30", ""},
	} {
		table, column, _ := strings.Cut(name, ".")
		tmpl, err := h.TableTemplate(table)
		require.NoError(t, err)
		n := slices.IndexFunc(tmpl.Columns, func(c tabular.TemplateColumn) bool { return c.Header == column })
		require.GreaterOrEqual(t, n, 0, name)
		require.Equal(t, want.example, tmpl.Columns[n].Example, name)
		require.Contains(t, tmpl.Columns[n].Description, want.words, name)
	}
	for _, table := range h.cfg.Snapshot().Tables {
		tmpl, err := h.TableTemplate(table.Name)
		require.NoError(t, err)
		for _, c := range tmpl.Columns {
			require.NotContains(t, []string{"id", "tenant_id", "email_hash", "margin", "last_visit_at"}, c.Header, table.Name)
		}
	}
}

func TestNumbersOfAnExampleFitTheirColumn(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]catalog.Column{
		"42": {}, "4": {Precision: 3, Scale: 2}, "0.01": {Precision: 2, Scale: 2}, "0.00001": {Precision: 3, Scale: 5}, "100": {Precision: 3, Scale: -2},
	} {
		require.Equal(t, want, numberExample(&c))
	}
}
