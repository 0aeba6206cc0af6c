package cron

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// macros are the words that stand for whole expressions.
var macros = map[string]string{
	"@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0", "@monthly": "0 0 1 * *",
	"@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
}

// field is one of the five: what it may hold.
type field struct {
	name     string
	min, max int
	names    []string // of the values from min on; nil: numbers alone
}

var fields = [5]field{
	{name: "minute", max: 59},
	{name: "hour", max: 23},
	{name: "day of month", min: 1, max: 31},
	{"month", 1, 12, []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}},
	{"day of week", 0, 7, []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}},
}

// maxExpression bounds what is read, in bytes.
const maxExpression = 256

func parse(expression string) (Schedule, error) {
	if len(expression) > maxExpression {
		return Schedule{}, fmt.Errorf("has more than %d characters", maxExpression)
	}
	text := strings.ToLower(strings.TrimSpace(expression))
	if whole, ok := macros[text]; ok {
		text = whole
	}
	parts := strings.Fields(text)
	if len(parts) != len(fields) {
		return Schedule{}, errors.New(`has five fields (minute, hour, day of month, month, day of week), or is a word such as @daily`)
	}
	var bits [len(fields)]uint64
	for i, f := range fields {
		var err error
		if bits[i], err = f.parse(parts[i]); err != nil {
			return Schedule{}, err
		}
	}
	if has(bits[4], 7) {
		bits[4] = bits[4]&^(1<<7) | 1
	}
	return Schedule{
		minutes: bits[0], hours: bits[1], days: bits[2], months: bits[3], weekdays: bits[4],
		eitherDay: !strings.HasPrefix(parts[2], "*") && !strings.HasPrefix(parts[4], "*"),
	}, nil
}

// parse reads a list of ranges.
func (f field) parse(text string) (bits uint64, err error) {
	for item := range strings.SplitSeq(text, ",") {
		span, every, stepped := strings.Cut(item, "/")
		low, high, err := f.span(span, stepped)
		if err != nil {
			return 0, err
		}
		step := 1
		if stepped {
			if step, err = strconv.Atoi(every); err != nil || step < 1 {
				return 0, fmt.Errorf("%s: %q is no step", f.name, every)
			}
		}
		for n := low; n <= high; n += step {
			bits |= 1 << n
		}
	}
	return bits, nil
}

// span reads "*", "5" or "5-9". With a step "5" goes on to the end.
func (f field) span(text string, stepped bool) (low, high int, err error) {
	if text == "*" {
		return f.min, min(f.max, f.min+f.count()-1), nil
	}
	from, to, ranged := strings.Cut(text, "-")
	if low, err = f.value(from); err != nil {
		return 0, 0, err
	}
	switch {
	case ranged:
		if high, err = f.value(to); err == nil && high < low {
			err = fmt.Errorf("%s: %q runs backwards", f.name, text)
		}
	case stepped:
		high = f.max
	default:
		high = low
	}
	return low, high, err
}

// count is how many values there are: of days of the week seven, whose first may be called 7 as well.
func (f field) count() int {
	if f.names != nil {
		return len(f.names)
	}
	return f.max - f.min + 1
}

func (f field) value(text string) (int, error) {
	for i, name := range f.names {
		if text == name {
			return f.min + i, nil
		}
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < f.min || n > f.max || strings.HasPrefix(text, "+") {
		return 0, fmt.Errorf("%s: %q is not from %d to %d", f.name, text, f.min, f.max)
	}
	return n, nil
}
