package sample_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nyaruka/phonenumbers"
	"github.com/stretchr/testify/require"

	"wharf/internal/rowprogram"
	"wharf/internal/sample"
	"wharf/internal/tabular"
)

// readMessy gives the header, the rows, and whether each row is among the bad ones.
func readMessy(t *testing.T, rows int, seed uint64) (header []string, records [][]string, bad map[int]sample.BadRow) {
	t.Helper()
	var file bytes.Buffer
	require.NoError(t, sample.MessyContacts(&file, rows, seed))
	all, err := csv.NewReader(&file).ReadAll()
	require.NoError(t, err)
	bad = map[int]sample.BadRow{}
	for _, b := range sample.MessyContactsBad(rows, seed) {
		bad[b.Row-2] = b
	}
	return all[0], all[1:], bad
}

func TestMessyContactsAreTheSameForTheSameSeed(t *testing.T) {
	t.Parallel()
	var one, two, other bytes.Buffer
	require.NoError(t, sample.MessyContacts(&one, 500, 1))
	require.NoError(t, sample.MessyContacts(&two, 500, 1))
	require.NoError(t, sample.MessyContacts(&other, 500, 2))
	require.Equal(t, one.Bytes(), two.Bytes())
	require.NotEqual(t, one.Bytes(), other.Bytes())
}

func TestMessyContactsNameTheirBadRows(t *testing.T) {
	t.Parallel()
	header, records, bad := readMessy(t, 5000, 3)
	require.Len(t, records, 5000)
	require.InDelta(t, 0.03, float64(len(bad))/5000, 0.005)

	known := map[string]bool{}
	for i := range 20 {
		known[sample.CompanyDomain(i)] = true
	}
	id, email, domain := slices.Index(header, "Record ID"), slices.Index(header, "Email Address"), slices.Index(header, "Company Domain")
	seen, columns := map[string]bool{}, map[string]int{}
	for i, r := range records {
		wrong := ""
		key, address := strings.TrimSpace(r[id]), strings.TrimSpace(r[email])
		company := strings.ToLower(r[domain])
		switch {
		case key == "" || seen[key]:
			wrong = "Record ID"
		case !validAddress(address):
			wrong = "Email Address"
		case company != "" && !known[company]:
			wrong = "Company Domain"
		}
		seen[key] = true
		require.Equal(t, bad[i].Column, wrong, "row %d: %q", i+2, r)
		columns[wrong]++
	}
	require.Len(t, columns, 4, "every kind of fault is there, and rows without")
}

func validAddress(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && a.Address == s && strings.Contains(s[strings.LastIndexByte(s, '@'):], ".")
}

func TestMessyContactsHaveOneMeaning(t *testing.T) {
	t.Parallel()
	header, records, _ := readMessy(t, 3000, 4)
	phone, date, amount := slices.Index(header, "Phone Number"), slices.Index(header, "Became Customer"), slices.Index(header, "Annual Spend")
	layouts := []string{time.DateOnly, "1/2/2006", "01/02/2006", "Jan 2, 2006", "2 January 2006", time.RFC3339}
	amounts := regexp.MustCompile(`^(\d*|\d+\.\d\d|\d{1,3}(,\d{3})*\.\d\d)$`)
	used, dayFirst := map[string]bool{}, false
	for _, r := range records {
		if r[phone] != "" {
			n, err := phonenumbers.Parse(r[phone], "US")
			require.NoError(t, err, r[phone])
			require.True(t, phonenumbers.IsValidNumber(n), r[phone])
		}
		if r[date] != "" {
			i := slices.IndexFunc(layouts, func(l string) bool { _, err := time.Parse(l, r[date]); return err == nil })
			require.GreaterOrEqual(t, i, 0, r[date])
			used[layouts[i]] = true
			if i == 1 || i == 2 {
				parsed, err := time.Parse("1/2/2006", r[date])
				require.NoError(t, err)
				dayFirst = dayFirst || parsed.Day() > 12
			}
		}
		require.Regexp(t, amounts, r[amount])
	}
	require.Len(t, used, len(layouts)-1, "1/2/2006 also reads 01/02/2006")
	require.True(t, dayFirst, "a day above 12 tells month from day")
}

func TestMessyContactsAreDecidableHoweverFew(t *testing.T) {
	t.Parallel()
	header, records, _ := readMessy(t, 1, 9)
	require.Equal(t, "07/25/2023", records[0][slices.Index(header, "Became Customer")])
}

// An importer's own program refuses the rows that MessyContactsBad tells, and no others.
func TestMessyImportersRefuseTheBadRows(t *testing.T) {
	t.Parallel()
	header, records, bad := readMessy(t, 3000, 5)
	for name, definition := range map[string][]byte{
		"table": sample.MessyContactsImporter, "file": sample.MessyContactsFileImporter,
	} {
		var importer struct{ Fields []rowprogram.Field }
		require.NoError(t, json.Unmarshal(definition, &importer), name)
		for i, r := range refused(t, importer.Fields, header, records) {
			want := bad[i].Column
			if want == "Company Domain" { // takes a database to tell
				want = ""
			}
			require.Equal(t, want, r, "%s: row %d: %q", name, i+2, records[i])
		}
	}
}

// refused gives, for every record, the field that the program refuses it for, "" if it takes it.
func refused(t *testing.T, fields []rowprogram.Field, header []string, records [][]string) []string {
	t.Helper()
	program, err := rowprogram.Compile(fields, rowprogram.Config{})
	require.NoError(t, err)
	batch := func() *tabular.Batch {
		b := &tabular.Batch{Cols: len(fields)}
		for i, r := range records {
			b.Lines = append(b.Lines, int64(i)+2)
			for _, f := range fields {
				at := slices.Index(header, f.DisplayName)
				require.GreaterOrEqual(t, at, 0, "the file has no column %s", f.DisplayName)
				b.Cells = append(b.Cells, []byte(r[at]))
			}
		}
		return b
	}
	program.Survey(batch())
	program.Decide()
	b := batch()
	require.NoError(t, program.Apply(b))
	wrong, seen := make([]string, len(records)), map[string]bool{}
	for _, e := range b.Errors {
		wrong[e.Row] = fields[e.Col].DisplayName
	}
	for _, u := range program.Unique() {
		for i := range records {
			key := string(rowprogram.UniqueKey(nil, b.Row(i)[u.Field]))
			if key != "" && seen[key] {
				wrong[i] = fields[u.Field].DisplayName
			}
			seen[key] = true
		}
	}
	return wrong
}
