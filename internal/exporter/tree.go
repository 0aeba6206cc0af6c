package exporter

import (
	"slices"
	"strconv"
	"strings"

	"wharf/internal/pgcodec"
)

// node is a table of a tree: of one whose rows hold those of others.
type node struct {
	planned
	path   []int // of nodes, from the outermost to itself
	place  int   // among those that sit in the same rows
	cols   []pgcodec.Column
	inside []string // what begins the array of each table that sits in its rows
}

func (n *node) level() int { return len(n.path) - 1 }

// tree gives the tables that t holds, itself first.
func (r *run) tree(t planned) []node {
	var nodes []node
	var grow func(t planned, path []int, place int)
	grow = func(t planned, path []int, place int) {
		n := node{planned: t, path: append(slices.Clip(path), len(nodes)), place: place}
		n.cols = r.columnsOf(t, alias(n.level()), pgcodec.JSONColumn)
		for _, inner := range t.nested {
			n.inside = append(n.inside, string(append(pgcodec.AppendJSONString([]byte(","), []byte(inner.Name)), ":["...)))
		}
		nodes = append(nodes, n)
		for i, inner := range t.nested {
			grow(inner, n.path, i)
		}
	}
	grow(t, nil, 0)
	return nodes
}

// selectTree gives the statement that reads a tree: a row of two values for each row, its node's number and the record of its
// columns. Each row comes behind the row that it sits in, its siblings beside it: they are sorted by where the rows on the way to
// it lie, which names them whether they have a key or not.
func selectTree(nodes []node) string {
	depth := 0
	for i := range nodes {
		depth = max(depth, nodes[i].level())
	}
	branches := make([]string, len(nodes))
	for i := range nodes {
		branches[i] = selectBranch(nodes, &nodes[i], depth)
	}
	var order []string
	for level := range depth + 1 {
		n := strconv.Itoa(level)
		if level > 0 {
			order = append(order, "s.b"+n)
		}
		order = append(order, "s.c"+n, "s.t"+n)
	}
	return "SELECT s.node, s.row FROM (" + strings.Join(branches, " UNION ALL ") + ") s ORDER BY " + strings.Join(order, ", ")
}

// selectBranch reads the rows of one node: which branch, place and partition lead to them, for each level down to depth.
func selectBranch(nodes []node, n *node, depth int) string {
	var from, where strings.Builder
	values := []string{strconv.Itoa(n.path[n.level()]) + " AS node", "ROW(" + selected(n.cols) + ") AS row"}
	for level := range depth + 1 {
		i, row := strconv.Itoa(level), alias(level)
		if level >= len(n.path) { // the row itself comes before those that sit in it
			values = append(values, "0 AS b"+i, "NULL::tid AS c"+i, "NULL::oid AS t"+i)
			continue
		}
		at := &nodes[n.path[level]]
		values = append(values, strconv.Itoa(at.place+1)+" AS b"+i, row+".ctid AS c"+i, row+".tableoid AS t"+i)
		if level == 0 {
			from.WriteString(at.Ident() + " " + row)
			where.WriteString(at.where)
			continue
		}
		from.WriteString(" JOIN " + at.Ident() + " " + row + " ON " + at.joined(level))
		where.WriteString(" AND " + at.TenantPredicate(row, "$1"))
	}
	return "SELECT " + strings.Join(values, ", ") + " FROM " + from.String() + " WHERE " + where.String()
}
