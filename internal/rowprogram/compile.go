package rowprogram

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"wharf/internal/fault"
	"wharf/internal/tabular"
)

// Config is what a program needs beside the fields.
type Config struct {
	PhoneRegion  string // ISO 3166 code of the country whose numbers need no country code; "" is "US"
	PlainNumbers bool   // Number cells come from JSON: on a date they are no serial numbers of a workbook
}

const defaultRegion = "US"

// Compile makes a program of an importer's fields.
//
// If the fields are not right it gives one fault.Invalid with a Field for every wrong place, named by its path in the
// importer, e.g. "fields[2].validators[0].pattern". A phone region that is not known is a plain error.
func Compile(fields []Field, cfg Config) (*Program, error) {
	if cfg.PhoneRegion == "" {
		cfg.PhoneRegion = defaultRegion
	}
	phones, err := newPhones(cfg.PhoneRegion)
	if err != nil {
		return nil, err
	}
	c := compiler{names: make(map[string]int)}
	p := &Program{work: work{phones: phones, casing: newCasing(), plainNumbers: cfg.PlainNumbers}}
	if len(fields) == 0 {
		c.wrong("fields", "must hold at least one field")
	}
	for i := range fields {
		c.base = fmt.Sprintf("fields[%d]", i)
		p.fields = append(p.fields, c.field(i, &fields[i]))
	}
	if len(c.errors) == 0 {
		c.defaults(p)
	}
	if len(c.errors) > 0 {
		return nil, fault.New(fault.Invalid, "the importer's fields are not right").WithFields(c.errors...)
	}
	p.show = p.work
	return p, nil
}

// compiler gathers what is wrong.
type compiler struct {
	base   string         // path of the field at hand
	names  map[string]int // field by name
	errors []fault.Field
}

// wrong notes an error at a path, which is relative to the field if it begins with a dot or is empty.
func (c *compiler) wrong(path, format string, args ...any) {
	if path == "" || path[0] == '.' {
		path = c.base + path
	}
	c.errors = append(c.errors, fault.Field{Field: path, Message: fmt.Sprintf(format, args...)})
}

var kinds = map[string]kind{
	TypeText: kindText, TypeEmail: kindEmail, TypeNumber: kindNumber, TypeDate: kindDate,
	TypePhone: kindPhone, TypeBoolean: kindBoolean, TypeSelect: kindSelect, TypeCustomRegex: kindPattern,
}

const typeNames = "text, email, number, date, phone, boolean, select or custom_regex"

func (c *compiler) field(i int, source *Field) field {
	f := field{source: *source, label: source.Label()}
	c.name(i, source)
	c.unknown("", source.unknown)
	if source.Type == "" {
		c.wrong(".type", "is required: %s", typeNames)
		return f
	}
	kind, ok := kinds[source.Type]
	if !ok {
		c.wrong(".type", "must be %s, not %q", typeNames, source.Type)
		return f
	}
	f.kind = kind
	c.validators(&f)
	c.transformations(&f)
	c.options(&f)
	c.column(&f)
	return f
}

func (c *compiler) name(i int, source *Field) {
	if strings.TrimSpace(source.Name) == "" {
		c.wrong(".name", "is required")
		return
	}
	c.text(".name", source.Name)
	c.text(".display_name", source.DisplayName)
	if first, taken := c.names[source.Name]; taken {
		c.wrong(".name", "is the name of fields[%d] already", first)
		return
	}
	c.names[source.Name] = i
}

// text refuses what can be neither stored nor shown.
func (c *compiler) text(path, text string) {
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		c.wrong(path, "must be valid UTF-8 without NUL characters")
	}
}

func (c *compiler) unknown(path string, keys []string) {
	for _, key := range keys {
		c.wrong(path+"."+key, "is not a known key")
	}
}

// options checks those of a select, and that no other type has any.
func (c *compiler) options(f *field) {
	source := &f.source
	if f.kind != kindSelect {
		if len(source.Options) > 0 {
			c.wrong(".options", "belong to a select; this field is of type %s", source.Type)
		}
		if len(source.ValueMap) > 0 {
			c.wrong(".value_map", "belongs to a select; this field is of type %s", source.Type)
		}
		return
	}
	seen := make(map[string]int)
	var options []string
	for i, option := range source.Options {
		path := fmt.Sprintf(".options[%d]", i)
		c.text(path, option)
		trimmed := string(trim([]byte(option)))
		if trimmed == "" { // stands for no value, as an empty cell does
			continue
		}
		if first, twice := seen[trimmed]; twice {
			c.wrong(path, "is the same as options[%d]", first)
		}
		seen[trimmed] = i
		options = append(options, option)
	}
	if len(options) == 0 {
		c.wrong(".options", "are required for a select")
		return
	}
	f.choice = newChoice(options, source.ValueMap)
	f.options = f.label + " must be " + optionsText(options)
	c.valueMap(f, newChoice(options, nil))
}

func (c *compiler) valueMap(f *field, options choice) {
	meant := make(map[string][]byte)
	said := make([]string, 0, len(f.source.ValueMap))
	for key := range f.source.ValueMap {
		said = append(said, key)
	}
	slices.Sort(said)
	for _, key := range said {
		path := fmt.Sprintf(".value_map[%q]", key)
		option, _, ok := options.find(trim([]byte(f.source.ValueMap[key])), nil)
		folded := string(UniqueKey(nil, []byte(key)))
		before, twice := meant[folded]
		switch {
		case folded == "":
			c.wrong(path, "an empty cell cannot be translated: use a default transformation")
		case !ok:
			c.wrong(path, "must be one of the options, not %q", f.source.ValueMap[key])
		case twice && string(before) != string(option):
			c.wrong(path, "is translated differently in another case")
		}
		meant[folded] = option
	}
}

// column reads what the field says of its date order and decimal mark.
func (c *compiler) column(f *field) {
	source, column := &f.source, &f.column
	normalizes := slices.ContainsFunc(source.Transformations, func(t Transformation) bool { return t.Type == "normalize_date" })
	orders := map[string]order{"dmy": dayFirst, "mdy": monthFirst, "ymd": yearFirst}
	if column.order, column.orderFixed = orders[strings.ToLower(source.DateOrder)]; !column.orderFixed && source.DateOrder != "" {
		c.wrong(".date_order", "must be dmy, mdy or ymd, not %q", source.DateOrder)
	}
	if source.DateOrder != "" && f.kind != kindDate && !normalizes {
		c.wrong(".date_order", "belongs to a date; this field is of type %s", source.Type)
	}
	marks := map[string]mark{".": markPoint, ",": markComma}
	if column.mark, column.markFixed = marks[source.Decimal]; !column.markFixed && source.Decimal != "" {
		c.wrong(".decimal", "must be \".\" or \",\", not %q", source.Decimal)
	}
	if source.Decimal != "" && f.kind != kindNumber {
		c.wrong(".decimal", "belongs to a number; this field is of type %s", source.Type)
	}
	f.asks = (f.kind == kindDate || normalizes) && !column.orderFixed || f.kind == kindNumber && !column.markFixed
}

// defaults refuses a default that the field's own rules would refuse in every row.
func (c *compiler) defaults(p *Program) {
	for i := range p.fields {
		f := p.fields[i]
		c.base = fmt.Sprintf("fields[%d]", i)
		at := slices.IndexFunc(f.source.Transformations, func(t Transformation) bool { return t.Type == "default" && t.Stage != "post" })
		if at < 0 {
			continue
		}
		f.required = ""
		f.column.decided = true // a default cannot wait for the file
		b := tabular.Batch{Cols: 1, Lines: []int64{1}, Cells: [][]byte{nil}}
		w := p.work
		w.batch, w.field = &b, &f
		w.cell(nil)
		for _, e := range b.Errors {
			c.wrong(fmt.Sprintf(".transformations[%d].value", at), "cannot be the default: %s", e.Message)
		}
	}
}
