package rowprogram

import (
	"errors"
	"fmt"
	"regexp/syntax"
	"slices"
	"strings"

	"wharf/internal/tabular"
)

const (
	stagePre  = "pre"
	stagePost = "post"
)

const transformationNames = "trim, uppercase, lowercase, capitalize, remove_special_chars, normalize_phone, normalize_date, default or replace"

// transformations compiles a field's transformations into the two stages, each in the listed order.
func (c *compiler) transformations(f *field) {
	for i := range f.source.Transformations {
		t := &f.source.Transformations[i]
		path := fmt.Sprintf(".transformations[%d]", i)
		c.unknown(path, t.unknown)
		c.strayKeys(t, path)
		stage := c.stage(f, t, path)
		run := c.operation(f, t, path, stage)
		op := op{run: run}
		if op.fills = t.Type == "default"; op.fills {
			op.filled = defaultKind(f)
		}
		if stage == stagePost {
			f.post = append(f.post, op)
		} else {
			f.pre = append(f.pre, op)
		}
	}
}

// defaultKind makes a default mean the same in every file: unless the field says how its column is written, a number has a
// decimal point, and a date its year first.
func defaultKind(f *field) tabular.Kind {
	switch {
	case f.kind == kindNumber && f.source.Decimal == "":
		return tabular.Number
	case f.kind == kindDate && f.source.DateOrder == "":
		return tabular.Date
	}
	return tabular.Text
}

// stage is the one given, else pre; only a date's normalize_date shapes what is shown, and so comes post.
func (c *compiler) stage(f *field, t *Transformation, path string) string {
	switch t.Stage {
	case stagePre, stagePost:
		return t.Stage
	case "":
	default:
		c.wrong(path+".stage", "must be pre or post, not %q", t.Stage)
	}
	if t.Type == "normalize_date" && f.kind == kindDate {
		return stagePost
	}
	return stagePre
}

// strayKeys refuses keys that belong to another type of transformation: they would be ignored in silence.
func (c *compiler) strayKeys(t *Transformation, path string) {
	for _, key := range []struct {
		name, owner string
		set         bool
	}{
		{"value", "default", t.Value != ""},
		{"find", "replace", t.Find != ""},
		{"replace", "replace", t.Replace != ""},
		{"regex", "replace", t.Regex},
		{"format", "normalize_date", t.Format != ""},
	} {
		if key.set && t.Type != key.owner && t.Type != "" {
			c.wrong(path+"."+key.name, "belongs to %s, not to %s", key.owner, t.Type)
		}
	}
}

func (c *compiler) operation(f *field, t *Transformation, path, stage string) func(*work, []byte) []byte {
	switch t.Type {
	case "trim":
		return trimOp
	case "uppercase":
		return upperOp
	case "lowercase":
		return lowerOp
	case "capitalize":
		return capitalizeOp
	case "remove_special_chars":
		return removeSpecialOp
	case "normalize_phone":
		return normalizePhoneOp
	case "normalize_date":
		return c.normalizeDate(f, t, path, stage)
	case "default":
		c.text(path+".value", t.Value)
		if len(trim([]byte(t.Value))) == 0 {
			c.wrong(path+".value", "is required")
		}
		return defaultOp(slices.Clip([]byte(t.Value)))
	case "replace":
		return c.replace(t, path)
	case "":
		c.wrong(path+".type", "is required: %s", transformationNames)
	default:
		c.wrong(path+".type", "must be %s, not %q", transformationNames, t.Type)
	}
	return nil
}

func (c *compiler) normalizeDate(f *field, t *Transformation, path, stage string) func(*work, []byte) []byte {
	text := t.Format
	if text == "" {
		text = defaultDateFormat
	}
	c.text(path+".format", text)
	format, err := parseDateFormat(text)
	if err != nil {
		c.wrong(path+".format", "is not a date format: %s", err)
		return nil
	}
	if f.kind == kindDate && stage == stagePre {
		sample := stamp{year: 2021, month: 3, day: 4}
		if read, why := readDate(format.append(nil, &sample), orderUnknown, false); why != fine || read.days() != sample.days() {
			c.wrong(path+".stage", "must be post: in the format %s the date could not be read again", text)
		}
	}
	return normalizeDateOp(format)
}

func (c *compiler) replace(t *Transformation, path string) func(*work, []byte) []byte {
	c.text(path+".find", t.Find)
	c.text(path+".replace", t.Replace)
	if t.Find == "" {
		c.wrong(path+".find", "is required")
		return nil
	}
	if !t.Regex {
		return replaceOp([]byte(t.Find), []byte(t.Replace))
	}
	pattern := c.regexp(t.Find, path+".find")
	if pattern == nil {
		return nil
	}
	with, err := parseTemplate(t.Replace, pattern)
	if err != nil {
		c.wrong(path+".replace", "%s", err)
		return nil
	}
	return regexReplaceOp(pattern, with)
}

// patternError says what is wrong with a pattern. RE2 has neither lookaround nor backreferences, so that no pattern can run
// for ever; their parse errors are too terse to tell.
func patternError(err error) string {
	var e *syntax.Error
	if !errors.As(err, &e) {
		return err.Error()
	}
	switch {
	case e.Code == syntax.ErrInvalidPerlOp || strings.HasPrefix(e.Expr, "(?"):
		return fmt.Sprintf("%s is not supported (there is no lookahead and no lookbehind)", e.Expr)
	case e.Code == syntax.ErrInvalidEscape && len(e.Expr) == 2 && '1' <= e.Expr[1] && e.Expr[1] <= '9':
		return fmt.Sprintf("%s is not supported (there are no backreferences)", e.Expr)
	}
	return fmt.Sprintf("%s: %s", e.Code, e.Expr)
}
