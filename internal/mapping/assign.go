package mapping

import "slices"

// pair is a column that may go into a field, and what that is worth: above 0.
type pair struct {
	field, column int
	worth         float64
}

// assign picks pairs, each field and each column at most once, such that their total worth is the greatest there is. It
// gives the column of every field, -1 for none. Pairs must be free of doubles; equal totals are settled by their order.
//
// It is the shortest augmenting path algorithm (Jonker and Volgenant, Computing 38, 1987) on lists of neighbours: a
// field's search sees no more than the pairs that are connected with it. Every field has a column of its own besides,
// worth nothing: to be left out.
func assign(fields int, pairs []pair) []int {
	columns := 0
	for _, p := range pairs {
		columns = max(columns, p.column+1)
	}
	s := solver{
		edges: make([][]edge, fields), owner: make([]int, columns+fields), taken: make([]int, fields),
		rowPrice: make([]float64, fields), colPrice: make([]float64, columns+fields),
		dist: make([]float64, columns+fields), via: make([]int, columns+fields), state: make([]uint8, columns+fields),
	}
	for _, p := range pairs {
		s.edges[p.field] = append(s.edges[p.field], edge{p.column, -p.worth})
	}
	for c := range s.owner {
		s.owner[c] = -1
	}
	for f := range fields {
		s.taken[f] = -1
		s.edges[f] = append(best(s.edges[f], fields), edge{columns + f, 0})
	}
	for f := range fields {
		s.augment(f)
	}
	for f, c := range s.taken {
		if c >= columns {
			s.taken[f] = -1
		}
	}
	return s.taken
}

// best keeps the n cheapest edges. With n fields in all, one of a field's n best columns is always left for it, so that
// no other can make a total better.
func best(edges []edge, n int) []edge {
	if len(edges) <= n {
		return edges
	}
	slices.SortStableFunc(edges, func(a, b edge) int {
		switch {
		case a.cost < b.cost:
			return -1
		case a.cost > b.cost:
			return 1
		}
		return a.column - b.column
	})
	return edges[:n]
}

type edge struct {
	column int
	cost   float64
}

// solver keeps, for every edge, cost − rowPrice − colPrice ≥ 0, and = 0 on those that are taken.
type solver struct {
	edges              [][]edge // by field
	owner              []int    // by column: the field that takes it
	taken              []int    // by field: the column it takes
	rowPrice, colPrice []float64

	dist  []float64 // by column, in the search at hand
	via   []int     // by column: the field from which it was reached
	state []uint8   // by column
}

const (
	unseen uint8 = iota
	seen
	settled
)

// augment gives field f a column, at the least cost to all, moving others on where that pays.
func (s *solver) augment(f int) {
	s.rowPrice[f] = s.edges[f][0].cost - s.colPrice[s.edges[f][0].column]
	for _, e := range s.edges[f] {
		s.rowPrice[f] = min(s.rowPrice[f], e.cost-s.colPrice[e.column])
	}
	var reached []int
	field, so, end := f, 0.0, -1
	for end < 0 {
		for _, e := range s.edges[field] {
			d := so + e.cost - s.rowPrice[field] - s.colPrice[e.column]
			switch {
			case s.state[e.column] == unseen:
				reached = append(reached, e.column)
				s.state[e.column] = seen
			case s.state[e.column] == settled || s.dist[e.column] <= d:
				continue
			}
			s.dist[e.column], s.via[e.column] = d, field
		}
		next := s.nearest(reached)
		so, s.state[next] = s.dist[next], settled
		if field = s.owner[next]; field < 0 {
			end = next
		}
	}
	s.rowPrice[f] += so
	for _, c := range reached {
		if s.state[c] == settled && c != end {
			s.colPrice[c] -= so - s.dist[c]
			s.rowPrice[s.owner[c]] += so - s.dist[c]
		}
		s.state[c] = unseen
	}
	for c := end; ; {
		field := s.via[c]
		s.owner[c], s.taken[field], c = field, c, s.taken[field]
		if field == f {
			return
		}
	}
}

// nearest gives the column that is seen but not settled, of the least distance.
func (s *solver) nearest(reached []int) int {
	next := -1
	for _, c := range reached {
		if s.state[c] == seen && (next < 0 || s.dist[c] < s.dist[next]) {
			next = c
		}
	}
	return next
}
