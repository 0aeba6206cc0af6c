package catalog

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"wharf/internal/fault"
)

// builder turns facts into a snapshot. Its steps run in the order of build; each leaves the tables more complete.
type builder struct {
	cfg        Config
	facts      *facts
	relations  map[uint32]*relation
	candidates []*relation // ordered by schema and name
	wrong      []fault.Field
	snapshot   *Snapshot
}

// relation is a table of the configured schemas while it is not yet known whether it belongs to tenants.
type relation struct {
	relationRow
	table       *Table
	constraints []constraintRow
	targets     []uint32 // of table.ForeignKeys, by position
	comments    map[string]string
	own         []string // columns that were not inherited
	scoped      bool
	listed      bool
	distrusted  string // the foreign key of its scope, if Postgres never checked the rows that were there before it
}

// holdsRows reports whether rows of tenants can be read from it: foreign tables are left alone.
func (r *relation) holdsRows() bool { return r.scoped && r.Kind != "f" }

func build(cfg Config, f *facts) (*Snapshot, error) {
	b := &builder{
		cfg: cfg, facts: f, relations: map[uint32]*relation{},
		snapshot: &Snapshot{Fingerprint: f.fingerprint, byName: map[string]*Table{}, dependents: map[*Table][]Dependent{}},
	}
	b.collect()
	b.addColumns()
	b.addConstraints()
	b.addIndexes()
	b.addScopes()
	b.list()
	b.connect()
	b.readTags()
	b.addMatches()
	if len(b.wrong) > 0 {
		return nil, invalid(b.wrong)
	}
	sortTables(b.snapshot.Tables)
	b.addDependents()
	b.warn()
	return b.snapshot, nil
}

// collect makes a relation of every row, and a candidate of every one whose columns were read.
func (b *builder) collect() {
	described := map[uint32]bool{}
	for _, oid := range b.facts.described() {
		described[oid] = true
	}
	for _, row := range b.facts.relations {
		r := &relation{relationRow: row, comments: map[string]string{}}
		r.table = &Table{
			OID: row.OID, Schema: row.Schema, Relation: row.Relation, Name: apiName(b.cfg.Schemas[0], row.Schema, row.Relation),
			RLS: RLS{Enabled: row.RLSEnabled, Forced: row.RLSForced}, Readable: row.Readable, EstRows: row.EstRows,
		}
		b.relations[row.OID] = r
		if described[row.OID] && !b.cfg.isTenantTable(row.Schema, row.Relation) {
			b.candidates = append(b.candidates, r)
		}
	}
}

func (b *builder) addColumns() {
	types := newTypes(b.facts.types)
	for _, row := range b.facts.columns {
		r := b.relations[row.RelOID]
		r.table.Columns = append(r.table.Columns, types.column(row))
		r.comments[row.Name] = row.Comment
		if row.Local {
			r.own = append(r.own, row.Name)
		}
	}
}

func (b *builder) addConstraints() {
	for _, row := range b.facts.constraints {
		r := b.relations[row.RelOID]
		switch row.Kind {
		case "p":
			r.table.PrimaryKey = row.Columns
		case "c":
			r.table.addCheck(row)
		case "f":
			r.constraints = append(r.constraints, row)
		}
	}
	for _, r := range b.candidates {
		slices.SortFunc(r.constraints, func(a, z constraintRow) int {
			return cmp.Or(slices.Compare(a.Nums, z.Nums), cmp.Compare(a.Name, z.Name))
		})
		for _, row := range r.constraints {
			r.table.ForeignKeys = append(r.table.ForeignKeys, b.foreignKey(r.table, row))
			r.targets = append(r.targets, row.TargetOID)
		}
	}
}

// addCheck keeps a CHECK: a list of values with its column, another as it is, unless it reads the row as a whole, which
// no other row could stand for.
func (t *Table) addCheck(row constraintRow) {
	if column, labels, ok := checkList(row.Check); ok {
		if c, found := t.Column(column); found && c.Kind == KindText {
			c.narrow(labels)
			return
		}
	}
	if !strings.Contains(row.CheckTree, ":varattno 0 ") {
		t.Checks = append(t.Checks, Check{Name: row.Name, Expression: row.Check, Columns: t.learn(row.Check, row.CheckTree)})
	}
}

func (b *builder) foreignKey(t *Table, row constraintRow) ForeignKey {
	return ForeignKey{
		Name: row.Name, Columns: row.Columns, TargetColumns: row.TargetColumns,
		TargetName: row.TargetSchema + "." + row.TargetName, OnDelete: row.OnDelete, Deferrable: row.Deferrable,
		NotNull: !slices.ContainsFunc(row.Columns, func(name string) bool {
			c, ok := t.Column(name)
			return name != b.cfg.TenantColumn && (!ok || !c.NotNull)
		}),
	}
}

func (b *builder) addIndexes() {
	for _, row := range b.facts.indexes {
		t := b.relations[row.RelOID].table
		u := Unique{
			Name: row.Name, Predicate: row.Predicate, Primary: row.IsPrimary,
			NullsDistinct: row.NullsDistinct, Deferrable: !row.Immediate,
		}
		trees := splitTrees(row.KeyTree)
		for i, num := range row.Nums {
			if c := t.columnNumbered(num); c != nil {
				u.Keys = append(u.Keys, IndexKey{Column: c.Name, Columns: []string{c.Name}})
				continue
			}
			var tree string
			if len(trees) > 0 {
				tree, trees = trees[0], trees[1:]
			}
			u.Keys = append(u.Keys, IndexKey{Expression: row.Texts[i], Columns: t.learn(row.Texts[i], tree)})
		}
		if row.Predicate != "" {
			t.learn(row.Predicate, row.PredicateTree)
		}
		t.Uniques = append(t.Uniques, u)
	}
}

// list puts the tables that belong to tenants into the snapshot, ordered by name.
func (b *builder) list() {
	for _, r := range b.candidates {
		stand, _ := b.standIn(r.OID)
		r.listed = r.holdsRows() && stand == r
		if r.listed {
			b.snapshot.Tables = append(b.snapshot.Tables, r.table)
			b.snapshot.byName[r.table.Name] = r.table
		}
	}
	slices.SortFunc(b.snapshot.Tables, func(a, z *Table) int { return cmp.Compare(a.Name, z.Name) })
}

// standIn gives the relation whose rows hold those of the relation oid: itself, or the ancestor it is listed under.
func (b *builder) standIn(oid uint32) (*relation, bool) {
	r, ok := b.relations[oid]
	if !ok {
		return nil, false
	}
	for _, a := range r.Ancestors {
		if up, ok := b.relations[a]; ok && up.holdsRows() {
			return b.standIn(a)
		}
	}
	return r, true
}

// connect points the foreign keys of listed tables to their targets.
func (b *builder) connect() {
	for _, r := range b.candidates {
		if !r.listed {
			continue
		}
		for i := range r.table.ForeignKeys {
			k := &r.table.ForeignKeys[i]
			if target, ok := b.standIn(r.targets[i]); ok && target.listed && target.table.hasColumns(k.TargetColumns) {
				k.Target = target.table
			}
		}
	}
}

func (b *builder) addDependents() {
	s := b.snapshot
	for _, t := range s.Tables {
		for i := range t.ForeignKeys {
			if k := &t.ForeignKeys[i]; k.Target != nil {
				s.dependents[k.Target] = append(s.dependents[k.Target], Dependent{Table: t, Key: k})
			}
		}
		for i := range t.Polys {
			p := &t.Polys[i]
			for _, value := range p.values() {
				s.dependents[p.Targets[value]] = append(s.dependents[p.Targets[value]], Dependent{Table: t, Poly: p, Value: value})
			}
		}
	}
}

// warn names what an operator should look at, and what was left out.
func (b *builder) warn() {
	for _, s := range b.cfg.Schemas {
		if !slices.Contains(b.facts.schemas, s) {
			b.warnf("schema %s does not exist", s)
		}
	}
	for _, r := range b.candidates {
		switch {
		case r.listed:
			b.warnListed(r)
		case r.scoped && r.Kind == "f":
			b.warnf("%s: is a foreign table and in no export", r.table.Name)
		case r.scoped:
			b.warnHeir(r)
		default:
			b.warnUnscoped(r)
		}
	}
}

func (b *builder) warnListed(r *relation) {
	name := r.table.Name
	if !r.Readable {
		b.warnf("%s: this role may not read it; exports will fail", name)
	}
	if r.distrusted != "" {
		b.warnf("%s: belongs to its tenant through %s, which is NOT VALID: rows that refer to nothing are in no export", name, r.distrusted)
	}
	foreign := slices.DeleteFunc(slices.Clone(r.Settings), func(s string) bool { return strings.HasPrefix(s, "request.") })
	switch {
	case !r.RLSEnabled:
		b.warnf("%s: row security is off; only the predicate of each statement keeps tenants apart", name)
	case !r.RLSActive:
		b.warnf("%s: row security does not bind this role", name)
	case !r.HasPolicy:
		b.warnf("%s: row security is on and no policy lets this role see a row", name)
	case b.cfg.TenantSetting != "" && len(foreign) > 0 && !slices.Contains(foreign, b.cfg.TenantSetting):
		b.warnf("%s: row security reads %s, not the tenant's setting %s", name, strings.Join(foreign, ", "), b.cfg.TenantSetting)
	}
}

// warnHeir speaks of a child whose rows are read from its ancestor, which lacks the columns that the child added.
func (b *builder) warnHeir(r *relation) {
	if len(r.own) > 0 && !r.IsPartition {
		b.warnf("%s: its rows are those of the table it inherits from, without its own columns (%s)", r.table.Name, strings.Join(r.own, ", "))
	}
}

func (b *builder) warnUnscoped(r *relation) {
	for _, oid := range r.targets {
		if target, ok := b.standIn(oid); ok && target.listed {
			b.warnf("%s: has no %s and refers to %s by a nullable key only: it belongs to no tenant and is in no export",
				r.table.Name, b.cfg.TenantColumn, target.table.Name)
			return
		}
	}
}

func (b *builder) warnf(format string, args ...any) {
	b.snapshot.Warnings = append(b.snapshot.Warnings, fmt.Sprintf(format, args...))
}

// fail records what is wrong with an object.
func (b *builder) fail(object, format string, args ...any) {
	b.wrong = append(b.wrong, fault.Field{Field: object, Message: fmt.Sprintf(format, args...)})
}
