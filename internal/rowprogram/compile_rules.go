package rowprogram

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"regexp/syntax"
	"strconv"
)

const validatorNames = "required, min_length, max_length, min, max, regex or unique"

// validators compiles a field's rules, in their order.
func (c *compiler) validators(f *field) {
	for i := range f.source.Validators {
		c.validator(f, &f.source.Validators[i], fmt.Sprintf(".validators[%d]", i))
	}
	if f.kind == kindPattern && !hasPattern(f.source.Validators) {
		c.wrong(".validators", "must hold a regex: a custom_regex has no rule of its own")
	}
	c.bounds(f)
}

func hasPattern(validators []Validator) bool {
	for i := range validators {
		if validators[i].Type == "regex" {
			return true
		}
	}
	return false
}

func (c *compiler) validator(f *field, v *Validator, path string) {
	c.unknown(path, v.unknown)
	c.text(path+".message", v.Message)
	if v.Pattern != "" && v.Type != "regex" {
		c.wrong(path+".pattern", "belongs to a regex, not to %s", v.Type)
	}
	r := rule{name: v.Type, message: v.Message}
	switch v.Type {
	case "required":
		c.noValue(v, path)
		f.required = r.say(f.label + " is required")
	case "unique":
		c.noValue(v, path)
		f.unique = r.say(f.label + " must be unique")
	case "min_length", "max_length":
		if c.length(f, v, &r, path) {
			f.rules = append(f.rules, r)
		}
	case "min", "max":
		if c.limit(f, v, &r, path) {
			f.rules = append(f.rules, r)
		}
	case "regex":
		c.noValue(v, path)
		if c.pattern(f, v, &r, path) {
			f.rules = append(f.rules, r)
		}
	case "":
		c.wrong(path+".type", "is required: %s", validatorNames)
	default:
		c.wrong(path+".type", "must be %s, not %q", validatorNames, v.Type)
	}
}

// say gives the rule's own message, else the default.
func (r *rule) say(message string) string {
	if r.message == "" {
		r.message = message
	}
	return r.message
}

func (c *compiler) noValue(v *Validator, path string) {
	if v.Value != nil {
		c.wrong(path+".value", "does not belong to %s", v.Type)
	}
}

func (c *compiler) length(f *field, v *Validator, r *rule, path string) bool {
	switch f.kind {
	case kindNumber, kindDate:
		c.wrong(path+".type", "%s counts characters; on a %s use min or max", v.Type, f.source.Type)
		return false
	case kindBoolean:
		c.wrong(path+".type", "%s makes no sense on a boolean", v.Type)
		return false
	}
	text, ok := c.value(v, path)
	if !ok {
		return false
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > math.MaxInt32 {
		c.wrong(path+".value", "must be a whole number of characters, not %s", text)
		return false
	}
	r.test, r.length = testMinLength, n
	bound := "at least"
	if v.Type == "max_length" {
		r.test, bound = testMaxLength, "at most"
	}
	unit := "characters"
	if n == 1 {
		unit = "character"
	}
	r.say(fmt.Sprintf("%s must have %s %d %s", f.label, bound, n, unit))
	return true
}

func (c *compiler) limit(f *field, v *Validator, r *rule, path string) bool {
	if f.kind != kindNumber && f.kind != kindDate {
		c.wrong(path+".type", "%s compares numbers or dates; this field is of type %s (%s_length counts characters)", v.Type, f.source.Type, v.Type)
		return false
	}
	text, ok := c.value(v, path)
	if !ok {
		return false
	}
	if f.kind == kindNumber {
		return c.numberLimit(f, v, r, path, text)
	}
	t, why := readDate([]byte(text), orderUnknown, false)
	if why != fine || t.shows != orderUnknown {
		c.wrong(path+".value", "must be a date as YYYY-MM-DD, not %s", text)
		return false
	}
	r.test, r.date = testMinDate, t
	if !t.clock {
		r.day = t.append(nil)
	}
	bound := "or later"
	if v.Type == "max" {
		r.test, bound = testMaxDate, "or earlier"
	}
	r.say(fmt.Sprintf("%s must be %s %s", f.label, t.append(nil), bound))
	return true
}

func (c *compiler) numberLimit(f *field, v *Validator, r *rule, path, text string) bool {
	n, _, why := readNumber([]byte(text), nil, markPoint, true)
	if why != fine {
		c.wrong(path+".value", "must be a number such as 1234.5, not %s", text)
		return false
	}
	r.test, r.number = testMinNumber, n
	r.whole, r.isWhole = wholeNumber(n.append(nil))
	bound := "at least"
	if v.Type == "max" {
		r.test, bound = testMaxNumber, "at most"
	}
	r.say(fmt.Sprintf("%s must be %s %s", f.label, bound, n.append(nil)))
	return true
}

func (c *compiler) pattern(f *field, v *Validator, r *rule, path string) bool {
	if f.kind == kindBoolean {
		c.wrong(path+".type", "regex makes no sense on a boolean")
		return false
	}
	if v.Pattern == "" {
		c.wrong(path+".pattern", "is required")
		return false
	}
	pattern := c.regexp(v.Pattern, path+".pattern")
	if pattern == nil {
		return false
	}
	r.test, r.pattern = testPattern, pattern
	r.say(fmt.Sprintf("%s must match the pattern %s", f.label, v.Pattern))
	return true
}

// maxPattern bounds a compiled pattern, in instructions: matching takes time in proportion to it and to the cell, and a
// counted repetition such as (a{1,1000}){100} is short to write.
const maxPattern = 2000

// regexp compiles a pattern; nil, and the place noted, if it is none or too large.
func (c *compiler) regexp(pattern, path string) *regexp.Regexp {
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		c.wrong(path, "is not a regular expression as RE2 has them: %s", patternError(err))
		return nil
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		c.wrong(path, "is not a regular expression as RE2 has them: %s", patternError(err))
		return nil
	}
	if len(program.Inst) > maxPattern {
		c.wrong(path, "is too large: it compiles to %d steps, and %d are accepted; use smaller repetitions", len(program.Inst), maxPattern)
		return nil
	}
	return regexp.MustCompile(pattern)
}

// value gives the text of a limit.
func (c *compiler) value(v *Validator, path string) (string, bool) {
	switch value := v.Value.(type) {
	case nil:
		c.wrong(path+".value", "is required")
		return "", false
	case string:
		return string(trim([]byte(value))), true
	case json.Number:
		return value.String(), true
	case float64:
		return strconv.FormatFloat(value, 'f', -1, 64), true
	case int:
		return strconv.Itoa(value), true
	}
	c.wrong(path+".value", "must be a number or a string")
	return "", false
}

// bounds refuses limits that no value can keep.
func (c *compiler) bounds(f *field) {
	for i := range f.rules {
		for j := range f.rules {
			low, high := &f.rules[i], &f.rules[j]
			switch {
			case low.test == testMinLength && high.test == testMaxLength && low.length > high.length,
				low.test == testMinNumber && high.test == testMaxNumber && compareNumbers(&low.number, &high.number) > 0,
				low.test == testMinDate && high.test == testMaxDate && compareDates(&low.date, &high.date) > 0:
				c.wrong(".validators", "%s and %s leave no value that is good", low.name, high.name)
			}
		}
	}
}
