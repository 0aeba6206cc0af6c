package load_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"wharf/internal/load"
	"wharf/internal/rowprogram"
	"wharf/internal/sample"
	"wharf/internal/tabular"
	"wharf/internal/tenancy"
)

// benchRows is the size of BenchmarkMerge's file: WHARF_BENCH_ROWS, or else few, so that the benchmark is run at all.
func benchRows(b *testing.B) int {
	b.Helper()
	text := os.Getenv("WHARF_BENCH_ROWS")
	if text == "" {
		return 20_000
	}
	n, err := strconv.Atoi(text)
	require.NoError(b, err)
	return n
}

// fewRows is the size of BenchmarkMerge's small files.
const fewRows = 500

// BenchmarkMerge imports files of the benchmarks' table, from the bytes of a CSV to merged rows that can be taken back, and
// says how long each takes beside COPY of the same CSV into the same table with its indexes (× COPY): rows that are new, the
// same again, and all changed; then new ones out of order. Of a few rows among many it says the milliseconds: where
// Postgres has no statistics of the table yet, where it has, and where all other rows are another tenant's. Each figure is
// the median of the rounds: use -benchtime 3x or more.
func BenchmarkMerge(b *testing.B) {
	n := benchRows(b)
	w := newWorld(b, strings.TrimSuffix(strings.TrimSpace(sample.BenchTableDDL), ";"))
	first, second := wide(b, n, 1), wide(b, n, 2)
	shuffled := shuffle(first)
	taken := map[string][]float64{}
	note := func(what string, value float64) { taken[what] = append(taken[what], value) }
	for b.Loop() {
		copied := w.copyInto(b, first)
		report := func(what string, csv []byte, want load.Counts) {
			staged, merged := w.importWide(b, csv, want)
			note(what+"/COPY", (staged+merged).Seconds()/copied.Seconds())
			note(what+"-stage-s", staged.Seconds())
			note(what+"-merge-s", merged.Seconds())
		}
		all := int64(n)
		note("COPY-s", copied.Seconds())
		w.empty(b)
		report("new", first, load.Counts{Created: all})
		w.few(b, "unmeasured", first, note)
		report("unchanged", first, load.Counts{Unchanged: all})
		report("changed", second, load.Counts{Updated: all})
		w.exec(b, `VACUUM ANALYZE public.bench_contacts`)
		w.few(b, "measured", second, note)
		w.anew().few(b, "others", second, note)
		copied = w.copyInto(b, shuffled)
		w.empty(b)
		report("shuffled", shuffled, load.Counts{Created: all})
	}
	for what, values := range taken {
		slices.Sort(values)
		b.ReportMetric(values[len(values)/2], what)
	}
}

// few imports files of few rows, spread over those of csv which are there: new ones, the same again, and all changed.
func (w *world) few(b *testing.B, what string, csv []byte, note func(string, float64)) {
	b.Helper()
	lines := bytes.SplitAfter(csv, []byte("\n"))
	rows := lines[1 : len(lines)-1]
	sameFile := bytes.Clone(lines[0])
	for i := range fewRows {
		sameFile = append(sameFile, rows[i*(len(rows)/fewRows)]...)
	}
	newFile := bytes.ReplaceAll(bytes.ReplaceAll(sameFile, []byte("EXT-"), []byte("NEW-")), []byte("@customers"), []byte("@fewer"))
	for _, file := range []struct {
		name string
		csv  []byte
		want load.Counts
	}{
		{"new", newFile, load.Counts{Created: fewRows}},
		{"unchanged", newFile, load.Counts{Unchanged: fewRows}},
		{"changed", bytes.ReplaceAll(newFile, []byte(" to be confirmed"), []byte(" is confirmed")), load.Counts{Updated: fewRows}},
	} {
		staged, merged := w.importWide(b, file.csv, file.want)
		note("few-"+what+"-"+file.name+"-ms", float64((staged+merged).Microseconds())/1000)
	}
	w.exec(b, `DELETE FROM public.bench_contacts WHERE external_id LIKE 'NEW-%'`)
}

func wide(b testing.TB, n int, seed uint64) []byte {
	b.Helper()
	var csv bytes.Buffer
	require.NoError(b, sample.Wide(&csv, n, seed))
	return csv.Bytes()
}

// shuffle puts the lines after the first in an order that has nothing to do with theirs.
func shuffle(csv []byte) []byte {
	lines := bytes.SplitAfter(csv, []byte("\n"))
	rows := lines[1 : len(lines)-1]
	out := append(make([]byte, 0, len(csv)), lines[0]...)
	const step = 7_368_787 // a prime: every line comes once
	for i := range rows {
		out = append(out, rows[i*step%len(rows)]...)
	}
	return out
}

func (w *world) empty(b *testing.B) {
	b.Helper()
	w.exec(b, `TRUNCATE public.bench_contacts; CHECKPOINT`)
}

// copyInto gives how long COPY takes into the empty table.
func (w *world) copyInto(b *testing.B, csv []byte) time.Duration {
	b.Helper()
	ctx := context.Background()
	w.empty(b)
	w.exec(b, `ALTER TABLE public.bench_contacts ALTER tenant_id SET DEFAULT '`+w.ours.String()+`'`)
	conn, err := w.admin.Acquire(ctx)
	require.NoError(b, err)
	defer conn.Release()
	header, _, _ := bytes.Cut(csv, []byte("\n"))
	start := time.Now()
	_, err = conn.Conn().PgConn().CopyFrom(ctx, bytes.NewReader(csv), `COPY public.bench_contacts (`+string(header)+`) FROM STDIN (FORMAT csv, HEADER)`)
	require.NoError(b, err)
	return time.Since(start)
}

// importWide reads, checks, stages and merges a file.
func (w *world) importWide(b testing.TB, csv []byte, want load.Counts) (staged, merged time.Duration) {
	b.Helper()
	ctx := context.Background()
	if len(csv) > 10<<20 {
		w.exec(b, `CHECKPOINT`)
	}
	start := time.Now()
	reader, err := tabular.Open(ctx, memory(csv), tabular.Options{})
	require.NoError(b, err)
	spec := load.Spec{DB: w.db, Tenant: w.ours, Table: w.table(b, sample.BenchTable), WorkMemMB: 256, Undo: uuid.New()}
	columns := make([]int, len(reader.Header()))
	var fields []rowprogram.Field
	for i, name := range reader.Header() {
		columns[i] = i
		spec.Columns = append(spec.Columns, load.Column{Name: name})
		fields = append(fields, wideField(name))
	}
	program, err := rowprogram.Compile(fields, rowprogram.Config{})
	require.NoError(b, err)
	plan, err := load.Compile(spec)
	require.NoError(b, err)
	conn, err := w.service.Acquire(ctx)
	require.NoError(b, err)
	defer conn.Release()
	name := "b_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	var read tabular.Batch
	_, err = plan.Stage(ctx, conn.Conn(), name, func(batch *tabular.Batch) error {
		if err := reader.Next(&read); err != nil {
			return err
		}
		read.Project(batch, columns)
		return program.Apply(batch)
	})
	require.NoError(b, err)
	staged = time.Since(start)

	start = time.Now()
	err = tenancy.Tx(ctx, w.db, tenancy.System(w.ours), func(ctx context.Context, tx pgx.Tx) error {
		got, err := plan.Merge(ctx, tx, name)
		require.Equal(b, want, got)
		require.NoError(b, err)
		return load.Drop(ctx, tx, name)
	})
	require.NoError(b, err)
	merged = time.Since(start)
	require.NoError(b, tenancy.Tx(ctx, w.db, tenancy.System(w.ours), func(ctx context.Context, tx pgx.Tx) error {
		return load.DropUndo(ctx, tx, spec.Undo)
	}))
	return staged, merged
}

func wideField(name string) rowprogram.Field {
	types := map[string]string{"email": "email", "amount": "number", "quantity": "number", "active": "boolean", "signed_up": "date"}
	f := rowprogram.Field{Name: name, Type: "text"}
	if t, ok := types[name]; ok {
		f.Type = t
	}
	return f
}

// memory is a file in memory.
type memory []byte

func (memory) Name() string  { return "wide.csv" }
func (m memory) Size() int64 { return int64(len(m)) }

func (m memory) Open(_ context.Context, offset int64) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(m[offset:])), nil
}
