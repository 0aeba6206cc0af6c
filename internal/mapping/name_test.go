package mapping

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestSplitPartsNamesIntoWords(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"First Name":          "first name",
		"billingZIPCode2":     "billing zip code 2",
		"E-Mail-Adresse":      "e mail adresse",
		"Straße / Nº":         "strasse no",
		"Prénom":              "prenom",
		"ORACLE_ID__C":        "oracle id",
		"Price (€)":           "price eur",
		"Employee #":          "employee number",
		"Имя-Отчество":        "имя отчество",
		"郵便番号":                "郵便番号",
		"":                    "",
		"--":                  "",
		"XMLHttpRequest":      "xml http request",
		"ｆｕｌｌｗｉｄｔｈ":           "fullwidth",
		"le_heading_degT":     "le heading deg t",
		"Discount %":          "discount percent",
		"N° de téléphone":     "no de telephone",
		"deal.custom_field_1": "deal custom field 1",
	} {
		require.Equal(t, want, strings.Join(split(name), " "), name)
	}
}

func TestNamesThatMeanTheSame(t *testing.T) {
	t.Parallel()
	r := newReader([]string{"stage", "won", "order_total", "shipping_city"}, "contacts")
	for _, same := range [][]string{
		{"email", "E-Mail", "e mail address", "EmailAddress", "Correo electrónico", "Courriel", "MAIL", "Emial"},
		{"phone", "Telephone No.", "Tel.", "Téléphone", "Telefonnummer", "phone_number", "Phone #"},
		{"mobile phone", "Cell", "Handy", "Móvil", "Mobile Number", "cell_phone"},
		{"first name", "FirstName", "FIRSTNAME", "given_name", "Vorname", "Prénom", "Frist Name"},
		{"last name", "Surname", "Nachname", "family-name", "LASTNAME", "Apellidos", "Nom de famille"},
		{"zip", "Postal Code", "PLZ", "Postleitzahl", "postcode", "Zip/Postal Code", "code postal"},
		{"birthday", "Date of Birth", "DOB", "Geburtsdatum", "birth_date"},
		{"stage name", "STAGENAME"},
		{"is won", "ISWON", "Won"},
		{"created date", "CREATEDDATE", "created_at", "Created On"},
		{"unit price", "UnitPrice", "Einzelpreis", "prix unitaire", "Price each"},
	} {
		for _, name := range same {
			require.Equal(t, termNames(r.read(same[0])[0].terms), termNames(r.read(name)[0].terms), name)
		}
	}
}

func termNames(terms []*term) []string {
	var names []string
	for _, t := range terms {
		names = append(names, t.name)
	}
	return names
}

func TestNamesThatDoNotMeanTheSame(t *testing.T) {
	t.Parallel()
	r := newReader(nil, "")
	for _, names := range [][2]string{
		{"First Name", "Last Name"},
		{"Billing City", "Shipping City"},
		{"Home Phone", "Work Phone"},
		{"Start Date", "End Date"},
		{"Created At", "Updated At"},
		{"Address 1", "Address 2"},
		{"Email 2", "Email"},
		{"Name", "First Name"},
		{"Company", "Name"},
		{"Company Name", "Name"},
		{"Order", "Order Date"},
		{"Date", "Expiry Date"},
		{"Cost Price", "Retail Price"},
		{"Tax Rate", "Tax"},
		{"Created By", "Created At"},
		{"Phone Extension", "Phone"},
		{"Assistant Phone", "Phone"},
		{"Price USD", "Price EUR"},
		{"Min Points", "Max Points"},
		{"Debit", "Credit"},
	} {
		for _, a := range r.read(names[0]) {
			for _, b := range r.read(names[1]) {
				require.Less(t, likeness(a.terms, b.terms), threshold, "%s, %s", names[0], names[1])
				require.Less(t, likeness(b.terms, a.terms), threshold, "%s, %s", names[1], names[0])
			}
		}
	}
}

func TestMisspeltWords(t *testing.T) {
	t.Parallel()
	r := newReader([]string{"quantity"}, "")
	for word, want := range map[string]string{
		"quanntity": "quantity", "quantiyt": "quantity", "quantty": "quantity", "quantify": "quantity",
		"quality": "quality", "zquantity": "zquantity", "qant": "qant",
	} {
		got, _ := r.spell(word)
		require.Equal(t, []string{want}, got, word)
	}
}

func TestLongTextsAreNotRead(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("email ", 200_000)
	r := newReader([]string{long}, "")
	require.Empty(t, r.read(long))
	require.Len(t, r.read(strings.Repeat("x", mostName)), 1)
}

func FuzzRead(f *testing.F) {
	f.Add("First Name", "contacts")
	f.Add("Straße (№ 5) __c", "sale_items")
	f.Add("\xff\xfe#%€", "\x00")
	f.Fuzz(func(t *testing.T, name, subject string) {
		r := newReader([]string{name}, subject)
		for _, reading := range r.read(name) {
			require.NotEmpty(t, reading.terms)
			require.InDelta(t, 1, likeness(reading.terms, reading.terms), 1e-9, "a name is like itself")
		}
	})
}

func TestLikenessIsAPart(t *testing.T) {
	t.Parallel()
	l := parseLexicon(lexiconText) // its own: it learns a word
	term := rapid.SampledFrom([]string{"email", "phone", "mobile", "work", "home", "name", "given", "family", "date", "start", "end", "number", "id", "1", "2", "zork"})
	names := rapid.SliceOfNDistinct(term, 1, 5, rapid.ID[string])
	rapid.Check(t, func(t *rapid.T) {
		a, b := names.Draw(t, "a"), names.Draw(t, "b")
		x := likeness(l.all(a), l.all(b))
		require.GreaterOrEqual(t, x, 0.0)
		require.LessOrEqual(t, x, 1.0)
	})
}
