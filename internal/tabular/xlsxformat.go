package tabular

import "strings"

// formatClass says what a number is under its number format.
type formatClass uint8

const (
	formatNumber formatClass = iota
	formatDate
	formatTime
	formatDateTime
	formatElapsed // [h]:mm:ss
	formatPadded  // 00000
)

// cellFormat is what a cell's style means for its value.
type cellFormat struct {
	class formatClass
	width uint8 // digits of formatPadded
}

func hasClock(c formatClass) bool { return c == formatTime || c == formatDateTime }

// builtInFormat is what a number format is that a workbook need not spell out (ECMA-376 part 1, 18.8.30). Some mean a date
// in one language and a time in another: they count as dates, and the value shows whether it has a time.
func builtInFormat(id int) cellFormat {
	switch {
	case id >= 14 && id <= 17, id >= 27 && id <= 31, id >= 34 && id <= 36, id >= 50 && id <= 58:
		return cellFormat{class: formatDate}
	case id >= 18 && id <= 21, id == 32, id == 33, id == 45, id == 47:
		return cellFormat{class: formatTime}
	case id == 22:
		return cellFormat{class: formatDateTime}
	case id == 46:
		return cellFormat{class: formatElapsed}
	}
	return cellFormat{}
}

// formatOf reads a format code such as [$-409]d/m/yy\ h:mm AM/PM;@. Its first section, that of positive numbers, counts.
func formatOf(code string) cellFormat {
	s := formatScan{code: code}
	for s.pos < len(code) && code[s.pos] != ';' {
		s.token()
	}
	s.date = s.date || s.month
	switch {
	case s.elapsed:
		return cellFormat{class: formatElapsed}
	case s.date && s.time:
		return cellFormat{class: formatDateTime}
	case s.date:
		return cellFormat{class: formatDate}
	case s.time:
		return cellFormat{class: formatTime}
	case s.zeros > 1 && s.zeros < 100 && !s.other:
		return cellFormat{class: formatPadded, width: uint8(s.zeros)} //nolint:gosec // below 100
	}
	return cellFormat{}
}

// formatScan looks for what makes a format one of dates.
type formatScan struct {
	code                string
	pos                 int
	hour                bool // the last token was of hours
	month               bool // an m waits for what follows: it is minutes before seconds
	date, time, elapsed bool
	zeros               int  // digits that are always shown …
	other               bool // … and something else
}

func (s *formatScan) token() {
	rest := s.code[s.pos:]
	lower := rest[0] | 0x20
	switch c := rest[0]; {
	case c == '\\' || c == '_' || c == '*':
		s.skip(2)
	case c == '"':
		s.skip(2 + indexOrEnd(rest[1:], '"'))
	case c == '[':
		s.bracket(rest[1 : 1+indexOrEnd(rest[1:], ']')])
	case c == '0':
		s.zeros++
		s.pos++
		return
	case hasPrefixFold(rest, "general"):
		s.skip(len("general"))
	case hasPrefixFold(rest, "am/pm"):
		s.time = true
		s.skip(len("am/pm"))
	case hasPrefixFold(rest, "a/p"):
		s.time = true
		s.skip(len("a/p"))
	case lower == 'e' && len(rest) > 1 && (rest[1] == '+' || rest[1] == '-'):
		s.skip(2) // 0.00E+00
	case strings.IndexByte("ydebhs", lower) >= 0:
		s.dated(lower)
		s.skip(repeats(rest))
	case lower == 'm':
		s.months(repeats(rest))
	default:
		s.skip(1)
	}
	s.other = true
}

func (s *formatScan) skip(n int) { s.pos = min(s.pos+n, len(s.code)) }

// bracket reads what stands in brackets: elapsed time, or a colour, a condition, a language.
func (s *formatScan) bracket(in string) {
	s.skip(len(in) + 2)
	if in != "" && strings.Trim(strings.ToLower(in), strings.ToLower(in[:1])) == "" && strings.ContainsAny(in[:1], "hmsHMS") {
		s.elapsed = true
	}
}

// dated notes a token of years, days, hours or seconds.
func (s *formatScan) dated(c byte) {
	clock := c == 'h' || c == 's'
	s.date = s.date || !clock || (s.month && c != 's')
	s.time = s.time || clock
	s.hour, s.month = c == 'h', false
}

// months reads m and mm, which are minutes behind hours, and longer runs, which never are.
func (s *formatScan) months(n int) {
	s.date = s.date || s.month || n > 2
	s.time = s.time || (n <= 2 && s.hour)
	s.month = n <= 2 && !s.hour
	s.hour = false
	s.skip(n)
}

// repeats is how often s repeats its first letter, in any case.
func repeats(s string) int {
	n := 1
	for n < len(s) && s[n]|0x20 == s[0]|0x20 {
		n++
	}
	return n
}

// indexOrEnd is where c stands in s, or the length of s.
func indexOrEnd(s string, c byte) int {
	if i := strings.IndexByte(s, c); i >= 0 {
		return i
	}
	return len(s)
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}
