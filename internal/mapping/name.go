package mapping

import (
	"slices"
	"strings"
)

// reading is one way to understand a name: its terms, sorted, without words that say nothing.
type reading struct {
	terms []string
	sure  float64 // 0–1: what the likeness to another reading is multiplied by
}

// reader understands names. Besides the lexicon's words it knows those of the fields.
type reader struct {
	*lexicon
	own     vocabulary
	subject []string // terms of what a row is
}

const (
	misspelt   = 0.9  // a word was taken for another
	understood = 0.97 // what a row is was left out
)

func newReader(fields []string, subject string) *reader {
	r := &reader{lexicon: words(), own: newVocabulary()}
	for _, name := range fields {
		for _, w := range split(name) {
			if !r.vocabulary.words[w] {
				r.own.add(w)
			}
		}
	}
	if parts := split(subject); len(parts) > 0 { // "sale_items": a row is an item
		r.subject, _ = r.terms(parts[len(parts)-1:])
	}
	return r
}

func (r *reader) knows(word string) bool {
	if r.vocabulary.words[word] || r.own.words[word] {
		return true
	}
	one := singular(word)
	return one != word && (r.vocabulary.words[one] || r.own.words[one])
}

// read gives the ways to understand a name, the plainest first; none for a name without words.
func (r *reader) read(name string) []reading {
	terms, sure := r.terms(split(name))
	if len(terms) == 0 {
		return nil
	}
	out := []reading{{terms, sure}}
	rest := slices.DeleteFunc(slices.Clone(terms), func(t string) bool {
		return slices.ContainsFunc(r.subject, func(s string) bool { return r.alike(s, t) > 0.8 })
	})
	switch {
	case len(rest) == len(terms):
	case len(rest) > 0:
		out = append(out, reading{rest, sure * understood})
		if len(rest) == 1 && slices.Contains(ownIDs, rest[0]) {
			out = append(out, reading{[]string{"external", "id"}, sure * 0.9})
		}
	default: // "Company" in a list of companies is a company's name, "Invoice" in one of invoices its number
		out = append(out, reading{[]string{"name"}, sure * 0.85}, reading{[]string{"number"}, sure * 0.8})
	}
	return out
}

// ownIDs are terms by which files number what they list: "Customer No." of customers is what their system knows them by.
var ownIDs = []string{"id", "number", "reference"}

// terms finds what the words mean. sure is lower if one had to be taken for another.
func (r *reader) terms(parts []string) (terms []string, sure float64) {
	sure = 1
	var spelt []string
	for _, w := range parts {
		more, s := r.spell(w)
		spelt, sure = append(spelt, more...), min(sure, s)
	}
	if n := len(spelt); n > 1 && (spelt[n-1] == "at" || spelt[n-1] == "on") {
		spelt[n-1] = "date" // closed_at, issued_on
	}
	for i := 0; i < len(spelt); {
		found, n := r.phrase(spelt[i:])
		terms = append(terms, found...)
		i += n
	}
	slices.Sort(terms)
	return r.merge(slices.Compact(terms)), sure
}

// phrase gives the terms of the longest known phrase at the beginning of parts, and how many words it takes.
func (r *reader) phrase(parts []string) (terms []string, n int) {
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
	return []string{s}, 1
}

// merge replaces terms that say no more together than fewer do.
func (r *reader) merge(terms []string) []string {
	for _, m := range r.merges {
		if len(terms) < len(m.from) || !containsAll(terms, m.from) {
			continue
		}
		terms = slices.DeleteFunc(terms, func(t string) bool { return slices.Contains(m.from, t) })
		terms = append(terms, m.to...)
		slices.Sort(terms)
		return r.merge(slices.Compact(terms))
	}
	return terms
}

func containsAll(set, all []string) bool {
	for _, t := range all {
		if !slices.Contains(set, t) {
			return false
		}
	}
	return true
}

// spell gives a word as known words: itself, what it is made of ("stagename"), or the one it was meant to be.
func (r *reader) spell(word string) (parts []string, sure float64) {
	if r.knows(word) || isNumber(word) {
		return []string{word}, 1
	}
	if parts := r.parts(word); parts != nil {
		return parts, 1
	}
	if len(word) >= leastTypo {
		if meant := r.meant(word); meant != "" {
			return []string{meant}, misspelt
		}
	}
	return []string{word}, 1
}
