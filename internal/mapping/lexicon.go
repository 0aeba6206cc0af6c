package mapping

import (
	_ "embed"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// lexiconText says what the words of business files mean; its head explains its sections.
//
//go:embed lexicon.txt
var lexiconText string

// term is a meaning ("phone"), or a word that the lexicon does not know.
type term struct {
	name   string
	weight weight
	near   []neighbour
	apart  []int // numbers of the groups of terms that exclude each other
	moment bool  // it means a date even without that word
	number bool  // digits

	merges []merge // those that begin with it; longer ones first
}

// weight is what a term counts: if only the header or only the field has it, and if both have.
type weight struct{ header, field, shared float64 }

// neighbour is a term that stands for another; close says how well, 0–1.
type neighbour struct {
	term  *term
	close float64
}

// merge replaces terms that stand together in a name by others.
type merge struct{ from, to []*term }

// lexicon knows words by what they mean. It does not change once it is read.
type lexicon struct {
	terms      map[string]*term
	phrases    map[string][]*term // words joined by spaces → what they mean
	stems      map[string][]*term // stem of a single word → what it means
	longest    int                // words of the longest phrase
	stop       map[string]bool    // words that say nothing
	vocabulary vocabulary         // single words, also those within phrases
}

var words = sync.OnceValue(func() *lexicon { return parseLexicon(lexiconText) })

func parseLexicon(text string) *lexicon {
	l := &lexicon{
		terms: map[string]*term{}, phrases: map[string][]*term{}, stems: map[string][]*term{},
		stop: map[string]bool{}, vocabulary: newVocabulary(),
	}
	section, group := "", 0
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if line[0] == '[' {
			section = line
			continue
		}
		left, right, _ := strings.Cut(line, ":")
		l.add(section, strings.Fields(left), right, group)
		group++
	}
	for _, t := range l.terms {
		slices.SortStableFunc(t.merges, func(a, b merge) int { return len(b.from) - len(a.from) })
	}
	return l
}

// add takes in a line of a section. group is a number of its own.
func (l *lexicon) add(section string, left []string, right string, group int) {
	if section == "[stop]" {
		for _, w := range left {
			l.stop[w] = true
		}
		l.vocabulary.add(left...)
		return
	}
	first := l.term(left[0])
	switch section {
	case "[words]":
		l.addNames(l.all(left), strings.Split(right, ","))
	case "[merge]":
		first.merges = append(first.merges, merge{l.all(left), l.all(strings.Fields(right))})
	case "[light]":
		first.weight = weight{decimal(left[1]), decimal(left[2]), decimal(left[3])}
	case "[near]":
		second, how := l.term(left[1]), decimal(left[2])
		first.near = append(first.near, neighbour{second, how})
		second.near = append(second.near, neighbour{first, how})
	case "[apart]":
		for _, t := range l.all(left) {
			t.apart = append(t.apart, group)
		}
	case "[moment]":
		for _, t := range l.all(left) {
			t.moment = true
		}
	}
}

func (l *lexicon) addNames(terms []*term, names []string) {
	for _, name := range names {
		parts := split(name)
		l.phrases[strings.Join(parts, " ")] = terms
		l.longest = max(l.longest, len(parts))
		l.vocabulary.add(parts...)
		if len(parts) == 1 {
			if s := stem(parts[0]); l.stems[s] == nil {
				l.stems[s] = terms
			}
		}
	}
}

func (l *lexicon) term(name string) *term {
	t := l.terms[name]
	if t == nil {
		t = newTerm(name)
		l.terms[name] = t
	}
	return t
}

func (l *lexicon) all(names []string) []*term {
	terms := make([]*term, len(names))
	for i, name := range names {
		terms[i] = l.term(name)
	}
	return terms
}

// newTerm makes a term that counts fully: to lack it is to be another thing.
func newTerm(name string) *term {
	return &term{name: name, weight: weight{1, 1, 1}, number: isNumber(name)}
}

// decimal reads a weight of the lexicon; a test holds every one of them to be a number.
func decimal(s string) float64 {
	f, _ := strconv.ParseFloat(s, 64)
	return f
}

// excludes reports whether two terms, each on one side only, make two names mean different things.
func (t *term) excludes(o *term) bool {
	if t.number && o.number {
		return true
	}
	for _, g := range t.apart {
		if slices.Contains(o.apart, g) {
			return true
		}
	}
	return false
}

// alike says how well one term stands for another: 1 for the same, 0 for not at all.
func (t *term) alike(o *term) float64 {
	if t == o {
		return 1
	}
	for _, n := range t.near {
		if n.term == o {
			return n.close
		}
	}
	return 0
}

func isNumber(word string) bool { return word != "" && strings.Trim(word, "0123456789") == "" }
