package mapping

import "slices"

// likeness says how well a header's terms fit those of a field: 1 if they mean the same, 0 if they exclude each other.
//
// It is the weight of what both have, in proportion to that and what only one has. Where each side has a term of its own
// that distinguishes it, they are two things ("billing city", "shipping city"), whatever they share.
func (l *lexicon) likeness(header, field []string) float64 {
	var only, lacking [8]string // on the stack for names of usual length
	onlyHeader, onlyField := only[:0], lacking[:0]
	shared, unmatched := 0.0, 0.0
	generic := true // what they share says little by itself
	rest := append(make([]string, 0, 8), field...)
	for _, t := range header {
		best, how := -1, 0.0
		for i, f := range rest {
			if a := l.alike(t, f); a > how {
				best, how = i, a
			}
		}
		if best < 0 {
			onlyHeader = append(onlyHeader, t)
			continue
		}
		w := l.weigh(rest[best]).shared
		generic = generic && w < 1
		shared += w * how
		unmatched += w * (1 - how)
		rest = slices.Delete(rest, best, best+1)
	}
	onlyField = append(onlyField, rest...)
	if shared == 0 || l.excluded(onlyHeader, onlyField) {
		return 0
	}
	if len(onlyHeader)+len(onlyField) == 0 {
		return shared / (shared + unmatched)
	}
	moment := l.anyMoment(header) || l.anyMoment(field)
	distinct := 0
	for _, t := range onlyHeader {
		cost := l.lack(t, moment).header
		if slices.ContainsFunc(field, func(f string) bool { return l.alike(t, f) > 0.7 }) {
			cost = min(cost, repeated) // "Company / Account"
		}
		unmatched += cost
		if cost >= 1 {
			distinct |= 1
		}
	}
	for _, t := range onlyField {
		cost := l.lack(t, moment).field
		unmatched += cost
		if cost >= 1 {
			distinct |= 2
		}
	}
	if distinct == 3 {
		return 0
	}
	if distinct != 0 && len(header)+len(field) < 8 {
		unmatched *= 1.3 // three words in common do not make up for a fourth
	}
	return shared / (shared + unmatched)
}

// repeated is what a term costs that says again what the other side has.
const repeated = 0.1

// lack is the weight of a term that one side lacks. "start" and "start date" are one thing, "order" and "order date" are not.
func (l *lexicon) lack(term string, moment bool) weight {
	if term == "date" && moment {
		return weight{header: 0.3, field: 0.3}
	}
	return l.weigh(term)
}

func (l *lexicon) anyMoment(terms []string) bool {
	return slices.ContainsFunc(terms, func(t string) bool { return l.moment[t] })
}

func (l *lexicon) excluded(a, b []string) bool {
	for _, x := range a {
		for _, y := range b {
			if l.exclude(x, y) {
				return true
			}
		}
	}
	return false
}
