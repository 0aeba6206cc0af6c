package catalog

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSplitComment(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		comment, description string
		tags                 []tag
	}{
		"empty":                    {"", "", nil},
		"description alone":        {"People.\nAnd more.", "People.\nAnd more.", nil},
		"tags alone":               {"@user\n@readonly", "", []tag{{"user", ""}, {"readonly", ""}}},
		"tags between":             {"People.\n@match external_id\n\nMore.", "People.\n\nMore.", []tag{{"match", "external_id"}}},
		"indented, Windows breaks": {"A\r\n  @label  Firm  name \r\nB", "A\nB", []tag{{"label", "Firm  name"}}},
		"at sign inside a line":    {"Mail to a@b.c", "Mail to a@b.c", nil},
		"at sign alone":            {"@ home\n@", "@ home\n@", nil},
		"argument without a blank": {"@match(lower(email))", "", []tag{{"match", "(lower(email))"}}},
		"unknown ones too":         {"@omit create,update", "", []tag{{"omit", "create,update"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			description, tags := splitComment(tc.comment)
			require.Equal(t, tc.description, description)
			require.Equal(t, tc.tags, tags)
		})
	}
}

func TestSplitOutside(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"a", "f(b, c)", `"d,e"`, "'f,''g'"}, splitOutside(` a, f(b, c) ,"d,e",, 'f,''g'`, ','))
	require.Empty(t, splitOutside("  ", ' '))
}

func TestTitleCase(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"first_name": "First Name", "createdAt": "Created At", "Gift Cards": "Gift Cards", "URL": "URL", "__x--y": "X Y",
		"straße_nr": "Straße Nr", "_": "_", "iPhone2": "IPhone2",
	} {
		require.Equal(t, want, titleCase(name), name)
	}
}

func TestAPINamesAreUnique(t *testing.T) {
	t.Parallel()
	for want, parts := range map[string][2]string{
		`contacts`:            {"public", "contacts"},
		`files`:               {"public", "files"},
		`billing.invoices`:    {"billing", "invoices"},
		`public.docs`:         {"public", "docs"},
		`public.v1`:           {"public", "v1"},
		`public.user_refs`:    {"public", "user_refs"},
		`public."a.b"`:        {"public", "a.b"},
		`"public.a".b`:        {"public.a", "b"},
		`public."say ""hi"""`: {"public", `say "hi"`},
		`Docs`:                {"public", "Docs"},
	} {
		require.Equal(t, want, apiName("public", parts[0], parts[1]))
	}
	require.Equal(t, `public."openapi.json"`, apiName("public", "public", "openapi.json"))
}
