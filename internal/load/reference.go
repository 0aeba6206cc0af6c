package load

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"wharf/internal/catalog"
	"wharf/internal/fault"
)

// reference is what one staged column says about another row: by the target's id or by one of its natural keys. It is
// looked up into a table beside staging, one row a distinct text: given → id, hits.
type reference struct {
	col     int      // the staged column
	kind    int      // the staged column that says which target is meant; -1: there is one
	targets []target // ordered by value
	self    bool     // the target is the plan's own table
}

// target is a table that a reference can mean.
type target struct {
	value string // of the column kind
	table *catalog.Table
	key   *catalog.Column // what the reference holds
	ways  []way
}

// way is a natural key of a target, one part of which a cell can give.
type way struct {
	key    catalog.IndexKey
	match  catalog.Match
	within []within
}

// within narrows a way: the target's column holds what another reference of the same row named. So the slug of a stage is
// looked for in the row's own pipeline.
type within struct {
	column string // of the target
	by     int    // the staged column
}

func (r *reference) alias() string  { return fmt.Sprintf("r%d", r.col) }
func (r *reference) suffix() string { return fmt.Sprintf("_r%d", r.col) }

// narrowedBy gives the staged columns whose references narrow this one.
func (r *reference) narrowedBy() []int {
	var cols []int
	for _, t := range r.targets {
		for _, w := range t.ways {
			for _, n := range w.within {
				cols = append(cols, n.by)
			}
		}
	}
	slices.Sort(cols)
	return slices.Compact(cols)
}

// join gives the join that adds what was found to the staged rows s.
func (r *reference) join(name string) string {
	on := fmt.Sprintf("%s.given = s.c%d", r.alias(), r.col)
	if r.kind >= 0 {
		on += fmt.Sprintf(" AND %s.kind = s.c%d::text", r.alias(), r.kind)
	}
	for _, by := range r.narrowedBy() {
		on += fmt.Sprintf(" AND %s.w%d IS NOT DISTINCT FROM r%d.id", r.alias(), by, by)
	}
	return " LEFT JOIN " + beside(name, r.suffix()) + " " + r.alias() + " ON " + on
}

// addReferences finds the columns that name other rows.
func (p *Plan) addReferences() error {
	var wrong []fault.Field
	for i := range p.cols {
		c := &p.cols[i]
		ref, err := referenceOf(p.table, c.target)
		if err != nil {
			wrong = append(wrong, fault.Field{Field: c.Name, Message: err.Error()})
		}
		if c.ref = ref; ref != nil {
			ref.col, ref.self = i, ref.targets[0].table == p.table
			c.asText()
		}
	}
	for _, poly := range p.table.Polys {
		if err := p.addPoly(poly); err != nil {
			wrong = append(wrong, fault.Field{Field: poly.IDColumn, Message: err.Error()})
		}
	}
	for i := range p.cols {
		if ref := p.cols[i].ref; ref != nil {
			for n := range ref.targets {
				ref.targets[n].ways = p.waysTo(ref, ref.targets[n].table)
			}
		}
	}
	return p.misfit(wrong)
}

// referenceOf gives the reference that c holds, nil if it is no foreign key.
func referenceOf(t *catalog.Table, c *catalog.Column) (*reference, error) {
	var err error
	for i := range t.ForeignKeys {
		fk := &t.ForeignKeys[i]
		columns, targets := fk.Pairs(t)
		n := slices.Index(columns, c.Name)
		switch {
		case n < 0:
			continue
		case fk.Target == nil:
			return nil, fault.Newf(fault.Invalid, "%s refers to %s, which belongs to no tenant", c.Name, fk.TargetName)
		case len(columns) > 1:
			err = fault.Newf(fault.Invalid, "%s is part of a reference of several columns (%s)", c.Name, fk.Name)
			continue
		}
		key, _ := fk.Target.Column(targets[0])
		return &reference{kind: -1, targets: []target{{table: fk.Target, key: key}}}, nil
	}
	return nil, err
}

// addPoly makes a reference of a pair of columns. Each half means nothing without the other.
func (p *Plan) addPoly(poly catalog.Poly) error {
	id, kind := p.find(poly.IDColumn), p.find(poly.TypeColumn)
	switch {
	case id == nil && kind == nil:
		return nil
	case id == nil:
		return fault.Newf(fault.Invalid, "%s needs %s beside it: map both", poly.TypeColumn, poly.IDColumn)
	case kind == nil:
		return fault.Newf(fault.Invalid, "%s needs %s beside it: map both", poly.IDColumn, poly.TypeColumn)
	}
	ref := &reference{col: id.n, kind: kind.n}
	for _, value := range slices.Sorted(maps.Keys(poly.Targets)) {
		if key := SoleKey(poly.Targets[value]); key != nil {
			ref.targets = append(ref.targets, target{value: value, table: poly.Targets[value], key: key})
		}
	}
	id.ref = ref
	id.asText()
	return nil
}

// waysTo gives the natural keys of t that one cell can give: those with one part that is no reference itself. The other
// parts are taken from the row, where it names exactly one row of the same table; else all of the tenant's are looked
// through, and several hits are an error.
func (p *Plan) waysTo(ref *reference, t *catalog.Table) []way {
	var ways []way
	for _, m := range t.Matches {
		w := way{match: m}
		open := 0
		for _, k := range m.Keys {
			fk := foreignKey(t, k.Column)
			if fk == nil {
				w.key, open = k, open+1
			} else if by := p.naming(ref, fk.Target); by >= 0 {
				w.within = append(w.within, within{column: k.Column, by: by})
			}
		}
		if open == 1 && asKey(t, w.key, "g.given") != "" {
			ways = append(ways, w)
		}
	}
	return ways
}

// foreignKey gives the foreign key that the column is, the tenant's column aside; nil if it is none.
func foreignKey(t *catalog.Table, name string) *catalog.ForeignKey {
	for i := range t.ForeignKeys {
		if columns, _ := t.ForeignKeys[i].Pairs(t); len(columns) == 1 && columns[0] == name {
			return &t.ForeignKeys[i]
		}
	}
	return nil
}

// naming gives the one other staged column whose reference means t, -1 if there is none or several. What narrows is not
// narrowed itself: t's own natural keys hold no reference.
func (p *Plan) naming(ref *reference, t *catalog.Table) int {
	if t == nil || slices.ContainsFunc(t.Matches, func(m catalog.Match) bool {
		return slices.ContainsFunc(m.Keys, func(k catalog.IndexKey) bool { return foreignKey(t, k.Column) != nil })
	}) {
		return -1
	}
	found := -1
	for i := range p.cols {
		if r := p.cols[i].ref; r != nil && r != ref && r.kind < 0 && r.targets[0].table == t {
			if found >= 0 {
				return -1
			}
			found = i
		}
	}
	return found
}

// references gives the staged references, those that narrow others before those that are narrowed.
func (p *Plan) references() []*reference {
	var free, narrowed []*reference
	for i := range p.cols {
		switch ref := p.cols[i].ref; {
		case ref == nil:
		case len(ref.narrowedBy()) == 0:
			free = append(free, ref)
		default:
			narrowed = append(narrowed, ref)
		}
	}
	return append(free, narrowed...)
}

// asKey gives SQL that turns text into a part of a key of t where it has that form, and into NULL where it does not; "" if
// the part's type has no form that can be told beforehand.
func asKey(t *catalog.Table, k catalog.IndexKey, text string) string {
	if len(k.Columns) != 1 {
		return ""
	}
	c, _ := t.Column(k.Columns[0])
	given := asType(c, text)
	if given == "" || k.Column == "" && c.Kind != catalog.KindText {
		return ""
	}
	return t.ExprOf(k, func(string) string { return given })
}

// asType gives SQL that turns text into the column's type, NULL where it has not its form; "" if that cannot be told.
func asType(c *catalog.Column, text string) string {
	switch c.Kind {
	case catalog.KindUUID:
		return `(CASE WHEN ` + text + ` ~* '^[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}$' THEN ` + text + `::uuid END)`
	case catalog.KindInteger:
		return `(CASE WHEN ` + text + ` ~ '^[+-]?[0-9]{1,18}$' THEN ` + text + `::bigint END)`
	case catalog.KindText:
		if strings.HasPrefix(c.BaseType, "character") || c.BaseType == "text" {
			return text // a cast to a sized type would cut it
		}
		return "(" + text + "::" + c.BaseType + ")"
	default:
		return ""
	}
}
