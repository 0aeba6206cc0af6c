package rowprogram

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestALabelIsTheDisplayNameElseTheNameInTitleCase(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"email_address": "Email Address",
		"email":         "Email",
		"firstName":     "First Name",
		"userID":        "User ID",
		"SKU_CODE":      "Sku Code",
		"line 2":        "Line 2",
		"größe-in-cm":   "Größe In Cm",
		"__":            "__",
		"地址":            "地址",
	} {
		require.Equal(t, want, Field{Name: name}.Label())
	}
	require.Equal(t, "E-mail", Field{Name: "email", DisplayName: " E-mail "}.Label())
}

func TestAFieldReadsFromJSONAndKeepsTheDigitsOfLimits(t *testing.T) {
	t.Parallel()
	var f Field
	require.NoError(t, json.Unmarshal([]byte(`{
		"name": "price", "display_name": "Price", "type": "number", "options": null, "decimal": ",", "aliases": ["cost"],
		"id": "price", "label": "Price",
		"validators": [{"type": "min", "value": 0.10000000000000000000001}, {"type": "max", "value": "9.50", "message": "too dear"}],
		"transformations": [{"type": "default", "value": 12.50}, {"type": "replace", "find": "x", "replace": "y", "regex": true}]
	}`), &f))
	require.Equal(t, Field{
		Name: "price", DisplayName: "Price", Type: TypeNumber, Decimal: ",", Aliases: []string{"cost"},
		Validators:      []Validator{{Type: "min", Value: json.Number("0.10000000000000000000001")}, {Type: "max", Value: "9.50", Message: "too dear"}},
		Transformations: []Transformation{{Type: "default", Value: "12.50"}, {Type: "replace", Find: "x", Replace: "y", Regex: true}},
	}, f)

	text, err := json.Marshal(f)
	require.NoError(t, err)
	var again Field
	require.NoError(t, json.Unmarshal(text, &again))
	require.Equal(t, f, again, "a stored definition comes back the same")
}

func TestAFieldIsAnsweredWithItsIdAndLabel(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal([]Field{{Name: "first_name", Type: TypeText}})
	require.NoError(t, err)
	require.JSONEq(t, `[{
		"id": "first_name", "label": "First Name", "name": "first_name", "display_name": "", "type": "text",
		"validators": [], "transformations": [], "options": null
	}]`, string(text))
	var again []Field
	require.NoError(t, json.Unmarshal(text, &again))
	_, err = Compile(again, Config{})
	require.NoError(t, err, "what was answered can be sent back")
}

func TestADefinitionOfTheWrongShapeIsAnError(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`[]`, `{"name": 5}`, `{"validators": [{"pattern": {}}]}`, `{"transformations": [{"type": "default", "value": []}]}`} {
		var f Field
		require.Error(t, json.Unmarshal([]byte(text), &f), text)
	}
}
