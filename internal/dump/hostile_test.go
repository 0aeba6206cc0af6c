package dump_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wharf/internal/catalog"
	"wharf/internal/fault"
)

func TestDocumentsThatContradictThemselvesAreRefused(t *testing.T) {
	t.Parallel()
	w := newTown(t, oddTables)
	contact := func(n int, rest string) string { return `{"id": "` + id(n) + `", ` + rest + `}` }
	for name, tc := range map[string]struct {
		doc  []string
		told []string
	}{
		"two rows of one id, which others name": {
			[]string{
				`"companies": [` + contact(1, `"external_id": "a", "name": "a"`) + `,` + contact(2, `"external_id": "b", "name": "b"`) + `,` + contact(1, `"external_id": "c", "name": "c"`) + `]`,
				`"contacts": [{"company_id": "` + id(1) + `"}]`,
			},
			[]string{"companies", "3", "id"},
		},
		"two rows of one id, which nobody names": {
			[]string{`"webhooks": [` + contact(1, `"name": "a", "url": "a"`) + `,` + contact(1, `"name": "b", "url": "b"`) + `]`},
			[]string{"webhooks", "2", "id"},
		},
		"two rows of one number": {
			[]string{`"ledgers": [{"id": 1, "code": "a"}, {"id": 1, "code": "b"}]`, `"bookings": [{"ledger_id": 1}]`},
			[]string{"ledgers", "2", "id"},
		},
		"two live rows of one external_id": {
			[]string{`"contacts": [{"external_id": "a"}, {"external_id": "b"}, {"external_id": "a"}]`},
			[]string{"contacts", "3", "external_id"},
		},
		"two rows of one key that is an index's alone": {
			[]string{`"sales": [{"number": "1"}, {"number": "1"}]`},
			[]string{"sales", "2", "number"},
		},
		"two rows of one composite key": {
			[]string{`"shelves": [{"room": "r", "place": 1}, {"room": "r", "place": 1}]`},
			[]string{"shelves", "2", "room", "place"},
		},
		"two nested rows of one key": {
			[]string{`"pipelines": [{"id": "` + id(1) + `", "name": "p", "slug": "p", "stages": [{"name": "s", "slug": "s"}, {"name": "t", "slug": "s"}]}]`},
			[]string{"stages", "2", "slug"},
		},
		"appointments that overlap": {
			[]string{`"appointments": [{"reference": "a", "purpose": "p", "starts_at": "2024-05-01T12:00:00Z", "ends_at": "2024-05-01T11:00:00Z"}]`},
			[]string{"appointments"},
		},
		"a column twice in a row":         {[]string{`"companies": [{"name": "a", "name": "b"}]`}, []string{"companies", "1", "name"}},
		"a table twice":                   {[]string{`"companies": []`, `"companies": [{"name": "a"}]`}, []string{"companies"}},
		"a table that is no list":         {[]string{`"companies": {"name": "a"}`}, []string{"companies"}},
		"a row that is no object":         {[]string{`"companies": [{"name": "a"}, 5]`}, []string{"companies", "2"}},
		"nested rows that are none":       {[]string{`"pipelines": [{"name": "p", "slug": "p", "stages": {"name": "s"}}]`}, []string{"pipelines"}},
		"a row without what it must have": {[]string{`"companies": [{"name": "a"}, {"domain": "x"}]`}, []string{"companies", "2", "name"}},
		"a balance above the amount":      {[]string{`"vouchers": [{"code": "a", "amount": 1, "balance": 2}]`}, []string{"vouchers", "1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := w.anew(t)
			_, err := w.try(document(tc.doc...))
			require.Equal(t, fault.Invalid, fault.CodeOf(err), "%v", err)
			names(t, err, tc.told...)
			for table, sum := range w.unwritten(t, w.ours) {
				require.Equal(t, "0 rows ", sum, table)
			}
		})
	}
}

// badValues are JSON values that a column of its kind never takes.
func badValues(c *catalog.Column) []string {
	if c.Kind == catalog.KindJSON {
		return nil
	}
	bad := []string{`{"a": {"b": [1]}}`}
	if c.Num%2 == 0 && c.Kind != catalog.KindArray {
		bad = []string{`[[1]]`}
	}
	if c.Tags.User || c.Tags.File || c.Tags.Encrypted {
		return bad
	}
	switch c.Kind {
	case catalog.KindText:
		if c.MaxLength == 0 {
			bad = append(bad, `"a\u0000b"`)
		} else {
			bad = append(bad, `"`+strings.Repeat("ä", c.MaxLength+1)+`"`)
		}
		if c.Labels != nil {
			bad = append(bad, `"no such label"`)
		}
	case catalog.KindInteger:
		bad = append(bad, `1.5`, `1e99`)
	case catalog.KindNumeric:
		bad = append(bad, `"1,5"`, `true`)
	case catalog.KindFloat:
		bad = append(bad, `"1,5"`, `1e999`)
	case catalog.KindBoolean:
		bad = append(bad, `"perhaps"`, `2`)
	case catalog.KindArray:
		bad = append(bad, `[{"a": 1}]`, `5`)
	default:
		bad = append(bad, `"no such thing \u00e4"`)
	}
	return bad
}

// TestWrongTypesInEveryColumnAreToldByTableRowAndColumn puts what cannot be there into every column of every table, in the
// last row of it, beside whatever rows that one refers to.
func TestWrongTypesInEveryColumnAreToldByTableRowAndColumn(t *testing.T) {
	t.Parallel()
	w := newTown(t, "")
	w.seed(t, w.theirs, 1)
	g := graphOf(t, w.snapshot, w.export(t, w.theirs, "json"))
	tried := 0
	for _, table := range w.snapshot.Tables {
		if table.Operational {
			continue
		}
		of := closure(g, table)
		for _, c := range table.Columns {
			if c.Name == table.Scope.Column || c.Generated || c.Tags.HashOf != "" || c.Tags.Readonly {
				continue
			}
			bad := badValues(c)
			if c.NotNull && !c.Tags.File && c.Default == "" && c.Identity == "" && !slices.Contains(table.PrimaryKey, c.Name) && !decides(table, c) {
				bad = append(bad, "null")
			}
			for _, value := range bad {
				tried++
				doc, row := documentWith(t, of, table, c.Name, value)
				_, err := w.run(doc, false)
				require.Equal(t, fault.Invalid, fault.CodeOf(err), "%s.%s = %s: %v", table.Name, c.Name, value, err)
				names(t, err, table.Name, fmt.Sprint(row), c.Name)
			}
		}
	}
	require.Greater(t, tried, 800)
	for table, sum := range w.unwritten(t, w.ours) {
		require.Equal(t, "0 rows ", sum, table)
	}
}

// decides reports whether a column is part of a reference: a row that lacks it is left out instead.
func decides(table *catalog.Table, c *catalog.Column) bool {
	return slices.Contains(referring(table), c.Name) || slices.ContainsFunc(table.Polys, func(p catalog.Poly) bool { return p.TypeColumn == c.Name })
}

// closure gives a row of the table, and all that it refers to, and so on; it stands last.
func closure(g *graph, table *catalog.Table) []*node {
	i := slices.IndexFunc(g.nodes, func(n *node) bool { return n.table == table })
	seen := map[*node]bool{}
	var all []*node
	var visit func(n *node)
	visit = func(n *node) {
		if n == nil || seen[n] {
			return
		}
		seen[n] = true
		for _, e := range n.out {
			visit(e.to)
		}
		all = append(all, n)
	}
	visit(g.nodes[i])
	last := slices.Index(all, g.nodes[i])
	return append(slices.Delete(all, last, last+1), g.nodes[i])
}

// documentWith gives a document of the rows, in the last of which a column has another value; it tells that row's number.
func documentWith(t require.TestingT, nodes []*node, table *catalog.Table, column, value string) (doc string, row int) {
	tables := map[string][]any{}
	for i, n := range nodes {
		cells := maps.Clone(n.row)
		if i == len(nodes)-1 {
			cells[column] = json.RawMessage(value)
		}
		tables[n.table.Name] = append(tables[n.table.Name], cells)
	}
	members := []string{encode(t, table.Name) + ": " + encode(t, tables[table.Name])} // first, so that it is soon told
	for name, rows := range tables {
		if name != table.Name {
			members = append(members, encode(t, name)+": "+encode(t, rows))
		}
	}
	return document(members...), len(tables[table.Name])
}
