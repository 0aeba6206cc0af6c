package tabular

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// benchRows is a tenth of the million rows that performance figures are given for: multiply a time by ten.
const benchRows = 100_000

// benchRow gives ten cells of mixed types, about 190 bytes.
func benchRow(r *rand.Rand, i int) []string {
	return []string{
		fmt.Sprint(i),
		fmt.Sprintf("First%d Lastname%d", r.IntN(1e5), r.IntN(1e6)),
		fmt.Sprintf("user%d.lastname@example-company.com", i),
		fmt.Sprintf("+1 415 555 %04d", r.IntN(1e4)),
		fmt.Sprintf("2024-%02d-%02d", 1+r.IntN(12), 1+r.IntN(28)),
		fmt.Sprintf("%d.%02d", r.IntN(1e5), r.IntN(100)),
		"true",
		"qualified lead",
		fmt.Sprintf("%d Market Street San Francisco", r.IntN(1e4)),
		"some longer free text about the customer that goes on",
	}
}

// benchFile joins the cells of benchRows rows, each cell between quote and quote.
func benchFile(delim, quote, end string) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	b.WriteString(strings.Join([]string{"id", "name", "email", "phone", "born", "amount", "active", "stage", "street", "note"}, delim) + end)
	for i := range benchRows {
		b.WriteString(quote + strings.Join(benchRow(r, i), quote+delim+quote) + quote + end)
	}
	return b.Bytes()
}

// BenchmarkCSV reads one file by this package's reader and by encoding/csv.
func BenchmarkCSV(b *testing.B) {
	for _, f := range []struct {
		name string
		data []byte
	}{
		{"plain", benchFile(",", "", "\n")},
		{"crlf", benchFile(",", "", "\r\n")},
		{"quoted", benchFile(",", `"`, "\n")},
		{"accents", bytes.ReplaceAll(benchFile(",", "", "\n"), []byte("qualified"), []byte("qualifié"))},
	} {
		b.Run(f.name, func(b *testing.B) {
			b.SetBytes(int64(len(f.data)))
			b.ReportAllocs()
			var batch Batch
			for b.Loop() {
				require.Equal(b, benchRows, drain(b, f.data, &batch))
			}
		})
		b.Run(f.name+"/encodingcsv", func(b *testing.B) {
			b.SetBytes(int64(len(f.data)))
			b.ReportAllocs()
			for b.Loop() {
				require.Equal(b, benchRows+1, drainStandard(b, f.data))
			}
		})
	}
}

// BenchmarkCSVPacked reads files that have to be decompressed or decoded first.
func BenchmarkCSVPacked(b *testing.B) {
	data := benchFile(",", "", "\n")
	latin := bytes.ReplaceAll(data, []byte("qualified"), []byte("qualifi\xe9"))
	for _, f := range []struct {
		name string
		data []byte
	}{
		{"gzip", gzipped(data)},
		{"zip", zipped("a.csv", string(data))},
		{"windows1252", latin},
		{"utf16", []byte(encoded(b, "utf-16le", string(data)))},
	} {
		b.Run(f.name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			var batch Batch
			for b.Loop() {
				require.Equal(b, benchRows, drain(b, f.data, &batch))
			}
		})
	}
}

// BenchmarkOpen finds out about a file and reads no row of it.
func BenchmarkOpen(b *testing.B) {
	data := benchFile(",", "", "\n")
	for b.Loop() {
		r, err := Open(b.Context(), memory{data: data}, Options{})
		require.NoError(b, err)
		require.NoError(b, r.Close())
	}
}

// BenchmarkJSONLines reads the same rows as JSON lines.
func BenchmarkJSONLines(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	var data bytes.Buffer
	for i := range benchRows {
		c := benchRow(r, i)
		fmt.Fprintf(&data, `{"id":%s,"name":%q,"email":%q,"phone":%q,"born":%q,"amount":%s,"active":%s,"stage":%q,"street":%q,"note":%q}`+"\n",
			c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7], c[8], c[9])
	}
	b.SetBytes(int64(data.Len()))
	b.ReportAllocs()
	var batch Batch
	for b.Loop() {
		require.Equal(b, benchRows, drain(b, data.Bytes(), &batch))
	}
}

// BenchmarkCSVWriter writes the rows back.
func BenchmarkCSVWriter(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	rows := make([][][]byte, 1000)
	for i := range rows {
		for _, c := range benchRow(r, i) {
			rows[i] = append(rows[i], []byte(c))
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		w := NewCSVWriter(io.Discard, ',')
		for i := range benchRows {
			require.NoError(b, w.Write(rows[i%len(rows)]))
		}
		require.NoError(b, w.Flush())
	}
}

func drain(tb testing.TB, data []byte, batch *Batch) int {
	tb.Helper()
	r, err := Open(tb.Context(), memory{data: data}, Options{})
	require.NoError(tb, err)
	defer func() { require.NoError(tb, r.Close()) }()
	n := 0
	for {
		err := r.Next(batch)
		if errors.Is(err, io.EOF) {
			return n
		}
		require.NoError(tb, err)
		n += batch.Len()
	}
}

func drainStandard(tb testing.TB, data []byte) int {
	tb.Helper()
	r := csv.NewReader(bytes.NewReader(data))
	r.ReuseRecord = true
	n := 0
	for {
		_, err := r.Read()
		if errors.Is(err, io.EOF) {
			return n
		}
		if err != nil {
			require.NoError(tb, err)
		}
		n++
	}
}
