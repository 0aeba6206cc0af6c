package rowprogram

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// The types of a field.
const (
	TypeText        = "text"
	TypeEmail       = "email"
	TypeNumber      = "number"
	TypeDate        = "date"
	TypePhone       = "phone"
	TypeBoolean     = "boolean"
	TypeSelect      = "select"
	TypeCustomRegex = "custom_regex"
)

// Field is one column of an importer, as its definition gives it.
type Field struct {
	Name            string            `json:"name"`
	DisplayName     string            `json:"display_name"`
	Type            string            `json:"type"`
	Validators      []Validator       `json:"validators"`
	Transformations []Transformation  `json:"transformations"`
	Options         []string          `json:"options"`              // of a select
	ValueMap        map[string]string `json:"value_map,omitempty"`  // of a select: what the file says → option
	Aliases         []string          `json:"aliases,omitempty"`    // other headers; read by mapping
	DateOrder       string            `json:"date_order,omitempty"` // "dmy", "mdy", "ymd"; "" lets the column's values decide
	Decimal         string            `json:"decimal,omitempty"`    // "." or ","; "" lets the column's values decide

	unknown []string // keys of the JSON object that mean nothing
}

// Validator is one rule of a field, e.g. {"type": "min", "value": 18, "message": "…"}.
type Validator struct {
	Type    string `json:"type"`
	Value   any    `json:"value,omitempty"`   // the limit: a string, or a number (json.Number keeps its digits)
	Pattern string `json:"pattern,omitempty"` // of regex: RE2, unanchored
	Message string `json:"message,omitempty"` // "" gives a message that names the label and the limit

	unknown []string
}

// Transformation is one change of a cell, e.g. {"type": "replace", "find": "€", "replace": ""}.
type Transformation struct {
	Type    string `json:"type"`
	Stage   string `json:"stage,omitempty"`   // "pre" or "post"; "" is pre, but post for normalize_date on a date
	Value   string `json:"value,omitempty"`   // of default
	Find    string `json:"find,omitempty"`    // of replace: literal, or RE2 if Regex
	Replace string `json:"replace,omitempty"` // of replace; with Regex $1 is the first group
	Regex   bool   `json:"regex,omitempty"`
	Format  string `json:"format,omitempty"` // of normalize_date: YYYY MM DD HH mm ss; "" is YYYY-MM-DD

	unknown []string
}

// Label is the name people see: the display name, else the name in Title Case ("email_address" → "Email Address").
func (f Field) Label() string {
	if label := strings.TrimSpace(f.DisplayName); label != "" {
		return label
	}
	return titleCase(f.Name)
}

// titleCase parts name at marks and at capitals inside it. Capitals stay ("userID" → "User ID"), unless there is nothing else.
func titleCase(name string) string {
	if name == strings.ToUpper(name) {
		name = strings.ToLower(name)
	}
	var label strings.Builder
	start, previous := true, rune(0)
	for _, r := range name {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) {
			start, previous = true, 0
			continue
		}
		start = start || unicode.IsUpper(r) && unicode.IsLower(previous)
		if start {
			if label.Len() > 0 {
				label.WriteByte(' ')
			}
			label.WriteRune(unicode.ToTitle(r))
		} else {
			label.WriteRune(r)
		}
		start, previous = false, r
	}
	if label.Len() == 0 {
		return name
	}
	return label.String()
}

// MarshalJSON adds the computed id (the name) and label, and gives empty lists of rules as lists.
func (f Field) MarshalJSON() ([]byte, error) {
	type plain Field
	f.Validators = append([]Validator{}, f.Validators...)
	f.Transformations = append([]Transformation{}, f.Transformations...)
	text, err := json.Marshal(struct {
		ID    string `json:"id"`
		Label string `json:"label"`
		plain
	}{f.Name, f.Label(), plain(f)})
	if err != nil {
		return nil, fmt.Errorf("rowprogram: write field %q: %w", f.Name, err)
	}
	return text, nil
}

// UnmarshalJSON remembers keys that mean nothing, for Compile to name. The computed id and label may come back.
func (f *Field) UnmarshalJSON(data []byte) error {
	type plain Field
	unknown, err := decodeObject(data, (*plain)(f), "name", "display_name", "type", "validators", "transformations",
		"options", "value_map", "aliases", "date_order", "decimal", "id", "label")
	f.unknown = unknown
	return err
}

// UnmarshalJSON keeps the digits of a numeric value, and remembers keys that mean nothing, for Compile to name.
func (v *Validator) UnmarshalJSON(data []byte) error {
	type plain Validator
	unknown, err := decodeObject(data, (*plain)(v), "type", "value", "pattern", "message")
	v.unknown = unknown
	return err
}

// UnmarshalJSON takes a default that is a JSON number or boolean as its text, and remembers keys that mean nothing, for
// Compile to name.
func (t *Transformation) UnmarshalJSON(data []byte) error {
	type plain Transformation
	wide := struct {
		*plain
		Value any `json:"value"`
	}{plain: (*plain)(t)}
	unknown, err := decodeObject(data, &wide, "type", "stage", "value", "find", "replace", "regex", "format")
	t.unknown = unknown
	if err != nil {
		return err
	}
	switch value := wide.Value.(type) {
	case nil:
		t.Value = ""
	case string, json.Number, bool:
		t.Value = fmt.Sprint(value)
	default:
		return fmt.Errorf("rowprogram: the value of a transformation must be a string, a number or a boolean, not %T", value)
	}
	return nil
}

// decodeObject reads a JSON object into into and gives its keys outside known, in order.
func decodeObject(data []byte, into any, known ...string) ([]string, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if err := decoder.Decode(into); err != nil {
		return nil, fmt.Errorf("rowprogram: read a definition: %w", err)
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(data, &keys); err != nil {
		return nil, fmt.Errorf("rowprogram: read a definition: %w", err)
	}
	var unknown []string
	for key := range keys {
		// encoding/json finds a struct's field whatever the case of the key.
		if !slices.ContainsFunc(known, func(k string) bool { return strings.EqualFold(k, key) }) {
			unknown = append(unknown, key)
		}
	}
	slices.Sort(unknown)
	return unknown, nil
}
