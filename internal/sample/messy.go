package sample

import (
	_ "embed"
	"encoding/csv"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// MessyContactsImporter is the definition, in JSON, of an importer that fits MessyContacts and writes into contacts.
// The file's last columns have no place there: they are kept, as they came, in the contact's data.
//
//go:embed contacts_importer.json
var MessyContactsImporter []byte

// MessyContactsFileImporter defines an importer that fits MessyContacts with a field of its proper type for every
// column, and writes no table. It refuses the same rows, but for the companies that it does not look up.
//
//go:embed contacts_file_importer.json
var MessyContactsFileImporter []byte

// messyHeader is as a CRM writes it.
func messyHeader() []string {
	return []string{
		"Record ID", "First Name", "Last Name", "Job Title", "Email Address", "Phone Number", "Company Domain",
		"Lifecycle Stage", "Became Customer", "Annual Spend", "Newsletter", "Notes",
	}
}

// messyHistory is the day from which the file's dates count back.
var messyHistory = time.Date(2024, 12, 31, 0, 0, 0, 0, time.UTC)

// messy makes the rows of one file. A row depends on nothing but the seed and its number.
type messy struct {
	generator // for its draws and words only
	seed      uint64
}

func newMessy(seed uint64) *messy {
	m := &messy{seed: seed}
	m.words, m.pcg = newWords(), rand.NewPCG(0, 0)
	m.rng = rand.New(m.pcg) //nolint:gosec // made-up data, repeatable on purpose
	return m
}

// MessyContacts writes a CSV of so many contacts as people's files are: names in odd case between blanks, telephone
// numbers and dates of many spellings, amounts with thousands separators, notes of several lines. About 3 % of the rows
// cannot be imported: MessyContactsBad tells which. The rest has one meaning only. The company domains are those of the
// first 20 companies that Seed makes for any tenant.
//
// Another seed gives other values under the same Record IDs: importing both files in turn creates, then updates.
func MessyContacts(w io.Writer, rows int, seed uint64) error {
	m := newMessy(seed)
	out := csv.NewWriter(w)
	if err := out.Write(messyHeader()); err != nil {
		return fmt.Errorf("sample: write messy contacts: %w", err)
	}
	for i := range rows {
		if err := out.Write(m.row(i)); err != nil {
			return fmt.Errorf("sample: write messy contacts: %w", err)
		}
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return fmt.Errorf("sample: write messy contacts: %w", err)
	}
	return nil
}

// BadRow is a row of MessyContacts that no importer of contacts may accept.
type BadRow struct {
	Row    int    // as a person counts: the header is row 1
	Column string // of the header, where the fault is
}

// MessyContactsBad tells the bad rows of the file that MessyContacts writes, in order.
func MessyContactsBad(rows int, seed uint64) []BadRow {
	m := newMessy(seed)
	var bad []BadRow
	for i := range rows {
		if f := m.fault(i); f != fine {
			bad = append(bad, BadRow{Row: i + 2, Column: f.column()})
		}
	}
	return bad
}

// badness is what is wrong with a row.
type badness int

const (
	fine badness = iota
	badEmail
	blankID
	blankEmail
	repeatedID
	unknownCompany
)

func (f badness) column() string {
	switch f {
	case badEmail, blankEmail:
		return "Email Address"
	case unknownCompany:
		return "Company Domain"
	default:
		return "Record ID"
	}
}

// fault decides what is wrong with row i: one row in 33, each fault as often as the others.
func (m *messy) fault(i int) badness {
	const every = 33
	if uint64(i)%every != mix(m.seed+uint64(i/every))%every { //nolint:gosec // i is not negative
		return fine
	}
	f := badness(i/every%5) + 1
	if f == repeatedID && (i == 0 || m.fault(i-1) != fine) {
		return badEmail
	}
	return f
}

func (m *messy) row(i int) []string {
	m.pcg.Seed(m.seed, uint64(i)) //nolint:gosec // i is not negative
	p, f := m.person(), m.fault(i)
	id, domain := m.recordID(i), m.domain(m.rng.IntN(20))
	email := m.cased(p.mailbox+"+"+strconv.Itoa(i)) + "@" + m.cased("post-"+strconv.Itoa(i%50)+".example")
	switch f {
	case badEmail:
		email = pick(&m.generator, []string{
			"not an e-mail", p.mailbox + "@", "@post.example", p.mailbox + "@@post.example", p.mailbox + "@localhost",
			p.mailbox + " at post.example", "n/a",
		})
	case blankID:
		id = "  "
	case blankEmail:
		email = ""
	case repeatedID:
		id = m.recordID(i - 1)
	case unknownCompany:
		domain = "no-such-company-" + strconv.Itoa(i) + ".example"
	case fine:
		domain = unless(m.chance(25), domain)
	}
	return []string{
		id, m.padded(m.cased(p.first)), m.padded(m.cased(p.last)), unless(m.chance(30), m.padded(pick(&m.generator, m.titles))),
		m.padded(email), unless(m.chance(15), m.phoneSpelling()), m.cased(domain),
		m.cased(pick(&m.generator, []string{"lead", "customer", "partner"})), m.dateSpelling(i), m.amountSpelling(),
		pick(&m.generator, []string{"yes", "No", "TRUE", "f", "1", "0", "on", ""}), m.note(i),
	}
}

func (m *messy) recordID(i int) string { return serial("HS-", i) }

// cased writes s as it is, in capitals, or in small letters.
func (m *messy) cased(s string) string {
	switch m.between(0, 5) {
	case 0:
		return strings.ToUpper(s)
	case 1:
		return strings.ToLower(s)
	default:
		return s
	}
}

func (m *messy) padded(s string) string {
	switch m.between(0, 9) {
	case 0:
		return " " + s
	case 1:
		return s + "  "
	case 2:
		return "\t" + s + "\u00a0"
	default:
		return s
	}
}

// phoneSpelling writes a number that exists in its plan, in one of the ways people do.
func (m *messy) phoneSpelling() string {
	area, line := pick(&m.generator, []string{"212", "415", "312", "206"}), strconv.Itoa(m.between(100, 199))
	switch m.between(0, 9) {
	case 0:
		return "(" + area + ") 555-0" + line
	case 1:
		return area + "-555-0" + line
	case 2:
		return area + ".555.0" + line
	case 3:
		return "+1 " + area + " 555 0" + line
	case 4:
		return "1" + area + "5550" + line
	case 5:
		return area + "5550" + line + " ext. " + strconv.Itoa(m.between(1, 99))
	case 6:
		return "+44 20 7946 0" + strconv.Itoa(m.between(100, 999))
	case 7:
		return "+49 30 901820" + strconv.Itoa(m.between(10, 99))
	case 8:
		return "+33 1 42 68 53 " + strconv.Itoa(m.between(10, 99))
	default:
		return "+81-3-3541-0" + strconv.Itoa(m.between(100, 999))
	}
}

// dateSpelling writes a date that can be read in one way only: figures between slashes are month, day, year throughout
// the file, and the first such date has a day above 12.
func (m *messy) dateSpelling(i int) string {
	d := messyHistory.AddDate(0, 0, -m.between(0, 2000))
	if i == 0 {
		return "07/25/2023"
	}
	return d.Format(pick(&m.generator, []string{
		time.DateOnly, "1/2/2006", "01/02/2006", "Jan 2, 2006", "2 January 2006", "2006-01-02T15:04:05Z", "",
	}))
}

// amountSpelling writes an amount with a point before its cents, whenever there is a comma in it.
func (m *messy) amountSpelling() string {
	whole, cents := m.between(0, 9_999_999), fmt.Sprintf("%02d", m.between(0, 99))
	switch m.between(0, 4) {
	case 0:
		return strconv.Itoa(whole)
	case 1:
		return strconv.Itoa(whole) + "." + cents
	case 2:
		return ""
	default:
		return grouped(whole) + "." + cents
	}
}

// grouped writes n with commas between the thousands.
func grouped(n int) string {
	s := strconv.Itoa(n)
	for at := len(s) - 3; at > 0; at -= 3 {
		s = s[:at] + "," + s[at:]
	}
	return s
}

func (m *messy) note(i int) string {
	switch i % 6 {
	case 0:
		return pick(&m.generator, m.edges)
	case 1:
		return pick(&m.generator, m.sentences) + "\n" + pick(&m.generator, m.sentences)
	default:
		return ""
	}
}
