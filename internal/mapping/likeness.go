package mapping

import "slices"

// What a term costs that one side lacks, in cases of their own.
const (
	dated    = 0.3 // "start" and "start date" are one thing, though "order" and "order date" are not
	repeated = 0.1 // it says again what the other side has: "Company / Account"
	apart    = 1.3 // times: words in common do not make up for one that distinguishes
)

// likeness says how well a header's terms fit those of a field: 1 if they mean the same, 0 if they exclude each other.
//
// It is the weight of what both have, in proportion to that and what only one has. Where each side has a term of its own
// that distinguishes it, they are two things ("billing city", "shipping city"), whatever they share.
func likeness(header, field []*term) float64 {
	var a, b [8]*term // on the stack for names of usual length
	onlyHeader, onlyField := a[:0], append(b[:0], field...)
	shared, lost := 0.0, 0.0
	for _, t := range header {
		best, how := -1, 0.0
		for i, f := range onlyField {
			if like := t.alike(f); like > how {
				best, how = i, like
			}
		}
		if best < 0 {
			onlyHeader = append(onlyHeader, t)
			continue
		}
		w := onlyField[best].weight.shared
		shared += w * how
		lost += w * (1 - how)
		onlyField = slices.Delete(onlyField, best, best+1)
	}
	if shared == 0 || excluded(onlyHeader, onlyField) {
		return 0
	}
	moment := anyMoment(header) || anyMoment(field)
	h, headerOwn := lacked(onlyHeader, field, moment, func(w weight) float64 { return w.header })
	f, fieldOwn := lacked(onlyField, header, moment, func(w weight) float64 { return w.field })
	if headerOwn && fieldOwn {
		return 0
	}
	lost += h + f
	if headerOwn || fieldOwn {
		lost *= apart
	}
	return shared / (shared + lost)
}

// lacked sums up what it costs that the other side lacks terms, and reports whether one of them distinguishes.
func lacked(terms, other []*term, moment bool, weigh func(weight) float64) (sum float64, own bool) {
	for _, t := range terms {
		cost := weigh(t.weight)
		if moment && t.name == "date" {
			cost = dated
		}
		if cost > repeated && slices.ContainsFunc(other, func(o *term) bool { return t.alike(o) > 0.7 }) {
			cost = repeated
		}
		sum += cost
		own = own || cost >= 1
	}
	return sum, own
}

func anyMoment(terms []*term) bool {
	for _, t := range terms {
		if t.moment {
			return true
		}
	}
	return false
}

func excluded(a, b []*term) bool {
	for _, x := range a {
		if slices.ContainsFunc(b, x.excludes) {
			return true
		}
	}
	return false
}
