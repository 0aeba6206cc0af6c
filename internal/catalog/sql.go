package catalog

import (
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// quote writes a name as an SQL identifier.
func quote(name string) string { return pgx.Identifier{name}.Sanitize() }

// Ident gives the table as SQL: "public"."contacts".
func (t *Table) Ident() string { return pgx.Identifier{t.Schema, t.Relation}.Sanitize() }

// Ident gives the column's name as SQL, without the table.
func (c *Column) Ident() string { return quote(c.Name) }

// Key gives the columns of the primary key in its order; none if the table has no key.
func (t *Table) Key() []*Column {
	key := make([]*Column, 0, len(t.PrimaryKey))
	for _, name := range t.PrimaryKey {
		if c, ok := t.Column(name); ok {
			key = append(key, c)
		}
	}
	return key
}

// InsertableColumns gives the columns that an INSERT may name, the tenant column among them: not those that are generated,
// identity ALWAYS, or @readonly.
func (t *Table) InsertableColumns() []*Column {
	var cols []*Column
	for _, c := range t.Columns {
		if !c.Generated && c.Identity != "always" && (!c.Tags.Readonly || c.Name == t.Scope.Column) {
			cols = append(cols, c)
		}
	}
	return cols
}

// TenantPredicate gives a condition that holds for the rows of the tenant whose id is param: alias."tenant_id" = param, or
// an EXISTS that follows the path of foreign keys to a table that has the column.
//
// alias and param are SQL as they stand in the statement, e.g. t and $1. Aliases wharf_up1, wharf_up2, … are taken inside.
func (t *Table) TenantPredicate(alias, param string) string {
	return t.tenantPredicate(alias, param, 1)
}

func (t *Table) tenantPredicate(alias, param string, depth int) string {
	k := t.Scope.Parent
	if k == nil {
		return alias + "." + quote(t.Scope.Column) + " = " + param
	}
	up := "wharf_up" + strconv.Itoa(depth)
	var b strings.Builder
	b.WriteString("EXISTS (SELECT FROM " + k.Target.Ident() + " AS " + up + " WHERE ")
	for i, c := range k.Columns {
		b.WriteString(up + "." + quote(k.TargetColumns[i]) + " = " + alias + "." + quote(c) + " AND ")
	}
	b.WriteString(k.Target.tenantPredicate(up, param, depth+1) + ")")
	return b.String()
}

// Expr gives a key as SQL over the row that alias names: alias."email", or (lower(alias."email")).
//
// alias is SQL as it stands in the statement. See ExprOf for a row whose columns have other names.
func (t *Table) Expr(k IndexKey, alias string) string { return t.ExprOf(k, columnsOf(alias)) }

// ExprOf gives a key as SQL in which every column is what column returns for it, e.g. s."c3" of a staging table. What
// column returns must stand as an operand without further parentheses.
//
// Postgres prints an expression with bare column names, which a larger statement could read otherwise. Where it is known
// for certain which words are columns they are replaced; an index on the expression stays usable. Where it is not, the
// expression is put over a sub-select of one row that has nothing but these columns.
func (t *Table) ExprOf(k IndexKey, column func(name string) string) string {
	if k.Expression == "" {
		return column(k.Column)
	}
	return t.expression(k.Expression, k.Columns).sql(column)
}

// Condition gives a predicate of a Unique or Match as SQL over the row that alias names; "true" if there is none.
func (t *Table) Condition(predicate, alias string) string {
	return t.ConditionOf(predicate, columnsOf(alias))
}

// ConditionOf is to Condition what ExprOf is to Expr.
func (t *Table) ConditionOf(predicate string, column func(name string) string) string {
	if predicate == "" {
		return "true"
	}
	return t.expression(predicate, t.columnNames()).sql(column)
}

func columnsOf(alias string) func(string) string {
	return func(name string) string { return alias + "." + quote(name) }
}

// expression finds what is known about the text; of a text that came from elsewhere, only that it may read columns.
func (t *Table) expression(text string, columns []string) expression {
	if e, ok := t.expressions[text]; ok {
		return e
	}
	return expression{text: text, columns: columns}
}

func (t *Table) columnNames() []string {
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = c.Name
	}
	return names
}

func (t *Table) hasColumns(names []string) bool {
	all := t.columnNames()
	return !slices.ContainsFunc(names, func(n string) bool { return !slices.Contains(all, n) })
}

func (t *Table) columnNumbered(num int16) *Column {
	for _, c := range t.Columns {
		if c.Num == num {
			return c
		}
	}
	return nil
}

// Dependent is a table that refers to another, by a foreign key or by a polymorphic reference.
type Dependent struct {
	Table *Table
	Key   *ForeignKey // nil: by Poly
	Poly  *Poly       // nil: by Key
	Value string      // of Poly's type column
}

// Dependents gives who refers to the table, itself included, in the order of Tables.
func (s *Snapshot) Dependents(t *Table) []Dependent { return s.dependents[t] }

// Pairs gives the key's columns and, place by place, those they refer to, the table's tenant column left out. That column
// has one value in all of a tenant's rows: the rest is the reference.
func (k ForeignKey) Pairs(t *Table) (columns, targets []string) {
	for i, c := range k.Columns {
		if c != t.Scope.Column {
			columns, targets = append(columns, c), append(targets, k.TargetColumns[i])
		}
	}
	return columns, targets
}

func (p Poly) values() []string {
	values := make([]string, 0, len(p.Targets))
	for v := range p.Targets {
		values = append(values, v)
	}
	slices.Sort(values)
	return values
}
