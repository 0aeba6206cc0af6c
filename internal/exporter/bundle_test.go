package exporter

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

var bundleTime = time.Date(2026, 5, 1, 12, 0, 2, 0, time.UTC)

// unzipped gives the files of a zip by name.
func unzipped(t testing.TB, data []byte) map[string]string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	require.NoError(t, err)
	files := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		require.NoError(t, err)
		content, err := io.ReadAll(r)
		require.NoError(t, err)
		require.NoError(t, r.Close())
		require.NotContains(t, files, f.Name)
		files[f.Name] = string(content)
	}
	return files
}

func addFile(t testing.TB, b *bundle, name, content string) *bundleFile {
	t.Helper()
	f, err := b.file(name)
	require.NoError(t, err)
	for part := range strings.SplitAfterSeq(content, "\n") {
		_, err = io.WriteString(f, part)
		require.NoError(t, err)
	}
	return f
}

func hexSum(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

// noise gives bytes that do not compress.
func noise(n int) []byte {
	out := make([]byte, n)
	for i := range out {
		out[i] = byte(rand.Uint32())
	}
	return out
}

func TestManifestTellsWhatTheBundleHolds(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	b := newBundle(&out, bundleTime)
	contacts := strings.Repeat("{\"a\":1}\n", 50_000)
	f := addFile(t, b, "tables/contacts.jsonl", contacts)
	f.Rows = 50_000
	empty := addFile(t, b, "tables/notes.jsonl", "")
	picture := noise(300_000)
	photo, err := b.stored("files/1/photo.jpg")
	require.NoError(t, err)
	_, err = photo.Write(picture)
	require.NoError(t, err)
	tenant := uuid.New()
	require.NoError(t, b.close(manifest{
		WharfVersion: "test", ExportedAt: bundleTime, Tenant: manifestTenant{ID: tenant, Slug: "acme"}, Scope: ScopeFull,
		Tables: []manifestTable{{Table: "contacts", File: f.Name}, {Table: "notes", File: empty.Name, Why: "its author"}},
	}))

	files := unzipped(t, out.Bytes())
	require.Len(t, files, 4)
	require.Equal(t, contacts, files["tables/contacts.jsonl"])
	require.Equal(t, string(picture), files["files/1/photo.jpg"])
	var m manifest
	require.NoError(t, json.Unmarshal([]byte(files[manifestName]), &m))
	require.Equal(t, manifest{
		SchemaVersion: 1, WharfVersion: "test", ExportedAt: bundleTime, Tenant: manifestTenant{ID: tenant, Slug: "acme"}, Scope: ScopeFull,
		Tables: []manifestTable{
			{Table: "contacts", File: "tables/contacts.jsonl", Rows: 50_000, Bytes: int64(len(contacts)), SHA256: hexSum(contacts)},
			{Table: "notes", File: "tables/notes.jsonl", SHA256: hexSum(""), Why: "its author"},
		},
		Files:    []manifestFile{{File: "files/1/photo.jpg", Bytes: 300_000, SHA256: hexSum(string(picture))}},
		Warnings: []string{},
	}, m)
}

func TestBundleIsTheSameForTheSameRows(t *testing.T) {
	t.Parallel()
	write := func() []byte {
		var out bytes.Buffer
		b := newBundle(&out, bundleTime)
		addFile(t, b, "tables/contacts.jsonl", strings.Repeat("row\n", 100_000))
		require.NoError(t, b.close(manifest{}))
		return out.Bytes()
	}
	first := write()
	require.Equal(t, first, write())
	z, err := zip.NewReader(bytes.NewReader(first), int64(len(first)))
	require.NoError(t, err)
	for _, f := range z.File {
		require.True(t, f.Modified.Equal(bundleTime), f.Name)
	}
}

// TestBundleCanBeReadFromItsFirstByteOn reads as a program does that has no directory yet: every entry must end by itself.
func TestBundleCanBeReadFromItsFirstByteOn(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	b := newBundle(&out, bundleTime)
	f, err := b.stored("files/a.png")
	require.NoError(t, err)
	_, err = f.Write(bytes.Repeat([]byte("PK\x03\x04"), 100_000))
	require.NoError(t, err)
	require.NoError(t, b.close(manifest{}))
	const head = 30
	data := out.Bytes()
	name, extra := int(data[26])|int(data[27])<<8, int(data[28])|int(data[29])<<8
	require.Equal(t, byte(zip.Deflate), data[8])
	content, err := io.ReadAll(flate.NewReader(bytes.NewReader(data[head+name+extra:])))
	require.NoError(t, err)
	require.Len(t, content, 400_000)
}

func TestNamesUnpackOnAnyDiskAndBelowTheirFolder(t *testing.T) {
	t.Parallel()
	for wanted, want := range map[string]string{
		"tables/contacts.jsonl":       "tables/contacts.jsonl",
		"tables/Gift Cards.csv":       "tables/Gift Cards.csv",
		"tables/заказы.csv":           "tables/заказы.csv",
		"../../etc/passwd":            "_/_/etc/passwd",
		"/etc/passwd":                 "_/etc/passwd",
		`files/1/..\..\boot.ini`:      "files/1/_.._boot.ini",
		"files/1/C:evil.exe":          "files/1/C_evil.exe",
		"files/1/.hidden":             "files/1/hidden",
		"files/1/nul":                 "files/1/_nul",
		"files/1/com1.txt":            "files/1/_com1.txt",
		"files/1/a\x00b\u202ecod.exe": "files/1/a_b_cod.exe",
		"files/1/\xff.txt":            "files/1/_.txt",
		"files/1/":                    "files/1/_",
		"files/1/a. ":                 "files/1/a",
		"files/1/a.b. ":               "files/1/a.b",
		"files/1/" + strings.Repeat("ü", 300) + ".pdf": "files/1/" + strings.Repeat("ü", 98) + ".pdf",
	} {
		require.Equal(t, want, safePath(wanted), "%q", wanted)
		require.True(t, filepath.IsLocal(safePath(wanted)))
	}
}

func FuzzNamesAreSafe(f *testing.F) {
	for _, seed := range []string{"a", "..", "../..", ". .", "con", "a/../b", "\xff\xfe", strings.Repeat("…", 99), "a. . .", "_ .b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		safe := safePath("files/" + name)
		require.True(t, utf8.ValidString(safe))
		require.True(t, filepath.IsLocal(safe), "%q", safe)
		require.True(t, strings.HasPrefix(safe, "files/"))
		for part := range strings.SplitSeq(safe, "/") {
			require.NotContains(t, []string{"", ".", ".."}, part)
			require.LessOrEqual(t, len(part), maxPartBytes+1)
			require.Equal(t, strings.Trim(part, " "), part)
			require.False(t, strings.HasSuffix(part, "."), "%q", part)
			require.False(t, reservedName(part), "%q", part)
		}
		require.Equal(t, safe, safePath(safe), "what is safe stays")
	})
}

func TestNamesThatDifferByCaseAloneStayApart(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	b := newBundle(&out, bundleTime)
	var names []string
	for _, name := range []string{"a/Orders.csv", "a/orders.csv", "a/o?.csv", "a/o*.csv", "manifest.json", "x/manifest.json", "a.b/c", "a.b/c"} {
		names = append(names, addFile(t, b, name, name).Name)
	}
	require.Equal(t, []string{
		"a/Orders.csv", "a/orders (2).csv", "a/o_.csv", "a/o_ (2).csv", "manifest (2).json", "x/manifest.json", "a.b/c", "a.b/c (2)",
	}, names)
	require.NoError(t, b.close(manifest{}))
	require.Len(t, unzipped(t, out.Bytes()), len(names)+1)
}

func TestFileEndsWhenTheNextBegins(t *testing.T) {
	t.Parallel()
	b := newBundle(io.Discard, bundleTime)
	first := addFile(t, b, "a", "x")
	addFile(t, b, "b", "y")
	_, err := first.Write([]byte("late"))
	require.ErrorIs(t, err, errFileEnded)
	require.NoError(t, b.close(manifest{}))
}

// brokenAfter fails once so many bytes were written.
type brokenAfter struct{ left int }

var errBroken = errors.New("the line broke")

func (b *brokenAfter) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, errBroken
	}
	return len(p), nil
}

func TestBundleThatCannotBeWrittenFails(t *testing.T) {
	t.Parallel()
	for _, left := range []int{0, 100_000, 900_000} {
		b := newBundle(&brokenAfter{left}, bundleTime)
		f, err := b.file("a")
		for i := 0; err == nil && i < 1000; i++ {
			_, err = f.Write(noise(1000))
		}
		if err == nil {
			err = b.close(manifest{})
		}
		require.ErrorIs(t, err, errBroken, fmt.Sprint(left))
		b.stop()
	}
}
