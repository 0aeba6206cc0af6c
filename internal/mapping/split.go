package mapping

import (
	"strings"
	"unicode"
)

// signs are marks that are read as words.
var signs = strings.NewReplacer("#", " number ", "%", " percent ", "€", " eur ", "$", " usd ", "£", " gbp ", "n°", "no", "N°", "No")

// split parts a name into words in lower case, without accents: at spaces and punctuation, where letters meet digits, and
// at capitals ("billingZIPCode2" → billing zip code 2).
func split(name string) []string {
	name, _ = strings.CutSuffix(name, "__c") // how Salesforce marks custom fields
	name, _ = strings.CutSuffix(name, "__C")
	runes := []rune(plain(signs.Replace(name)))
	var words []string
	start := 0
	for i := 0; i <= len(runes); i++ {
		if i < len(runes) && (i == start || !parted(runes, i)) && isNamed(runes[i]) {
			continue
		}
		if i > start {
			words = append(words, strings.ToLower(string(runes[start:i])))
		}
		start = i
		if i < len(runes) && !isNamed(runes[i]) {
			start = i + 1
		}
	}
	return words
}

// parted reports whether a new word begins at i, inside a run of letters and digits.
func parted(runes []rune, i int) bool {
	before, r := runes[i-1], runes[i]
	switch {
	case unicode.IsDigit(before) != unicode.IsDigit(r):
		return true
	case unicode.IsUpper(r):
		return !unicode.IsUpper(before) || i+1 < len(runes) && unicode.IsLower(runes[i+1])
	}
	return false
}

// singular takes a plural's ending off a word, as English, French and Spanish have it.
func singular(word string) string {
	n := len(word)
	switch {
	case n > 4 && strings.HasSuffix(word, "ies"):
		return word[:n-3] + "y"
	case n > 4 && (strings.HasSuffix(word, "sses") || strings.HasSuffix(word, "xes") || strings.HasSuffix(word, "ches") || strings.HasSuffix(word, "shes")):
		return word[:n-2]
	case n > 3 && strings.HasSuffix(word, "s") && !strings.HasSuffix(word, "ss") && !strings.HasSuffix(word, "us") && !strings.HasSuffix(word, "is"):
		return word[:n-1]
	}
	return word
}

// stem brings the forms of a word together: close, closed, closes, closing.
func stem(word string) string {
	word = singular(word)
	for _, ending := range []string{"ing", "ed", "e"} {
		if rest, ok := strings.CutSuffix(word, ending); ok && len(rest) >= 4 {
			return rest
		}
	}
	return word
}
