package rowprogram

import "bytes"

// dateScan reads the spellings of a date from the left.
type dateScan struct {
	text   []byte
	pos    int
	order  order
	strict bool
}

func (s *dateScan) peek() byte {
	if s.pos < len(s.text) {
		return s.text[s.pos]
	}
	return 0
}

func (s *dateScan) eat(c byte) bool {
	if s.peek() != c {
		return false
	}
	s.pos++
	return true
}

// spaces skips blanks, and reports whether there were any.
func (s *dateScan) spaces() bool {
	start := s.pos
	for s.pos < len(s.text) {
		switch {
		case s.text[s.pos] == ' ':
			s.pos++
		case bytes.HasPrefix(s.text[s.pos:], narrowSpace): // before AM and PM in dates of recent browsers
			s.pos += len(narrowSpace)
		default:
			return s.pos > start
		}
	}
	return s.pos > start
}

var narrowSpace = []byte("\u202f")

// number reads digits, and says how many; more than eight are no part of a date.
func (s *dateScan) number() (value, width int) {
	for '0' <= s.peek() && s.peek() <= '9' {
		if width < 9 {
			value = value*10 + int(s.peek()-'0')
		}
		s.pos++
		width++
	}
	return value, width
}

// word reads letters, as they are found in month and day names and zones.
func (s *dateScan) word() []byte {
	start := s.pos
	for 'a' <= s.peek()|0x20 && s.peek()|0x20 <= 'z' {
		s.pos++
	}
	return s.text[start:s.pos]
}

// date reads the date's part of the text.
func (s *dateScan) date(t *stamp) reason {
	if c := s.peek(); c < '0' || c > '9' {
		return s.named(t)
	}
	value, width := s.number()
	switch {
	case s.peek() == ':':
		return dateNone
	case width == 8 && (s.pos == len(s.text) || s.peek() == 'T'):
		t.year, t.month, t.day = value/10_000, value/100%100, value%100
		return fine
	case s.pos == len(s.text):
		return dateSerial
	case width == 4:
		return s.afterYear(t, value)
	case width <= 2:
		return s.afterDay(t, value)
	}
	return notDate
}

// afterYear reads on after a year in four digits: 2024-02-29, 2024/2/29, 2024.02.29, 2024 Feb 29.
func (s *dateScan) afterYear(t *stamp, year int) reason {
	separator := s.separator()
	if separator == 0 {
		return notDate
	}
	t.year = year
	var width int
	if t.month = s.month(); t.month == 0 {
		if t.month, width = s.number(); width < 1 || width > 2 || separator == ' ' {
			return notDate
		}
	}
	if s.separator() != separator {
		return notDate
	}
	if t.day, width = s.number(); width < 1 || width > 2 {
		return notDate
	}
	return fine
}

// afterDay reads on after one or two digits: 29/02/2024, 29.2.24, 29-Feb-2024, 29th February, 2024.
func (s *dateScan) afterDay(t *stamp, first int) reason {
	ordinal := s.ordinal()
	separator := s.separator()
	if month := s.month(); month != 0 {
		t.day, t.month = first, month
		s.separator()
		s.eat(',')
		s.spaces()
		return s.year(t)
	}
	second, width := s.number()
	if ordinal || width < 1 || width > 2 || separator == 0 || separator == ' ' || s.separator() != separator {
		return notDate
	}
	year, width := s.number()
	switch {
	case width == 4:
	case width != 2:
		return notDate
	case separator == '-' && !s.strict: // 24-02-29 may begin with its year
		return dateShortYear
	case s.order == yearFirst && s.strict:
		t.year, t.month, t.day = century(first), second, year
		return fine
	default:
		year = century(year)
	}
	t.year = year
	return s.place(t, first, second, separator)
}

// named reads a date that begins with a name: Feb 29, 2024, or Thu, 29 Feb 2024.
func (s *dateScan) named(t *stamp) reason {
	name := s.word()
	if t.weekday = weekdayNamed(name); t.weekday != 0 {
		s.eat('.')
		s.eat(',')
		if !s.spaces() {
			return notDate
		}
		if c := s.peek(); '0' <= c && c <= '9' {
			return s.date(t)
		}
		name = s.word()
	}
	if t.month = monthNamed(name); t.month == 0 {
		return notDate
	}
	if s.separator() == 0 {
		return notDate
	}
	var width int
	if t.day, width = s.number(); width < 1 || width > 2 {
		return notDate
	}
	s.ordinal()
	if comma := s.eat(','); !s.spaces() && !comma && s.separator() == 0 {
		return notDate
	}
	return s.year(t)
}

// month reads a month's name, or nothing.
func (s *dateScan) month() int {
	start := s.pos
	month := monthNamed(s.word())
	if month == 0 {
		s.pos = start
	}
	return month
}

// year reads the year that ends a date with a month's name.
func (s *dateScan) year(t *stamp) reason {
	value, width := s.number()
	switch width {
	case 4:
		t.year = value
	case 2:
		t.year = century(value)
	default:
		return notDate
	}
	return fine
}

// separator reads what may stand between the parts, 0 if there is nothing of the kind: one mark, and blanks after a point.
func (s *dateScan) separator() byte {
	switch c := s.peek(); c {
	case '/', '-':
		s.pos++
		return c
	case '.':
		s.pos++
		s.spaces()
		return c
	}
	if s.spaces() {
		return ' '
	}
	return 0
}

// ordinal skips the letters of 1st, 2nd, 3rd, 4th.
func (s *dateScan) ordinal() bool {
	if s.pos+2 > len(s.text) {
		return false
	}
	switch string(s.text[s.pos : s.pos+2]) {
	case "st", "nd", "rd", "th":
		s.pos += 2
		return true
	}
	return false
}

// century places a year of two digits between 1969 and 2068, as POSIX does.
func century(year int) int {
	if year >= 69 {
		return 1900 + year
	}
	return 2000 + year
}

// place tells day from month in a numeric date that ends with its year.
func (s *dateScan) place(t *stamp, first, second int, separator byte) reason {
	order := s.order
	switch {
	case s.strict && order == yearFirst:
		return dateYMD
	case separator == '.' && !s.strict: // points are written where the day comes first
		order, t.shows = dayFirst, dayFirst
	}
	dmy, mdy := validDay(t.year, second, first), validDay(t.year, first, second)
	t.day, t.month = first, second
	switch {
	case s.strict || separator == '.':
		if order == monthFirst {
			t.day, t.month, dmy, mdy = second, first, mdy, dmy
		}
		if !dmy && mdy {
			return wrongOrder(order)
		}
	case dmy && mdy:
		if order == monthFirst {
			t.day, t.month = second, first
		}
		t.unclear = order == orderUnknown && first != second
	case dmy:
		t.shows = dayFirst
	case mdy:
		t.day, t.month = second, first
		t.shows = monthFirst
	}
	return fine
}

func wrongOrder(o order) reason {
	if o == monthFirst {
		return dateMDY
	}
	return dateDMY
}

// monthNamed gives 1 to 12 for an English name of a month, whole or short, in any case; else 0.
func monthNamed(word []byte) int { return named(word, months) }

// weekdayNamed gives 1 (Monday) to 7 for an English name of a weekday, whole or short, in any case; else 0.
func weekdayNamed(word []byte) int { return named(word, weekdays) }

func named(word []byte, names map[string]int) int {
	var lower [9]byte // "september", "wednesday"
	if len(word) < 3 || len(word) > len(lower) {
		return 0
	}
	for i, c := range word {
		lower[i] = c | 0x20
	}
	return names[string(lower[:len(word)])]
}

var months = map[string]int{
	"january": 1, "february": 2, "march": 3, "april": 4, "may": 5, "june": 6,
	"july": 7, "august": 8, "september": 9, "october": 10, "november": 11, "december": 12,
	"jan": 1, "feb": 2, "mar": 3, "apr": 4, "jun": 6, "jul": 7, "aug": 8, "sep": 9, "sept": 9, "oct": 10, "nov": 11, "dec": 12,
}

var weekdays = map[string]int{
	"monday": 1, "tuesday": 2, "wednesday": 3, "thursday": 4, "friday": 5, "saturday": 6, "sunday": 7,
	"mon": 1, "tue": 2, "wed": 3, "thu": 4, "fri": 5, "sat": 6, "sun": 7,
}
