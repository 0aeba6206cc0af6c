package pgcodec

import (
	"encoding/binary"
	"math"
)

// appendInterval prints microseconds, days and months in the style "postgres": 1 year 2 mons -3 days +04:05:06.7.
//
// The extreme values are infinity, as of Postgres 17; earlier versions print that one interval as a number.
func appendInterval(dst, raw []byte) ([]byte, error) {
	if len(raw) != 16 {
		return dst, ErrCorrupt
	}
	micros := int64(binary.BigEndian.Uint64(raw))
	days := int32(binary.BigEndian.Uint32(raw[8:]))
	months := int32(binary.BigEndian.Uint32(raw[12:]))
	switch {
	case micros == math.MaxInt64 && days == math.MaxInt32 && months == math.MaxInt32:
		return append(dst, "infinity"...), nil
	case micros == math.MinInt64 && days == math.MinInt32 && months == math.MinInt32:
		return append(dst, "-infinity"...), nil
	}
	w := intervalWriter{dst: dst, start: len(dst)}
	w.unit(months/12, " year")
	w.unit(months%12, " mon")
	w.unit(days, " day")
	if micros != 0 || len(w.dst) == w.start {
		w.clock(micros)
	}
	return w.dst, nil
}

// intervalWriter prints the parts of an interval that are not zero; a sign is written where it changes.
type intervalWriter struct {
	dst      []byte
	start    int
	negative bool // the part before was negative
}

func (w *intervalWriter) unit(n int32, name string) {
	if n == 0 {
		return
	}
	w.space()
	if w.negative && n > 0 {
		w.dst = append(w.dst, '+')
	}
	w.dst = appendInt(w.dst, int64(n))
	w.dst = append(w.dst, name...)
	if n != 1 {
		w.dst = append(w.dst, 's')
	}
	w.negative = n < 0
}

func (w *intervalWriter) clock(micros int64) {
	w.space()
	abs := uint64(micros)
	if micros < 0 {
		w.dst = append(w.dst, '-')
		abs = -abs
	} else if w.negative {
		w.dst = append(w.dst, '+')
	}
	w.dst = appendClock(w.dst, abs)
}

func (w *intervalWriter) space() {
	if len(w.dst) > w.start {
		w.dst = append(w.dst, ' ')
	}
}
