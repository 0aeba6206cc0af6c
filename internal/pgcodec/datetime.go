package pgcodec

import (
	"encoding/binary"
	"math"
)

const (
	microsPerSecond = 1_000_000
	microsPerMinute = 60 * microsPerSecond
	microsPerHour   = 60 * microsPerMinute
	microsPerDay    = 24 * microsPerHour
	secondsPerDay   = 24 * 60 * 60
	epochDays       = 10_957 // 2000-01-01, where Postgres counts from, in days after 1970-01-01
)

func appendDate(dst, raw []byte) ([]byte, error) {
	if len(raw) != 4 {
		return dst, ErrCorrupt
	}
	days := int32(binary.BigEndian.Uint32(raw))
	switch days {
	case math.MaxInt32:
		return append(dst, "infinity"...), nil
	case math.MinInt32:
		return append(dst, "-infinity"...), nil
	}
	dst, bc := appendDay(dst, int64(days))
	return appendEra(dst, bc), nil
}

func appendTimestamp(dst, raw []byte) ([]byte, error)    { return appendMoment(dst, raw, ' ', "") }
func appendTimestampISO(dst, raw []byte) ([]byte, error) { return appendMoment(dst, raw, 'T', "") }
func appendTimestamptz(dst, raw []byte) ([]byte, error)  { return appendMoment(dst, raw, ' ', "+00") }

func appendTimestamptzISO(dst, raw []byte) ([]byte, error) {
	return appendMoment(dst, raw, 'T', "+00:00")
}

// appendMoment prints microseconds after 2000-01-01 as day, separator, clock, zone and era.
func appendMoment(dst, raw []byte, separator byte, zone string) ([]byte, error) {
	if len(raw) != 8 {
		return dst, ErrCorrupt
	}
	micros := int64(binary.BigEndian.Uint64(raw))
	switch micros {
	case math.MaxInt64:
		return append(dst, "infinity"...), nil
	case math.MinInt64:
		return append(dst, "-infinity"...), nil
	}
	days, clock := micros/microsPerDay, micros%microsPerDay
	if clock < 0 {
		days, clock = days-1, clock+microsPerDay
	}
	dst, bc := appendDay(dst, days)
	dst = appendClock(append(dst, separator), uint64(clock))
	return appendEra(append(dst, zone...), bc), nil
}

func appendTime(dst, raw []byte) ([]byte, error) {
	if len(raw) != 8 {
		return dst, ErrCorrupt
	}
	micros := binary.BigEndian.Uint64(raw)
	if micros > microsPerDay { // 24:00:00 is a time
		return dst, ErrCorrupt
	}
	return appendClock(dst, micros), nil
}

// appendTimetz prints a time of day and its own offset, which Postgres keeps in seconds west of Greenwich.
func appendTimetz(dst, raw []byte) ([]byte, error) {
	if len(raw) != 12 {
		return dst, ErrCorrupt
	}
	dst, err := appendTime(dst, raw[:8])
	if err != nil {
		return dst, err
	}
	offset, sign := int32(binary.BigEndian.Uint32(raw[8:])), byte('+')
	if offset > 0 {
		sign = '-'
	} else {
		offset = -offset
	}
	if offset < 0 || offset >= secondsPerDay {
		return dst, ErrCorrupt
	}
	dst = appendTwo(append(dst, sign), uint64(offset)/3600)
	if minutes, seconds := uint64(offset)/60%60, uint64(offset)%60; seconds != 0 {
		dst = appendTwo(append(dst, ':'), minutes)
		dst = appendTwo(append(dst, ':'), seconds)
	} else if minutes != 0 {
		dst = appendTwo(append(dst, ':'), minutes)
	}
	return dst, nil
}

// appendDay prints the day that is days after 2000-01-01 in the proleptic Gregorian calendar; bc: it is before year 1,
// and the caller appends the era behind all else.
func appendDay(dst []byte, days int64) (_ []byte, bc bool) {
	year, month, day := civil(days)
	if year <= 0 {
		year, bc = 1-year, true
	}
	if year > 9999 {
		dst = appendUint(dst, uint64(year))
	} else {
		dst = appendPadded(dst, uint16(year))
	}
	dst = appendTwo(append(dst, '-'), uint64(month))
	return appendTwo(append(dst, '-'), uint64(day)), bc
}

func appendEra(dst []byte, bc bool) []byte {
	if bc {
		return append(dst, " BC"...)
	}
	return dst
}

// appendClock prints microseconds as HH:MM:SS with as many decimals as needed; hours may exceed two digits.
func appendClock(dst []byte, micros uint64) []byte {
	seconds, fraction := micros/microsPerSecond, micros%microsPerSecond
	minutes := seconds / 60
	if hours := minutes / 60; hours < 100 {
		dst = appendTwo(dst, hours)
	} else {
		dst = appendUint(dst, hours)
	}
	dst = appendTwo(append(dst, ':'), minutes%60)
	dst = appendTwo(append(dst, ':'), seconds%60)
	if fraction == 0 {
		return dst
	}
	dst = append(dst, '.')
	dst = appendTwo(dst, fraction/10_000)
	dst = appendTwo(dst, fraction/100%100)
	dst = appendTwo(dst, fraction%100)
	for dst[len(dst)-1] == '0' {
		dst = dst[:len(dst)-1]
	}
	return dst
}

// appendTwo prints a number below 100 with two digits.
func appendTwo(dst []byte, n uint64) []byte {
	return append(dst, byte('0'+n/10), byte('0'+n%10))
}

// civil gives the calendar day that is days after 2000-01-01; year 0 is 1 BC.
//
// It counts in eras of 400 years that begin on March 1, so that the leap day comes last
// (Howard Hinnant, chrono-Compatible Low-Level Date Algorithms).
func civil(days int64) (year int64, month, day int) {
	days += epochDays + 719_468
	era := days / 146_097
	if days < 0 {
		era = (days - 146_096) / 146_097
	}
	ofEra := days - era*146_097
	yearOfEra := (ofEra - ofEra/1460 + ofEra/36_524 - ofEra/146_096) / 365
	ofYear := ofEra - (365*yearOfEra + yearOfEra/4 - yearOfEra/100)
	shifted := (5*ofYear + 2) / 153
	day = int(ofYear - (153*shifted+2)/5 + 1)
	month = int(shifted) + 3
	year = yearOfEra + era*400
	if month > 12 {
		month -= 12
		year++
	}
	return year, month, day
}

// daysOf is the inverse of civil.
func daysOf(year int64, month, day int) int64 {
	if month <= 2 {
		year--
		month += 12
	}
	era := year / 400
	if year < 0 {
		era = (year - 399) / 400
	}
	yearOfEra := year - era*400
	ofYear := int64((153*(month-3)+2)/5 + day - 1)
	ofEra := yearOfEra*365 + yearOfEra/4 - yearOfEra/100 + ofYear
	return era*146_097 + ofEra - 719_468 - epochDays
}
