package exporter

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5"

	"wharf/internal/dump"
	"wharf/internal/pgcodec"
)

// jsonEncoder writes one document: the envelope, an array of rows for each table, a row a line, and the counts. In a dump,
// rows hold those of the tables that sit inside them, and it says who the users are.
type jsonEncoder struct {
	r     *run
	out   *bufio.Writer
	comma bool // before the next member
}

// flusher is a writer below that holds bytes back, such as a compressor.
type flusher interface{ Flush() error }

// newJSONEncoder writes the envelope, and flushes it: whoever waits for the document knows that it comes.
func newJSONEncoder(r *run, out io.Writer) (*jsonEncoder, error) {
	e := &jsonEncoder{r: r, out: bufio.NewWriterSize(out, flushAt)}
	for _, part := range []struct {
		key   string
		value any
	}{
		{"schema_version", dump.SchemaVersion},
		{"wharf_version", r.s.cfg.Version},
		{"exported_at", r.at.UTC().Format(time.RFC3339Nano)},
		{"scope", r.req.Scope},
		{"workspace", r.workspace},
	} {
		if err := e.member(part.key, part.value); err != nil {
			return nil, err
		}
	}
	if err := e.out.Flush(); err != nil {
		return nil, err //nolint:wrapcheck // the writer's below
	}
	if f, ok := out.(flusher); ok {
		return e, f.Flush() //nolint:wrapcheck // the writer's below
	}
	return e, nil
}

func (e *jsonEncoder) rows(t planned) rowEncoder {
	if t.nested != nil {
		return e.r.nestedRows(t)
	}
	cols, first := e.r.columnsOf(t, rowAlias, pgcodec.JSONColumn), true
	return rowEncoder{sql: selectRows(t, cols), add: func(dst []byte, raw [][]byte) ([]byte, error) {
		if !first {
			dst = append(dst, ',')
		}
		first = false
		return pgcodec.AppendJSONRow(append(dst, '\n'), cols, raw) //nolint:wrapcheck // names the column
	}}
}

func (e *jsonEncoder) begin(t planned) error {
	e.key(t.Name)
	return e.text("[")
}

func (e *jsonEncoder) write(chunk []byte) error {
	_, err := e.out.Write(chunk)
	return err //nolint:wrapcheck // the writer's below, as all others here
}

func (e *jsonEncoder) end(int64) { _ = e.text("]") } // its error stays, and comes with the next write

func (e *jsonEncoder) close(ctx context.Context, tx pgx.Tx) error {
	if e.r.users != nil {
		if err := e.r.warnOfOrphans(ctx, tx); err != nil {
			return err
		}
		if err := e.member("user_refs", e.r.users.refs()); err != nil {
			return err
		}
	}
	if err := e.member("counts", e.r.tables); err != nil {
		return err
	}
	if err := e.text("}\n"); err != nil {
		return err
	}
	return e.out.Flush() //nolint:wrapcheck
}

func (e *jsonEncoder) stop() {}

// key begins a member; an error of the writer stays and comes with the next write.
func (e *jsonEncoder) key(name string) {
	sep := ",\n"
	if !e.comma {
		sep = "{"
	}
	e.comma = true
	_, _ = e.out.Write(append(pgcodec.AppendJSONString([]byte(sep), []byte(name)), ':'))
}

func (e *jsonEncoder) member(name string, value any) error {
	doc, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("exporter: encode %s: %w", name, err)
	}
	e.key(name)
	return e.write(doc)
}

func (e *jsonEncoder) text(s string) error {
	_, err := e.out.WriteString(s)
	return err //nolint:wrapcheck
}
