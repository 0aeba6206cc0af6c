package dump_test

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"

	"wharf/internal/catalog"
)

// node is a row of a document as a place in a graph.
type node struct {
	table *catalog.Table
	row   map[string]json.RawMessage
	out   []edge
	in    []edge
	label string // stands for all that is known of the row and its neighbours, and for no id
}

// edge is a reference by what it is called; to is nil if the document does not have what it means.
type edge struct {
	name string
	to   *node
}

// graph is a document's rows and their references.
type graph struct {
	nodes []*node
	found map[string]*node // by table, columns and values
}

const rounds = 6 // so far does a label look along references

// canonical gives the rows of a document, sorted, in which every id is replaced by what it stands for: two documents of the
// same rows give the same, whatever the ids, whichever way the rows are nested and in whichever order they stand.
func canonical(t require.TestingT, snapshot *catalog.Snapshot, doc string) map[string][]string {
	g := graphOf(t, snapshot, doc)
	plain := map[*node]string{}
	for _, n := range g.nodes {
		plain[n] = n.plain(t)
		n.label = short(n.table.Name + plain[n])
	}
	for range rounds {
		next := make([]string, len(g.nodes))
		for i, n := range g.nodes {
			next[i] = short(n.label + "→" + labels(n.out) + "←" + labels(n.in))
		}
		for i, n := range g.nodes {
			n.label = next[i]
		}
	}
	rows := map[string][]string{}
	for _, n := range g.nodes {
		rows[n.table.Name] = append(rows[n.table.Name], plain[n]+" → "+labels(n.out)+" = "+n.label)
	}
	for _, of := range rows {
		slices.Sort(of)
	}
	return rows
}

// sameRows requires that two documents have the same rows, and shows a few that only one of them has.
func sameRows(t require.TestingT, want, got map[string][]string) {
	differ := []string{}
	for name := range want {
		for _, side := range []struct {
			sign        string
			rows, other []string
		}{{"-", want[name], got[name]}, {"+", got[name], want[name]}} {
			for _, row := range side.rows {
				if _, both := slices.BinarySearch(side.other, row); !both && len(differ) < 12 {
					differ = append(differ, side.sign+" "+name+": "+row)
				}
			}
		}
		if len(want[name]) != len(got[name]) {
			differ = append(differ, fmt.Sprintf("%s: %d rows became %d", name, len(want[name]), len(got[name])))
		}
	}
	require.Empty(t, strings.Join(differ, "\n"))
	require.Len(t, got, len(want))
}

func short(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:6])
}

func labels(edges []edge) string {
	var out []string
	for _, e := range edges {
		to := "nowhere"
		if e.to != nil {
			to = e.to.label
		}
		out = append(out, e.name+":"+to)
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// graphOf reads a document, nested or flat.
func graphOf(t require.TestingT, snapshot *catalog.Snapshot, doc string) *graph {
	var members map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(doc), &members))
	g := &graph{found: map[string]*node{}}
	for _, table := range snapshot.Tables {
		if rows, ok := members[table.Name]; ok && !table.Operational {
			g.add(t, snapshot, table, rows, nil)
		}
	}
	for _, n := range g.nodes {
		for i, k := range n.table.ForeignKeys {
			if k.Target != nil {
				columns, targets := k.Pairs(n.table)
				g.link(n, fmt.Sprint(i, columns), k.Target, columns, targets)
			}
		}
		for _, p := range n.table.Polys {
			var kind string
			if raw := n.row[p.TypeColumn]; raw != nil {
				_ = json.Unmarshal(raw, &kind)
			}
			if target := p.Targets[kind]; target != nil {
				g.link(n, p.IDColumn, target, []string{p.IDColumn}, []string{ownKey(target)[0]})
			}
		}
	}
	return g
}

// ownKey gives the primary key without the tenant.
func ownKey(t *catalog.Table) []string {
	return slices.DeleteFunc(slices.Clone(t.PrimaryKey), func(c string) bool { return c == t.Scope.Column })
}

// add reads rows of a table, and those that are nested in them. given is what the parent's row says of its children.
func (g *graph) add(t require.TestingT, snapshot *catalog.Snapshot, table *catalog.Table, raw json.RawMessage, given map[string]json.RawMessage) {
	var rows []map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(raw, &rows), table.Name)
	for _, row := range rows {
		for name, value := range given {
			row[name] = value
		}
		for _, child := range snapshot.Tables {
			for _, k := range child.ForeignKeys {
				inside, ok := row[child.Name]
				if !ok || !k.Nested || k.Target != table {
					continue
				}
				delete(row, child.Name)
				columns, targets := k.Pairs(child)
				down := map[string]json.RawMessage{}
				for i, c := range columns {
					down[c] = row[targets[i]]
				}
				g.add(t, snapshot, child, inside, down)
			}
		}
		g.nodes = append(g.nodes, &node{table: table, row: row})
	}
}

// link adds the reference that the columns are, unless one of them is null.
func (g *graph) link(n *node, name string, target *catalog.Table, columns, targets []string) {
	var values []string
	for _, c := range columns {
		raw := n.row[c]
		if raw == nil || string(raw) == "null" {
			return
		}
		values = append(values, string(raw))
	}
	to := g.find(target, targets, values)
	n.out = append(n.out, edge{name, to})
	if to != nil {
		to.in = append(to.in, edge{n.table.Name + "." + name, n})
	}
}

// find gives the row of the table that has the values in the columns.
func (g *graph) find(table *catalog.Table, columns, values []string) *node {
	place := table.Name + "\x00" + strings.Join(columns, "\x00") + "\x00"
	if _, indexed := g.found[place]; !indexed {
		g.found[place] = nil
		for _, n := range g.nodes {
			if n.table == table {
				var key []string
				for _, c := range columns {
					key = append(key, string(n.row[c]))
				}
				g.found[place+strings.Join(key, "\x00")] = n
			}
		}
	}
	return g.found[place+strings.Join(values, "\x00")]
}

// plain gives the row without what a restore may not keep: ids, references, the tenant, keys of objects, secrets and whether
// what needs them is active, what is computed from another column and what nobody but the product writes.
func (n *node) plain(t require.TestingT) string {
	var cells []string
	for name, raw := range n.row {
		c, ok := n.table.Column(name)
		require.True(t, ok, "%s.%s", n.table.Name, name)
		if n.translated(c) || c.Tags.HashOf != "" || c.Tags.Readonly || c.Tags.File || name == n.table.Scope.Column || c.Tags.Redact || name == "is_active" {
			continue
		}
		var tight bytes.Buffer
		require.NoError(t, json.Compact(&tight, raw))
		cells = append(cells, name+"="+tight.String())
	}
	slices.SortFunc(cells, cmp.Compare)
	return strings.Join(cells, " ")
}

// translated reports whether the column holds ids that are others in another tenant.
func (n *node) translated(c *catalog.Column) bool {
	for _, k := range n.table.ForeignKeys {
		if columns, _ := k.Pairs(n.table); k.Target != nil && slices.Contains(columns, c.Name) {
			return true
		}
	}
	if slices.ContainsFunc(n.table.Polys, func(p catalog.Poly) bool { return p.IDColumn == c.Name }) {
		return true
	}
	return slices.Contains(n.table.PrimaryKey, c.Name) && (c.Kind == catalog.KindUUID || c.Minted || c.Identity != "")
}

// firm gives how many rows of each table of a document are the same rows whenever it is restored: those that a natural key
// names, and that refer to no others.
func firm(t require.TestingT, snapshot *catalog.Snapshot, doc string) map[string]int64 {
	g := graphOf(t, snapshot, doc)
	is := map[*node]bool{}
	for _, n := range g.nodes {
		is[n] = slices.ContainsFunc(n.table.Matches, n.fills)
	}
	for again := true; again; {
		again = false
		for _, n := range g.nodes {
			if is[n] && slices.ContainsFunc(n.out, func(e edge) bool { return e.to != nil && !is[e.to] }) {
				is[n], again = false, true
			}
		}
	}
	counts := map[string]int64{}
	for n, yes := range is {
		if yes {
			counts[n.table.Name]++
		}
	}
	return counts
}

// fills reports whether the row has a value for each column of the key. A hash counts by what it is of.
func (n *node) fills(k catalog.Match) bool {
	for _, part := range k.Keys {
		for _, name := range part.Columns {
			if c, _ := n.table.Column(name); c.Tags.HashOf != "" {
				name = c.Tags.HashOf
			}
			if raw := n.row[name]; raw == nil || string(raw) == "null" {
				return false
			}
		}
	}
	return true
}
