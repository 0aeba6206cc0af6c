package exporter

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// graph is a random schema of tables t0, t1, … and its rows, each with an id from 1 on.
type graph struct {
	tables []graphTable
}

type graphTable struct {
	refs []graphRef
	rows [][]graphValue // by row, a value for each of refs
}

// graphRef is a foreign key to the only target, or a polymorphic pair to any of them.
type graphRef struct {
	targets []int
	poly    bool
	notNull bool
	cascade bool
}

// graphValue is the row that a reference means; id 0: none.
type graphValue struct{ table, id int }

func drawGraph(t *rapid.T) graph {
	g := graph{tables: make([]graphTable, rapid.IntRange(2, 5).Draw(t, "tables"))}
	anyTable := rapid.IntRange(0, len(g.tables)-1)
	for i := range g.tables {
		g.tables[i].rows = make([][]graphValue, rapid.IntRange(1, 5).Draw(t, "rows"))
		for range rapid.IntRange(0, 3).Draw(t, "refs") {
			r := graphRef{targets: []int{anyTable.Draw(t, "target")}, poly: rapid.IntRange(0, 3).Draw(t, "kind") == 0}
			r.notNull = rapid.Bool().Draw(t, "not null")
			r.cascade = !r.poly && rapid.IntRange(0, 3).Draw(t, "cascade") == 0
			if other := anyTable.Draw(t, "target"); r.poly && other != r.targets[0] {
				r.targets = append(r.targets, other)
			}
			g.tables[i].refs = append(g.tables[i].refs, r)
		}
	}
	for _, table := range g.tables {
		for row := range table.rows {
			for _, r := range table.refs {
				v := graphValue{table: rapid.SampledFrom(r.targets).Draw(t, "means")}
				v.id = rapid.IntRange(0, len(g.tables[v.table].rows)).Draw(t, "id")
				if r.notNull {
					v.id = max(v.id, 1)
				}
				table.rows[row] = append(table.rows[row], v)
			}
		}
	}
	return g
}

// sql makes the tables and their rows, for a role that may leave the checks out.
func (g graph) sql(tenant string) string {
	var create, alter, insert strings.Builder
	for i, table := range g.tables {
		fmt.Fprintf(&create, "CREATE TABLE t%d (id int PRIMARY KEY, tenant_id uuid NOT NULL);\n", i)
		for n, r := range table.refs {
			null := map[bool]string{true: " NOT NULL", false: ""}[r.notNull]
			if !r.poly {
				cascade := map[bool]string{true: " ON DELETE CASCADE", false: ""}[r.cascade]
				fmt.Fprintf(&alter, "ALTER TABLE t%d ADD r%d_id int%s REFERENCES t%d%s;\n", i, n, null, r.targets[0], cascade)
				continue
			}
			pairs := make([]string, 0, len(r.targets))
			for _, to := range r.targets {
				pairs = append(pairs, fmt.Sprintf("k%d=t%d", to, to))
			}
			fmt.Fprintf(&alter, "ALTER TABLE t%d ADD r%d_type text, ADD r%d_id int%s; COMMENT ON COLUMN t%d.r%d_id IS '@poly %s';\n",
				i, n, n, null, i, n, strings.Join(pairs, " "))
		}
		for id, row := range table.rows {
			names, values := "id, tenant_id", fmt.Sprintf("%d, '%s'", id+1, tenant)
			for n, v := range row {
				if table.refs[n].poly {
					names, values = names+fmt.Sprintf(", r%d_type", n), values+fmt.Sprintf(", 'k%d'", v.table)
				}
				names, values = names+fmt.Sprintf(", r%d_id", n), values+fmt.Sprintf(", nullif(%d, 0)", v.id)
			}
			fmt.Fprintf(&insert, "INSERT INTO t%d (%s) VALUES (%s);\n", i, names, values)
		}
	}
	return create.String() + alter.String() + "SET LOCAL session_replication_role = replica;\n" + insert.String()
}

// leads reports whether table i refers to table j, over others too; those for which stop holds lead no further.
func (g graph) leads(i, j int, stop func(int) bool, seen map[int]bool) bool {
	for _, r := range g.tables[i].refs {
		for _, to := range r.targets {
			if to == j {
				return true
			}
			if !seen[to] && !stop(to) {
				seen[to] = true
				if g.leads(to, j, stop, seen) {
					return true
				}
			}
		}
	}
	return false
}

// belonging finds what belongs to row 1 of t0 as the rules say it, row by row, until nothing more is found.
func (g graph) belonging() map[graphValue]bool {
	above := func(i int) bool { return i != 0 && g.leads(0, i, func(i int) bool { return i == 0 }, map[int]bool{}) }
	through := func(i int) bool {
		return i != 0 && !above(i) && g.leads(i, 0, func(i int) bool { return i == 0 || above(i) }, map[int]bool{})
	}
	in := map[graphValue]bool{{0, 1}: true}
	for before := 0; before < len(in); {
		before = len(in)
		for i, table := range g.tables {
			for row := range table.rows {
				if i != 0 && g.belongs(i, row, in, above(i), through) {
					in[graphValue{i, row + 1}] = true
				}
			}
		}
	}
	return in
}

func (g graph) belongs(i, row int, in map[graphValue]bool, above bool, through func(int) bool) bool {
	var people, firm, loose []graphValue
	for n, v := range g.tables[i].rows[row] {
		r := g.tables[i].refs[n]
		switch {
		case v.id == 0:
		case v.table == 0:
			people = append(people, v)
		case above || !through(v.table):
		case r.notNull || r.cascade:
			firm = append(firm, v)
		default:
			loose = append(loose, v)
		}
	}
	for _, strongest := range [][]graphValue{people, firm, loose} {
		if len(strongest) > 0 {
			return slices.ContainsFunc(strongest, func(v graphValue) bool { return in[v] })
		}
	}
	return false
}

func TestWhatIsReachedIsWhatTheRulesSayOnAnyGraph(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	k := newKin(t, "SELECT 1")
	admin := k.db.Admin(t)
	rapid.Check(t, func(rt *rapid.T) {
		g := drawGraph(rt)
		tx, err := admin.Begin(ctx)
		require.NoError(rt, err)
		defer func() { _ = tx.Rollback(ctx) }()
		_, err = tx.Exec(ctx, g.sql(k.mine.String()), pgx.QueryExecModeSimpleProtocol)
		require.NoError(rt, err)
		want := map[string][]string{}
		for v := range g.belonging() {
			name := fmt.Sprintf("t%d", v.table)
			want[name] = append(want[name], fmt.Sprint(v.id))
			slices.Sort(want[name])
		}
		found, err := k.findIn(t, tx, "t0", "1", "x.id::text", maxSubjectRows)
		require.NoError(rt, err)
		require.Equal(rt, want, found)
	})
}
