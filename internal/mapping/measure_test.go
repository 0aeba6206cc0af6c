package mapping_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wharf/internal/mapping"
	"wharf/internal/rowprogram"
	"wharf/internal/tabular"
	samplemigrations "wharf/migrations/sample"
)

// trial is a file, the fields it meets, and where a person would put its columns; see testdata/tuned.txt.
type trial struct {
	name    string
	file    string
	subject string
	fields  []rowprogram.Field
	header  []string
	values  [][]string          // by column
	want    map[string][]string // header → fields, "-" is none; a header that is not in it goes nowhere
}

// score counts columns.
type score struct {
	right, wrong, missed int
	faults               []string
}

func (s score) precision() float64 { return float64(s.right) / float64(max(1, s.right+s.wrong)) }
func (s score) recall() float64    { return float64(s.right) / float64(max(1, s.right+s.missed)) }

func (s *score) add(o score) {
	s.right, s.wrong, s.missed, s.faults = s.right+o.right, s.wrong+o.wrong, s.missed+o.missed, append(s.faults, o.faults...)
}

// judge counts a proposal's columns. One that is put where no person would is wrong, and missed as well if it has a place.
func (tr trial) judge(p mapping.Proposal) score {
	var s score
	for _, m := range p.Matches {
		want := tr.want[m.Header]
		if want == nil {
			want = []string{"-"}
		}
		if m.Field == "" {
			if !slices.Contains(want, "-") {
				s.missed++
				s.faults = append(s.faults, tr.name+": "+m.Header+" → none, not "+strings.Join(want, " or "))
			}
			continue
		}
		if slices.Contains(want, m.Field) {
			s.right++
			continue
		}
		s.wrong++
		s.faults = append(s.faults, tr.name+": "+m.Header+" → "+m.Field+" ("+string(m.Reason)+"), not "+strings.Join(want, " or "))
		if !slices.Contains(want, "-") {
			s.missed++
		}
	}
	return s
}

func (tr trial) sample() *tabular.Batch {
	rows := 0
	for _, v := range tr.values {
		rows = max(rows, len(v))
	}
	b := &tabular.Batch{Cols: len(tr.header)}
	for r := range rows {
		b.Lines = append(b.Lines, int64(r+2))
		for _, v := range tr.values {
			cell := ""
			if r < len(v) {
				cell = v[r]
			}
			b.Cells = append(b.Cells, []byte(cell))
		}
	}
	return b
}

func readTrials(t testing.TB, file string) []trial {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", file))
	require.NoError(t, err)
	tables := sampleTables(t)
	var trials []trial
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if name, ok := strings.CutPrefix(line, "== "); ok {
			trials = append(trials, trial{name: name, want: map[string][]string{}})
			continue
		}
		tr := &trials[len(trials)-1]
		key, rest, _ := strings.Cut(line, ": ")
		switch key {
		case "file":
			tr.file = rest
		case "subject":
			tr.subject = rest
		case "table":
			tr.subject, tr.fields = rest, tables[rest]
			require.NotEmpty(t, tr.fields, rest)
		case "fields":
			for _, word := range strings.Fields(rest) {
				tr.fields = append(tr.fields, parseField(word))
			}
		default:
			tr.expect(t, line)
		}
	}
	return trials
}

// expect reads "header > field | field :: value ;; value".
func (tr *trial) expect(t testing.TB, line string) {
	t.Helper()
	line, values, _ := strings.Cut(line, " :: ")
	header, fields, ok := strings.Cut(line, " > ")
	require.True(t, ok, line)
	for field := range strings.SplitSeq(fields, "|") {
		field = strings.TrimSpace(field)
		known := slices.ContainsFunc(tr.fields, func(f rowprogram.Field) bool { return f.Name == field })
		require.True(t, known || field == "-", "%s: there is no field %q", tr.name, field)
		tr.want[header] = append(tr.want[header], field)
	}
	tr.header = append(tr.header, header)
	column := []string{}
	if values != "" {
		column = strings.Split(values, " ;; ")
	}
	tr.values = append(tr.values, column)
}

// parseField reads "name:type=Label_Text".
func parseField(word string) rowprogram.Field {
	word, label, _ := strings.Cut(word, "=")
	name, kind, typed := strings.Cut(word, ":")
	if !typed {
		kind = rowprogram.TypeText
	}
	return rowprogram.Field{Name: name, Type: kind, DisplayName: strings.ReplaceAll(label, "_", " ")}
}

var (
	createTable = regexp.MustCompile(`(?ms)^CREATE TABLE public\.(\w+) \((.*?)^\);`)
	columnLine  = regexp.MustCompile(`(?m)^    (\w+) +([\w.]+)(.*)$`)
	columnLabel = regexp.MustCompile(`(?s)COMMENT ON COLUMN public\.(\w+)\.(\w+) IS\s+'([^']|'')*?@label ([^'\n]+)`)
)

// sampleTables gives the fields of the sample product's tables, as an import straight into one has them.
func sampleTables(t testing.TB) map[string][]rowprogram.Field {
	t.Helper()
	files, err := fs.Glob(samplemigrations.FS, "*.sql")
	require.NoError(t, err)
	tables := map[string][]rowprogram.Field{}
	for _, file := range files {
		text, err := fs.ReadFile(samplemigrations.FS, file)
		require.NoError(t, err)
		labels := map[string]string{}
		for _, m := range columnLabel.FindAllStringSubmatch(string(text), -1) {
			labels[m[1]+"."+m[2]] = m[4]
		}
		for _, m := range createTable.FindAllStringSubmatch(string(text), -1) {
			for _, c := range columnLine.FindAllStringSubmatch(m[2], -1) {
				if c[1] == "tenant_id" || strings.Contains(c[3], "GENERATED ALWAYS") || strings.ToUpper(c[1]) == c[1] || strings.HasSuffix(c[1], "_hash") {
					continue
				}
				tables[m[1]] = append(tables[m[1]], rowprogram.Field{Name: c[1], Type: fieldType(c[2]), DisplayName: labels[m[1]+"."+c[1]]})
			}
		}
	}
	return tables
}

func fieldType(column string) string {
	switch strings.TrimPrefix(column, "public.") {
	case "numeric", "integer", "smallint", "bigint", "real", "double", "money_amount", "item_count":
		return rowprogram.TypeNumber
	case "boolean":
		return rowprogram.TypeBoolean
	case "date", "timestamptz", "timestamp":
		return rowprogram.TypeDate
	}
	return rowprogram.TypeText
}

// TestProposeAsAPersonWould holds the rules to their promise on header rows of many programs and languages.
func TestProposeAsAPersonWould(t *testing.T) {
	t.Parallel()
	var all score
	for _, file := range []string{"tuned.txt", "heldout.txt"} {
		var s score
		trials := readTrials(t, file)
		for _, tr := range trials {
			s.add(tr.judge(mapping.Propose(tr.header, tr.sample(), tr.fields, mapping.Config{Subject: tr.subject})))
		}
		report(t, file, len(trials), s)
		all.add(s)
	}
	require.GreaterOrEqual(t, all.precision(), 0.98)
	require.GreaterOrEqual(t, all.recall(), 0.90)
}

func report(t *testing.T, name string, trials int, s score) {
	t.Helper()
	t.Logf("%s: %d files, precision %.3f (%d of %d columns), recall %.3f (%d of %d)",
		name, trials, s.precision(), s.right, s.right+s.wrong, s.recall(), s.right, s.right+s.missed)
	for _, fault := range s.faults {
		t.Log("  ", fault)
	}
}
