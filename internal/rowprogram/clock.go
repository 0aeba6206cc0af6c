package rowprogram

import "strconv"

// clock reads what follows the date: nothing, or a time with an optional half of the day and zone.
func (s *dateScan) clock(t *stamp) reason {
	if s.pos == len(s.text) {
		return fine
	}
	iso := s.eat('T') || s.eat('t')
	if !iso {
		comma := s.eat(',')
		if !s.spaces() && !comma {
			return notDate
		}
	}
	t.clock = true
	if !s.time(t, iso) {
		return notDate
	}
	if why := s.halfDay(t); why != fine {
		return why
	}
	return s.zone(t)
}

// time reads 13:45, 13:45:00, 13:45:00.25 and, after a T, 1345 and 134500.
func (s *dateScan) time(t *stamp, iso bool) bool {
	value, width := s.number()
	switch {
	case iso && width == 4:
		t.hour, t.minute = value/100, value%100
		return true
	case iso && width == 6:
		t.hour, t.minute, t.second = value/10_000, value/100%100, value%100
		return s.subsecond(t)
	case width < 1 || width > 2 || !s.eat(':'):
		return false
	}
	t.hour = value
	if t.minute, width = s.number(); width != 2 {
		return false
	}
	if !s.eat(':') {
		return true
	}
	if t.second, width = s.number(); width != 2 {
		return false
	}
	return s.subsecond(t)
}

// subsecond keeps the digits of the fraction, at most nine.
func (s *dateScan) subsecond(t *stamp) bool {
	if !s.eat('.') && !s.eat(',') {
		return true
	}
	start := s.pos
	_, width := s.number()
	t.fraction = s.text[start:s.pos]
	return width >= 1 && width <= 9
}

// halfDay reads AM and PM.
func (s *dateScan) halfDay(t *stamp) reason {
	start := s.pos
	s.spaces()
	word := s.word()
	if len(word) != 2 || word[1]|0x20 != 'm' || word[0]|0x20 != 'a' && word[0]|0x20 != 'p' {
		s.pos = start
		return fine
	}
	if t.hour < 1 || t.hour > 12 {
		return dateClock
	}
	t.hour %= 12
	if word[0]|0x20 == 'p' {
		t.hour += 12
	}
	return fine
}

// zone reads Z, UTC, GMT and offsets such as +02:00, +0200 and +02. Names of other zones are refused: they do not say
// one offset.
func (s *dateScan) zone(t *stamp) reason {
	s.spaces()
	if s.pos == len(s.text) {
		return fine
	}
	switch word := s.word(); string(word) {
	case "Z", "z", "UTC", "GMT":
		t.zone = zulu
		if s.pos == len(s.text) {
			return fine
		}
		if len(word) == 1 {
			return dateZone
		}
	case "":
	default:
		return dateZone
	}
	t.west = s.peek() == '-'
	if !s.eat('+') && !s.eat('-') {
		return notDate
	}
	value, width := s.number()
	minutes := 0
	switch width {
	case 1, 2:
		if s.eat(':') {
			var digits int
			if minutes, digits = s.number(); digits != 2 {
				return dateZone
			}
		}
	case 4:
		value, minutes = value/100, value%100
	default:
		return dateZone
	}
	if s.pos != len(s.text) || minutes > 59 {
		return dateZone
	}
	t.zone, t.offset = offset, value*60+minutes
	return fine
}

// Serial numbers of a workbook: 1 is 1 January 1900, 60 a day that never was, 2958465 the last of 9999.
const (
	serialGhost = 60
	serialLast  = 2_958_465
	serialEpoch = -25_569 // 30 December 1899, in days from 1970
)

// readSerial reads a workbook's cell that holds a date as a bare number (1900 date system): days, and a fraction for the
// time, which is right to a millisecond. A number of eight digits past the last serial reads as YYYYMMDD.
func readSerial(text []byte) (stamp, reason) {
	var t stamp
	serial, err := strconv.ParseFloat(string(text), 64)
	if err != nil || serial < 1 {
		return t, dateSerial
	}
	if serial >= serialLast+1 {
		if len(text) == 8 && text[0] != '+' {
			return readDate(text, orderUnknown, false)
		}
		return t, dateSerial
	}
	const dayMillis = 24 * 60 * 60 * 1000
	days := int(serial)
	millis := int((serial-float64(days))*dayMillis + 0.5)
	days, millis = days+millis/dayMillis, millis%dayMillis
	switch {
	case days == serialGhost:
		return t, dateMissing
	case days < serialGhost:
		days++
	}
	t.setDays(serialEpoch + days)
	if millis > 0 {
		t.clock = true
		t.hour, t.minute, t.second = millis/3_600_000, millis/60_000%60, millis/1000%60
		if millis %= 1000; millis > 0 {
			t.fraction = appendDigits(nil, millis, 3)
		}
	}
	return t, fine
}
