package catalog

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// drawTables draws tables t00, t01, … with random references.
func drawTables(rt *rapid.T) []*Table {
	n := rapid.IntRange(1, 14).Draw(rt, "tables")
	tables := make([]*Table, n)
	for i := range tables {
		tables[i] = &Table{Name: fmt.Sprintf("t%02d", i)}
	}
	for range rapid.IntRange(0, 3*n).Draw(rt, "references") {
		from, to := rapid.IntRange(0, n-1).Draw(rt, "from"), rapid.IntRange(0, n-1).Draw(rt, "to")
		tables[from].ForeignKeys = append(tables[from].ForeignKeys, ForeignKey{
			Target: tables[to], NotNull: rapid.Bool().Draw(rt, "not null"), Deferrable: rapid.IntRange(0, 3).Draw(rt, "deferrable") == 0,
		})
	}
	return tables
}

// reaches reports whether references of the given sort lead from a to z.
func reaches(a, z *Table, follow func(ForeignKey) bool) bool {
	seen := map[*Table]bool{}
	var walk func(t *Table) bool
	walk = func(t *Table) bool {
		if t == z {
			return true
		}
		if seen[t] {
			return false
		}
		seen[t] = true
		return slices.ContainsFunc(t.ForeignKeys, func(k ForeignKey) bool { return k.Target != nil && follow(k) && walk(k.Target) })
	}
	return walk(a)
}

func TestOrderBreaksOnlyWhatACircleForces(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		tables := drawTables(rt)
		before := slices.Clone(tables)
		sortTables(tables)
		require.ElementsMatch(rt, before, tables)
		for i, from := range tables {
			for _, k := range from.ForeignKeys {
				late := slices.Index(tables, k.Target) >= i
				require.Equal(rt, late, k.Late)
				if !late {
					continue
				}
				all := func(ForeignKey) bool { return true }
				notNull := func(k ForeignKey) bool { return k.NotNull }
				require.True(rt, reaches(k.Target, from, all), "%s → %s is on no circle", from.Name, k.Target.Name)
				if k.NotNull {
					require.True(rt, reaches(k.Target, from, notNull), "%s → %s is NOT NULL, and its circle could be broken elsewhere", from.Name, k.Target.Name)
				}
			}
		}
	})
}

func TestOrderIsTheSameHoweverReferencesAreListed(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		tables := drawTables(rt)
		again := slices.Clone(tables)
		sortTables(tables)
		for _, table := range again {
			slices.Reverse(table.ForeignKeys)
		}
		sortTables(again)
		require.Equal(rt, names(tables), names(again))
	})
}

func TestOrderOfKnownShapes(t *testing.T) {
	t.Parallel()
	type ref struct {
		from, to string
		key      ForeignKey
	}
	optional, required, deferred := ForeignKey{}, ForeignKey{NotNull: true}, ForeignKey{NotNull: true, Deferrable: true}
	for name, tc := range map[string]struct {
		refs []ref
		want []string
		late int
	}{
		"names alone":                 {nil, []string{"a", "b", "c"}, 0},
		"chain":                       {[]ref{{"a", "b", required}, {"b", "c", required}}, []string{"c", "b", "a"}, 0},
		"nullable references order":   {[]ref{{"a", "c", optional}}, []string{"c", "a", "b"}, 0},
		"self-reference":              {[]ref{{"b", "b", required}}, []string{"a", "b", "c"}, 1},
		"circle broken at a nullable": {[]ref{{"a", "b", required}, {"b", "a", optional}}, []string{"b", "a", "c"}, 1},
		"circle broken at the first":  {[]ref{{"a", "b", optional}, {"b", "a", optional}}, []string{"a", "b", "c"}, 1},
		"fewest broken":               {[]ref{{"a", "b", optional}, {"a", "c", optional}, {"b", "a", optional}, {"c", "a", optional}}, []string{"b", "a", "c"}, 2},
		"circle of NOT NULL":          {[]ref{{"a", "b", required}, {"b", "a", deferred}}, []string{"b", "a", "c"}, 1},
		"what hangs on a circle waits": {
			[]ref{{"a", "b", optional}, {"b", "c", optional}, {"c", "b", optional}},
			[]string{"b", "c", "a"},
			1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tables := []*Table{{Name: "a"}, {Name: "b"}, {Name: "c"}}
			for _, r := range tc.refs {
				from, to := tables[r.from[0]-'a'], tables[r.to[0]-'a']
				r.key.Target = to
				from.ForeignKeys = append(from.ForeignKeys, r.key)
			}
			sortTables(tables)
			require.Equal(t, tc.want, names(tables))
			late := 0
			for _, table := range tables {
				for _, k := range table.ForeignKeys {
					if k.Late {
						late++
					}
				}
			}
			require.Equal(t, tc.late, late)
		})
	}
}

func names(tables []*Table) []string {
	all := make([]string, len(tables))
	for i, t := range tables {
		all[i] = t.Name
	}
	return all
}
