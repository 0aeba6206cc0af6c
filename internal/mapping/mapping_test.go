package mapping_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"wharf/internal/fault"
	"wharf/internal/mapping"
	"wharf/internal/rowprogram"
)

func fields() []rowprogram.Field {
	return []rowprogram.Field{
		{Name: "first_name", Type: "text"},
		{Name: "last_name", Type: "text", Aliases: []string{"surname", "Family Name"}},
		{Name: "email", DisplayName: "E-Mail Address", Type: "email"},
	}
}

func TestPropose(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		header []string
		want   mapping.Columns
	}{
		"exact names": {[]string{"email", "first_name", "last_name"}, mapping.Columns{1, 2, 0}},
		"case, spaces and punctuation do not matter": {[]string{"First Name", "LAST-NAME", "e mail address"}, mapping.Columns{0, 1, 2}},
		"aliases":                           {[]string{"family name", "First name"}, mapping.Columns{1, 0, -1}},
		"a name comes before an alias":      {[]string{"Surname", "last_name"}, mapping.Columns{-1, 1, -1}},
		"one column goes into one field":    {[]string{"email", "E-Mail"}, mapping.Columns{-1, -1, 0}},
		"last name is not first name":       {[]string{"Name"}, mapping.Columns{-1, -1, -1}},
		"a blank header means nothing":      {[]string{"", "--"}, mapping.Columns{-1, -1, -1}},
		"letters of any script are letters": {[]string{"Имя"}, mapping.Columns{-1, -1, -1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, mapping.Propose(c.header, nil, fields(), mapping.Config{}).Columns)
		})
	}
}

func TestApply(t *testing.T) {
	t.Parallel()
	header := []string{"A", "B", "C"}
	got, err := mapping.Apply(map[string]string{"A": "email", "b": "first_name", "C": ""}, header, fields())
	require.NoError(t, err)
	require.Equal(t, mapping.Columns{1, -1, 0}, got)
	require.Equal(t, map[string]string{"A": "email", "B": "first_name", "C": ""}, got.Names(header, fields()))
}

func TestApplyNamesEveryMistake(t *testing.T) {
	t.Parallel()
	_, err := mapping.Apply(map[string]string{"A": "email", "B": "email", "Z": "last_name", "C": "nosuch"}, []string{"A", "B", "C"}, fields())
	f, coded := fault.As(err)
	require.True(t, coded)
	require.Equal(t, fault.Invalid, f.Code)
	places := map[string]string{}
	for _, field := range f.Fields {
		places[field.Field] = field.Message
	}
	require.Len(t, places, 3)
	require.Contains(t, places[`mapping["B"]`], `already takes column "A"`)
	require.Contains(t, places[`mapping["Z"]`], "A, B, C")
	require.Contains(t, places[`mapping["C"]`], `no field "nosuch"`)
}
