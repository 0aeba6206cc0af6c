//go:build corpus

package tabular

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// policy is what this package makes of a file about which readers disagree, or of which the manifest says less.
type policy struct {
	header int // row of the header; 0: as the manifest has it
	cols   int
	rows   int
	reason string
}

const (
	noHeader = "a table without a header: its first row is taken as one, since an import needs names"
	trailing = "columns at the right without a name or a value are none: a delimiter behind the last column is a habit of programs"
)

var policies = map[string]policy{
	"csvkit__no_header_row3.csv":     {header: 1, rows: 1, reason: noHeader},
	"grist__CodeEditor.test.csv":     {header: 1, rows: 2, reason: noHeader},
	"papaparse__long-sample.csv":     {header: 1, rows: 7, reason: noHeader},
	"grist__CCTransactions.csv":      {header: 1, rows: 207, reason: noHeader},
	"csvkit__test_empty_columns.csv": {cols: 3, reason: trailing},
	"frictionless__issue-1138.csv":   {cols: 3, reason: trailing},
	"csvkit__test_skip_lines.csv":    {header: 4, reason: "a blank line is a row, as in a spreadsheet; the manifest counts records"},
	"frictionless__skip-rows.csv":    {rows: 2, reason: "a comment between rows is left out, with a warning; the manifest counts it as a short row"},
	"frictionless__implicit-gz.csv":  {header: 1, cols: 2, rows: 2, reason: "gzip is taken off whatever the name says"},
}

// cells are single cells whose value is a choice.
var cells = []struct {
	file     string
	row, col int
	want     string
	reason   string
}{
	{"frictionless__escaping.csv", 2, 1, ` "Test \" line 3"`, "a backslash is a character, a quote behind a space too (RFC 4180)"},
	{"csvkit__null_byte.csv", 0, 0, "\uFFFD", "NUL is marked and replaced"},
	{"csvkit__mac_newlines.csv", 1, 0, "Once upon\ra time", "line ends within quotes are kept as they are"},
	{"spectrum__newlines_crlf.csv", 1, 0, "Once upon \r\na time", "line ends within quotes are kept as they are"},
	{"csvkit__bad.csv", 1, 2, "", "what a short row lacks is empty"},
	{"csvkit__blanks.csv", 0, 1, "NA", "words for nothing are words"},
	{"frictionless__leading-zeros.csv", 2, 0, "00003", "a cell is text"},
	{"ourairports__countries.csv", 3, 3, "NA", "a cell is text"},
	{"dataloader__upsertAccountCsvTemplate.csv", 0, 6, "\u3000 \u30001-000000\u3000 \u3000", "cells are not trimmed"},
	{"csv2ofx__ubs-ch-fr_trimmed.csv", 0, 10, "11'373.94", "a cell is text"},
	{"frictionless__table-infer-iso-8859-7.csv", 2, 2, "Μυρων", "Greek"},
	{"csvkit__testjson_nested.json", 0, 4, `{"time":"04:14:00","nested":{"date":"1971-01-01","integer":40}}`, "objects are JSON text, not columns"},
	{"csvkit__testjson_nested.json", 0, 1, "1.0", "numbers keep their digits"},
	{"grist__names.json", 1, 0, `{"first":"Alice"}`, "objects are JSON text, not columns"},
}

// jsonTables are the shapes of the JSON files, for which the manifest gives none.
var jsonTables = map[string]struct {
	format string
	header []string
	rows   int
}{
	"csvkit__testjson_nested.json":   {"json", []string{"text", "float", "datetime", "boolean", "nested"}, 2},
	"frictionless__table.json":       {"json", []string{"id", "name"}, 2},
	"frictionless__table.jsonl":      {"jsonl", []string{"id", "name"}, 2},
	"frictionless__table.keyed.json": {"json", []string{"id", "name"}, 2},
	"grist__names.json":              {"json", []string{"name"}, 2},
}

var (
	encodings  = map[string]string{"utf-8-sig": "utf-8", "latin-1": "windows-1252", "cp1252": "windows-1252", "iso-8859-7": "iso-8859-7"}
	expectedOf = regexp.MustCompile(`(enc|delim|header_record|cols|rows|blank_rows|ragged_rows|expected_file)=(\S+)`)
)

func TestCorpus(t *testing.T) {
	t.Parallel()
	root := os.Getenv("CORPUS")
	require.NotEmpty(t, root, "CORPUS names the folder of the corpus")
	seen := map[string]table{}
	for _, set := range []string{"csv-edge", "messy-business", "json-dumps"} {
		manifest, err := os.ReadFile(filepath.Join(root, set, "MANIFEST.tsv"))
		require.NoError(t, err)
		for _, entry := range readAll(t, string(manifest), Options{}).rows {
			name := entry[0]
			if strings.HasPrefix(name, "expected/") {
				continue
			}
			data, err := os.ReadFile(filepath.Join(root, set, name))
			require.NoError(t, err)
			got, err := tryRead(t.Context(), memory{name: name, data: data}, Options{})
			require.NoError(t, err, name)
			seen[name] = got
			says := map[string]string{}
			for _, m := range expectedOf.FindAllStringSubmatch(entry[4], -1) {
				says[m[1]] = m[2]
			}
			if set == "json-dumps" {
				want := jsonTables[name]
				require.Equal(t, want.format, got.info.Format, name)
				require.Equal(t, want.header, got.header, name)
				require.Len(t, got.rows, want.rows, name)
				continue
			}
			requireManifest(t, name, says, got)
			if file := says["expected_file"]; file != "" {
				expected, err := os.ReadFile(filepath.Join(root, set, file))
				require.NoError(t, err)
				requireExpected(t, name, string(expected), got)
			}
		}
	}
	require.GreaterOrEqual(t, len(seen), 80)
	for _, set := range []string{"csv-edge", "messy-business", "json-dumps"} {
		files, err := os.ReadDir(filepath.Join(root, set))
		require.NoError(t, err)
		for _, f := range files {
			if !f.IsDir() && f.Name() != "MANIFEST.tsv" {
				require.Contains(t, seen, f.Name(), "a file that its manifest forgets")
			}
		}
	}
	for _, c := range cells {
		require.Equal(t, c.want, seen[c.file].rows[c.row][c.col], "%s: %s", c.file, c.reason)
	}
}

// requireManifest compares a table with what the manifest says of it, or with the policy on it.
func requireManifest(t *testing.T, name string, says map[string]string, got table) {
	t.Helper()
	number := func(key string, chosen int) int {
		n, _ := strconv.Atoi(says[key])
		if chosen != 0 {
			return chosen
		}
		return n
	}
	p := policies[name]
	require.Equal(t, number("header_record", p.header), got.info.HeaderRow, name)
	require.Len(t, got.header, number("cols", p.cols), name)
	require.Len(t, got.rows, number("rows", p.rows), name)
	if says["enc"] == "" {
		return
	}
	if says["enc"] == "utf-16" {
		require.Contains(t, []string{"utf-16le", "utf-16be"}, got.info.Encoding, name)
	} else {
		require.Equal(t, encodings[says["enc"]], got.info.Encoding, name)
	}
	require.Equal(t, strings.ReplaceAll(says["delim"], "TAB", "\t"), got.info.Delimiter, name)
	blank, long := 0, 0
	for _, row := range got.rows {
		if strings.Join(row, "") == "" {
			blank++
		}
	}
	for _, e := range got.errors {
		switch e.Rule {
		case "ragged":
			long++
		case "nul":
			require.Equal(t, "csvkit__null_byte.csv", name)
		default:
			require.Fail(t, "unexpected error", "%s: %+v", name, e)
		}
	}
	require.Equal(t, number("blank_rows", 0), blank, name)
	require.LessOrEqual(t, long, number("ragged_rows", 0), name)
}

// requireExpected compares a table with the upstream project's own reading of it.
func requireExpected(t *testing.T, name, expected string, got table) {
	t.Helper()
	if strings.HasSuffix(name, "commonscsv__test.csv") {
		requireCommons(t, expected, got)
		return
	}
	var want []map[string]string
	require.NoError(t, json.Unmarshal([]byte(expected), &want), name)
	require.Len(t, got.rows, len(want), name)
	for i, row := range got.rows {
		for c, cell := range row {
			require.Equal(t, want[i][got.header[c]], cell, name)
		}
	}
}

// requireCommons compares with a dump whose lines are "4:[a, b, c, d]"; comments and blank lines, which it has as
// records of one cell, are left out here.
func requireCommons(t *testing.T, expected string, got table) {
	t.Helper()
	var want []string
	for _, line := range strings.Split(strings.ReplaceAll(expected, "\r", ""), "\n") {
		if strings.HasPrefix(line, "4:[") {
			want = append(want, line)
		}
	}
	have := []string{fmt.Sprintf("4:[%s]", strings.Join(got.header, ", "))}
	for _, row := range got.rows {
		have = append(have, fmt.Sprintf("4:[%s]", strings.Join(row, ", ")))
	}
	require.Equal(t, want, have)
}
