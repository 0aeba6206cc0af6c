package catalog

// Unwritable says why nobody outside can give the column a value, "" if they can. An encrypted column takes one where there
// are keys.
func (t *Table) Unwritable(c *Column) string {
	switch {
	case c.Name == t.Scope.Column:
		return "the tenant is never taken from a file"
	case c.Generated:
		return c.Name + " is computed by the database"
	case c.Identity == "always":
		return c.Name + " is numbered by the database"
	case c.Tags.Readonly:
		return c.Name + " is read-only"
	case c.Tags.HashOf != "":
		return c.Name + " is computed from " + c.Tags.HashOf
	}
	return ""
}

// Needed reports whether a row cannot be created without a value for the column.
func (c *Column) Needed() bool {
	return c.NotNull && c.Default == "" && c.Identity == "" && !c.Generated
}
