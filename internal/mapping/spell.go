package mapping

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Bounds of a word written together, in bytes. Words of two letters are known only where they stand in such names.
const (
	leastCompound = 5
	mostCompound  = 48
	leastPart     = 3
	leastTypo     = 5 // of a word that may be misspelt
	mostTypo      = 32
)

// vocabulary is a set of words that also finds those that are spelt nearly like another.
type vocabulary struct {
	words map[string]bool
	typos map[string][]string // a word less one letter → words
}

func newVocabulary() vocabulary { return vocabulary{map[string]bool{}, map[string][]string{}} }

func (v vocabulary) add(words ...string) {
	for _, w := range words {
		if v.words[w] || isNumber(w) {
			continue
		}
		v.words[w] = true
		if len(w) < leastTypo || len(w) > mostTypo {
			continue
		}
		for _, less := range shortened(w) {
			v.typos[less] = append(v.typos[less], w)
		}
	}
}

// near gives the words that may be one letter off, among others.
func (v vocabulary) near(less string) []string {
	near := v.typos[less]
	if len(less) >= leastTypo && v.words[less] {
		near = append(near[:len(near):len(near)], less)
	}
	return near
}

// parts takes a word apart into the fewest known words that make it up wholly; nil if there are none.
func (r *reader) parts(word string) []string {
	n := len(word)
	if n < leastCompound || n > mostCompound {
		return nil
	}
	count := make([]int, n+1) // of words that make up the first i bytes; 0: cannot be
	from := make([]int, n+1)
	for end := 1; end <= n; end++ {
		for start := range end {
			if start > 0 && count[start] == 0 || !r.isPart(word, start, end) {
				continue
			}
			if c := count[start] + 1; count[end] == 0 || c < count[end] {
				count[end], from[end] = c, start
			}
		}
	}
	if count[n] < 2 {
		return nil
	}
	var parts []string
	for end := n; end > 0; end = from[end] {
		parts = append(parts, word[from[end]:end])
	}
	slices.Reverse(parts)
	return parts
}

func (r *reader) isPart(word string, start, end int) bool {
	part := word[start:end]
	switch part {
	case "is":
		return start == 0
	case "id", "no", "nr", "at", "on":
		return end == len(word)
	case "by":
		return start > 0
	}
	return len(part) >= leastPart && r.knows(part)
}

// meant gives the one known word that differs from word by a letter too many, too few, wrong or swapped with the next.
// The first letter is seldom wrong.
func (r *reader) meant(word string) string {
	var found string
	for _, less := range append(shortened(word), word) {
		for _, w := range slices.Concat(r.vocabulary.near(less), r.own.near(less)) {
			if w[0] != word[0] || w == found || !oneOff(w, word) {
				continue
			}
			if found != "" {
				return "" // two words may be meant
			}
			found = w
		}
	}
	return found
}

// shortened gives word less each of its letters but the first.
func shortened(word string) []string {
	var out []string
	for i, c := range word {
		if i > 0 {
			out = append(out, word[:i]+word[i+utf8.RuneLen(c):])
		}
	}
	return out
}

// oneOff reports whether one letter added, left out, replaced or swapped with its neighbour turns a into b.
func oneOff(a, b string) bool {
	for a != "" && b != "" && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for a != "" && b != "" && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	na, nb := utf8.RuneCountInString(a), utf8.RuneCountInString(b)
	if na+nb <= 1 || na == 1 && nb == 1 {
		return true
	}
	return len(a) == 2 && len(b) == 2 && strings.Contains(a+a, b)
}
