package importer

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"wharf/internal/catalog"
	"wharf/internal/fault"
	"wharf/internal/load"
	"wharf/internal/rowprogram"
	"wharf/internal/tabular"
	"wharf/internal/tenancy"
)

// Template gives an empty file for the importer; ErrImporterNotFound.
func (s *Service) Template(ctx context.Context, p tenancy.Principal, id uuid.UUID) (tabular.Template, error) {
	i, err := s.Get(ctx, p, id)
	if err != nil {
		return tabular.Template{}, err
	}
	t := tabular.Template{Name: i.Name}
	for _, f := range i.Fields {
		col := templateColumn(f)
		col.Header = f.Label()
		t.Columns = append(t.Columns, col)
	}
	return t, nil
}

// TableTemplate gives an empty file for a table; NotFound if no such table belongs to tenants. It has no keys that the
// database gives, which name rows that are there.
func (s *Service) TableTemplate(name string) (tabular.Template, error) {
	table, ok := s.cfg.Snapshot().Table(name)
	if !ok {
		return tabular.Template{}, fault.Newf(fault.NotFound, "no table %q belongs to tenants", name)
	}
	t := tabular.Template{Name: table.Name}
	for _, f := range tableDefinition(table).Fields {
		c, _ := table.Column(f.Name)
		if load.GivenByDatabase(table, c) || c.Tags.Encrypted && s.cfg.Crypt == nil {
			continue
		}
		col, told := templateColumn(f), sampleOf(table, c, f)
		col.Header, col.MaxLength, col.Required, col.Example = c.Name, c.MaxLength, c.Needed(), told.example
		col.Whole = c.Kind == catalog.KindInteger
		col.Description = sentences(c.Description, col.Description, told.words, decimals(c, col.Kind))
		t.Columns = append(t.Columns, col)
	}
	return t, nil
}

// examples are cells that each type takes.
var examples = map[string]string{
	rowprogram.TypeNumber: "42", rowprogram.TypeDate: "2024-12-31", rowprogram.TypeBoolean: "true",
	rowprogram.TypeEmail: "name@example.com", rowprogram.TypePhone: "+1 555 123 4567",
}

var templateKinds = map[string]tabular.Kind{
	rowprogram.TypeNumber: tabular.Number, rowprogram.TypeDate: tabular.Date, rowprogram.TypeBoolean: tabular.Boolean,
}

// templateColumn tells a person, and a workbook as far as it can check, what a field takes.
func templateColumn(f rowprogram.Field) tabular.TemplateColumn {
	col := tabular.TemplateColumn{Options: f.Options, Kind: templateKinds[f.Type], Example: examples[f.Type]}
	var more []string
	switch f.Type {
	case rowprogram.TypeEmail:
		more = append(more, "An e-mail address.")
	case rowprogram.TypePhone:
		more = append(more, "A phone number.")
	case rowprogram.TypeSelect:
		col.Example = f.Options[0]
	case rowprogram.TypeText:
		col.Example = "Text"
	}
	for _, v := range f.Validators {
		if text := addRule(&col, v); text != "" {
			more = append(more, text)
		}
	}
	col.Description = sentences(more...)
	return col
}

// addRule puts a validator into col, or gives it in words if a workbook cannot check it.
func addRule(col *tabular.TemplateColumn, v rowprogram.Validator) (words string) {
	limit := fmt.Sprint(v.Value)
	switch v.Type {
	case "required":
		col.Required = true
	case "unique":
		return "Different in every row."
	case "min":
		col.Min, col.Example = limit, limit
	case "max":
		col.Max, col.Example = limit, limit
	case "max_length":
		if n, err := strconv.Atoi(limit); err == nil {
			col.MaxLength = n
		}
	case "min_length":
		return "At least " + limit + " characters."
	case "regex":
		col.Example = ""
		if v.Message != "" {
			return v.Message
		}
		return "Of the form " + v.Pattern
	}
	return ""
}

func sentences(all ...string) string {
	var given []string
	for _, s := range all {
		if s = strings.TrimSpace(s); s != "" {
			given = append(given, s)
		}
	}
	return strings.Join(given, "\n")
}
