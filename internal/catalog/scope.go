package catalog

// addScopes finds what belongs to tenants: first the tables that hold the tenant column, then, in rounds, those that reach
// one by a NOT NULL foreign key. The round is the length of the path, so the shortest is found first.
func (b *builder) addScopes() {
	for _, r := range b.candidates {
		c, ok := r.table.Column(b.cfg.TenantColumn)
		if !ok {
			continue
		}
		r.scoped, r.table.Scope.Column = true, c.Name
		if c.BaseOID != oidUUID && r.holdsRows() {
			b.fail(r.table.Name, "its column %s is of type %s; a tenant is named by a uuid", c.Name, c.Type)
		}
	}
	for b.addScopesByReference() {
	}
}

// addScopesByReference scopes the tables that are one step from the scoped ones; false if there are none.
func (b *builder) addScopesByReference() bool {
	found := map[*relation]int{}
	for _, r := range b.candidates {
		if r.scoped {
			continue
		}
		for i, k := range r.table.ForeignKeys {
			target, ok := b.standIn(r.targets[i])
			if ok && k.NotNull && target.holdsRows() && target.table.hasColumns(k.TargetColumns) {
				found[r] = i
				break
			}
		}
	}
	for r, i := range found {
		r.scoped, r.table.Scope.Parent = true, &r.table.ForeignKeys[i]
		if !r.constraints[i].Validated {
			r.distrusted = r.constraints[i].Name
		}
	}
	return len(found) > 0
}
