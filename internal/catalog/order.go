package catalog

import (
	"cmp"
	"slices"
)

// sortTables puts the tables, which come sorted by name, into foreign-key order and marks the references that point
// backwards.
//
// The tables fall into strongly connected components, and a component stands after those that its tables refer to. Most are
// one table. From a larger one, a circle, one table is taken out to stand first, which breaks its references into the rest;
// the rest is ordered in the same way. Taken is a table that does not need another of the circle: one without NOT NULL
// references into it. Only if the NOT NULL references form a circle by themselves is one of those broken, a deferrable one
// where there is one. Of several tables that would do, the one that breaks the fewest references is taken, then the first
// by name. So equal schemas give equal orders.
func sortTables(tables []*Table) {
	g := newGraph(tables)
	all := make([]int, len(tables))
	for i := range all {
		all[i] = i
	}
	order := g.order(all)
	sorted := make([]*Table, len(tables))
	place := make(map[*Table]int, len(tables))
	for i, n := range order {
		sorted[i] = tables[n]
		place[tables[n]] = i
	}
	copy(tables, sorted)
	for i, t := range tables {
		for j := range t.ForeignKeys {
			k := &t.ForeignKeys[j]
			k.Late = k.Target != nil && place[k.Target] >= i
		}
	}
}

// graph has an edge from every table to each that it refers to. Tables are numbers.
type graph [][]edge

type edge struct {
	to   int
	hard hardness
}

// hardness says what it costs to write a row before the one that it refers to.
type hardness int

const (
	nullable   hardness = iota // it can be set later
	deferrable                 // NOT NULL, but checked at the end of the transaction
	required                   // NOT NULL, checked at once
)

func newGraph(tables []*Table) graph {
	number := make(map[*Table]int, len(tables))
	for i, t := range tables {
		number[t] = i
	}
	g := make(graph, len(tables))
	for i, t := range tables {
		for _, k := range t.ForeignKeys {
			to, ok := number[k.Target]
			if !ok || to == i {
				continue
			}
			e := edge{to: to}
			switch {
			case k.NotNull && k.Deferrable:
				e.hard = deferrable
			case k.NotNull:
				e.hard = required
			}
			g[i] = append(g[i], e)
		}
		slices.SortFunc(g[i], func(a, z edge) int { return cmp.Compare(a.to, z.to) })
	}
	return g
}

// order gives the nodes, which come sorted, so that each stands after those it refers to.
func (g graph) order(nodes []int) []int {
	var sorted []int
	for _, circle := range g.components(nodes, nullable) {
		if len(circle) == 1 {
			sorted = append(sorted, circle[0])
			continue
		}
		first := g.first(circle)
		rest := slices.DeleteFunc(circle, func(n int) bool { return n == first })
		sorted = append(append(sorted, first), g.order(rest)...)
	}
	return sorted
}

// first chooses which table of a circle is written before the others.
func (g graph) first(circle []int) int {
	group := make(map[int]int, len(circle)) // node → its component by NOT NULL references alone
	for i, c := range g.components(circle, deferrable) {
		for _, n := range c {
			group[n] = i
		}
	}
	cost := func(n int) []int {
		needs, broken := 0, [3]int{}
		for _, e := range g[n] {
			other, inside := group[e.to]
			switch {
			case !inside:
			case e.hard > nullable && other != group[n]:
				needs++ // that one can stand before this, and must
			default:
				broken[e.hard]++
			}
		}
		return []int{min(needs, 1), broken[required], broken[deferrable], broken[nullable], n}
	}
	return slices.MinFunc(circle, func(a, z int) int { return slices.Compare(cost(a), cost(z)) })
}

// components gives the strongly connected components of the nodes by edges at least as hard as given (Tarjan): each stands
// after those that it refers to, and is sorted.
func (g graph) components(nodes []int, least hardness) [][]int {
	s := &search{g: g, least: least, seen: make(map[int]int, len(nodes)), low: make(map[int]int, len(nodes)), open: make(map[int]bool, len(nodes))}
	s.within = make(map[int]bool, len(nodes))
	for _, n := range nodes {
		s.within[n] = true
	}
	for _, n := range nodes {
		if s.seen[n] == 0 {
			s.visit(n)
		}
	}
	return s.found
}

type search struct {
	g      graph
	least  hardness
	within map[int]bool
	seen   map[int]int // when, from 1
	low    map[int]int // the earliest open node that is reached
	open   map[int]bool
	stack  []int
	found  [][]int
}

func (s *search) visit(n int) {
	s.seen[n] = len(s.seen) + 1
	s.low[n] = s.seen[n]
	s.stack, s.open[n] = append(s.stack, n), true
	for _, e := range s.g[n] {
		if !s.within[e.to] || e.hard < s.least {
			continue
		}
		if s.seen[e.to] == 0 {
			s.visit(e.to)
			s.low[n] = min(s.low[n], s.low[e.to])
		} else if s.open[e.to] {
			s.low[n] = min(s.low[n], s.seen[e.to])
		}
	}
	if s.low[n] != s.seen[n] {
		return
	}
	from := slices.Index(s.stack, n)
	component := slices.Clone(s.stack[from:])
	s.stack = s.stack[:from]
	for _, m := range component {
		s.open[m] = false
	}
	slices.Sort(component)
	s.found = append(s.found, component)
}
