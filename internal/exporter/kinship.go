package exporter

import (
	"slices"
	"strings"

	"wharf/internal/catalog"
)

// reference is one way in which rows of a table name rows of another: a foreign key, or one target of a polymorphic pair.
// Its SQL is over the row c that refers and the row p that is meant.
type reference struct {
	from, to *catalog.Table
	name     string // for people: customer_id
	on       string // c means p
	set      string // c means something
	binding  bool   // c cannot be without what it means
}

// referencesOf gives all references of a table to tenant tables.
func referencesOf(t *catalog.Table) []reference {
	var all []reference
	for _, k := range t.ForeignKeys {
		if r, ok := foreignReference(t, k); ok {
			all = append(all, r)
		}
	}
	for _, p := range t.Polys {
		for value, target := range p.Targets {
			if r, ok := polyReference(t, p, value, target); ok {
				all = append(all, r)
			}
		}
	}
	slices.SortStableFunc(all, func(a, z reference) int { return strings.Compare(a.name, z.name) })
	return all
}

// foreignReference leaves out keys to tables outside the catalog, and those that hold no more than the tenant.
func foreignReference(t *catalog.Table, k catalog.ForeignKey) (reference, bool) {
	if k.Target == nil {
		return reference{}, false
	}
	var names, on, set []string
	for i, name := range k.Columns {
		c, ok := t.Column(name)
		target, known := k.Target.Column(k.TargetColumns[i])
		if !ok || !known {
			return reference{}, false
		}
		on = append(on, "p."+target.Ident()+" = c."+c.Ident())
		if name != t.Scope.Column {
			names, set = append(names, name), append(set, "c."+c.Ident()+" IS NOT NULL")
		}
	}
	return reference{
		from: t, to: k.Target, name: strings.Join(names, ", "), on: strings.Join(on, " AND "), set: strings.Join(set, " AND "),
		binding: k.NotNull || k.Nested || k.OnDelete == "cascade",
	}, len(names) > 0
}

func polyReference(t *catalog.Table, p catalog.Poly, value string, target *catalog.Table) (reference, bool) {
	id, ok := t.Column(p.IDColumn)
	kind, known := t.Column(p.TypeColumn)
	key := slices.DeleteFunc(target.Key(), func(c *catalog.Column) bool { return c.Name == target.Scope.Column })
	if !ok || !known || len(key) != 1 {
		return reference{}, false
	}
	mine, theirs := "c."+id.Ident(), "p."+key[0].Ident()
	if id.BaseOID != key[0].BaseOID {
		mine, theirs = mine+"::text", theirs+"::text"
	}
	of := "c." + kind.Ident() + "::text = " + literal(value)
	return reference{
		from: t, to: target, name: p.IDColumn, on: theirs + " = " + mine + " AND " + of,
		set: "c." + id.Ident() + " IS NOT NULL AND " + of, binding: id.NotNull,
	}, true
}

// literal writes a text as SQL.
func literal(text string) string {
	quoted := "'" + strings.ReplaceAll(text, "'", "''") + "'"
	if strings.Contains(text, `\`) {
		return " E" + strings.ReplaceAll(quoted, `\`, `\\`)
	}
	return quoted
}

// kinship says how rows may belong to one record of the subject's table. It is found from the catalog alone.
//
// A row belongs to whatever its strongest references name, and to nothing else:
//
//  1. records of the subject's own table, if it names any: a letter to one customer about another's order is the former's;
//  2. else what it cannot be without (NOT NULL, ON DELETE CASCADE, @nested): a line of an order is the order's, whatever
//     else it mentions;
//  3. else what it mentions.
//
// References are followed against their direction only, from what is meant to what means it. So a product, or the company
// that a contact works for, never leads to other people. Two kinds of rows end the walk: other records of the subject's
// table, which are never reached, and rows of tables that the subject's table itself refers to (a company that names a
// contact): those are reached and not followed, for they are what many subjects share.
type kinship struct {
	subject *catalog.Table
	toward  map[*catalog.Table][]reference // by table: its references to the subject's table
	owners  map[*catalog.Table][]reference // by table: its references to what may belong to the subject, and is not above it
	tables  []*catalog.Table               // that may hold rows of the subject, in the catalog's order
	above   map[*catalog.Table]bool        // tables that the subject's table refers to, at any remove
}

func kinshipOf(snap *catalog.Snapshot, subject *catalog.Table) *kinship {
	refs := map[*catalog.Table][]reference{}
	for _, t := range snap.Tables {
		refs[t] = referencesOf(t)
	}
	k := &kinship{
		subject: subject, above: map[*catalog.Table]bool{},
		toward: map[*catalog.Table][]reference{}, owners: map[*catalog.Table][]reference{},
	}
	k.climb(refs, subject)
	below := k.descend(snap, refs)
	for _, t := range snap.Tables {
		if !below[t] {
			continue
		}
		k.tables = append(k.tables, t)
		for _, r := range refs[t] {
			switch {
			case r.to == subject:
				k.toward[t] = append(k.toward[t], r)
			case t != subject && below[r.to] && !k.above[r.to] && !k.above[t]:
				k.owners[t] = append(k.owners[t], r)
			}
		}
	}
	return k
}

// climb notes the tables above t.
func (k *kinship) climb(refs map[*catalog.Table][]reference, t *catalog.Table) {
	for _, r := range refs[t] {
		if r.to != k.subject && !k.above[r.to] {
			k.above[r.to] = true
			k.climb(refs, r.to)
		}
	}
}

// descend gives the tables from which references lead to the subject's table, itself among them.
func (k *kinship) descend(snap *catalog.Snapshot, refs map[*catalog.Table][]reference) map[*catalog.Table]bool {
	below := map[*catalog.Table]bool{k.subject: true}
	for grown := true; grown; {
		grown = false
		for _, t := range snap.Tables {
			reaches := func(r reference) bool { return r.to == k.subject || below[r.to] && !k.above[r.to] && !k.above[t] }
			if !below[t] && slices.ContainsFunc(refs[t], reaches) {
				below[t], grown = true, true
			}
		}
	}
	return below
}

// rule gives the condition on the row c under which the reference says whom the row belongs to: that no stronger one is set.
func (k *kinship) rule(r reference) string {
	if r.to == k.subject {
		return "true"
	}
	var none []string
	for _, s := range k.toward[r.from] {
		none = append(none, "NOT ("+s.set+")")
	}
	if !r.binding {
		for _, s := range k.owners[r.from] {
			if s.binding {
				none = append(none, "NOT ("+s.set+")")
			}
		}
	}
	if none == nil {
		return "true"
	}
	return strings.Join(none, " AND ")
}
