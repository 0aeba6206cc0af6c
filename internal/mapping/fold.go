package mapping

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Fold gives the form in which names are compared: letters and digits only, in lower case, Latin, Greek and Cyrillic ones
// without their accents ("Prénom" → "prenom", "Straße" → "strasse").
func Fold(s string) string {
	return strings.Map(func(r rune) rune {
		if isNamed(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, plain(s))
}

// isNamed reports whether r belongs to a word. Marks that plain leaves are vowels and the like.
func isNamed(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) }

// letters are those that Unicode does not take apart.
var letters = strings.NewReplacer(
	"ß", "ss", "ẞ", "SS", "æ", "ae", "Æ", "AE", "œ", "oe", "Œ", "OE", "ø", "o", "Ø", "O", "ł", "l", "Ł", "L", "đ", "d", "Đ", "D", "ı", "i",
)

// plain takes accents off and compatibility forms apart. Case and marks between words stay.
func plain(s string) string {
	if isASCII(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if 0x0300 <= r && r <= 0x036F { // combining diacritical marks
			return -1
		}
		return r
	}, norm.NFKD.String(letters.Replace(s)))
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
