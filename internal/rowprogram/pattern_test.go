package rowprogram_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wharf/internal/fault"
	"wharf/internal/rowprogram"
)

// A short pattern may be a large program, whose time a cell then takes.
func TestAPatternThatIsTooLargeIsRefused(t *testing.T) {
	t.Parallel()
	large := "^" + strings.Repeat("a{1,1000}", 100) + "$"
	_, err := rowprogram.Compile([]rowprogram.Field{{
		Name: "a", Type: rowprogram.TypeText,
		Validators:      []rowprogram.Validator{{Type: "regex", Pattern: large}},
		Transformations: []rowprogram.Transformation{{Type: "replace", Regex: true, Find: large}},
	}}, rowprogram.Config{})
	f, coded := fault.As(err)
	require.True(t, coded, "%v", err)
	var places []string
	for _, field := range f.Fields {
		places = append(places, field.Field)
		require.Contains(t, field.Message, "too large")
	}
	require.ElementsMatch(t, []string{"fields[0].validators[0].pattern", "fields[0].transformations[0].find"}, places)
}
