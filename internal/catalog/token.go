package catalog

import "strings"

// token is a piece of SQL as Postgres prints expressions.
type token struct {
	kind     tokenKind
	value    string // a word's or literal's content, unquoted; otherwise the text
	quoted   bool   // a word in double quotes
	from, to int    // bytes of the text
}

type tokenKind int

const (
	tokenWord    tokenKind = iota // an identifier or keyword
	tokenLiteral                  // '…'
	tokenOther                    // one byte of anything else, or ::
)

// tokens cuts text; blanks are left out. It is made for what Postgres prints with standard_conforming_strings on: no
// comments, no dollar quotes, no escapes but doubled quotes.
func tokens(text string) []token {
	var all []token
	for i := 0; i < len(text); {
		t := token{kind: tokenOther, from: i, to: i + 1}
		switch b := text[i]; {
		case b == ' ' || b == '\n' || b == '\t' || b == '\r':
			i++
			continue
		case b == '\'' || b == '"':
			t.value, t.to = quotedFrom(text, i)
			t.kind, t.quoted = tokenLiteral, b == '"'
			if t.quoted {
				t.kind = tokenWord
			}
		case wordByte(b) && (b < '0' || b > '9'):
			for t.to < len(text) && wordByte(text[t.to]) {
				t.to++
			}
			t.kind, t.value = tokenWord, text[i:t.to]
		case b >= '0' && b <= '9':
			for t.to < len(text) && (wordByte(text[t.to]) || text[t.to] == '.') {
				t.to++
			}
			t.value = text[i:t.to]
		case strings.HasPrefix(text[i:], "::"):
			t.value, t.to = "::", i+2
		default:
			t.value = text[i : i+1]
		}
		all = append(all, t)
		i = t.to
	}
	return all
}

func wordByte(b byte) bool {
	return b == '_' || b == '$' || b >= 0x80 || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9'
}

// quotedFrom reads what begins with the quote at text[i], in which a doubled quote stands for one.
func quotedFrom(text string, i int) (value string, end int) {
	quote := text[i]
	var b strings.Builder
	for i++; i < len(text); i++ {
		if text[i] == quote {
			if i+1 == len(text) || text[i+1] != quote {
				return b.String(), i + 1
			}
			i++
		}
		b.WriteByte(text[i])
	}
	return b.String(), i
}
