package dump

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"wharf/internal/tenancy"
)

// contactsDocument makes a document of n contacts, as an export writes them.
func contactsDocument(n int) []byte {
	random := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	b.WriteString(`{"schema_version":1,"workspace":{"id":"018f6d2e-0000-7000-8000-000000000000"},"contacts":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		var id, company uuid.UUID
		for k := range id {
			id[k], company[k] = byte(random.Uint32()), byte(random.Uint32())
		}
		fmt.Fprintf(&b, `
{"id":"%s","tenant_id":"018f6d2e-0000-7000-8000-000000000000","external_id":"c-%d","first_name":"Zoë","last_name":"O'Neill %d","title":null,`+
			`"email":"zoe.%d@example.com","phone":"+49 30 %07d","company_id":"%s","tags":["vip", "2026"],"data":{"shoe": %d, "note": "caf\u00e9"},`+
			`"created_at":"2026-01-02T03:04:05.67%04d+00:00","updated_at":"2026-02-03T04:05:06+00:00","deleted_at":null}`,
			id, i, i, i, i, company, i%50, i%10000)
	}
	b.WriteString(`]}`)
	return b.Bytes()
}

// BenchmarkScan passes a document without looking at it, and reads it into tuples that nobody gets.
func BenchmarkScan(b *testing.B) {
	y := newYard(b, "")
	text := contactsDocument(20_000)
	nowhere := func() string { return "" }
	b.Run("skip", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			require.NoError(b, newScanner(bytes.NewReader(text), Limits{}, nowhere).skip())
		}
	})
	b.Run("rows", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			spec := y.spec()
			s := newStager(&spec)
			s.send = newSender(context.Background(), func(context.Context, chunk) error { return nil })
			require.NoError(b, Document(bytes.NewReader(text), Limits{}).read(context.Background(), s))
			require.NoError(b, s.send.close())
			require.EqualValues(b, 20_000, s.rows)
		}
	})
}

// BenchmarkStage stages 200,000 contacts, as a restore does before it merges them.
func BenchmarkStage(b *testing.B) {
	y := newYard(b, "")
	text := contactsDocument(200_000)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		err := tenancy.Tx(context.Background(), y.db, tenancy.System(y.tenant), func(ctx context.Context, tx pgx.Tx) error {
			_, tables, _, err := stage(ctx, tx, y.spec(), Document(bytes.NewReader(text), Limits{}))
			require.NoError(b, err)
			require.EqualValues(b, 200_000, tables[0].rows)
			return errTakeBack
		})
		require.ErrorIs(b, err, errTakeBack)
	}
}

// BenchmarkBundle stages 200,000 contacts out of a bundle: inflating and checksums come to the reading.
func BenchmarkBundle(b *testing.B) {
	y := newYard(b, "")
	rows := contactsDocument(200_000)
	rows = bytes.ReplaceAll(rows[bytes.IndexByte(rows, '[')+2:len(rows)-2], []byte("},\n"), []byte("}\n"))
	text := newParcel().table("contacts", string(rows)).zip(b)
	b.SetBytes(int64(len(rows)))
	for b.Loop() {
		_, err := y.stage(y.spec(), bundleOf(b, text), nil)
		require.NoError(b, err)
	}
}
