package objectstore

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

func TestAKeyBeginsWithItsTenantAndCannotBeGuessed(t *testing.T) {
	t.Parallel()
	tenant := uuid.New()
	one, two := Key(tenant, "uploads", "a.csv"), Key(tenant, "uploads", "a.csv")
	require.NotEqual(t, one, two)
	require.True(t, strings.HasPrefix(one, TenantPrefix(tenant)))
	parts := strings.Split(one, "/")
	require.Len(t, parts, 4)
	require.Equal(t, []string{tenant.String(), "uploads", "a.csv"}, []string{parts[0], parts[1], parts[3]})
	random, err := uuid.Parse(parts[2])
	require.NoError(t, err)
	require.Equal(t, uuid.Version(4), random.Version(), "all of it random, none of it time")
}

func TestANameIsMadeSafeForEveryServer(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"report.csv":                        "report.csv",
		"My Report (final).xlsx":            "My-Report-final.xlsx",
		"../../etc/passwd":                  "passwd",
		`C:\Users\ada\q1.tsv`:               "q1.tsv",
		"отчёт.xlsx":                        "file.xlsx",
		"":                                  "file",
		"...":                               "file",
		".env":                              "file.env",
		"a/":                                "file",
		"x.":                                "x",
		"a\x00b\nc.csv":                     "a-b-c.csv",
		"dump.jsonl.gz":                     "dump.jsonl.gz",
		strings.Repeat("n", 300) + ".csv":   strings.Repeat("n", 96) + ".csv",
		"a." + strings.Repeat("e", 300):     "a." + strings.Repeat("e", 98),
		"trailing.very long extension here": "trailing.very-long-extension-here",
	} {
		require.Equal(t, want, sanitise(name), "%q", name)
	}
}

func FuzzSanitise(f *testing.F) {
	for _, seed := range []string{"a.csv", "", "..", "/", "é.é", strings.Repeat(".", 200), strings.Repeat("0", 60) + "-." + strings.Repeat("0", 60)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		got := sanitise(name)
		require.NotEmpty(t, got)
		require.LessOrEqual(t, len(got), maxNameBytes)
		require.NotContains(t, "./-", got[:1])
		require.Equal(t, -1, strings.IndexFunc(got, func(r rune) bool {
			return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", r)
		}), "%q", got)
	})
}
