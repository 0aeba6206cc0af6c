package tabular

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wharf/internal/fault"
)

func TestABombIsStoppedByTheRatio(t *testing.T) {
	t.Parallel()
	bomb := "a,b\n" + strings.Repeat("0,0\n", 8<<20)
	for name, data := range map[string]string{"gzip": string(gzipped([]byte(bomb))), "zip": string(zipped("a.csv", bomb))} {
		got, err := failure(t, data, Options{Limits: Limits{Ratio: 50}})
		require.Equal(t, fault.TooLarge, fault.CodeOf(err), name)
		require.Contains(t, err.Error(), `(limit "ratio": 50)`)
		require.Less(t, len(got.rows), 3<<20)
	}
	small := readAll(t, string(gzipped([]byte("a,b\n"+strings.Repeat("0,0\n", 50_000)))), Options{Limits: Limits{Ratio: 2}})
	require.Len(t, small.rows, 50_000, "the ratio of a small file does not matter")
}

func TestDamagedArchivesAreSaidToBe(t *testing.T) {
	t.Parallel()
	csv := delimited(',')(20_000)
	gz, zp := gzipped(csv), zipped("a.csv", string(csv))
	flipped := bytes.Clone(zp)
	flipped[len(zp)/2] ^= 0xff
	checksum := bytes.Clone(gz)
	checksum[len(gz)-8] ^= 0xff
	cases := map[string]struct {
		data []byte
		says string
	}{
		"gzip cut off":            {gz[:len(gz)/2], "the gzip file is damaged"},
		"gzip header only":        {gz[:6], "the gzip file is damaged"},
		"gzip, wrong checksum":    {checksum, "the gzip file is damaged"},
		"gzip, more behind it":    {append(bytes.Clone(gz), "garbage"...), "the gzip file is damaged"},
		"zip cut off":             {zp[:len(zp)/2], "the zip file is damaged"},
		"zip, wrong in the midst": {flipped, "the zip file is damaged"},
		"zip that points nowhere": {
			[]byte("PK\x03\x04PK\x01\x02000000000000000000000000\x05\x00\x00\x00\x00\x00000000000\x00\x00\x0000000" +
				"PK\x05\x06000000\x01\x003\x00\x00\x007000\x00\x00"), "the zip file is damaged",
		},
		"zip of none": {zipped(), "the zip holds 0 files: it must hold one"},
		"zip of two":  {zipped("a.csv", "a\n", "b.csv", "b\n"), "the zip holds 2 files: it must hold one"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := failure(t, string(c.data), Options{})
			require.Equal(t, fault.Invalid, fault.CodeOf(err))
			require.Contains(t, err.Error(), c.says)
		})
	}
}

func TestAZipWithAPasswordIsRefused(t *testing.T) {
	t.Parallel()
	data := zipped("a.csv", "a,b\n")
	for _, sign := range []string{"PK\x03\x04", "PK\x01\x02"} { // the flags stand 6 and 8 bytes into these headers
		at := bytes.Index(data, []byte(sign)) + 6
		if sign == "PK\x01\x02" {
			at += 2
		}
		data[at] |= 1
	}
	_, err := failure(t, string(data), Options{})
	require.Equal(t, fault.UnsupportedMedia, fault.CodeOf(err))
	require.Contains(t, err.Error(), "password")
}

func TestAZipThatListsTooManyFilesIsRefused(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := range 40_000 {
		_, err := w.CreateHeader(&zip.FileHeader{Name: fmt.Sprintf("%s%d", strings.Repeat("x", 80), i)})
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	_, err := failure(t, b.String(), Options{})
	require.Equal(t, fault.TooLarge, fault.CodeOf(err))
	require.Contains(t, err.Error(), "the zip lists too many files")
}

func TestGzipOfSeveralMembersIsReadToItsEnd(t *testing.T) {
	t.Parallel()
	got := readAll(t, string(gzipped([]byte("a,b\n1,2\n")))+string(gzipped([]byte("3,4\n"))), Options{})
	require.Equal(t, [][]string{{"1", "2"}, {"3", "4"}}, got.rows)
}

// countingSource is a source that counts how often it was opened, and what is still open.
type countingSource struct {
	memory
	opened, open int
}

func (c *countingSource) Open(ctx context.Context, offset int64) (io.ReadCloser, error) {
	c.opened++
	c.open++
	r, err := c.memory.Open(ctx, offset)
	return closing{r, func() { c.open-- }}, err
}

type closing struct {
	io.ReadCloser
	closed func()
}

func (c closing) Close() error {
	c.closed()
	return c.ReadCloser.Close() //nolint:wrapcheck // a test's source
}

// Each opening of a stored file is a request to the object store.
func TestAFileIsOpenedFewTimesAndAlwaysClosed(t *testing.T) {
	t.Parallel()
	csv := delimited(',')(100_000)
	cases := map[string]struct {
		data []byte
		most int
	}{
		"CSV": {csv, 1}, "gzip": {gzipped(csv), 1}, "zip": {zipped("a.csv", string(csv)), 5},
		"refused": {[]byte("%PDF-"), 1}, "damaged": {gzipped(csv)[:1000], 1}, "no zip": {[]byte("PK\x03\x04 nothing"), 2},
	}
	for name, c := range cases {
		src := &countingSource{memory: memory{data: c.data}}
		_, _ = tryRead(t.Context(), src, Options{})
		require.LessOrEqual(t, src.opened, c.most, name)
		require.Zero(t, src.open, name)
	}
}
