package tabular

import (
	"bytes"
	"math"
	"strconv"
)

// The days of a workbook: day 1 is 1 January 1900, day 60 the 29 February 1900 that never was (ECMA-376 part 1, 18.17.4.1);
// a workbook of the 1904 system counts from 1 January 1904.
const (
	ghostDay    = 60
	lastDay     = 2_958_465 // 31 December 9999
	days1904    = 1462
	dayMillis   = 24 * 60 * 60 * 1000
	mostElapsed = 1e9 // days that are told in hours
)

// appendDate appends what the number v is under the class of its format, and gives its kind: a date, a time of day, both,
// or a duration such as 255:10:10. What no calendar shows stays as it is: false.
func appendDate(dst, v []byte, class formatClass, date1904 bool) ([]byte, Kind, bool) {
	if day, ok := wholeDay(v); ok && class == formatDate && !date1904 {
		return appendDay(dst, day), Date, true
	}
	n, err := strconv.ParseFloat(string(v), 64)
	if err != nil || math.IsNaN(n) || math.Abs(n) > mostElapsed {
		return dst, Number, false
	}
	millis := int64(math.Round(n * dayMillis))
	if class == formatElapsed {
		return appendElapsed(dst, millis), Text, true
	}
	if millis < 0 {
		return dst, Number, false
	}
	day, clock := millis/dayMillis, millis%dayMillis
	timeOnly := day == 0 && (class == formatTime || (!date1904 && (clock > 0 || class == formatDateTime)))
	if timeOnly {
		return appendClock(dst, clock), Date, true
	}
	if date1904 {
		day += days1904
	}
	if day < 1 || day > lastDay {
		return dst, Number, false
	}
	dst = appendDay(dst, int(day))
	if clock > 0 || hasClock(class) {
		dst = appendClock(append(dst, 'T'), clock)
	}
	return dst, Date, true
}

// wholeDay reads a day that is spelled with digits alone.
func wholeDay(v []byte) (int, bool) {
	if len(v) == 0 || len(v) > 7 {
		return 0, false
	}
	day := 0
	for _, c := range v {
		if c-'0' > 9 {
			return 0, false
		}
		day = 10*day + int(c-'0')
	}
	return day, day >= 1 && day <= lastDay
}

// appendDay appends a day as 2024-02-29.
func appendDay(dst []byte, day int) []byte {
	if day == ghostDay {
		return append(dst, "1900-02-29"...)
	}
	if day < ghostDay {
		day++
	}
	// Days from 1 March of the year 0, in eras of 400 years (H. Hinnant, chrono-Compatible Low-Level Date Algorithms).
	const to1900, era = 693_899, 146_097
	z := day + to1900
	inEra := z % era
	yearOfEra := (inEra - inEra/1460 + inEra/36_524 - inEra/146_096) / 365
	dayOfYear := inEra - (365*yearOfEra + yearOfEra/4 - yearOfEra/100)
	m := (5*dayOfYear + 2) / 153
	dayOfMonth := dayOfYear - (153*m+2)/5 + 1
	year, month := yearOfEra+z/era*400, m+3
	if month > 12 {
		year, month = year+1, month-12
	}
	return append(dst, byte('0'+year/1000), byte('0'+year/100%10), byte('0'+year/10%10), byte('0'+year%10),
		'-', byte('0'+month/10), byte('0'+month%10), '-', byte('0'+dayOfMonth/10), byte('0'+dayOfMonth%10))
}

// appendClock appends 13:45:00, and milliseconds if there are any.
func appendClock(dst []byte, millis int64) []byte {
	hours := millis / 3_600_000
	dst = append(dst, byte('0'+hours/10), byte('0'+hours%10)) //nolint:gosec // below 24
	return appendMinutes(dst, millis)
}

func appendElapsed(dst []byte, millis int64) []byte {
	if millis < 0 {
		dst, millis = append(dst, '-'), -millis
	}
	return appendMinutes(strconv.AppendInt(dst, millis/3_600_000, 10), millis)
}

func appendMinutes(dst []byte, millis int64) []byte {
	m, s, f := millis/60_000%60, millis/1000%60, millis%1000
	dst = append(dst, ':', byte('0'+m/10), byte('0'+m%10), ':', byte('0'+s/10), byte('0'+s%10))
	if f > 0 {
		dst = append(dst, '.', byte('0'+f/100), byte('0'+f/10%10), byte('0'+f%10))
		dst = bytes.TrimRight(dst, "0")
	}
	return dst
}

// isoDate reads a cell that holds its date as text (type "d"): 2024-01-31, 2024-01-31T13:45:00, 13:45, with a fraction of
// a second and a zone or without. A midnight that its format does not show is left out. Anything else: false.
func isoDate(v []byte, class formatClass) ([]byte, bool) {
	const day, clock = "0000-00-00", "00:00"
	v = bytes.TrimSpace(v)
	date := 0
	if shaped(v, day) {
		if date = len(day); len(v) == date {
			return v, true
		}
		if v[date] != 'T' {
			return nil, false
		}
	}
	time := bytes.TrimPrefix(v[date:], []byte("T"))
	if !shaped(time, clock) || len(bytes.Trim(time, "0123456789:.,+-Z")) > 0 {
		return nil, false
	}
	zone := bytes.IndexAny(time, "Z+-")
	if zone < 0 {
		zone = len(time)
	}
	if date > 0 && !hasClock(class) && zone >= len(time)-1 && len(bytes.Trim(time[:zone], "0:.")) == 0 {
		return v[:date], true
	}
	if dot := bytes.IndexByte(time, '.'); dot >= 0 && zone == len(time) {
		time = bytes.TrimRight(bytes.TrimRight(time, "0"), ".")
	}
	if date > 0 {
		return v[:date+1+len(time)], true
	}
	return time, true
}

// shaped reports whether v begins with digits where shape has zeros, and with the other characters of shape.
func shaped(v []byte, shape string) bool {
	if len(v) < len(shape) {
		return false
	}
	for i := range len(shape) {
		if shape[i] == '0' {
			if v[i]-'0' > 9 {
				return false
			}
		} else if v[i] != shape[i] {
			return false
		}
	}
	return true
}
