package objectstore

import (
	"mime"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestADispositionCarriesAnyName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"report.csv":           `attachment; filename="report.csv"`,
		"my report.csv":        `attachment; filename="my report.csv"`,
		`say "hi".csv`:         `attachment; filename="say _hi_.csv"; filename*=UTF-8''say%20%22hi%22.csv`,
		"naïve €.csv":          `attachment; filename="na_ve _.csv"; filename*=UTF-8''na%C3%AFve%20%E2%82%AC.csv`,
		"100%.csv":             `attachment; filename="100_.csv"; filename*=UTF-8''100%25.csv`,
		"a\r\nSet-Cookie: b=c": `attachment; filename="aSet-Cookie: b=c"`,
		"../up.csv":            `attachment; filename=".._up.csv"`,
		"":                     `attachment; filename="download"`,
	} {
		require.Equal(t, want, disposition(name), "%q", name)
	}
}

func FuzzDisposition(f *testing.F) {
	for _, seed := range []string{"a.csv", `"`, "\r\n", "é", "a;b", "a'b", "+ %"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		header := disposition(name)
		require.NotContains(t, header, "\n")
		require.NotContains(t, header, "\r")
		kind, params, err := mime.ParseMediaType(header)
		require.NoError(t, err)
		require.Equal(t, "attachment", kind)
		if want := strings.ToValidUTF8(strings.Map(printable, name), "\uFFFD"); want != "" {
			require.Equal(t, want, params["filename"])
		}
	})
}

func TestASignedURLPointsToThePublicEndpoint(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), Config{
		Endpoint: "http://s3.internal:9000", PublicEndpoint: "https://files.example.com", PathStyle: true,
		Bucket: "wharf", AccessKey: "known", SecretKey: "never-shown",
	})
	require.NoError(t, err)
	get, err := s.PresignGet(t.Context(), "t/exports/u/f.zip", "f.zip", 5*time.Minute)
	require.NoError(t, err)
	put, headers, err := s.PresignPut(t.Context(), "t/uploads/u/f.csv", 12, "", 5*time.Minute)
	require.NoError(t, err)
	require.Equal(t, "12", headers.Get("Content-Length"))
	for _, link := range []string{get, put} {
		u, err := url.Parse(link)
		require.NoError(t, err)
		require.Equal(t, "https://files.example.com", u.Scheme+"://"+u.Host)
		require.Equal(t, "300", u.Query().Get("X-Amz-Expires"))
		require.NotContains(t, link, "never-shown")
	}
}
