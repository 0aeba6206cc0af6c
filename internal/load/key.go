package load

import (
	"slices"
	"strings"

	"wharf/internal/catalog"
	"wharf/internal/fault"
)

// key is a natural key all of whose columns are staged, or the database's own key where the file gives it.
type key struct {
	catalog.Match
	name   string // for people: "External Id"
	field  string // to blame in errors
	given  bool   // the database's own
	unique bool   // an index keeps two rows from having the same
}

// addKeys keeps the natural keys whose columns are all staged; the database's own key comes before them.
func (p *Plan) addKeys() error {
	p.identity = IdentityOf(p.table)
	if len(p.identity) == 0 && p.spec.Write != Insert {
		return fault.Newf(fault.Invalid, "%s has no primary key, so its rows can only be added: choose write insert", p.table.Name)
	}
	for _, c := range p.cols {
		if c.given {
			own := catalog.IndexKey{Column: c.Name, Columns: []string{c.Name}}
			p.keys = append(p.keys, key{Match: catalog.Match{Keys: []catalog.IndexKey{own}}, name: c.label(), field: c.Name, given: true, unique: true})
		}
	}
	candidates, err := p.candidates()
	if err != nil {
		return err
	}
	for _, m := range candidates {
		if missing := p.missing(m); missing != "" {
			if p.spec.Match != nil {
				return fault.Newf(fault.Invalid, "rows of %s cannot be matched by %s: no column is mapped to %s", p.table.Name, m, missing)
			}
			continue
		}
		if len(p.identity) > 0 {
			p.keys = append(p.keys, key{Match: m, name: p.nameOf(m.Keys), field: p.blamedKey(m.Keys), unique: p.table.Guarantees(m)})
		}
	}
	return nil
}

// candidates gives the natural keys that were asked for, or else the table's own.
func (p *Plan) candidates() ([]catalog.Match, error) {
	if p.spec.Match == nil {
		return p.table.Matches, nil
	}
	all := make([]catalog.Match, 0, len(p.spec.Match))
	for _, text := range p.spec.Match {
		m, err := ParseMatch(p.table, text)
		if err != nil {
			return nil, fault.Newf(fault.Invalid, "the key %q cannot match rows of %s", text, p.table.Name).
				WithFields(fault.Field{Field: "match", Message: err.Error()})
		}
		all = append(all, m)
	}
	return all, nil
}

// missing names a column of the key that is not staged, "" if all are.
func (p *Plan) missing(m catalog.Match) string {
	for _, k := range m.Keys {
		for _, name := range k.Columns {
			if p.find(name) == nil {
				return name
			}
		}
	}
	return ""
}

// IdentityOf gives the columns by which a row that was found is met again: the primary key, or else a unique index over
// columns that are never NULL. None: the rows cannot be told apart.
func IdentityOf(t *catalog.Table) []*catalog.Column {
	if len(t.PrimaryKey) > 0 {
		return t.Key()
	}
	for _, u := range t.Uniques {
		var cols []*catalog.Column
		for _, k := range u.Keys {
			if c, ok := t.Column(k.Column); ok && c.NotNull {
				cols = append(cols, c)
			}
		}
		if len(cols) == len(u.Keys) && u.Predicate == "" && !u.Deferrable {
			return cols
		}
	}
	return nil
}

// keysOf names what can name a row of t.
func keysOf(t *catalog.Table) string {
	var names []string
	if c := SoleKey(t); c != nil {
		names = append(names, c.Name)
	}
	for _, m := range t.Matches {
		if s := m.String(); !slices.Contains(names, s) {
			names = append(names, s)
		}
	}
	return strings.Join(names, " or ")
}

// nameOf names keys for people, by the labels of the columns that they read: "Pipeline and Slug".
func (p *Plan) nameOf(keys []catalog.IndexKey) string {
	var cols []*catalog.Column
	for _, k := range keys {
		for _, name := range k.Columns {
			if c, ok := p.table.Column(name); ok {
				cols = append(cols, c)
			}
		}
	}
	return p.labelsOf(cols)
}

// keyNames names the plan's keys from the nth on for people: "External Id or Email".
func (p *Plan) keyNames(n int) string {
	names := make([]string, 0, len(p.keys))
	for _, k := range p.keys[n:] {
		names = append(names, k.name)
	}
	return strings.Join(names, " or ")
}

// labelsOf names columns for people: "Pipeline and Slug".
func (p *Plan) labelsOf(cols []*catalog.Column) string {
	var labels []string
	for _, c := range cols {
		if c.Name != p.table.Scope.Column {
			labels = append(labels, p.labelOf(c))
		}
	}
	return strings.Join(labels, " and ")
}

// blamedKey names the staged column to blame for a key: of several the last that refers to nothing, since what it belongs
// to stands before it. "" if none is staged.
func (p *Plan) blamedKey(keys []catalog.IndexKey) string {
	field := ""
	for _, k := range keys {
		for _, name := range k.Columns {
			if c := p.find(name); c != nil && (c.ref == nil || field == "") {
				field = p.field(name)
			}
		}
	}
	return field
}

// withoutTenant leaves the tenant's column out.
func (p *Plan) withoutTenant(keys []catalog.IndexKey) []catalog.IndexKey {
	return slices.DeleteFunc(slices.Clone(keys), func(k catalog.IndexKey) bool { return k.Column != "" && k.Column == p.table.Scope.Column })
}

const livePredicate = SoftColumn + " IS NULL"

// cellOf gives the cell of a column in the source's row.
func (p *Plan) cellOf(name string) string {
	if c := p.find(name); c != nil {
		return c.s()
	}
	return "NULL"
}

// ours gives the parts of the nth key over the source's row s, theirs over the table's row t.
func (p *Plan) ours(n int) []string {
	var parts []string
	for _, k := range p.keys[n].Keys {
		parts = append(parts, p.table.ExprOf(k, p.cellOf))
	}
	return parts
}

func (p *Plan) theirs(n int) []string {
	var parts []string
	for _, k := range p.keys[n].Keys {
		parts = append(parts, p.table.Expr(k, "t"))
	}
	return parts
}

// filled gives the condition under which the source's row has the nth key: no part is blank, and the row is not one that
// the index of the key leaves out. A deletion is left aside: it is what a file may do to a row that is there.
func (p *Plan) filled(n int) string {
	conds := make([]string, 0, 2)
	for _, part := range p.ours(n) {
		conds = append(conds, part+" IS NOT NULL")
	}
	if pred := p.keys[n].Predicate; pred != "" && pred != livePredicate {
		known := true
		cond := p.table.ConditionOf(pred, func(name string) string {
			known = known && (name == SoftColumn || p.find(name) != nil)
			if name == SoftColumn {
				return "NULL::timestamptz"
			}
			return p.cellOf(name)
		})
		if known {
			conds = append(conds, cond+" IS NOT FALSE")
		}
	}
	return "(" + strings.Join(conds, " AND ") + ")"
}

// theirsBlank gives the condition under which the table's row t lacks the nth key.
func (p *Plan) theirsBlank(n int) string {
	conds := make([]string, 0, 2)
	for _, part := range p.theirs(n) {
		conds = append(conds, part+" IS NULL")
	}
	if pred := p.keys[n].Predicate; pred != "" && pred != livePredicate {
		conds = append(conds, p.table.Condition(pred, "t")+" IS NOT TRUE")
	}
	return "(" + strings.Join(conds, " OR ") + ")"
}

// matchOn gives the condition under which the nth key says that s is t, as far as that key goes.
func (p *Plan) matchOn(n int) string {
	ours, theirs := p.ours(n), p.theirs(n)
	conds := make([]string, 0, len(ours)+1)
	for i := range ours {
		conds = append(conds, theirs[i]+" = "+ours[i])
	}
	return strings.Join(append(conds, p.filled(n)), " AND ")
}

// matching gives the table's rows that the nth key names, for joins: the tenant's, live, and inside the key's index.
//
// A later key counts only where each earlier one is blank on either side, so that two rows with different external ids are
// never taken for one. There is a join for each earlier key that may be the first one filled, since such a row is one of
// the few that lack this key in the table, and one for the rows that have none of them.
func (m *merge) matching(n int) []string {
	p, k := m.plan, m.plan.keys[n]
	extra := nameable(p.table, k.Match, "t")
	indexed := k.unique && m.lookableKeys(p.table, k.Keys)
	joins := make([]string, 0, n+1)
	for first := range n {
		on := p.matchOn(n) + " AND " + p.noKeyBefore(first) + " AND " + p.filled(first) + " AND " + p.theirsBlank(first)
		for earlier := first + 1; earlier < n; earlier++ {
			on += " AND (NOT " + p.filled(earlier) + " OR " + p.theirsBlank(earlier) + ")"
		}
		joins = append(joins, m.among(p.table, extra, on, indexed))
	}
	return append(joins, m.among(p.table, extra, p.matchOn(n)+" AND "+p.noKeyBefore(n), indexed))
}

// nameable gives the condition under which a natural key of t can name the row that alias names.
func nameable(t *catalog.Table, m catalog.Match, alias string) string {
	conds := []string{"true"}
	if _, ok := t.Column(SoftColumn); ok {
		conds = append(conds, alias+"."+livePredicate)
	}
	if m.Predicate != "" && m.Predicate != livePredicate {
		conds = append(conds, t.Condition(m.Predicate, alias))
	}
	return strings.Join(conds, " AND ")
}

// order gives the order in which new rows are written: that of the first natural key, so that neighbours enter the same
// pages of its index. Under collation "C" the sort costs a fraction of what the database's own does.
func (p *Plan) order() []string {
	n := slices.IndexFunc(p.keys, func(k key) bool { return !k.given })
	if n < 0 {
		return nil
	}
	parts := p.ours(n)
	for i, k := range p.keys[n].Keys {
		if c, ok := p.table.Column(k.Column); !ok || c.Kind == catalog.KindText {
			parts[i] += `::text COLLATE "C"`
		}
	}
	return parts
}

// inKey reports whether one of the plan's keys reads the column.
func (p *Plan) inKey(name string) bool {
	return slices.ContainsFunc(p.keys, func(k key) bool {
		return slices.ContainsFunc(k.Keys, func(part catalog.IndexKey) bool { return slices.Contains(part.Columns, name) })
	})
}
