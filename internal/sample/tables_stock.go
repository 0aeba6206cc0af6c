package sample

import (
	"strconv"
	"time"
)

func stockTables() []table {
	return []table{
		{
			name: "customers",
			columns: "external_id, name, email, email_hash, phone, address, birthday, marketing_consent, preferred_metals, " +
				"ring_size, notes, last_visit_at",
			count: share(4, 24), fill: fillCustomer,
		},
		{
			name: "suppliers", columns: "code, name, contact_name, email, phones, country, lead_time, payment_terms",
			count: share(500, 8), fill: fillSupplier,
		},
		{
			name:    "locations",
			columns: "code, name, address, time_zone, opens_at, closes_at, open_weekdays, latitude, longitude, network",
			count:   fixed(4), fill: fillLocation,
		},
		{
			name: "inventory",
			columns: "sku, name, category, metal, purity, weight_grams, stones, dimensions_mm, tags, cost_price, retail_price, " +
				"currency, quantity, status, location_id, supplier_id, parent_id, acquired_on, last_counted_at",
			count: share(4, 32), fill: fillInventory,
		},
		{
			name: "stock_movements",
			columns: "inventory_id, from_location_id, to_location_id, kind, quantity_change, exchange_rate, reason, " +
				"staff_user_id, moved_at",
			count: share(5, 24), fill: fillStockMovement, lack: noDelete,
		},
	}
}

// fillCustomer leaves the encrypted columns null without the hook: a made-up cipher text would be no cipher text.
func fillCustomer(g *generator, w *row, i int) {
	p := g.person()
	email := p.mailbox + strconv.Itoa(i) + "@mail.example"
	address, _ := g.address()
	w.opt(g.key("K-", i, 15))
	w.bytes(g.seal("name", p.full()))
	w.bytes(g.seal("email", email))
	w.bytes(g.hash("email_hash", email))
	w.bytes(g.seal("phone", g.phone()))
	w.bytes(g.seal("address", address))
	if g.chance(25) {
		w.null()
	} else {
		w.date(time.Date(g.between(1930, 2005), 1, 1+g.between(0, 364), 0, 0, 0, 0, time.UTC))
	}
	w.bool(g.chance(40))
	switch i % 4 {
	case 0:
		w.list()
	case 1:
		w.text(`{platinum,NULL,"white \"gold\""}`)
	default:
		w.list(pick(g, g.metals).real)
	}
	w.dec(int64(g.between(1400, 2200)), 2)
	w.opt(unless(g.chance(50), g.remark(i)))
	w.time(g.later(90 * day))
}

func fillSupplier(g *generator, w *row, i int) {
	p := g.person()
	_, country := g.address()
	w.text(serial("S", keyOf(i)))
	w.text(p.last + " " + pick(g, []string{"Casting", "& Sons", "Diamantaires", "宝石店"}))
	w.text(p.full())
	w.text("sales@" + g.domain(i))
	w.list(g.phone(), g.phone())
	w.text(country)
	w.text(pick(g, []string{"14 days", "1 mon 3 days", "36:30:00", "1 year 2 mons", "00:00:00.5"}))
	w.text(`{"days": ` + strconv.Itoa(g.between(0, 90)) + `, "discount": 0.0200}`)
}

func fillLocation(_ *generator, w *row, i int) {
	w.text([...]string{"MAIN", "AIRPORT", "WERKSTATT", "SAFE"}[i])
	w.text([...]string{"Königsallee", "Terminal 2", "Werkstatt", "Tresor №1"}[i])
	w.opt([...]string{"Königsallee 1\n40212 Düsseldorf", "Gate B\t12", "", ""}[i])
	w.text([...]string{"Europe/Berlin", "Europe/Berlin", "Asia/Kolkata", "UTC"}[i])
	w.opt([...]string{"09:30:00", "05:00:00.25", "08:00:00", ""}[i])
	w.opt([...]string{"18:00:00", "24:00:00", "16:30:00", ""}[i])
	w.text([...]string{"{1,2,3,4,5,6}", "{1,2,3,4,5,6,7}", "{1,3,5}", "{}"}[i])
	w.opt([...]string{"51.2233", "51.28083333333333", "-0.1", ""}[i])
	w.opt([...]string{"6.7794", "1e-07", "6", ""}[i])
	w.opt([...]string{"192.168.10.0/24", "2001:db8:1::/64", "10.0.0.1", ""}[i])
}

func fillInventory(g *generator, w *row, i int) {
	metal, category, cost := pick(g, g.metals), pick(g, g.categories), g.cents(500, 2_000_000)
	name := metal.real + " " + category
	if i%29 == 5 {
		name = g.edges[i/29%len(g.edges)]
	}
	w.text(serial("00", keyOf(i)))
	w.text(name)
	w.text(category)
	w.text(metal.real)
	w.text(metal.ascii)
	w.dec(int64(g.between(150, 90_000)), 3)
	w.text(g.gems(i))
	w.opt([...]string{"", "{18.00,2.50,NULL}", "{}", "{7.25,7.25,4.10}"}[i%4])
	if i%3 == 0 {
		w.list()
	} else {
		w.list(category, "new, \"as is\"", `back\slash`)
	}
	w.dec(cost, 2)
	if g.chance(5) {
		w.null()
	} else {
		w.dec(cost*int64(g.between(120, 300))/100, 2)
	}
	w.text(pick(g, g.currencies))
	w.int(g.between(0, 3))
	w.text(pick(g, []string{"in_stock", "in_stock", "reserved", "on_memo", "in_repair", "sold", "written off"}))
	w.uuid(g.maybe(locations, 5))
	w.uuid(g.maybe(suppliers, 10))
	if i%8 == 7 { // part of the set just before it
		w.uuid(g.id(inventory, i-1))
	} else {
		w.null()
	}
	w.date(g.day(-30, 0))
	w.time(g.later(90 * day))
}

// gems is the stones of a piece as a JSON array.
func (g *generator) gems(i int) string {
	if i%3 == 0 {
		return "[]"
	}
	return `[{"kind": "` + pick(g, g.stones) + `", "carat": 0.` + strconv.Itoa(g.between(10, 99)) + `0, "cut": "brilliant", ` +
		`"certificate": ` + quoteJSON(pick(g, g.edges)) + `, "inclusions": null}]`
}

func fillStockMovement(g *generator, w *row, i int) {
	kind := pick(g, []string{"purchase", "transfer", "sale", "return", "count", "loss"})
	w.uuid(g.ref(inventory))
	w.uuid(g.maybe(locations, 30))
	w.uuid(g.maybe(locations, 30))
	w.text(kind)
	w.int(g.between(-3, 3))
	if i%4 == 0 {
		w.null()
	} else { // without a scale: as many digits as the bank sent
		w.text("1." + strconv.Itoa(g.between(1_000_000, 9_999_999)) + strconv.Itoa(g.between(1_000_000, 9_999_999)) + "0" + serial("", i))
	}
	w.opt(unless(g.chance(50), g.remark(i)))
	w.uuid(g.user())
	w.time(g.created)
}
