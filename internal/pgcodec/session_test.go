package pgcodec

import (
	"bytes"
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// session is a connection with the settings that doc.go asks for. One goroutine uses it.
type session struct{ conn *pgx.Conn }

func newSession(t testing.TB, url string) session {
	t.Helper()
	cfg, err := pgx.ParseConfig(url)
	require.NoError(t, err)
	for name, value := range map[string]string{
		"client_encoding": "UTF8", "timezone": "UTC", "datestyle": "ISO", "intervalstyle": "postgres",
		"extra_float_digits": "1", "bytea_output": "hex",
	} {
		cfg.RuntimeParams[name] = value
	}
	conn, err := pgx.ConnectConfig(context.Background(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close(context.Background())) })
	return session{conn}
}

// failer is what testing.T and rapid.T have in common.
type failer = require.TestingT

func (s session) exec(t failer, sql string, args ...any) {
	_, err := s.conn.Exec(context.Background(), sql, args...)
	require.NoError(t, err, sql)
}

// raw gives the rows of a query in binary.
func (s session) raw(t failer, sql string) [][][]byte {
	result := s.conn.PgConn().ExecParams(context.Background(), sql, nil, nil, nil, []int16{1}).Read()
	require.NoError(t, result.Err, sql)
	return result.Rows
}

// texts gives the first column of a query as Postgres prints it; nil is NULL.
func (s session) texts(t failer, sql string, args ...any) []*string {
	rows, err := s.conn.Query(context.Background(), sql, args...)
	require.NoError(t, err, sql)
	texts, err := pgx.CollectRows(rows, pgx.RowTo[*string])
	require.NoError(t, err, sql)
	return texts
}

// copyOut gives what COPY writes.
func (s session) copyOut(t failer, sql string) string {
	var out bytes.Buffer
	_, err := s.conn.PgConn().CopyTo(context.Background(), &out, sql)
	require.NoError(t, err, sql)
	return out.String()
}
