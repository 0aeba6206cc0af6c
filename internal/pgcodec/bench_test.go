package pgcodec

import (
	"fmt"
	"io"
	"testing"

	"github.com/jackc/pgx/v5/pgtype"
	"github.com/stretchr/testify/require"
)

// benchColumns are ten columns of a product's table; %d stands for the row's number.
var benchColumns = []struct {
	name string
	typ  Type
	text string
}{
	{"id", Type{OID: pgtype.Int8OID}, "%d"},
	{"external_id", Type{OID: pgtype.UUIDOID}, "a0eebc99-9c0b-4ef8-bb6d-%012d"},
	{"first_name", Type{OID: pgtype.VarcharOID, MaxLength: 128}, "Zoë %d"},
	{"email", Type{OID: pgtype.VarcharOID, MaxLength: 320}, "customer.%d@example.com"},
	{"amount", Type{OID: pgtype.NumericOID, Precision: 18, Scale: 2}, "%d.95"},
	{"score", Type{OID: pgtype.Float8OID}, "%d.125"},
	{"active", Type{OID: pgtype.BoolOID}, "true"},
	{"born_on", Type{OID: pgtype.DateOID}, "1984-02-29"},
	{"created_at", Type{OID: pgtype.TimestamptzOID}, "2024-02-29T10:00:00.%06d+02:00"},
	{"data", Type{OID: pgtype.JSONBOID}, `{"source": "import", "row": %d, "tags": ["a", "b"]}`},
}

const benchRows = 1000

// benchText gives rows of text cells.
func benchText() [][][]byte {
	rows := make([][][]byte, benchRows)
	for i := range rows {
		for _, c := range benchColumns {
			text := c.text
			if c.name != "active" && c.name != "born_on" {
				text = fmt.Sprintf(c.text, 100_000+i*37)
			}
			rows[i] = append(rows[i], []byte(text))
		}
	}
	return rows
}

// benchRaw gives the same rows in binary.
func benchRaw(b *testing.B) [][][]byte {
	rows := benchText()
	for _, row := range rows {
		for i, c := range benchColumns {
			encode, _ := Binary(c.typ)
			raw, err := encode(nil, row[i])
			require.NoError(b, err)
			row[i] = raw
		}
	}
	return rows
}

func benchmarkRows(b *testing.B, plan func(name, expr string, oid uint32) Column,
	appendRow func(dst []byte, cols []Column, raw [][]byte) ([]byte, error),
) {
	rows := benchRaw(b)
	var cols []Column
	for _, c := range benchColumns {
		cols = append(cols, plan(c.name, c.name, c.typ.OID))
	}
	var buf []byte
	var total int64
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if buf, err = appendRow(buf[:0], cols, rows[n%benchRows]); err != nil {
			b.Fatal(err)
		}
		total += int64(len(buf))
		n++
	}
	b.SetBytes(total / int64(n))
}

func BenchmarkJSONRowOfTenColumns(b *testing.B) { benchmarkRows(b, JSONColumn, AppendJSONRow) }

func BenchmarkCSVRowOfTenColumns(b *testing.B) { benchmarkRows(b, TextColumn, AppendCSVRow) }

func BenchmarkCopyRowOfTenColumns(b *testing.B) {
	rows := benchText()
	var encoders []BinaryFunc
	for _, c := range benchColumns {
		encode, _ := Binary(c.typ)
		encoders = append(encoders, encode)
	}
	w := NewCopyWriter(io.Discard, make([]byte, 0, 64<<10))
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		w.Begin(len(encoders))
		for i, text := range rows[n%benchRows] {
			if err := w.Text(encoders[i], text); err != nil {
				b.Fatal(err)
			}
		}
		if err := w.End(); err != nil {
			b.Fatal(err)
		}
		n++
	}
}
