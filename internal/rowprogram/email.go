package rowprogram

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// Limits of RFC 5321, section 4.5.3.1, in octets; a path of 256 holds two angle brackets.
const (
	maxLocal   = 64
	maxDomain  = 255
	maxAddress = 254
	maxDNS     = 63
)

// atomMarks are the characters of RFC 5322's atext that are neither letters nor digits.
var atomMarks = func() (set [utf8.RuneSelf]bool) {
	for _, c := range "!#$%&'*+-/=?^_`{|}~" {
		set[c] = true
	}
	return set
}()

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
}

// checkEmail tells whether text is one address of RFC 5321, local@domain, with a dot in the domain. Letters of any
// script are taken on both sides, as RFC 6531 lets them. An address literal such as [192.0.2.1] has no domain.
func checkEmail(text []byte) reason {
	at := localEnd(text)
	if at <= 0 || at >= len(text) || text[at] != '@' || at > maxLocal || len(text) > maxAddress {
		return explainEmail(text)
	}
	dots, ok := checkDomain(text[at+1:])
	switch {
	case !ok:
		return explainEmail(text)
	case dots == 0:
		return emailNoDot
	}
	return fine
}

// localEnd gives where the local part ends, −1 if it is none.
func localEnd(text []byte) int {
	if len(text) > 0 && text[0] == '"' {
		return quotedEnd(text)
	}
	dot := true // a dot may not stand here
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c >= utf8.RuneSelf:
			r, size := utf8.DecodeRune(text[i:])
			if !isInternational(r, size) {
				return -1
			}
			i += size
			dot = false
			continue
		case c == '.':
			if dot {
				return -1
			}
			dot = true
		case isAlphanumeric(c) || atomMarks[c]:
			dot = false
		case dot:
			return -1
		default:
			return i
		}
		i++
	}
	return -1
}

// quotedEnd gives where a quoted local part ends, −1 if it does not.
func quotedEnd(text []byte) int {
	for i := 1; i < len(text); {
		switch c := text[i]; {
		case c == '"':
			return i + 1
		case c == '\\':
			if i+1 >= len(text) || text[i+1] < ' ' || text[i+1] > '~' {
				return -1
			}
			i += 2
		case c >= utf8.RuneSelf:
			r, size := utf8.DecodeRune(text[i:])
			if !isInternational(r, size) {
				return -1
			}
			i += size
		case c < ' ' || c > '~':
			return -1
		default:
			i++
		}
	}
	return -1
}

// isInternational reports whether a character beyond ASCII may stand in an address: one that can be seen.
func isInternational(r rune, size int) bool {
	return (r != utf8.RuneError || size > 1) && unicode.IsGraphic(r) && !unicode.IsSpace(r)
}

// checkDomain tells whether text is a domain name, and counts its dots. Labels hold letters, digits and hyphens inside;
// the last holds a letter, else it would be a number of an IP address.
func checkDomain(text []byte) (dots int, ok bool) {
	if len(text) == 0 || len(text) > maxDomain {
		return 0, false
	}
	start, letter := 0, false
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == '.':
			if !goodLabel(text[start:i]) {
				return 0, false
			}
			dots++
			start, letter = i+1, false
		case isAlphanumeric(c):
			letter = letter || c > '9'
		case c == '-':
		case c >= utf8.RuneSelf:
			r, size := utf8.DecodeRune(text[i:])
			if !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r) {
				return 0, false
			}
			letter = true
			i += size
			continue
		default:
			return 0, false
		}
		i++
	}
	return dots, letter && goodLabel(text[start:])
}

func goodLabel(label []byte) bool {
	return len(label) > 0 && len(label) <= maxDNS && label[0] != '-' && label[len(label)-1] != '-'
}

// explainEmail says what keeps text from being an address.
func explainEmail(text []byte) reason {
	switch {
	case len(trim(text)) < len(text) && checkEmail(trim(text)) == fine:
		return emailBlank
	case bytes.ContainsAny(text, "<>"):
		return emailNamed
	case bytes.Count(text, []byte("@")) > 1 && bytes.ContainsAny(text, ",; /|\n"):
		return emailSeveral
	}
	return notEmail
}
