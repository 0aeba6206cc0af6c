package pgcodec

import (
	"bytes"
	"encoding/binary"
	"math"
	"strconv"
)

// The first moment and day that Postgres can hold, and the first behind the last.
const (
	firstDay    = -2_451_545 // 4714-11-24 BC, day 0 of the Julian count
	endDay      = 2_145_031_949
	firstMoment = firstDay * microsPerDay
	endMoment   = 9_223_371_331_200_000_000 // 294277-01-01
)

// moment is a date with an optional time of day and an optional offset.
type moment struct {
	days   int64 // after 2000-01-01
	clock  int64 // microseconds after midnight
	offset int64 // seconds east of Greenwich; 0 if none is given
}

func encodeDate(dst, text []byte) ([]byte, error) {
	if infinite, sign := isInfinity(text); infinite {
		return binary.BigEndian.AppendUint32(dst, uint32(int32(sign>>32))), nil
	}
	m, err := parseMoment(text, errNotDate)
	switch {
	case err != nil:
		return dst, err
	case m.clock != 0:
		return dst, errTimeInDate
	case m.days < firstDay || m.days >= endDay:
		return dst, errDateRange
	}
	return binary.BigEndian.AppendUint32(dst, uint32(int32(m.days))), nil
}

func encodeTimestamp(dst, text []byte) ([]byte, error)   { return encodeMoment(dst, text, false) }
func encodeTimestamptz(dst, text []byte) ([]byte, error) { return encodeMoment(dst, text, true) }

func encodeMoment(dst, text []byte, zoned bool) ([]byte, error) {
	if infinite, micros := isInfinity(text); infinite {
		return binary.BigEndian.AppendUint64(dst, uint64(micros)), nil
	}
	m, err := parseMoment(text, errNotTimestamp)
	if err != nil {
		return dst, err
	}
	if m.days < firstDay-1 || m.days > endMoment/microsPerDay {
		return dst, errMomentRange // here, before the product overflows
	}
	micros := m.days*microsPerDay + m.clock
	if zoned {
		micros -= m.offset * microsPerSecond
	}
	if micros < firstMoment || micros >= endMoment {
		return dst, errMomentRange
	}
	return binary.BigEndian.AppendUint64(dst, uint64(micros)), nil
}

func encodeTime(dst, text []byte) ([]byte, error) {
	c := cursor{text: text}
	micros, ok := c.clock()
	if !ok || !c.done() {
		return dst, errNotTime
	}
	return binary.BigEndian.AppendUint64(dst, uint64(micros)), nil
}

// isInfinity gives the greatest or the least value.
func isInfinity(text []byte) (infinite bool, value int64) {
	switch {
	case bytes.EqualFold(text, []byte("infinity")):
		return true, math.MaxInt64
	case bytes.EqualFold(text, []byte("-infinity")):
		return true, math.MinInt64
	}
	return false, 0
}

// parseMoment reads YYYY-MM-DD[(T| )HH:MM[:SS[.…]][[ ](Z|±HH[[:]MM[:SS]])]][ BC]. Anything else is the error shape.
func parseMoment(text []byte, shape error) (m moment, err error) {
	text, bc := bytes.CutSuffix(text, []byte(" BC"))
	c := cursor{text: text}
	year, month, day, ok := c.day()
	if !ok {
		return m, shape
	}
	if c.take('T') || c.take(' ') {
		if m.clock, ok = c.clock(); !ok {
			return m, shape
		}
		if m.offset, ok = c.offset(); !ok {
			return m, shape
		}
	}
	if !c.done() {
		return m, shape
	}
	if year == 0 || month < 1 || month > 12 || day < 1 {
		return m, errNoSuchDay
	}
	if bc {
		year = 1 - year
	}
	if day > daysIn(year, month) {
		return m, errNoSuchDay
	}
	m.days = daysOf(year, month, day)
	return m, nil
}

func daysIn(year int64, month int) int {
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

// cursor reads a text from left to right.
type cursor struct {
	text []byte
	pos  int
}

func (c *cursor) done() bool { return c.pos == len(c.text) }

// take steps over b if it is next.
func (c *cursor) take(b byte) bool {
	if c.pos < len(c.text) && c.text[c.pos] == b {
		c.pos++
		return true
	}
	return false
}

// two reads exactly two digits.
func (c *cursor) two() (n int, ok bool) {
	if c.pos+2 > len(c.text) {
		return 0, false
	}
	high, low := c.text[c.pos]-'0', c.text[c.pos+1]-'0'
	c.pos += 2
	return int(high)*10 + int(low), high <= 9 && low <= 9
}

// day reads YYYY-MM-DD with four to seven digits of a year.
func (c *cursor) day() (year int64, month, day int, ok bool) {
	end := skipDigits(c.text, 0)
	if end < 4 || end > 7 {
		return 0, 0, 0, false
	}
	for _, d := range c.text[:end] {
		year = year*10 + int64(d-'0')
	}
	c.pos = end
	if !c.take('-') {
		return 0, 0, 0, false
	}
	if month, ok = c.two(); !ok || !c.take('-') {
		return 0, 0, 0, false
	}
	day, ok = c.two()
	return year, month, day, ok
}

// clock reads HH:MM[:SS[.digits]] as microseconds. 24:00 is the end of the day, and a 60th second the next minute.
func (c *cursor) clock() (micros int64, ok bool) {
	hour, ok := c.two()
	if !ok || !c.take(':') {
		return 0, false
	}
	minute, ok := c.two()
	if !ok {
		return 0, false
	}
	second := 0
	if c.take(':') {
		if second, ok = c.two(); !ok {
			return 0, false
		}
		if c.take('.') {
			if micros, ok = c.fraction(); !ok {
				return 0, false
			}
		}
	}
	if minute > 59 || second > 60 || second == 60 && micros > 0 {
		return 0, false
	}
	micros += int64(hour*3600+minute*60+second) * microsPerSecond
	return micros, micros <= microsPerDay
}

// fraction reads the decimals of a second, rounded to microseconds as Postgres does it: by way of a double.
func (c *cursor) fraction() (micros int64, ok bool) {
	start := c.pos
	c.pos = skipDigits(c.text, start)
	n := c.pos - start
	switch {
	case n == 0:
		return 0, false
	case n > 6:
		f, err := strconv.ParseFloat(string(c.text[start-1:c.pos]), 64)
		return int64(math.RoundToEven(f * microsPerSecond)), err == nil
	}
	for i := range 6 {
		micros *= 10
		if i < n {
			micros += int64(c.text[start+i] - '0')
		}
	}
	return micros, true
}

// offset reads Z, ±HH, ±HHMM, ±HH:MM or ±HH:MM:SS behind an optional blank, or nothing.
func (c *cursor) offset() (seconds int64, ok bool) {
	if c.done() {
		return 0, true
	}
	c.take(' ')
	if c.take('Z') || c.take('z') {
		return 0, true
	}
	negative := c.take('-')
	if !negative && !c.take('+') {
		return 0, false
	}
	hour, ok := c.two()
	if !ok || hour > 15 { // Postgres's own limit
		return 0, false
	}
	minute, second := 0, 0
	if colon := c.take(':'); colon || !c.done() {
		if minute, ok = c.two(); !ok {
			return 0, false
		}
		if colon && c.take(':') {
			if second, ok = c.two(); !ok {
				return 0, false
			}
		}
	}
	seconds = int64(hour*3600 + minute*60 + second)
	if negative {
		seconds = -seconds
	}
	return seconds, minute < 60 && second < 60
}
