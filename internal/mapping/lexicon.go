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

// lexicon knows words by what they mean. A term is a meaning ("phone"), or a word that the lexicon does not know.
type lexicon struct {
	phrases map[string][]string // words joined by spaces → terms
	stems   map[string][]string // stem of a single word → terms
	longest int                 // words of the longest phrase
	merges  []merge             // longest first
	light   map[string]weight
	apart   map[string][]int // term → numbers of the groups it is in
	near    map[string][]neighbour
	moment  map[string]bool
	stop    map[string]bool

	vocabulary vocabulary // single words, also those within phrases
}

// merge replaces terms that stand together in a name by others.
type merge struct{ from, to []string }

// weight is what a term counts: if only the header or only the field has it, and if both have.
type weight struct{ header, field, shared float64 }

type neighbour struct {
	term  string
	close float64
}

var words = sync.OnceValue(func() *lexicon { return parseLexicon(lexiconText) })

func parseLexicon(text string) *lexicon {
	l := &lexicon{
		phrases: map[string][]string{}, stems: map[string][]string{}, light: map[string]weight{},
		apart: map[string][]int{}, near: map[string][]neighbour{}, moment: map[string]bool{}, stop: map[string]bool{},
		vocabulary: newVocabulary(),
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
		parts := strings.Fields(left)
		switch section {
		case "[words]":
			l.addNames(parts, strings.Split(right, ","))
		case "[merge]":
			l.merges = append(l.merges, merge{parts, strings.Fields(right)})
		case "[light]":
			l.light[parts[0]] = weight{decimal(parts[1]), decimal(parts[2]), decimal(parts[3])}
		case "[apart]":
			for _, term := range parts {
				l.apart[term] = append(l.apart[term], group)
			}
			group++
		case "[near]":
			l.addNear(parts[0], parts[1], decimal(parts[2]))
			l.addNear(parts[1], parts[0], decimal(parts[2]))
		case "[moment]":
			addAll(l.moment, parts)
		case "[stop]":
			addAll(l.stop, parts)
			l.vocabulary.add(parts...)
		}
	}
	slices.SortStableFunc(l.merges, func(a, b merge) int { return len(b.from) - len(a.from) })
	return l
}

func (l *lexicon) addNames(terms, names []string) {
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

func (l *lexicon) addNear(a, b string, how float64) {
	l.near[a] = append(l.near[a], neighbour{b, how})
}

func addAll(set map[string]bool, words []string) {
	for _, w := range words {
		set[w] = true
	}
}

// decimal reads a weight of the lexicon; a test holds every one of them to be a number.
func decimal(s string) float64 {
	f, _ := strconv.ParseFloat(s, 64)
	return f
}

// weigh gives the weight of a term. A number that tells things of one kind apart counts fully, but 1 may be left out.
func (l *lexicon) weigh(term string) weight {
	if w, ok := l.light[term]; ok {
		return w
	}
	return weight{1, 1, 1}
}

// exclude reports whether two terms, each on one side only, make two names mean different things.
func (l *lexicon) exclude(a, b string) bool {
	if isNumber(a) && isNumber(b) {
		return true
	}
	for _, g := range l.apart[a] {
		if slices.Contains(l.apart[b], g) {
			return true
		}
	}
	return false
}

// alike says how well one term stands for another: 1 for the same, 0 for not at all.
func (l *lexicon) alike(a, b string) float64 {
	if a == b {
		return 1
	}
	for _, n := range l.near[a] {
		if n.term == b {
			return n.close
		}
	}
	return 0
}

func isNumber(term string) bool { return term != "" && strings.Trim(term, "0123456789") == "" }
