package catalog

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// tagNested marks the foreign key whose child rows sit inside the parent's row. It must be NOT NULL: a row without a
// parent would be in no dump.
func tagNested(_ *builder, o tagged, arg string) error {
	if arg != "" {
		return errors.New("the tag takes no argument")
	}
	var found *ForeignKey
	for i := range o.table.ForeignKeys {
		k := &o.table.ForeignKeys[i]
		if k.Target == nil || o.column.Name == o.table.Scope.Column || !slices.Contains(k.Columns, o.column.Name) {
			continue
		}
		if found != nil && found.Target != k.Target {
			return errors.New("the column belongs to foreign keys to several tables; it must name one parent")
		}
		if found == nil || len(k.Columns) < len(found.Columns) {
			found = k
		}
	}
	switch {
	case found == nil:
		return errors.New("the column is part of no foreign key to a tenant table")
	case found.Target.hasColumns([]string{o.table.Name}):
		return fmt.Errorf("%s has a column %s already, and a dump would show the rows by that name", found.Target.Name, o.table.Name)
	case found.Target == o.table:
		return errors.New("a table cannot be nested in itself")
	case !found.NotNull:
		return errors.New("the foreign key must be NOT NULL: a row without a parent would be in no dump")
	case slices.ContainsFunc(o.table.ForeignKeys, func(k ForeignKey) bool { return k.Nested }):
		return errors.New("the table is nested in another one already")
	}
	found.Nested = true
	return nil
}

// checkNesting refuses tables that are nested in each other in a circle: no dump would hold them.
func (b *builder) checkNesting() {
	for _, t := range b.snapshot.Tables {
		up := t.nest()
		for range b.snapshot.Tables { // steps enough to come round
			if up == nil || up == t {
				break
			}
			up = up.nest()
		}
		if up == t {
			b.fail(t.Name, "@nested: the table is nested in itself, by way of %s", t.nest().Name)
		}
	}
}

// nest gives the table that t is nested in, or nil.
func (t *Table) nest() *Table {
	for _, k := range t.ForeignKeys {
		if k.Nested {
			return k.Target
		}
	}
	return nil
}

const polyUsage = "pairs value=table are needed, e.g. @poly contact=contacts deal=deals"

// tagPoly reads a polymorphic reference: entity_id with its type column entity_type beside it.
func tagPoly(b *builder, o tagged, arg string) error {
	prefix, isID := strings.CutSuffix(o.column.Name, "_id")
	typeColumn, ok := o.table.Column(prefix + "_type")
	switch {
	case !isID:
		return errors.New("the tag belongs on a column whose name ends in _id")
	case !ok:
		return fmt.Errorf("the column %s_type, which says what the id is of, is missing", prefix)
	case typeColumn.Kind != KindText && typeColumn.Kind != KindEnum:
		return fmt.Errorf("the type column %s must be a text or enum, and is %s", typeColumn.Name, typeColumn.Type)
	case arg == "":
		return errors.New(polyUsage)
	}
	p := Poly{IDColumn: o.column.Name, TypeColumn: typeColumn.Name, Targets: map[string]*Table{}}
	for _, pair := range splitOutside(arg, ' ') {
		value, target, err := b.polyPair(pair)
		if err != nil {
			return err
		}
		if _, twice := p.Targets[value]; twice {
			return fmt.Errorf("the value %s stands twice", value)
		}
		p.Targets[value] = target
		if typeColumn.Labels != nil && !slices.Contains(typeColumn.Labels, value) {
			b.warnf("%s: @poly %s: %s never has that value", o.name, pair, typeColumn.Name)
		}
	}
	o.table.Polys = append(o.table.Polys, p)
	return nil
}

func (b *builder) polyPair(pair string) (value string, target *Table, err error) {
	sides := splitOutside(pair, '=')
	if len(sides) != 2 {
		return "", nil, fmt.Errorf("%s is no pair; %s", pair, polyUsage)
	}
	name := sides[1]
	target, ok := b.snapshot.Table(name)
	if !ok {
		target, ok = b.snapshot.Table(unquoteName(name))
	}
	if !ok {
		return "", nil, fmt.Errorf("%s is no tenant table", name)
	}
	key := slices.DeleteFunc(slices.Clone(target.PrimaryKey), func(c string) bool { return c == target.Scope.Column })
	if len(key) != 1 {
		return "", nil, fmt.Errorf("%s has no primary key of one column, so no id names its rows", name)
	}
	return unquoteName(sides[0]), target, nil
}

// splitOutside splits at sep outside quotes and parentheses; parts are trimmed, empty ones left out.
func splitOutside(s string, sep byte) []string {
	var parts []string
	var quote byte
	depth, start := 0, 0
	add := func(end int) {
		if part := strings.TrimSpace(s[start:end]); part != "" {
			parts = append(parts, part)
		}
		start = end + 1
	}
	for i := range len(s) {
		switch b := s[i]; {
		case quote != 0:
			if b == quote {
				quote = 0
			}
		case b == '"' || b == '\'':
			quote = b
		case b == '(':
			depth++
		case b == ')':
			depth--
		case b == sep && depth == 0:
			add(i)
		}
	}
	if start < len(s) {
		add(len(s))
	}
	return parts
}
