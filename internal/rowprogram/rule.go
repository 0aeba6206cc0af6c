package rowprogram

import (
	"bytes"
	"cmp"
	"regexp"
	"unicode/utf8"
)

// rule is a validator of a cell that is not empty.
type rule struct {
	name    string // the validator's
	message string
	test    test
	length  int
	number  numeral
	whole   int64 // number, if it is an integer of at most 18 digits: isWhole
	isWhole bool
	date    stamp
	day     []byte // date as YYYY-MM-DD, if it has no time
	pattern *regexp.Regexp
}

// test is what a rule compares.
type test uint8

const (
	testMinLength test = iota
	testMaxLength
	testMinNumber
	testMaxNumber
	testMinDate
	testMaxDate
	testPattern
)

// check applies the rule to a cell's canonical text. A number or a date that is none has no size to compare.
func (r *rule) check(w *work, text []byte, typed bool) {
	if !typed && r.test >= testMinNumber && r.test <= testMaxDate {
		return
	}
	if !r.holds(text) {
		w.fail(r.name, r.message)
	}
}

func (r *rule) holds(text []byte) bool {
	switch r.test {
	case testMinLength:
		return len(text) >= r.length && utf8.RuneCount(text) >= r.length
	case testMaxLength:
		return len(text) <= r.length || utf8.RuneCount(text) <= r.length
	case testPattern:
		return r.pattern.Match(text)
	case testMinNumber, testMaxNumber:
		order := r.compareNumber(text)
		return order == 0 || order < 0 == (r.test == testMaxNumber)
	default:
		order := r.compareDate(text)
		return order == 0 || order < 0 == (r.test == testMaxDate)
	}
}

// compareNumber orders a number in canonical text against the limit.
func (r *rule) compareNumber(text []byte) int {
	if r.isWhole {
		if n, ok := wholeNumber(text); ok {
			return cmp.Compare(n, r.whole)
		}
	}
	n := parseCanonical(text)
	return compareNumbers(&n, &r.number)
}

// wholeNumber reads an integer of at most 18 digits in canonical text.
func wholeNumber(text []byte) (int64, bool) {
	negative := len(text) > 0 && text[0] == '-'
	if negative {
		text = text[1:]
	}
	if len(text) == 0 || len(text) > 18 {
		return 0, false
	}
	var n int64
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	if negative {
		n = -n
	}
	return n, true
}

// compareDate orders a date in canonical text against the limit: years have four digits, so days compare as text.
func (r *rule) compareDate(text []byte) int {
	if r.day != nil {
		return bytes.Compare(text[:len(r.day)], r.day)
	}
	t, _ := readDate(text, orderUnknown, false)
	return compareDates(&t, &r.date)
}
