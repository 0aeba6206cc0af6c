package catalog

import (
	"slices"
	"strings"
	"time"

	"wharf/internal/fault"
)

// Config fits the catalog to a product.
type Config struct {
	Schemas       []string      // where the product's tables live; the first one's tables go by their bare names
	TenantColumn  string        // e.g. "tenant_id"; a uuid
	TenantTable   string        // e.g. "wharf.tenants": the table of the tenants themselves, never a tenant table
	TenantSetting string        // what row security reads, e.g. "app.tenant_id"; "" checks nothing
	CheckEvery    time.Duration // between two fingerprint checks of a Cache; 0: 5 s
}

const defaultCheckEvery = 5 * time.Second

func (c Config) verify() error {
	var wrong []fault.Field
	if len(c.Schemas) == 0 {
		wrong = append(wrong, fault.Field{Field: "schemas", Message: "at least one schema is needed"})
	}
	for _, s := range c.Schemas {
		if slices.Contains([]string{"", "wharf", "wharf_staging", "river", "information_schema"}, s) || strings.HasPrefix(s, "pg_") {
			wrong = append(wrong, fault.Field{Field: "schemas", Message: "schema " + s + " holds no product's tables"})
		}
	}
	if c.TenantColumn == "" {
		wrong = append(wrong, fault.Field{Field: "tenant column", Message: "a name is needed"})
	}
	if len(wrong) > 0 {
		return invalid(wrong)
	}
	return nil
}

// isTenantTable reports whether schema.relation is the table of the tenants. TenantTable without a dot stands for a
// table of the first schema.
func (c Config) isTenantTable(schema, relation string) bool {
	return schema+"."+relation == c.TenantTable || (schema == c.Schemas[0] && relation == c.TenantTable)
}

// invalid gives one error for all that is wrong. The message names them too: at start-up it is all that is printed.
func invalid(wrong []fault.Field) error {
	said := make([]string, len(wrong))
	for i, f := range wrong {
		said[i] = f.Field + ": " + f.Message
	}
	return fault.New(fault.Invalid, "the catalog is not usable: "+strings.Join(said, "; ")).WithFields(wrong...)
}
