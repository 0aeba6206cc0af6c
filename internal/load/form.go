package load

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"wharf/internal/catalog"
	"wharf/internal/pgcodec"
)

// form says for people what a value of the column's type looks like, where only the database knows the type.
func form(c *catalog.Column) string {
	if c.Kind == catalog.KindArray {
		element := elementForm(c)
		example := "{" + element[0] + "," + element[1] + "}"
		if c.ElementKind == catalog.KindText {
			return "must be a list such as " + example + ` or ["` + element[0] + `","` + element[1] + `"]`
		}
		return "must be a list such as " + example
	}
	if words, _ := Form(c); words != "" {
		return "must be " + words
	}
	return "does not have the form of its type " + baseOf(c)
}

// Form says for people what a value of a type with a form of its own looks like, "a length of time such as 1 day 02:30", and
// gives the example in it; "" if the type is one that everybody can write, or is not known.
func Form(c *catalog.Column) (words, example string) {
	words = forms[baseOf(c)]
	if c.Kind == catalog.KindArray {
		words = "a list such as " + listOf(c)
	}
	_, example, _ = strings.Cut(words, " such as ")
	return words, example
}

// baseOf gives the name of the column's type without its limits: "time without time zone" of time(3).
func baseOf(c *catalog.Column) string {
	name, limits, _ := strings.Cut(c.BaseType, "(")
	_, rest, _ := strings.Cut(limits, ")")
	return name + rest
}

// listOf gives a list of the column's elements as JSON, an empty one if it is not known how they look.
func listOf(c *catalog.Column) string {
	element, known := elementForms[c.ElementKind]
	switch c.ElementKind {
	case catalog.KindText:
		return `["a", "b"]`
	case catalog.KindInteger, catalog.KindNumeric, catalog.KindFloat, catalog.KindBoolean:
		return "[" + element[0] + ", " + element[1] + "]"
	}
	if !known {
		return "[]"
	}
	return `["` + strings.Trim(element[0], `"`) + `", "` + strings.Trim(element[1], `"`) + `"]`
}

func elementForm(c *catalog.Column) [2]string {
	if element, ok := elementForms[c.ElementKind]; ok {
		return element
	}
	return [2]string{"a", "b"}
}

var elementForms = map[catalog.Kind][2]string{
	catalog.KindText:        {"red", "green"},
	catalog.KindInteger:     {"1", "2"},
	catalog.KindNumeric:     {"1.5", "2"},
	catalog.KindFloat:       {"1.5", "2"},
	catalog.KindBoolean:     {"true", "false"},
	catalog.KindDate:        {"2024-01-31", "2024-02-01"},
	catalog.KindTimestamp:   {`"2024-01-31 09:30"`, `"2024-02-01 09:30"`},
	catalog.KindTimestampTZ: {`"2024-01-31 09:30Z"`, `"2024-02-01 09:30Z"`},
	catalog.KindUUID:        {"018f6d2e-0000-7000-8000-000000000001", "018f6d2e-0000-7000-8000-000000000002"},
}

var forms = map[string]string{
	"json":                   `JSON such as {"key": "value"}`,
	"jsonb":                  `JSON such as {"key": "value"}`,
	"uuid":                   "a UUID such as 018f6d2e-0000-7000-8000-000000000001",
	"bytea":                  `bytes in hexadecimal such as \x48656c6c6f`,
	"inet":                   "an IP address such as 192.0.2.1",
	"cidr":                   "an IP network such as 192.0.2.0/24",
	"time without time zone": "a time of day such as 09:30:00",
	"interval":               "a length of time such as 1 day 02:30",
	"time with time zone":    "a time of day with its zone, such as 09:30+01",
	"int4range":              "a range such as [1,10)",
	"int8range":              "a range such as [1,10)",
	"numrange":               "a range such as [1.5,10)",
	"daterange":              "a range of dates such as [2024-01-01,2024-12-31]",
	"tsrange":                `a range of moments such as [2024-01-01 09:00,2024-01-01 17:00)`,
	"tstzrange":              `a range of moments such as [2024-01-01 09:00Z,2024-01-01 17:00Z)`,
	"macaddr":                "a hardware address such as 08:00:2b:01:02:03",
	"macaddr8":               "a hardware address such as 08:00:2b:01:02:03:04:05",
	"money":                  "an amount such as 12.50",
	"bit":                    "bits such as 1010",
	"bit varying":            "bits such as 1010",
	"point":                  "a point such as (1,2)",
	"box":                    "a box such as (1,2),(3,4)",
	"circle":                 "a circle such as <(1,2),3>",
	"xml":                    "XML such as <a>b</a>",
	"tsvector":               "words for searching such as 'cat':1",
	"ltree":                  "a path such as Top.Science",
	"hstore":                 `pairs such as "key"=>"value"`,
}

// listCodec reads a list for an array that the database casts from its text: a JSON array becomes {a,b}; what begins like
// one and is none is left as it is, since [0:1]={a,b} is an array too.
func listCodec(dst, text []byte) ([]byte, error) {
	if trimmed := bytes.TrimSpace(text); len(trimmed) > 1 && trimmed[0] == '[' && trimmed[len(trimmed)-1] == ']' {
		decoder := json.NewDecoder(bytes.NewReader(trimmed))
		decoder.UseNumber()
		var list []any
		if err := decoder.Decode(&list); err == nil && !decoder.More() {
			text = appendList(nil, list)
		}
	}
	return textCodec(dst, text)
}

var _ pgcodec.BinaryFunc = listCodec

// appendList writes a list as the text of an array.
func appendList(dst []byte, list []any) []byte {
	dst = append(dst, '{')
	for i, v := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		switch v := v.(type) {
		case nil:
			dst = append(dst, "NULL"...)
		case []any:
			dst = appendList(dst, v)
		case string:
			dst = appendQuoted(dst, v)
		case json.Number:
			dst = append(dst, v...)
		case bool:
			dst = append(dst, map[bool]string{true: "true", false: "false"}[v]...)
		default: // an object, for an array of JSON
			doc, _ := json.Marshal(v) // was decoded from JSON
			dst = appendQuoted(dst, string(doc))
		}
	}
	return append(dst, '}')
}

func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for _, b := range []byte(s) {
		if slices.Contains([]byte(`"\`), b) {
			dst = append(dst, '\\')
		}
		dst = append(dst, b)
	}
	return append(dst, '"')
}
