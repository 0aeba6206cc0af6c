// Package cron says when something is due that people wrote down as a cron expression for a place on earth.
//
// An expression has the five fields of crontab(5), minute, hour, day of month, month, day of week: *, lists, ranges, steps, and names
// of months and days; or it is one of @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually. If both days are given,
// one of them is enough. Sunday is 0 or 7.
//
// A moment is due when the clocks of the place show it. Where they are set forward, times that they skip are due once, at the moment
// at which they are set. Where they are set back, times that they show twice are due the first time. An expression for every hour
// goes by hours as they pass: it is due in both of two equal hours and in none that is skipped.
package cron

import (
	"errors"
	"fmt"
	"slices"
	"time"
	_ "time/tzdata" // the same places on every machine
)

// Schedule is when something is due. The zero Schedule never is.
type Schedule struct {
	minutes, hours, days, months, weekdays uint64 // bit n: n is due
	eitherDay                              bool   // days and weekdays are both given
	place                                  *time.Location
}

// everyHour has the bits of all hours.
const everyHour = 1<<24 - 1

// ErrNever is the answer to an expression whose day does not exist.
var ErrNever = errors.New("is never due: there is no such day")

// Parse reads an expression and the IANA name of a place, "Europe/Zurich" or "UTC". Its errors say what is wrong, for people.
func Parse(expression, zone string) (Schedule, error) {
	s, err := parse(expression)
	if err != nil {
		return Schedule{}, err
	}
	if s.place, err = Zone(zone); err != nil {
		return Schedule{}, err
	}
	if _, ok := s.Next(time.Unix(0, 0)); !ok {
		return Schedule{}, ErrNever
	}
	return s, nil
}

// Zone gives the place of an IANA name.
func Zone(name string) (*time.Location, error) {
	if name == "" || name == "Local" { // what the machine calls its own is no name
		return nil, errors.New("is no time zone: give a name such as Europe/Zurich or UTC")
	}
	place, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("%q is no time zone: give a name such as Europe/Zurich or UTC", name)
	}
	return place, nil
}

// horizon is how far ahead Next looks, in days: the 29th of February may be eight years away.
const horizon = 9 * 366

// Next gives the first moment after t at which the schedule is due; false if there is none.
func (s Schedule) Next(t time.Time) (time.Time, bool) {
	if s.place == nil {
		return time.Time{}, false
	}
	// From the day before, since clocks that are set back may show it again.
	year, month, day := t.In(s.place).AddDate(0, 0, -1).Date()
	date := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	for range horizon {
		if s.on(date) {
			if found, ok := s.firstOf(date, t); ok {
				return found, true
			}
		}
		date = date.AddDate(0, 0, 1)
	}
	return time.Time{}, false
}

func has(bits uint64, n int) bool { return bits&(1<<n) != 0 }

// on reports whether the schedule is due on the date.
func (s Schedule) on(date time.Time) bool {
	day, weekday := has(s.days, date.Day()), has(s.weekdays, int(date.Weekday()))
	if s.eitherDay {
		return has(s.months, int(date.Month())) && (day || weekday)
	}
	return has(s.months, int(date.Month())) && day && weekday
}

// firstOf gives the first moment of the date after t. Moments need not come in the order of what clocks show.
func (s Schedule) firstOf(date, t time.Time) (first time.Time, ok bool) {
	for hour := range 24 {
		if !has(s.hours, hour) {
			continue
		}
		for minute := range 60 {
			if !has(s.minutes, minute) {
				continue
			}
			for _, at := range s.moments(date.Add(time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute)) {
				if at.After(t) && (!ok || at.Before(first)) {
					first, ok = at, true
				}
			}
		}
	}
	return first, ok
}

// moments gives when the schedule is due for what clocks show, given as if they showed UTC.
func (s Schedule) moments(shown time.Time) (due []time.Time) {
	about := time.Date(shown.Year(), shown.Month(), shown.Day(), shown.Hour(), shown.Minute(), 0, 0, s.place)
	start, end := about.ZoneBounds()
	for _, near := range []time.Time{start.Add(-1), about, end} { // before, in and after the period that it may lie in
		at := shown.Add(-offset(near)).In(s.place)
		if offset(at) == offset(near) && !slices.ContainsFunc(due, at.Equal) {
			due = append(due, at)
		}
	}
	slices.SortFunc(due, time.Time.Compare)
	switch {
	case s.hours == everyHour:
		return due
	case len(due) > 0:
		return due[:1]
	}
	for _, set := range []time.Time{start, end} {
		before, after := offset(set.Add(-1)), offset(set)
		if at := shown.Add(-before); !at.Before(set) && shown.Before(set.Add(after).In(time.UTC)) {
			return []time.Time{set.In(s.place)}
		}
	}
	return nil
}

// offset is how far clocks are ahead of UTC at t.
func offset(t time.Time) time.Duration {
	_, seconds := t.Zone()
	return time.Duration(seconds) * time.Second
}
