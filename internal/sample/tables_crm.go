package sample

import (
	"strconv"
	"time"
)

const (
	stagesPerPipeline = 5
	day               = 24 * time.Hour
)

func crmTables() []table {
	return []table{
		{
			name: "custom_field_definitions", columns: "entity_type, name, label, field_type, required, default_value, options, description",
			count: fixed(8), fill: fillCustomField,
		},
		{name: "pipelines", columns: "name, slug, is_default, data", count: fixed(3), fill: fillPipeline},
		{
			name: "stages", columns: "pipeline_id, name, slug, position, probability, is_won, is_lost",
			count: each(pipelines, stagesPerPipeline), fill: fillStage, lack: noTenant,
		},
		{
			name:    "companies",
			columns: "external_id, name, domain, website, industry, employee_count, annual_revenue, description, tags, data",
			count:   share(5, 20), fill: fillCompany,
		},
		{
			name: "contacts", columns: "external_id, first_name, last_name, title, email, phone, company_id, tags, data",
			count: share(1, 1), fill: fillContact,
		},
		{
			name: "products", columns: "external_id, sku, name, unit_price, currency, is_active, data",
			count: share(100, 16), fill: fillProduct,
		},
		{
			name: "deals",
			columns: "external_id, name, pipeline_id, stage_id, status, amount, currency, expected_close_date, closed_at, " +
				"primary_contact_id, company_id, owner_user_id, tags, data",
			count: share(5, 12), fill: fillDeal,
		},
		{
			name: "deal_line_items", columns: "deal_id, product_id, description, quantity, unit_price, position",
			count: each(deals, 2), fill: fillDealLineItem, lack: noTenant | noDelete,
		},
	}
}

func fillCustomField(_ *generator, w *row, i int) {
	f := [...]struct{ entity, name, label, kind, value, options string }{
		{"contact", "newsletter", "Newsletter", "bool", "true", "[]"},
		{"contact", "score", "Score", "number", "0.5", "[]"},
		{"contact", "langs", "Sprachen", "text", `""`, "[]"},
		{"company", "tier", "Tier", "select", `"B"`, `["A", "B", "C", "Größe \"XL\""]`},
		{"company", "founded", "Founded", "date", `"1999-12-31"`, "[]"},
		{"deal", "source", "Source", "select", "{}", `["web", "fair", "紹介"]`},
		{"deal", "site", "Site", "url", `"https://example.com/?a=1&b=2"`, "[]"},
		{"product", "care", "Care Instructions", "text", "{}", "[]"},
	}[i]
	w.text(f.entity)
	w.text(f.name)
	w.text(f.label)
	w.text(f.kind)
	w.bool(i%4 == 0)
	w.text(f.value)
	w.text(f.options)
	w.opt([...]string{"", "Shown on the record's page."}[i%2])
}

func fillPipeline(_ *generator, w *row, i int) {
	w.text([...]string{"Sales", "Wholesale & Großhandel", "Réparations"}[i])
	w.text([...]string{"sales", "wholesale", "reparations"}[i])
	w.bool(i == 0)
	w.text([...]string{"{}", `{"colour": "#c0ffee"}`, `{"order": [3, 1, 2]}`}[i])
}

func fillStage(g *generator, w *row, i int) {
	k := i % stagesPerPipeline
	w.uuid(g.id(pipelines, i/stagesPerPipeline))
	w.text([...]string{"New", "Qualified", "Offer sent", "Won", "Lost"}[k])
	w.text([...]string{"new", "qualified", "offer-sent", "won", "lost"}[k])
	w.int(k)
	w.dec([...]int64{1000, 3333, 6667, 10000, 0}[k], 2)
	w.bool(k == 3)
	w.bool(k == 4)
}

func fillCompany(g *generator, w *row, i int) {
	domain, rare := g.domain(i), i >= 20
	w.opt(g.key("CO-", i, 10))
	w.text(pick(g, g.adjectives) + " " + g.nouns[i%len(g.nouns)].real)
	w.opt(unless(rare && g.chance(8), domain))
	w.opt(unless(g.chance(20), "https://www."+domain+"/?ref=a&b=c"))
	w.opt(unless(g.chance(10), pick(g, g.industries)))
	if g.chance(25) {
		w.null()
		w.null()
	} else {
		w.int(g.between(1, 90_000))
		w.dec(g.cents(0, 999_999_999)*1_000_003, 2)
	}
	w.text(g.remark(i))
	w.text(g.tags(i))
	w.text(g.data(i))
}

func fillContact(g *generator, w *row, i int) {
	p, company := g.person(), g.rng.IntN(g.counts[companies])
	email := p.mailbox + "." + strconv.Itoa(i) + "@" + g.domain(company)
	if i%31 == 7 {
		p.last = g.edges[i/31%len(g.edges)]
	}
	w.opt(g.key("C-", i, 8))
	w.opt(unless(g.chance(4), p.first))
	w.text(p.last)
	w.opt(unless(g.chance(30), pick(g, g.titles)))
	w.opt(unless(g.chance(6), email))
	w.opt(unless(g.chance(20), g.phone()))
	if g.chance(15) {
		w.null()
	} else {
		w.uuid(g.id(companies, company))
	}
	w.text(g.tags(i))
	w.text(g.data(i))
}

func fillProduct(g *generator, w *row, i int) {
	w.opt(g.key("P-", i, 10))
	w.text(serial("00", i))
	w.text(pick(g, g.metals).real + " " + pick(g, g.categories))
	w.dec(g.cents(99, 9_999_999), 2)
	w.text(pick(g, g.currencies))
	w.bool(!g.chance(10))
	w.text(g.data(i))
}

func fillDeal(g *generator, w *row, i int) {
	pipeline, step := i%g.counts[pipelines], g.between(0, stagesPerPipeline-1)
	status, closed := "open", time.Time{}
	if step >= 3 {
		status, closed = [...]string{"won", "lost"}[step-3], g.later(90*day)
	}
	w.opt(g.key("D-", i, 10))
	w.text("Deal " + strconv.Itoa(i) + " – " + pick(g, g.categories))
	w.uuid(g.id(pipelines, pipeline))
	w.uuid(g.id(stages, pipeline*stagesPerPipeline+step))
	w.text(status)
	if g.chance(10) {
		w.null()
	} else {
		w.dec(g.cents(0, 999_999_999)*10_000_019, 2) // up to 16 digits: more than a float64 keeps
	}
	w.text(pick(g, g.currencies))
	w.time(g.day(10, 120).Truncate(day))
	w.time(closed)
	w.uuid(g.maybe(contacts, 10))
	w.uuid(g.maybe(companies, 10))
	w.uuid(g.user())
	w.text(g.tags(i))
	w.text(g.data(i))
}

func fillDealLineItem(g *generator, w *row, i int) {
	w.uuid(g.id(deals, i/2))
	w.uuid(g.maybe(products, 10))
	w.text(g.remark(i))
	w.dec(int64(g.between(1, 50_000)), 3)
	w.dec(g.cents(99, 9_999_999), 2)
	w.int(i % 2)
}

// unless gives s, or nothing if missing.
func unless(missing bool, s string) string {
	if missing {
		return ""
	}
	return s
}
