package dump

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wharf/internal/catalog"
	"wharf/internal/fault"
	"wharf/internal/load"
)

// endless gives head, then what part makes n times, then tail, and knows how much memory was in use while it was read.
type endless struct {
	part    func(dst []byte, i int) []byte
	n, i    int
	pending []byte
	tail    string
	reads   int
	most    uint64 // bytes of the heap
}

func (e *endless) Read(p []byte) (int, error) {
	if e.reads++; e.reads%64 == 0 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		e.most = max(e.most, m.HeapAlloc)
	}
	for len(e.pending) == 0 {
		switch {
		case e.i < e.n:
			for len(e.pending) < 32<<10 && e.i < e.n {
				e.pending = e.part(e.pending, e.i)
				e.i++
			}
		case e.tail != "":
			e.pending, e.tail = []byte(e.tail), ""
		default:
			return 0, io.EOF
		}
	}
	n := copy(p, e.pending)
	if e.pending = e.pending[n:]; len(e.pending) == 0 {
		e.pending = nil
	}
	return n, nil
}

// TestMemoryIsBoundedWhateverTheDocument is not parallel: it looks at the memory of the whole process.
func TestMemoryIsBoundedWhateverTheDocument(t *testing.T) { //nolint:paralleltest // see above
	const million = 1_000_000
	for name, e := range map[string]*endless{ //nolint:paralleltest // see above
		"unknown keys": {
			part: func(dst []byte, i int) []byte { return fmt.Appendf(dst, `"k%d":[],`, i) },
			n:    10 * million, tail: `"schema_version":1}`, pending: []byte(`{`),
		},
		"unknown columns": {
			part: func(dst []byte, i int) []byte { return fmt.Appendf(dst, `"k%d":1,`, i) },
			n:    2 * million, tail: `"name":"x"}],"schema_version":1}`, pending: []byte(`{"parents":[{`),
		},
		"rows": {
			part: func(dst []byte, i int) []byte { return fmt.Appendf(dst, `{"name":"row %d","children":[{}]},`, i) },
			n:    million / 2, tail: `{}],"schema_version":1}`, pending: []byte(`{"parents":[`),
		},
		"children of one row": {
			part: func(dst []byte, i int) []byte { return fmt.Appendf(dst, `{"at":"2026-01-01 00:00:%02d"},`, i%60) },
			n:    million, tail: `{}]}],"schema_version":1}`, pending: []byte(`{"parents":[{"name":"x","children":[`),
		},
		"users": {
			part: func(dst []byte, i int) []byte { return fmt.Appendf(dst, `"%d":"a@b",`, i) },
			n:    million, tail: `"x":null},"schema_version":1}`, pending: []byte(`{"user_refs":{`),
		},
		"an unknown text": {
			part: func(dst []byte, i int) []byte { return fmt.Appendf(dst, `%0100d`, i) },
			n:    million / 2, tail: `"},"schema_version":1}`, pending: []byte(`{"user_refs":{},"parents":[],"x":{"y":"`),
		},
	} {
		t.Run(name, func(t *testing.T) { //nolint:paralleltest // see above
			spec := Spec{Catalog: smallCatalog(), Prefix: "p"}
			s := newStager(&spec)
			s.send = newSender(context.Background(), func(context.Context, chunk) error { return nil })
			runtime.GC()
			err := Document(e, Limits{}).read(context.Background(), s)
			require.NoError(t, err)
			require.NoError(t, s.finish())
			require.NoError(t, s.send.close())
			require.Less(t, e.most, uint64(48<<20))
			require.LessOrEqual(t, len(s.warnings()), maxLeftOut+1)
		})
	}
}

func TestNestingEndsBeforeTheStackDoes(t *testing.T) {
	t.Parallel()
	const levels = 100_000
	deep := strings.Repeat("[", levels) + strings.Repeat("]", levels)
	objects := strings.Repeat(`{"a":`, levels) + "1" + strings.Repeat("}", levels)
	for _, text := range []string{
		`{"x":` + deep + `}`, `{"x":` + objects + `}`, `{"parents":[{"data":` + deep + `}]}`, `{"parents":[{"list":` + deep + `}]}`,
		`{"parents":[{"x":` + objects + `}]}`, `{"schema_version":` + deep + `}`, `{"workspace":{"id":` + deep + `}}`, `{"counts":{"parents":` + objects + `}}`,
		`{"user_refs":{"a":` + deep + `}}`, deep, `{"parents":` + deep + `}`,
	} {
		_, _, err := readSmall([]byte(text), Limits{})
		require.Error(t, err)
		require.Equal(t, fault.Invalid, fault.CodeOf(err))
		require.Less(t, len(err.Error()), 300)
	}
}

func TestWrongTypesInEveryColumnAreRefusedByName(t *testing.T) {
	t.Parallel()
	y := newYard(t, "")
	digits := strings.Repeat("9", 10_000)
	for _, table := range y.snapshot.Tables {
		if table.Operational {
			continue
		}
		for _, c := range table.Columns {
			if c.Name == table.Scope.Column || c.Generated || c.Tags.HashOf != "" {
				continue
			}
			for _, value := range []string{`{"a":1}`, `["x"]`, `"\udc00"`, `"x\u0000"`, digits, "-0." + digits} {
				spec := y.spec()
				spec.Catalog = &catalog.Snapshot{Tables: []*catalog.Table{table}}
				text := fmt.Sprintf(`{"schema_version":1,%q:[{},{%q:%s}]}`, table.Name, c.Name, value)
				err := readSource(&spec, Document(strings.NewReader(text), Limits{Row: 32 << 10}))
				if takes(c, value) {
					require.NoError(t, err, "%s.%s %s takes %.50s", table.Name, c.Name, c.Type, value)
					continue
				}
				require.ErrorContains(t, err, table.Name+" row 2: "+c.Name+" ", "%s %.50s", c.Type, value)
				require.Equal(t, fault.Invalid, fault.CodeOf(err))
				require.Less(t, len(err.Error()), 600)
			}
		}
	}
}

// takes says which of the wrong values are right for a type.
func takes(c *catalog.Column, value string) bool {
	text := !strings.HasPrefix(value, "{") && !strings.HasPrefix(value, "[") && !strings.Contains(value, `\`)
	switch {
	case c.Kind == catalog.KindJSON:
		return !strings.Contains(value, `\`)
	case c.Kind == catalog.KindArray:
		return strings.HasPrefix(value, "[")
	case c.Tags.User || c.Tags.File || c.Tags.Encrypted:
		return text
	case c.Kind == catalog.KindText:
		return text && c.MaxLength == 0 && c.Labels == nil
	case c.Kind == catalog.KindOther: // the merge casts most of them, and says what is wrong
		return text && load.Encode(c).Cast != ""
	case c.Kind == catalog.KindFloat:
		return strings.HasPrefix(value, "-0.")
	case c.Kind == catalog.KindNumeric:
		return text && c.Precision == 0
	}
	return false
}

func TestNumbersKeepEveryDigit(t *testing.T) {
	t.Parallel()
	digits := strings.Repeat("1234567890", 1000)
	sent, _, err := readSmall([]byte(`{"schema_version":1,"parents":[{"name":`+digits+`,"data":{"n":`+digits+`},"n":`+digits+`}]}`), Limits{})
	require.NoError(t, err)
	for _, tuples := range sent {
		require.Equal(t, 2, bytes.Count(tuples, []byte(digits)), "as text and in JSON")
		require.Greater(t, len(tuples), 2*len(digits)+len(digits)/4*2, "and in base 10,000")
	}
}
