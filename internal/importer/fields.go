package importer

import (
	"wharf/internal/catalog"
	"wharf/internal/rowprogram"
)

// tableDefinition gives the definition of an import straight into a table: a field for each column that a file may give.
// NOT NULL is left to the merge, which knows whether a row is new.
func tableDefinition(t *catalog.Table) Definition {
	def := Definition{Destination: Destination{Kind: ToTable, Table: t.Name}.withDefaults()}
	for _, c := range t.Columns {
		if notWritable(t, c.Name) == "" {
			def.Fields = append(def.Fields, fieldOf(t, c))
		}
	}
	return def
}

func fieldOf(t *catalog.Table, c *catalog.Column) rowprogram.Field {
	f := rowprogram.Field{Name: c.Name, DisplayName: c.Label, Type: "text"}
	for _, fk := range t.ForeignKeys {
		for _, name := range fk.Columns {
			if name == c.Name { // goes by the target's id or natural key
				return f
			}
		}
	}
	switch c.Kind {
	case catalog.KindInteger, catalog.KindNumeric, catalog.KindFloat:
		f.Type = "number"
	case catalog.KindBoolean:
		f.Type = "boolean"
	case catalog.KindDate, catalog.KindTimestamp, catalog.KindTimestampTZ:
		f.Type = "date"
	default:
		if c.Labels != nil {
			f.Type, f.Options = "select", c.Labels
		}
	}
	return f
}
