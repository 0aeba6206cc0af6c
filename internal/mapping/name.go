package mapping

import (
	"slices"
	"strings"
)

// reading is one way to understand a name: its terms, sorted by name, without words that say nothing.
type reading struct {
	terms []*term
	sure  float64 // 0–1: what the likeness to another reading is multiplied by
	flag  bool    // it asks for yes or no: "Is deleted"
}

// means reports whether the reading is these terms, given in order.
func (r reading) means(names ...string) bool {
	return slices.EqualFunc(r.terms, names, func(t *term, name string) bool { return t.name == name })
}

// as gives the reading with other terms, that are so much less sure.
func (r reading) as(terms []*term, sure float64) reading {
	return reading{terms, r.sure * sure, r.flag}
}

// has reports whether the term is among those of the reading.
func (r reading) has(name string) bool {
	return slices.ContainsFunc(r.terms, func(t *term) bool { return t.name == name })
}

// reader understands names. Besides the lexicon's words it knows those of the fields.
type reader struct {
	*lexicon
	own     vocabulary
	unknown map[string]*term
	subject []*term // what a row is
}

// What remains of a reading's sureness where …
const (
	misspelt   = 0.9  // a word was taken for another
	understood = 0.97 // what a row is was left out
	ownName    = 0.85 // a name that says what a row is was taken for the row's name
	ownNumber  = 0.8  // … its number
	ownID      = 0.9  // a row's number was taken for what another system knows it by
)

func newReader(fields []string, subject string) *reader {
	r := &reader{lexicon: words(), own: newVocabulary(), unknown: map[string]*term{}}
	for _, name := range fields {
		if len(name) > mostName {
			continue
		}
		for _, w := range split(name) {
			if !r.vocabulary.words[w] {
				r.own.add(w)
			}
		}
	}
	if parts := split(subject); len(parts) > 0 { // "sale_items": a row is an item
		r.subject = r.understand(parts[len(parts)-1:]).terms
	}
	return r
}

// mostName is the bytes of a name that is read; a longer one is a text, and compared as such only.
const mostName = 256

// read gives the ways to understand a name, the plainest first; none for a name without words, or a long text.
func (r *reader) read(name string) []reading {
	if len(name) > mostName {
		return nil
	}
	whole := r.understand(split(name))
	if len(whole.terms) == 0 {
		return nil
	}
	out := []reading{whole}
	rest := slices.DeleteFunc(slices.Clone(whole.terms), func(t *term) bool {
		return slices.ContainsFunc(r.subject, func(s *term) bool { return s.alike(t) > 0.8 })
	})
	switch {
	case len(rest) == len(whole.terms):
	case len(rest) == 0: // "Company" in a list of companies is a company's name, "Invoice" in one of invoices its number
		out = append(out, whole.as(r.all([]string{"name"}), ownName), whole.as(r.all([]string{"number"}), ownNumber))
	default:
		out = append(out, whole.as(rest, understood))
		if len(rest) == 1 && slices.Contains(ownIDs, rest[0].name) {
			out = append(out, whole.as(r.all([]string{"external", "id"}), ownID))
		}
	}
	return out
}

// ownIDs are terms by which files number what they list: "Customer No." of customers is what their system knows them by.
var ownIDs = []string{"id", "number", "reference"}

// understand finds what words mean together.
func (r *reader) understand(parts []string) reading {
	out := reading{sure: 1}
	var spelt []string
	for _, w := range parts {
		more, sure := r.spell(w)
		spelt, out.sure = append(spelt, more...), min(out.sure, sure)
	}
	out.flag = len(spelt) > 1 && slices.Contains([]string{"is", "has", "was"}, spelt[0])
	if n := len(spelt); n > 1 && (spelt[n-1] == "at" || spelt[n-1] == "on") {
		spelt[n-1] = "date" // closed_at, issued_on
	}
	for i := 0; i < len(spelt); {
		found, n := r.phrase(spelt[i:])
		out.terms = append(out.terms, found...)
		i += n
	}
	out.terms = merged(tidy(out.terms))
	return out
}

// tidy sorts terms and takes doubles out.
func tidy(terms []*term) []*term {
	slices.SortFunc(terms, func(a, b *term) int { return strings.Compare(a.name, b.name) })
	return slices.Compact(terms)
}

// phrase gives the terms of the longest known phrase at the beginning of parts, and how many words it takes.
func (r *reader) phrase(parts []string) (terms []*term, n int) {
	for n := min(len(parts), r.longest); n > 0; n-- {
		if terms, ok := r.phrases[strings.Join(parts[:n], " ")]; ok {
			return terms, n
		}
	}
	if r.stop[parts[0]] {
		return nil, 1
	}
	if terms, ok := r.phrases[singular(parts[0])]; ok {
		return terms, 1
	}
	s := stem(parts[0])
	if terms, ok := r.stems[s]; ok && len(s) >= 4 {
		return terms, 1
	}
	return []*term{r.word(s)}, 1
}

// word gives the term of a word that the lexicon does not know.
func (r *reader) word(stem string) *term {
	if t, ok := r.terms[stem]; ok && t.number { // 1
		return t
	}
	t := r.unknown[stem]
	if t == nil {
		t = newTerm(stem)
		r.unknown[stem] = t
	}
	return t
}

// merged replaces terms that say no more together than fewer do.
func merged(terms []*term) []*term {
	for _, t := range terms {
		for _, m := range t.merges {
			if len(terms) < len(m.from) || !containsAll(terms, m.from) {
				continue
			}
			terms = slices.DeleteFunc(terms, func(t *term) bool { return slices.Contains(m.from, t) })
			return merged(tidy(append(terms, m.to...)))
		}
	}
	return terms
}

func containsAll(set, all []*term) bool {
	for _, t := range all {
		if !slices.Contains(set, t) {
			return false
		}
	}
	return true
}

// spell gives a word as known words: itself, what it is made of ("stagename"), or the one it was meant to be.
func (r *reader) spell(word string) (parts []string, sure float64) {
	if isNumber(word) || r.knows(word) {
		return []string{word}, 1
	}
	if parts := r.parts(word); parts != nil {
		return parts, 1
	}
	if len(word) >= leastTypo && len(word) <= mostTypo {
		if meant := r.meant(word); meant != "" {
			return []string{meant}, misspelt
		}
	}
	return []string{word}, 1
}

func (r *reader) knows(word string) bool {
	if r.vocabulary.words[word] || r.own.words[word] {
		return true
	}
	one := singular(word)
	return one != word && (r.vocabulary.words[one] || r.own.words[one])
}
