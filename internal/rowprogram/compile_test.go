package rowprogram

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"wharf/internal/fault"
)

// wrongPlaces compiles fields given as JSON and gives what is wrong.
func wrongPlaces(t *testing.T, fields string) map[string]string {
	t.Helper()
	var parsed []Field
	require.NoError(t, json.Unmarshal([]byte(fields), &parsed))
	_, err := Compile(parsed, Config{})
	require.Error(t, err)
	require.Equal(t, fault.Invalid, fault.CodeOf(err))
	e, _ := fault.As(err)
	places := make(map[string]string)
	for _, f := range e.Fields {
		places[f.Field] = f.Message
	}
	require.Len(t, places, len(e.Fields), "each place is named once: %v", e.Fields)
	return places
}

func TestCompileNamesTheWrongPlace(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ fields, path, message string }{
		"no fields":            {`[]`, "fields", "must hold at least one field"},
		"no name":              {`[{"type": "text"}]`, "fields[0].name", "is required"},
		"a blank name":         {`[{"name": " ", "type": "text"}]`, "fields[0].name", "is required"},
		"a name with NUL":      {`[{"name": "a\u0000", "type": "text"}]`, "fields[0].name", "must be valid UTF-8 without NUL characters"},
		"the same name twice":  {`[{"name": "a", "type": "text"}, {"name": "a", "type": "text"}]`, "fields[1].name", "is the name of fields[0] already"},
		"no type":              {`[{"name": "a"}]`, "fields[0].type", "is required: " + typeNames},
		"an unknown type":      {`[{"name": "a", "type": "money"}]`, "fields[0].type", "must be " + typeNames + `, not "money"`},
		"an unknown key":       {`[{"name": "a", "type": "text", "mandatory": true}]`, "fields[0].mandatory", "is not a known key"},
		"a stray date order":   {`[{"name": "a", "type": "number", "date_order": "dmy"}]`, "fields[0].date_order", "belongs to a date; this field is of type number"},
		"a wrong date order":   {`[{"name": "a", "type": "date", "date_order": "ydm"}]`, "fields[0].date_order", `must be dmy, mdy or ymd, not "ydm"`},
		"a stray decimal":      {`[{"name": "a", "type": "text", "decimal": ","}]`, "fields[0].decimal", "belongs to a number; this field is of type text"},
		"a wrong decimal":      {`[{"name": "a", "type": "number", "decimal": "comma"}]`, "fields[0].decimal", `must be "." or ",", not "comma"`},
		"a select of nothing":  {`[{"name": "a", "type": "select"}]`, "fields[0].options", "are required for a select"},
		"options of a text":    {`[{"name": "a", "type": "text", "options": ["x"]}]`, "fields[0].options", "belong to a select; this field is of type text"},
		"a value map of text":  {`[{"name": "a", "type": "text", "value_map": {"x": "y"}}]`, "fields[0].value_map", "belongs to a select; this field is of type text"},
		"empty options":        {`[{"name": "a", "type": "select", "options": ["", " "]}]`, "fields[0].options", "are required for a select"},
		"an option twice":      {`[{"name": "a", "type": "select", "options": ["x", "y", "x "]}]`, "fields[0].options[2]", "is the same as options[0]"},
		"a map to no option":   {`[{"name": "a", "type": "select", "options": ["x"], "value_map": {"k": "y"}}]`, `fields[0].value_map["k"]`, `must be one of the options, not "y"`},
		"a map from nothing":   {`[{"name": "a", "type": "select", "options": ["x"], "value_map": {" ": "x"}}]`, `fields[0].value_map[" "]`, "an empty cell cannot be translated: use a default transformation"},
		"a map in two cases":   {`[{"name": "a", "type": "select", "options": ["x", "y"], "value_map": {"K": "x", "k": "y"}}]`, `fields[0].value_map["k"]`, "is translated differently in another case"},
		"a regex type bare":    {`[{"name": "a", "type": "custom_regex"}]`, "fields[0].validators", "must hold a regex: a custom_regex has no rule of its own"},
		"no validator type":    {`[{"name": "a", "type": "text", "validators": [{}]}]`, "fields[0].validators[0].type", "is required: " + validatorNames},
		"an unknown validator": {`[{"name": "a", "type": "text", "validators": [{"type": "length"}]}]`, "fields[0].validators[0].type", "must be " + validatorNames + `, not "length"`},
		"an unknown rule key":  {`[{"name": "a", "type": "text", "validators": [{"type": "required", "msg": "x"}]}]`, "fields[0].validators[0].msg", "is not a known key"},
		"a value too many":     {`[{"name": "a", "type": "text", "validators": [{"type": "required", "value": true}]}]`, "fields[0].validators[0].value", "does not belong to required"},
		"a stray pattern":      {`[{"name": "a", "type": "number", "validators": [{"type": "min", "value": 1, "pattern": "x"}]}]`, "fields[0].validators[0].pattern", "belongs to a regex, not to min"},
		"no pattern":           {`[{"name": "a", "type": "text", "validators": [{"type": "regex"}]}]`, "fields[0].validators[0].pattern", "is required"},
		"a bad pattern":        {`[{"name": "a", "type": "text", "validators": [{"type": "regex", "pattern": "a("}]}]`, "fields[0].validators[0].pattern", "is not a regular expression as RE2 has them: missing closing ): a("},
		"a lookahead":          {`[{"name": "a", "type": "text", "validators": [{"type": "regex", "pattern": "^(?=x)"}]}]`, "fields[0].validators[0].pattern", "is not a regular expression as RE2 has them: (?= is not supported (there is no lookahead and no lookbehind)"},
		"a backreference":      {`[{"name": "a", "type": "text", "validators": [{"type": "regex", "pattern": "(x)\\1"}]}]`, "fields[0].validators[0].pattern", `is not a regular expression as RE2 has them: \1 is not supported (there are no backreferences)`},
		"a regex on a boolean": {`[{"name": "a", "type": "boolean", "validators": [{"type": "regex", "pattern": "x"}]}]`, "fields[0].validators[0].type", "regex makes no sense on a boolean"},
		"min on a text":        {`[{"name": "a", "type": "text", "validators": [{"type": "min", "value": 1}]}]`, "fields[0].validators[0].type", "min compares numbers or dates; this field is of type text (min_length counts characters)"},
		"min without a value":  {`[{"name": "a", "type": "number", "validators": [{"type": "min"}]}]`, "fields[0].validators[0].value", "is required"},
		"min of a word":        {`[{"name": "a", "type": "number", "validators": [{"type": "min", "value": "low"}]}]`, "fields[0].validators[0].value", "must be a number such as 1234.5, not low"},
		"min of a list":        {`[{"name": "a", "type": "number", "validators": [{"type": "min", "value": [1]}]}]`, "fields[0].validators[0].value", "must be a number or a string"},
		"min of a swap date":   {`[{"name": "a", "type": "date", "validators": [{"type": "min", "value": "03/04/2024"}]}]`, "fields[0].validators[0].value", "must be a date as YYYY-MM-DD, not 03/04/2024"},
		"min of an order date": {`[{"name": "a", "type": "date", "validators": [{"type": "min", "value": "13/04/2024"}]}]`, "fields[0].validators[0].value", "must be a date as YYYY-MM-DD, not 13/04/2024"},
		"length of a number":   {`[{"name": "a", "type": "number", "validators": [{"type": "max_length", "value": 3}]}]`, "fields[0].validators[0].type", "max_length counts characters; on a number use min or max"},
		"length of a boolean":  {`[{"name": "a", "type": "boolean", "validators": [{"type": "min_length", "value": 3}]}]`, "fields[0].validators[0].type", "min_length makes no sense on a boolean"},
		"half a length":        {`[{"name": "a", "type": "text", "validators": [{"type": "min_length", "value": 1.5}]}]`, "fields[0].validators[0].value", "must be a whole number of characters, not 1.5"},
		"crossed lengths":      {`[{"name": "a", "type": "text", "validators": [{"type": "min_length", "value": 5}, {"type": "max_length", "value": 4}]}]`, "fields[0].validators", "min_length and max_length leave no value that is good"},
		"crossed numbers":      {`[{"name": "a", "type": "number", "validators": [{"type": "max", "value": "0.1"}, {"type": "min", "value": 0.2}]}]`, "fields[0].validators", "min and max leave no value that is good"},
		"crossed dates":        {`[{"name": "a", "type": "date", "validators": [{"type": "max", "value": "2024-01-01"}, {"type": "min", "value": "2024-01-02"}]}]`, "fields[0].validators", "min and max leave no value that is good"},
		"no transformation":    {`[{"name": "a", "type": "text", "transformations": [{}]}]`, "fields[0].transformations[0].type", "is required: " + transformationNames},
		"an unknown one":       {`[{"name": "a", "type": "text", "transformations": [{"type": "reverse"}]}]`, "fields[0].transformations[0].type", "must be " + transformationNames + `, not "reverse"`},
		"a wrong stage":        {`[{"name": "a", "type": "text", "transformations": [{"type": "trim", "stage": "after"}]}]`, "fields[0].transformations[0].stage", `must be pre or post, not "after"`},
		"an unknown op key":    {`[{"name": "a", "type": "text", "transformations": [{"type": "trim", "side": "left"}]}]`, "fields[0].transformations[0].side", "is not a known key"},
		"a stray op key":       {`[{"name": "a", "type": "text", "transformations": [{"type": "trim", "find": "x"}]}]`, "fields[0].transformations[0].find", "belongs to replace, not to trim"},
		"a default of nothing": {`[{"name": "a", "type": "text", "transformations": [{"type": "default"}]}]`, "fields[0].transformations[0].value", "is required"},
		"a default of no type": {`[{"name": "a", "type": "number", "transformations": [{"type": "default", "value": "n/a"}]}]`, "fields[0].transformations[0].value", "cannot be the default: A must be a number, such as 1234.5"},
		"a default too small":  {`[{"name": "a", "type": "number", "transformations": [{"type": "default", "value": 3}], "validators": [{"type": "min", "value": 18}]}]`, "fields[0].transformations[0].value", "cannot be the default: A must be at least 18"},
		"an unclear default":   {`[{"name": "a", "type": "date", "transformations": [{"type": "default", "value": "03/04/2024"}]}]`, "fields[0].transformations[0].value", `cannot be the default: A 03/04/2024 may be 2024-04-03 or 2024-03-04: write it with the year first, or set the field's date_order to "dmy" or "mdy"`},
		"a comma default":      {`[{"name": "a", "type": "number", "transformations": [{"type": "default", "value": "1,5"}]}]`, "fields[0].transformations[0].value", "cannot be the default: A must be a number with a point as its decimal mark, such as 1,234.5"},
		"nothing to find":      {`[{"name": "a", "type": "text", "transformations": [{"type": "replace"}]}]`, "fields[0].transformations[0].find", "is required"},
		"a bad find":           {`[{"name": "a", "type": "text", "transformations": [{"type": "replace", "find": "[", "regex": true}]}]`, "fields[0].transformations[0].find", "is not a regular expression as RE2 has them: missing closing ]: ["},
		"a group too many":     {`[{"name": "a", "type": "text", "transformations": [{"type": "replace", "find": "(a)", "replace": "$2", "regex": true}]}]`, "fields[0].transformations[0].replace", "$2 is a group the pattern does not have"},
		"a nameless group":     {`[{"name": "a", "type": "text", "transformations": [{"type": "replace", "find": "(?P<x>a)", "replace": "${y}", "regex": true}]}]`, "fields[0].transformations[0].replace", "${y} is a group the pattern does not have"},
		"a strange format":     {`[{"name": "a", "type": "date", "transformations": [{"type": "normalize_date", "format": "DD.MMM.YYYY"}]}]`, "fields[0].transformations[0].format", `is not a date format: "M" is not known: a format is made of YYYY MM DD HH mm ss`},
		"a format of nothing":  {`[{"name": "a", "type": "date", "transformations": [{"type": "normalize_date", "format": "--"}]}]`, "fields[0].transformations[0].format", "is not a date format: it holds none of YYYY MM DD HH mm ss"},
		"a format pre a date":  {`[{"name": "a", "type": "date", "transformations": [{"type": "normalize_date", "stage": "pre", "format": "MM/DD/YYYY"}]}]`, "fields[0].transformations[0].stage", "must be post: in the format MM/DD/YYYY the date could not be read again"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, map[string]string{test.path: test.message}, wrongPlaces(t, test.fields))
		})
	}
}

func TestCompileNamesEveryWrongPlaceAtOnce(t *testing.T) {
	t.Parallel()
	places := wrongPlaces(t, `[
		{"name": "a", "type": "text", "validators": [{"type": "regex", "pattern": "("}, {"type": "min", "value": 3}]},
		{"name": "a", "type": "select", "transformations": [{"type": "nonsense"}]},
		{"type": "text"}
	]`)
	require.ElementsMatch(t, []string{
		"fields[0].validators[0].pattern", "fields[0].validators[1].type",
		"fields[1].name", "fields[1].options", "fields[1].transformations[0].type", "fields[2].name",
	}, keysOf(places))
}

func keysOf(m map[string]string) []string {
	var keys []string
	for key := range m {
		keys = append(keys, key)
	}
	return keys
}

func TestAPhoneRegionThatIsNotKnownIsAnErrorOfTheConfiguration(t *testing.T) {
	t.Parallel()
	fields := []Field{{Name: "a", Type: TypePhone}}
	_, err := Compile(fields, Config{PhoneRegion: "XX"})
	require.ErrorContains(t, err, `phone region "XX"`)
	require.Equal(t, fault.Internal, fault.CodeOf(err))
	_, err = Compile(fields, Config{PhoneRegion: "GB"})
	require.NoError(t, err)
}
