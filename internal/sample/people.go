package sample

import (
	"strconv"
	"strings"
)

// words are the lists a generator draws from, made once for each.
type words struct {
	firsts, lasts, nouns, metals                                                     []name
	places                                                                           []place
	edges, adjectives, industries, titles, currencies, categories, stones, sentences []string
}

func newWords() words {
	return words{
		firsts: firstNames(), lasts: lastNames(), nouns: companyNouns(), metals: metals(), places: places(), edges: edges(),
		adjectives: companyAdjectives(), industries: industries(), titles: jobTitles(), currencies: currencies(),
		categories: categories(), stones: stoneKinds(), sentences: sentences(),
	}
}

// person is somebody made up.
type person struct{ first, last, mailbox string }

func (g *generator) person() person {
	f, l := pick(g, g.firsts), pick(g, g.lasts)
	return person{f.real, l.real, f.ascii + "." + l.ascii}
}

func (p person) full() string { return p.first + " " + p.last }

// CompanyDomain is the domain of the i-th company of every tenant that Seed filled; the first 20 are always live.
func CompanyDomain(i int) string {
	nouns := companyNouns()
	return nouns[i%len(nouns)].ascii + "-" + strconv.Itoa(i) + ".example"
}

func (g *generator) domain(i int) string {
	return g.nouns[i%len(g.nouns)].ascii + "-" + strconv.Itoa(i) + ".example"
}

func (g *generator) phone() string {
	return pick(g, g.places).phone + strconv.Itoa(g.between(100, 999))
}

// address is a postal address of three lines, and its country.
func (g *generator) address() (lines, country string) {
	p := pick(g, g.places)
	return p.street + " " + strconv.Itoa(g.between(1, 199)) + "\n" + p.code + " " + p.city + "\n" + p.country, p.country
}

// remark is some sentence, or one of the edges for row i now and then.
func (g *generator) remark(i int) string {
	if i%7 == 3 {
		return g.edges[i/7%len(g.edges)]
	}
	return pick(g, g.sentences)
}

// serial is a number with leading zeros behind a prefix, e.g. INV-000042.
func serial(prefix string, i int) string {
	digits := strconv.Itoa(i)
	return prefix + strings.Repeat("0", max(0, 6-len(digits))) + digits
}

// key is an external id, missing in so many of 100 rows; never from a deleted row or the one whose key it has.
func (g *generator) key(prefix string, i, missing int) string {
	return unless(g.chance(missing) && keyOf(i) == i && keyOf(i+1) == i+1, serial(prefix, keyOf(i)))
}

// data is an object of custom fields, with a number that no float holds.
func (g *generator) data(i int) string {
	switch i % 5 {
	case 0:
		return "{}"
	case 1:
		return `{"source": ` + quoteJSON(g.remark(i)) + `, "score": ` + strconv.Itoa(g.between(0, 100)) + `.125000}`
	case 2:
		return `{"exact": 12345678901234567890.` + strconv.Itoa(g.between(100_000_000, 999_999_999)) + `, "vip": true, "nothing": null}`
	case 3:
		address, country := g.address()
		return `{"address": {"lines": ` + quoteJSON(address) + `, "country": "` + country + `"}, "children": []}`
	default:
		return `{"newsletter": false, "langs": ["de", "日本語"], "tiny": 1e-20}`
	}
}

// tags is a JSON array, empty for every third row.
func (g *generator) tags(i int) string {
	switch i % 3 {
	case 0:
		return "[]"
	case 1:
		return `["` + pick(g, g.categories) + `"]`
	default:
		return `["vip", "größer als 5", ` + quoteJSON(pick(g, g.industries)) + `]`
	}
}
