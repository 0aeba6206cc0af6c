package mapping

import (
	"iter"
	"math"
	"slices"

	"wharf/internal/rowprogram"
)

const (
	threshold  = 0.7  // likeness, after the values were asked, from which a column is proposed
	worthALook = 0.55 // likeness of names from which the values are asked
	tooClose   = 0.02 // likenesses that differ by less are equal
)

// readAll understands the names of all fields and of the columns that are still free.
func (p *proposer) readAll() {
	p.fieldReadings = make([][]reading, len(p.fields))
	var names [][]reading
	for f, field := range p.fields {
		p.fieldReadings[f] = p.reader.read(field.Name)
		for _, name := range append([]string{field.Label()}, field.Aliases...) {
			for _, r := range p.reader.read(name) {
				if !slices.ContainsFunc(p.fieldReadings[f], func(o reading) bool { return slices.Equal(o.terms, r.terms) }) {
					p.fieldReadings[f] = append(p.fieldReadings[f], r)
				}
			}
		}
		names = append(names, p.fieldReadings[f])
	}
	people(names)
	p.headerReadings = make([][]reading, len(p.header))
	for c := range p.header {
		p.headerReadings[c] = p.reader.read(p.header[c])
	}
	people(p.headerReadings)
	p.commonWords()
}

// people tells what a bare "name" means beside one half of a person's name: the other half.
func people(names [][]reading) {
	has := func(term string) bool {
		return slices.ContainsFunc(names, func(rs []reading) bool {
			return slices.ContainsFunc(rs, func(r reading) bool { return r.means(term) })
		})
	}
	given, family := has("given"), has("family")
	if given == family {
		return
	}
	half := "given"
	if given {
		half = "family"
	}
	for i, rs := range names {
		if len(rs) > 0 && rs[0].means("name") {
			names[i] = []reading{rs[0].as(words().all([]string{half}), 0.95)}
		}
	}
}

// commonWords leaves out, as a further reading, a term that most headers share: it tells none of them apart.
func (p *proposer) commonWords() {
	count, named := map[*term]int{}, 0
	for _, rs := range p.headerReadings {
		if len(rs) == 0 {
			continue
		}
		named++
		for _, t := range rs[0].terms {
			count[t]++
		}
	}
	for c, rs := range p.headerReadings {
		if len(rs) == 0 {
			continue
		}
		rest := slices.DeleteFunc(slices.Clone(rs[0].terms), func(t *term) bool { return named >= 4 && count[t]*5 >= named*3 })
		if len(rest) > 0 && len(rest) < len(rs[0].terms) {
			p.headerReadings[c] = append(rs, rs[0].as(rest, understood))
		}
	}
}

// bySimilarity takes the columns that are most like fields, all in all, where no other is as much like one.
func (p *proposer) bySimilarity() {
	pairs := p.likely()
	taken := assign(len(p.fields), pairs)
	like := make(map[[2]int]float64, len(pairs))
	for _, pr := range pairs {
		like[[2]int{pr.field, pr.column}] = pr.worth
	}
	field := map[int]int{} // by column
	for f, c := range taken {
		if c >= 0 {
			field[c] = f
		}
	}
	doubtful := map[int]bool{} // fields
	for _, pr := range pairs {
		f, c := pr.field, pr.column
		g, assigned := field[c]
		if taken[f] == c || taken[f] < 0 && !assigned {
			continue
		}
		before, after := 0.0, pr.worth // of the fields and columns concerned, as taken and with this pair in their place
		if taken[f] >= 0 {
			before += like[[2]int{f, taken[f]}]
		}
		if assigned {
			before += like[[2]int{g, c}]
		}
		if taken[f] >= 0 && assigned {
			after += like[[2]int{g, taken[f]}]
		}
		if after < before-tooClose {
			continue
		}
		if taken[f] >= 0 {
			doubtful[f] = true
		}
		if assigned {
			doubtful[g] = true
		}
	}
	for f, i := range taken {
		if i >= 0 && !doubtful[f] {
			p.take(f, p.order[i], math.Round(1000*similarConfidence*(like[[2]int{f, i}]+threshold))/1000, Similar)
		}
	}
}

// likely gives the free fields and columns that are like each other, worth what their likeness is above the threshold.
// A pair's column is its place in the order of names.
func (p *proposer) likely() []pair {
	index, readings := p.index()
	best := make([]float64, len(p.fields)) // likeness to the column at hand
	tried := make([]int, len(readings))    // the last header's reading, counted from 1, that each was compared with
	attempt := 0
	var pairs []pair
	for i, c := range p.order {
		if !p.free(c) {
			continue
		}
		var fields []int
		for _, h := range p.headerReadings[c] {
			attempt++
			for _, t := range h.terms {
				for n := range index.of(t) {
					if tried[n] == attempt {
						continue
					}
					tried[n] = attempt
					f := readings[n]
					if h.contradicts(p.fields[f.field].Type) {
						continue
					}
					l := likeness(h.terms, f.terms) * h.sure * f.sure
					if l < worthALook || l <= best[f.field] {
						continue
					}
					if best[f.field] == 0 {
						fields = append(fields, f.field)
					}
					best[f.field] = l
				}
			}
		}
		slices.Sort(fields)
		for _, f := range fields {
			if l := p.values.check(f, c).weigh(best[f]); l >= threshold {
				pairs = append(pairs, pair{f, i, l - threshold + 1e-6})
			}
			best[f] = 0
		}
	}
	return pairs
}

// contradicts reports whether a header says by itself that its values are not of a field's type.
func (r reading) contradicts(kind string) bool {
	switch kind {
	case rowprogram.TypeBoolean:
		return r.has("date") || r.has("time")
	case rowprogram.TypeNumber, rowprogram.TypeEmail, rowprogram.TypePhone:
		return r.flag || r.has("date")
	case rowprogram.TypeDate:
		return r.flag
	}
	return false
}

// fieldReading is a reading of a field.
type fieldReading struct {
	reading
	field int
}

// termIndex finds the readings of fields, by their number, that hold a term.
type termIndex map[*term][]int

// index lists the readings of the free fields.
func (p *proposer) index() (termIndex, []fieldReading) {
	external := slices.ContainsFunc(p.fieldReadings, func(rs []reading) bool { return len(rs) > 0 && rs[0].means("external", "id") })
	index := termIndex{}
	var all []fieldReading
	for f, rs := range p.fieldReadings {
		if p.columns[f] >= 0 || external && len(rs) > 0 && rs[0].means("id") { // another system's ids are not the table's own
			continue
		}
		for _, r := range rs {
			for _, t := range r.terms {
				index[t] = append(index[t], len(all))
			}
			all = append(all, fieldReading{r, f})
		}
	}
	return index, all
}

// of gives the readings that hold the term or one near it.
func (x termIndex) of(t *term) iter.Seq[int] {
	return func(yield func(int) bool) {
		for _, n := range x[t] {
			if !yield(n) {
				return
			}
		}
		for _, near := range t.near {
			for _, n := range x[near.term] {
				if !yield(n) {
					return
				}
			}
		}
	}
}
