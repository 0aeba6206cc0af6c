package rowprogram

import (
	"unicode"
	"unicode/utf8"
)

// mark is a column's decimal mark. With the point decided, the comma stands between thousands, and the other way round.
type mark uint8

const (
	markUnknown mark = iota
	markPoint
	markComma
)

// Postgres keeps a numeric of at most so many digits before and after its point.
const (
	maxWhole    = 131072
	maxFraction = 16383
	maxWritten  = 1000 // digits up to which an exponent is written out
)

// numeral is a number as it was read: (−) whole.fraction × 10^exponent.
type numeral struct {
	negative        bool
	whole, fraction []byte // digits; whole without leading zeros
	exponent        int
	shows           mark // what the spelling tells of the column: the only mark with which it can be read
	unclear         mark // both readings are possible, and this one takes the separator as decimal mark
}

// plainNumber reports whether text is a number in its canonical spelling, which is stored as it stands. It covers what
// files mostly hold: an optional minus, digits without leading zeros, a point and digits.
func plainNumber(text []byte) (point int, ok bool) {
	i := 0
	if len(text) > 0 && text[0] == '-' {
		i = 1
	}
	start, point := i, -1
	for ; i < len(text); i++ {
		switch c := text[i]; {
		case '0' <= c && c <= '9':
		case c == '.' && point < 0:
			point = i
		default:
			return 0, false
		}
	}
	whole := len(text)
	if point >= 0 {
		whole = point
	}
	switch {
	case whole == start, point == len(text)-1, len(text) > maxWritten: // ".5", "5."
		return 0, false
	case text[start] == '0' && (whole > start+1 || start == 1): // "007", "-0"
		return 0, false
	}
	return point, true
}

// readNumber reads a trimmed cell. The digits are gathered in digits, which the numeral then refers to; with strict the
// field itself has said its mark, and a number in the other style is an error.
func readNumber(text, digits []byte, m mark, strict bool) (numeral, []byte, reason) {
	var n numeral
	body := text
	if sign, size := signOf(body); size > 0 {
		n.negative, body = sign, body[size:]
	}
	scan := numberScan{digits: digits[:0]}
	rest, ok := scan.mantissa(body)
	if !ok {
		return n, digits, explainNumber(text)
	}
	hasExponent := len(rest) > 0
	if hasExponent {
		if n.exponent, ok = readExponent(rest); !ok {
			return n, digits, explainNumber(text)
		}
	}
	why := scan.settle(&n, m, strict, hasExponent)
	if why == fine && !n.fits() {
		why = numberHuge
	}
	return n, scan.digits, why
}

// signOf reads a leading sign. U+2212 is the minus of typeset documents.
func signOf(text []byte) (negative bool, size int) {
	switch {
	case len(text) == 0:
		return false, 0
	case text[0] == '-':
		return true, 1
	case text[0] == '+':
		return false, 1
	case len(text) > 2 && string(text[:3]) == "−":
		return true, 3
	}
	return false, 0
}

// separator is a mark inside a number; spaces of all kinds and the two apostrophes are one each.
type separator uint8

const (
	noSeparator separator = iota
	commaSeparator
	pointSeparator
	spaceSeparator
	apostropheSeparator
)

func separatorOf(text []byte) (separator, int) {
	switch c := text[0]; {
	case c == ',':
		return commaSeparator, 1
	case c == '.':
		return pointSeparator, 1
	case c == ' ':
		return spaceSeparator, 1
	case c == '\'':
		return apostropheSeparator, 1
	case c < utf8.RuneSelf:
		return noSeparator, 0
	}
	switch r, size := utf8.DecodeRune(text); r {
	case '\u00a0', '\u2009', '\u202f': // no-break, thin and narrow no-break space
		return spaceSeparator, size
	case '’':
		return apostropheSeparator, size
	}
	return noSeparator, 0
}

// numberScan is the mantissa parted at its separators. The first kind of separator that occurs may repeat; a second kind
// may stand once, after all of the first.
type numberScan struct {
	digits        []byte
	first, last   separator
	firsts, lasts int
	head          int  // digits before the first separator
	group         int  // digits since the last separator
	threes        bool // each group between separators of the first kind holds three digits
	twos          bool // each but the last holds two, as in 12,34,567
}

// mantissa reads digits and separators up to the exponent or the end.
func (s *numberScan) mantissa(text []byte) (rest []byte, ok bool) {
	s.threes, s.twos = true, true
	for i := 0; i < len(text); {
		c := text[i]
		if '0' <= c && c <= '9' {
			s.digits = append(s.digits, c)
			s.group++
			i++
			continue
		}
		if c == 'e' || c == 'E' {
			return text[i:], len(s.digits) > 0
		}
		kind, size := separatorOf(text[i:])
		if kind == noSeparator || !s.separate(kind) {
			return nil, false
		}
		i += size
	}
	return nil, len(s.digits) > 0
}

// separate notes a separator, and reports whether it may stand there.
func (s *numberScan) separate(kind separator) bool {
	switch {
	case s.firsts == 0:
		s.first, s.head = kind, s.group
	case s.lasts > 0, s.group == 0: // something after the decimal mark; two in a row
		return false
	default:
		if kind != s.first {
			s.last, s.lasts = kind, 1
		}
		s.threes = s.threes && s.group == 3
		s.twos = s.twos && s.group == 2+s.lasts
	}
	if kind == s.first {
		s.firsts++
	}
	s.group = 0
	return true
}

// settle tells which separator is the decimal mark, and parts the digits there.
func (s *numberScan) settle(n *numeral, m mark, strict, hasExponent bool) reason {
	decimal := s.last
	grouped := s.firsts
	switch {
	case s.lasts > 0:
		n.shows = markOf(decimal)
		if n.shows == markUnknown || s.first == decimal {
			return notNumber
		}
	case s.firsts == 1 && markOf(s.first) != markUnknown:
		if s.single(n, m, hasExponent) {
			decimal, grouped = s.first, 0
		}
	case s.firsts > 1 && markOf(s.first) != markUnknown:
		n.shows = other(markOf(s.first))
	}
	if strict && n.shows != markUnknown && n.shows != m {
		return wrongMark(m)
	}
	fraction := 0
	if decimal != noSeparator {
		fraction = s.group
	}
	if grouped > 0 {
		if !s.wellGrouped(fraction, decimal != noSeparator) || hasExponent {
			return numberGroups
		}
	}
	cut := len(s.digits) - fraction
	n.whole, n.fraction = s.digits[:cut], s.digits[cut:]
	for len(n.whole) > 0 && n.whole[0] == '0' {
		n.whole = n.whole[1:]
	}
	return fine
}

// single tells whether the one comma or point of the number is its decimal mark. It can stand between thousands only
// with one to three digits before it and three after it; then the column's mark decides.
func (s *numberScan) single(n *numeral, m mark, hasExponent bool) bool {
	own := markOf(s.first)
	if s.head < 1 || s.head > 3 || s.digits[0] == '0' || s.group != 3 || hasExponent {
		n.shows = own
		return true
	}
	if m == markUnknown {
		n.unclear = own
	}
	return m == own || m == markUnknown
}

// wellGrouped reports whether the digits before the decimal mark stand in groups: of three, or in the Indian way.
func (s *numberScan) wellGrouped(fraction int, hasMark bool) bool {
	threes, twos := s.threes, s.twos
	if !hasMark { // the last group is still open
		threes, twos = threes && s.group == 3, twos && s.group == 3
	}
	if s.digits[0] == '0' && len(s.digits)-fraction > 1 || s.head < 1 {
		return false
	}
	return threes && s.head <= 3 || twos && s.head <= 2 && s.first == commaSeparator
}

func markOf(s separator) mark {
	switch s {
	case commaSeparator:
		return markComma
	case pointSeparator:
		return markPoint
	}
	return markUnknown
}

func other(m mark) mark {
	if m == markPoint {
		return markComma
	}
	return markPoint
}

func wrongMark(m mark) reason {
	if m == markPoint {
		return numberPoint
	}
	return numberComma
}

// readExponent reads "e+12". What no number can need reads as a million, which is then too large.
func readExponent(text []byte) (int, bool) {
	text = text[1:]
	negative := false
	if len(text) > 0 && (text[0] == '+' || text[0] == '-') {
		negative, text = text[0] == '-', text[1:]
	}
	if len(text) == 0 {
		return 0, false
	}
	value := 0
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false
		}
		value = min(value*10+int(c-'0'), 10_000_000)
	}
	if negative {
		value = -value
	}
	return value, true
}

// explainNumber says what keeps text from being a number.
func explainNumber(text []byte) reason {
	why := notNumber
	letters := make([]byte, 0, 16)
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		i += size
		switch {
		case r == '%' || r == '‰':
			return numberPercent
		case unicode.Is(unicode.Sc, r):
			return numberCurrency
		case r == '(' || r == ')':
			why = numberParentheses
		case r == '∞':
			return numberNotFinite
		case r < utf8.RuneSelf && unicode.IsLetter(r) && len(letters) < cap(letters):
			letters = append(letters, byte(unicode.ToLower(r)))
		}
	}
	switch string(letters) {
	case "nan", "inf", "infinity":
		return numberNotFinite
	}
	return why
}
