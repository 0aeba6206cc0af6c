package rowprogram

import "cmp"

// order says which part of a numeric date comes first, and with it where the others stand.
type order uint8

const (
	orderUnknown order = iota
	dayFirst
	monthFirst
	yearFirst
)

// zone is what a date-time says of its offset from UTC.
type zone uint8

const (
	noZone zone = iota
	zulu
	offset
)

// stamp is a date, or a date-time, as it was written: nothing is moved to another time zone.
type stamp struct {
	year, month, day     int
	clock                bool
	hour, minute, second int
	fraction             []byte // digits of the second's fraction
	zone                 zone
	west                 bool // of an offset: −
	offset               int  // minutes

	weekday int   // 1 (Monday) to 7 if the text named it, else 0
	shows   order // what the spelling tells of the column: the only order in which it can be read
	unclear bool  // day and month can be swapped; read here with the day first
}

// readDate reads a trimmed cell. With strict the field itself has said its order, and a date in another one is an error;
// ISO dates and month names are read always.
func readDate(text []byte, o order, strict bool) (stamp, reason) {
	scan := dateScan{text: text, order: o, strict: strict}
	var t stamp
	if why := scan.date(&t); why != fine {
		return t, why
	}
	if why := scan.clock(&t); why != fine {
		return t, why
	}
	if why := t.check(); why != fine {
		return t, why
	}
	if t.unclear {
		return t, dateUnclear
	}
	return t, fine
}

// isoDate reads YYYY-MM-DD and nothing else.
func isoDate(text []byte) (year, month, day int, ok bool) {
	if len(text) != 10 || text[4] != '-' || text[7] != '-' {
		return 0, 0, 0, false
	}
	for i, c := range text {
		if (c < '0' || c > '9') && i != 4 && i != 7 {
			return 0, 0, 0, false
		}
	}
	two := func(i int) int { return int(text[i]-'0')*10 + int(text[i+1]-'0') }
	return two(0)*100 + two(2), two(5), two(8), true
}

// check refuses days and times that do not exist.
func (t *stamp) check() reason {
	switch {
	case !validDay(t.year, t.month, t.day):
		return dateMissing
	case t.hour > 23 || t.minute > 59 || t.second > 59:
		return dateClock
	case t.offset > 15*60+59: // Postgres's limit
		return dateZone
	case t.weekday != 0 && t.dayOfWeek() != t.weekday:
		return dateWeekday
	}
	return fine
}

func validDay(year, month, day int) bool {
	return year >= 1 && month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month)
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// dayOfWeek is 1 (Monday) to 7; 1 January 1970 was a Thursday.
func (t *stamp) dayOfWeek() int { return ((t.days()+3)%7+7)%7 + 1 }

// days counts from 1 January 1970, negative before it.
func (t *stamp) days() int {
	y, m := t.year, t.month
	if m <= 2 {
		y, m = y-1, m+12
	}
	// March begins the year, so that the leap day ends it; 719,468 days lie between 1 March of year 0 and 1970.
	return 365*y + y/4 - y/100 + y/400 + (153*(m-3)+2)/5 + t.day - 1 - 719_468
}

// setDays sets the date from days since 1 January 1970.
func (t *stamp) setDays(days int) {
	days += 719_468
	era := days / 146_097
	day := days % 146_097
	year := (day - day/1460 + day/36524 - day/146_096) / 365
	day -= 365*year + year/4 - year/100
	month := (5*day + 2) / 153
	t.day = day - (153*month+2)/5 + 1
	t.month = month + 3
	t.year = year + era*400
	if t.month > 12 {
		t.month -= 12
		t.year++
	}
}

// append writes the ISO 8601 form: 2024-02-29, or 2024-02-29T13:45:00.5+02:00 when there was a time.
func (t *stamp) append(dst []byte) []byte {
	dst = appendDigits(dst, t.year, 4)
	dst = appendDigits(append(dst, '-'), t.month, 2)
	dst = appendDigits(append(dst, '-'), t.day, 2)
	if !t.clock {
		return dst
	}
	dst = appendDigits(append(dst, 'T'), t.hour, 2)
	dst = appendDigits(append(dst, ':'), t.minute, 2)
	dst = appendDigits(append(dst, ':'), t.second, 2)
	if len(t.fraction) > 0 {
		dst = append(append(dst, '.'), t.fraction...)
	}
	switch t.zone {
	case zulu:
		dst = append(dst, 'Z')
	case offset:
		direction := byte('+')
		if t.west {
			direction = '-'
		}
		dst = appendDigits(append(dst, direction), t.offset/60, 2)
		dst = appendDigits(append(dst, ':'), t.offset%60, 2)
	}
	return dst
}

func appendDigits(dst []byte, n, width int) []byte {
	for div := pow10[width-1]; div > 0; div /= 10 {
		dst = append(dst, byte('0'+n/div%10))
	}
	return dst
}

var pow10 = [...]int{1, 10, 100, 1000}

// compareDates orders t against a limit. A limit without a time is a whole day: times of that day are equal to it.
// Offsets count where both have one; else the clocks are compared as written.
func compareDates(t, limit *stamp) int {
	if !limit.clock {
		return cmp.Compare(t.days(), limit.days())
	}
	seconds := t.seconds() - limit.seconds()
	if t.zone != noZone && limit.zone != noZone {
		seconds -= t.east() - limit.east()
	}
	if seconds != 0 {
		return cmp.Compare(seconds, 0)
	}
	for i := 0; i < len(t.fraction) || i < len(limit.fraction); i++ {
		if x, y := digitAt(t.fraction, i), digitAt(limit.fraction, i); x != y {
			return cmp.Compare(x, y)
		}
	}
	return 0
}

// seconds counts by the clock as written.
func (t *stamp) seconds() int {
	return ((t.days()*24+t.hour)*60+t.minute)*60 + t.second
}

// east is the offset in seconds.
func (t *stamp) east() int {
	if t.west {
		return -t.offset * 60
	}
	return t.offset * 60
}

func digitAt(digits []byte, i int) byte {
	if i < len(digits) {
		return digits[i]
	}
	return '0'
}
