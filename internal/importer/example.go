package importer

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"wharf/internal/catalog"
	"wharf/internal/load"
	"wharf/internal/rowprogram"
	"wharf/internal/tabular"
)

// sample is a cell that a column takes, and how such a value is written where the template's rules do not say it.
type sample struct{ example, words string }

// keyExample is a value of a column that tells rows apart.
const keyExample = "EXAMPLE-1"

// sampleOf gives the sample of a column of t. A reference has no example, as nobody knows what rows there are; nor has the
// mark of a deleted row.
func sampleOf(t *catalog.Table, c *catalog.Column, f rowprogram.Field) sample {
	words, example := load.Form(c)
	switch target, refers := reference(t, c); {
	case refers:
		return sample{words: target}
	case c.Name == load.SoftColumn:
		return sample{words: "Leave it empty: the row is not deleted."}
	case c.Tags.User:
		return sample{words: "The id of a user."}
	case len(f.Options) > 0:
		return sample{example: f.Options[0]}
	case c.Kind == catalog.KindText, c.Tags.Encrypted:
		return sample{example: textExample(t, c)}
	case c.Kind == catalog.KindNumeric, c.Kind == catalog.KindInteger:
		return sample{example: numberExample(c)}
	case c.Kind == catalog.KindDate:
		return sample{example: dateExample(t, c)}
	case c.Kind == catalog.KindTimestamp, c.Kind == catalog.KindTimestampTZ:
		return sample{dateExample(t, c), "A time of day may stand behind it, such as 2024-12-31 14:30."}
	case c.Kind == catalog.KindJSON && strings.HasPrefix(c.Default, "'["):
		return sample{`["a", "b"]`, `JSON, mostly a list such as ["a", "b"].`}
	case words != "":
		return sample{example, sentence(words)}
	case f.Type == rowprogram.TypeText: // a type whose form is not known
		return sample{}
	}
	return sample{example: examples[f.Type]}
}

// sentence makes one of words.
func sentence(words string) string {
	first, size := utf8.DecodeRuneInString(words)
	return string(unicode.ToUpper(first)) + words[size:] + "."
}

// reference says what a column names, false if it refers to nothing. It is a sentence on how that is written.
func reference(t *catalog.Table, c *catalog.Column) (words string, refers bool) {
	for _, fk := range t.ForeignKeys {
		columns, _ := fk.Pairs(t)
		switch {
		case !slices.Contains(columns, c.Name):
		case fk.Target == nil || len(columns) > 1:
			return "Names a row of " + fk.TargetName + ".", true
		default:
			return "Names a row of " + fk.Target.Label + waysToName(fk.Target), true
		}
	}
	for _, p := range t.Polys {
		switch c.Name {
		case p.IDColumn:
			return "Names a row, by its id or its natural key; " + p.TypeColumn + " says of which kind.", true
		case p.TypeColumn:
			return "The kind of row that " + p.IDColumn + " names.", true
		}
	}
	return "", false
}

// waysToName is the end of a sentence on how one cell names a row of t.
func waysToName(t *catalog.Table) string {
	var keys []string
	for _, m := range t.Matches {
		var open []string
		for _, k := range m.Keys {
			for _, name := range k.Columns {
				c, _ := t.Column(name)
				if _, refers := reference(t, c); !refers && c.Tags.HashOf == "" && !c.Tags.Encrypted {
					open = append(open, name)
				}
			}
		}
		if len(open) == 1 && !slices.Contains(keys, open[0]) {
			keys = append(keys, open[0])
		}
	}
	if len(keys) == 0 {
		return ", by its id."
	}
	return ", by its id or its natural key: " + strings.Join(keys, ", ") + "."
}

// wordExamples are cells of columns whose names end in such a word.
var wordExamples = map[string]string{
	"currency": "USD", "country": "US", "email": examples[rowprogram.TypeEmail], "phone": examples[rowprogram.TypePhone],
	"url": "https://example.com", "website": "https://example.com", "domain": "example.com",
}

// textExample gives a text that is no longer than the column's may be: a code where it may only be short.
func textExample(t *catalog.Table, c *catalog.Column) string {
	text, known := wordExamples[c.Name[strings.LastIndexByte(c.Name, '_')+1:]]
	switch {
	case known:
	case tellsApart(t, c):
		text = keyExample
	case c.MaxLength > 0 && c.MaxLength < len("Text"):
		text = "ABC"
	default:
		text = "Text"
	}
	if c.MaxLength > 0 && c.MaxLength < len(text) {
		text = text[:c.MaxLength]
	}
	return text
}

// tellsApart reports whether the column is in a unique index or a natural key.
func tellsApart(t *catalog.Table, c *catalog.Column) bool {
	reads := func(k catalog.IndexKey) bool { return slices.Contains(k.Columns, c.Name) }
	return slices.ContainsFunc(t.Matches, func(m catalog.Match) bool { return slices.ContainsFunc(m.Keys, reads) }) ||
		slices.ContainsFunc(t.Uniques, func(u catalog.Unique) bool { return slices.ContainsFunc(u.Keys, reads) })
}

// numberExample gives a number within the column's digits.
func numberExample(c *catalog.Column) string {
	whole := c.Precision - c.Scale
	switch {
	case c.Precision == 0:
		return examples[rowprogram.TypeNumber]
	case c.Scale < 0:
		return "1" + strings.Repeat("0", -c.Scale)
	case whole > 1:
		return examples[rowprogram.TypeNumber]
	case whole == 1:
		return "4"
	}
	return "0." + strings.Repeat("0", c.Scale-1) + "1"
}

// dateExample gives a day. Of columns that a CHECK compares each is a day after the one before it: what begins ends later.
func dateExample(t *catalog.Table, c *catalog.Column) string {
	day := time.Date(2024, time.December, 30, 0, 0, 0, 0, time.UTC)
	for _, check := range t.Checks {
		for _, name := range check.Columns {
			other, _ := t.Column(name)
			if slices.Contains(check.Columns, c.Name) && other.Kind == c.Kind && other.Num < c.Num {
				day = day.AddDate(0, 0, 1)
			}
		}
	}
	return day.Format(time.DateOnly)
}

// decimals says how many decimals the column keeps, if it is a number that has some.
func decimals(c *catalog.Column, kind tabular.Kind) string {
	switch {
	case kind != tabular.Number || c.Precision == 0 || c.Scale <= 0:
		return ""
	case c.Scale == 1:
		return "At most 1 decimal place."
	}
	return "At most " + strconv.Itoa(c.Scale) + " decimal places."
}
