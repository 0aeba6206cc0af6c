package pgcodec

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5/pgtype"
	"github.com/stretchr/testify/require"

	"wharf/internal/testenv"
)

func TestTuplesArriveTypedAndDiscardedOnesDoNot(t *testing.T) {
	t.Parallel()
	s := newSession(t, testenv.Empty(t).AdminURL)
	s.exec(t, "CREATE TEMP TABLE staged (line int8, n int4, name text, price numeric(8,2), data jsonb)")
	price, _ := Binary(Type{OID: pgtype.NumericOID, Precision: 8, Scale: 2})

	var stream bytes.Buffer
	w := NewCopyWriter(&stream, make([]byte, 0, 64))
	for line := range int64(100) {
		w.Begin(5)
		w.Int8(line)
		w.Int4(int32(-line))
		w.Raw([]byte("Zoë"))
		require.NoError(t, w.Text(price, []byte("1.0100")))
		require.Error(t, w.Text(encodeJSONB, []byte("{")), "a refused value leaves its place free")
		w.Null()
		if line%2 == 1 {
			w.Discard()
			continue
		}
		require.NoError(t, w.End())
	}
	require.NoError(t, w.Close())

	tag, err := s.conn.PgConn().CopyFrom(context.Background(), &stream, "COPY staged FROM STDIN (FORMAT binary)")
	require.NoError(t, err)
	require.EqualValues(t, 50, tag.RowsAffected())
	require.Equal(t, "98,-98,Zoë,1.01,\n", s.copyOut(t, "COPY (SELECT * FROM staged WHERE line = 98) TO STDOUT (FORMAT csv)"))
}

func TestAnEmptyStreamIsAValidOne(t *testing.T) {
	t.Parallel()
	s := newSession(t, testenv.Empty(t).AdminURL)
	s.exec(t, "CREATE TEMP TABLE staged (line int8)")
	var stream bytes.Buffer
	require.NoError(t, NewCopyWriter(&stream, nil).Close())
	_, err := s.conn.PgConn().CopyFrom(context.Background(), &stream, "COPY staged FROM STDIN (FORMAT binary)")
	require.NoError(t, err)
}

type brokenPipe struct{ err error }

func (p brokenPipe) Write([]byte) (int, error) { return 0, p.err }

func TestABrokenStreamStaysBroken(t *testing.T) {
	t.Parallel()
	broken := errors.New("connection lost")
	w := NewCopyWriter(brokenPipe{broken}, make([]byte, 0, 8))
	w.Begin(1)
	w.Int8(1)
	require.ErrorIs(t, w.End(), broken)
	require.ErrorIs(t, w.End(), broken)
	require.ErrorIs(t, w.Close(), broken)
}
