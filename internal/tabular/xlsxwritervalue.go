package tabular

import "strconv"

const (
	doubleDigits  = 15  // decimal digits that any double keeps
	doublePower   = 307 // of ten, either way
	generalDigits = 11  // of a whole number that the format General shows
)

// plainNumber is a number in the spelling of JSON.
type plainNumber struct {
	digits  []byte // with a point among them, without sign and exponent
	integer int    // how many are before the point
	power   int    // the exponent
	whole   bool   // it has neither point nor exponent
}

// scanNumber reads a number as JSON spells them; ok is false for anything else, and for an exponent of six digits.
func scanNumber(text []byte) (n plainNumber, ok bool) {
	if len(text) > 0 && text[0] == '-' {
		text = text[1:]
	}
	n.integer = digits(text)
	if n.integer == 0 || (n.integer > 1 && text[0] == '0') {
		return n, false
	}
	end := n.integer
	if end < len(text) && text[end] == '.' {
		fraction := digits(text[end+1:])
		if fraction == 0 {
			return n, false
		}
		end += 1 + fraction
	}
	n.digits = text[:end]
	if end == len(text) {
		n.whole = end == n.integer
		return n, true
	}
	n.power, ok = exponent(text[end:])
	return n, ok
}

// fitsNumber reports whether text is a number all of whose digits a spreadsheet keeps; long: the format General would
// not show them all.
func fitsNumber(text []byte) (ok, long bool) {
	n, ok := scanNumber(text)
	if !ok {
		return false, false
	}
	count, first := n.significant()
	power := n.power + first
	fits := count == 0 || (count <= doubleDigits && power >= -doublePower && power <= doublePower)
	return fits, n.whole && n.integer > generalDigits
}

// digits counts the digits that text begins with.
func digits(text []byte) (n int) {
	for n < len(text) && text[n] >= '0' && text[n] <= '9' {
		n++
	}
	return n
}

// exponent reads e±123 to the end of text.
func exponent(text []byte) (power int, ok bool) {
	if text[0]|0x20 != 'e' || len(text) > len("e+12345") {
		return 0, false
	}
	power, err := strconv.Atoi(string(text[1:]))
	return power, err == nil
}

// significant counts the digits of n from the first to the last that is not zero. first is the power of ten of the
// first one.
func (n plainNumber) significant() (count, first int) {
	end := len(n.digits)
	for end > 0 && (n.digits[end-1] == '0' || n.digits[end-1] == '.') {
		end--
	}
	for i, c := range n.digits[:end] {
		if c == '.' || (count == 0 && c == '0') {
			continue
		}
		if count++; count > 1 {
			continue
		}
		if first = n.integer - 1 - i; i > n.integer {
			first++
		}
	}
	return count, first
}

// The days that spreadsheets count: 1 is 1900-01-01, and 60 a day that never was, so that they are right from 61 on.
const (
	serialOf1970 = 25_569
	firstSerial  = 61
)

// midnight is where times of day, in microseconds, round to the next day when they are shown in milliseconds.
const midnight = 86_399_999_500

// appendSerial appends the number by which a workbook knows a date, a time of day or both, and tells its style.
// ok is false, and what is appended of no use, where there is no such number: see Date.
func appendSerial(dst, iso []byte) (serial []byte, style string, ok bool) {
	day, hasDay, rest := scanDay(iso)
	if hasDay {
		if day < firstSerial {
			return dst, "", false
		}
		dst = strconv.AppendInt(dst, int64(day), 10)
		if len(rest) == 0 {
			return dst, styleDate, true
		}
		if rest[0] != ' ' && rest[0] != 'T' {
			return dst, "", false
		}
		rest = rest[1:]
	} else {
		dst = append(dst, '0')
	}
	micros, rest, ok := scanClock(rest)
	if !ok || (len(rest) > 0 && (!hasDay || !isUTC(rest))) || (!hasDay && micros >= midnight) {
		return dst, "", false
	}
	dst = appendDayFraction(dst, micros)
	switch whole := micros%1_000_000 == 0; {
	case hasDay && whole:
		return dst, styleMoment, true
	case hasDay:
		return dst, styleMomentF, true
	case whole:
		return dst, styleClock, true
	}
	return dst, styleClockF, true
}

// isUTC reports whether zone is that of Greenwich.
func isUTC(zone []byte) bool {
	switch string(zone) {
	case "Z", "+00", "+00:00", "+0000":
		return true
	}
	return false
}

// scanDay reads YYYY-MM-DD, which has to be a day of the calendar, as a serial.
func scanDay(text []byte) (serial int, ok bool, rest []byte) {
	if len(text) < 10 || text[4] != '-' || text[7] != '-' {
		return 0, false, text
	}
	century, ok1 := two(text)
	year, ok2 := two(text[2:])
	month, ok3 := two(text[5:])
	day, ok4 := two(text[8:])
	year += 100 * century
	if !ok1 || !ok2 || !ok3 || !ok4 || month < 1 || month > 12 || day < 1 || day > daysOfMonth(year, month) {
		return 0, false, text
	}
	return serialOf1970 + daysAfter1970(year, month, day), true, text[10:]
}

func daysOfMonth(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// daysAfter1970 counts in the Gregorian calendar with years that begin in March, so that a leap day ends its year.
func daysAfter1970(year, month, day int) int {
	if month <= 2 {
		year, month = year-1, month+12
	}
	return 365*year + year/4 - year/100 + year/400 + (153*(month-3)+2)/5 + day - 719_469
}

// scanClock reads HH:MM[:SS[.f]] with one to six decimals as microseconds of a day.
func scanClock(text []byte) (micros int64, rest []byte, ok bool) {
	hour, ok1 := two(text)
	if !ok1 || hour > 23 || len(text) < 5 || text[2] != ':' {
		return 0, text, false
	}
	minute, ok2 := two(text[3:])
	second, ok3 := 0, true
	rest = text[5:]
	if len(rest) > 0 && rest[0] == ':' {
		if second, ok3 = two(rest[1:]); ok3 {
			rest = rest[3:]
		}
	}
	if !ok2 || !ok3 || minute > 59 || second > 59 {
		return 0, text, false
	}
	micros = int64(hour*3600+minute*60+second) * 1_000_000
	if len(rest) == 0 || rest[0] != '.' {
		return micros, rest, true
	}
	n := digits(rest[1:])
	if n == 0 || n > 6 {
		return 0, text, false
	}
	unit := int64(1_000_000)
	for _, c := range rest[1 : 1+n] {
		unit /= 10
		micros += unit * int64(c-'0')
	}
	return micros, rest[1+n:], true
}

// two reads two digits.
func two(text []byte) (n int, ok bool) {
	if digits(text[:min(2, len(text))]) < 2 {
		return 0, false
	}
	return int(text[0]-'0')*10 + int(text[1]-'0'), true
}

// appendDayFraction appends a time of day as decimals of a day: fifteen, which is more than a double tells apart.
func appendDayFraction(dst []byte, micros int64) []byte {
	if micros == 0 {
		return dst
	}
	const unit = 1_000_000_000_000_000        // 10^15 to a day, which has 864 × 10^8 microseconds
	scaled := (micros*10_000_000 + 432) / 864 // rounded
	start := len(dst)
	dst = strconv.AppendInt(dst, unit+scaled, 10)
	dst[start] = '.' // the unit's 1
	for dst[len(dst)-1] == '0' {
		dst = dst[:len(dst)-1]
	}
	return dst
}
