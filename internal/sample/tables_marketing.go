package sample

import "strconv"

func marketingTables() []table {
	return []table{
		{name: "segments", columns: "name, description, filter", count: fixed(5), fill: fillSegment},
		{
			name: "campaigns", columns: "name, segment_id, channel, subject, body, status, send_window",
			count: fixed(6), fill: fillCampaign,
		},
		{
			name: "campaign_recipients", columns: "campaign_id, customer_id, tenant_id, status, sent_at",
			count: share(10, 18), fill: fillRecipient, lack: noID | noTenant | noDelete,
		},
		{
			name: "communications", columns: "message_id, customer_id, channel, direction, subject, body, cc, sent_at",
			count: share(10, 20), fill: fillCommunication,
		},
		{
			name: "integrations", columns: "provider, credentials, settings, scopes, is_active, last_sync_at, expires_at",
			count: fixed(4), fill: fillIntegration, lack: noDelete,
		},
		{
			name: "loyalty_tiers", columns: "name, rank, min_points, multiplier, benefits",
			count: fixed(4), fill: fillLoyaltyTier, lack: noDelete,
		},
		{
			name: "loyalty_points", columns: "customer_id, tier_id, sale_id, points, reason, expires_on",
			count: share(10, 20), fill: fillLoyaltyPoints, lack: noDelete,
		},
		{
			name: "wishlists", columns: "customer_id, inventory_id, remark, occasion",
			count: share(20, 10), fill: fillWish, lack: noDelete,
		},
		{
			name: "print_jobs", columns: "location_id, printer, document, payload, status, printed_at",
			count: share(50, 10), fill: fillPrintJob, lack: noDelete,
		},
		{
			name: "store_audit_log", columns: "actor_user_id, action, entity_table, entity_key, before, after, ip_address",
			count: share(5, 20), fill: fillAuditEntry, lack: noID | noDelete,
		},
	}
}

func fillSegment(g *generator, w *row, i int) {
	w.text([...]string{"Brides & grooms", "VIP", "Сонные клиенты", "誕生日", "No consent"}[i])
	w.opt(g.remark(i))
	w.text([...]string{
		`{"wishlist": {"category": "ring"}}`, `{"points": {">=": 10000}}`, `{"last_visit": {"<": "-1 year"}}`,
		`{"birthday": "this month"}`, `{"not": {"marketing_consent": true}}`,
	}[i])
}

func fillCampaign(g *generator, w *row, i int) {
	from := g.created.Format("2006-01-02 15:04:05Z07:00")
	w.text([...]string{"Valentine 💘", "Mother's Day", "Sommer-Sale", "新年", "Opening", "Win back"}[i])
	w.uuid(g.maybe(segments, 20))
	w.text([...]string{"email", "sms", "email", "whatsapp", "post", "email"}[i])
	w.opt(unless(i == 1, "-20 % \"heute\" only"))
	w.text("<p>Hello {{name}},</p>\n" + g.remark(i))
	w.text([...]string{"sent", "sent", "sending", "scheduled", "draft", "stopped"}[i])
	w.opt([...]string{
		"[" + from + "," + g.created.Add(2*day).Format("2006-01-02 15:04:05Z07:00") + "]", "(" + from + ",)", "", "(,)", "empty", "",
	}[i])
}

// fillRecipient gives each campaign the customers in their order: no pair twice.
func fillRecipient(g *generator, w *row, i int) {
	n := g.counts[campaigns]
	w.uuid(g.id(campaigns, i%n))
	w.uuid(g.id(customers, i/n))
	w.uuid(g.cfg.TenantID)
	w.text(pick(g, []string{"queued", "sent", "opened", "clicked", "bounced", "unsubscribed"}))
	w.time(g.later(day))
}

func fillCommunication(g *generator, w *row, i int) {
	w.opt(unless(i%5 == 0, "<"+serial("msg.", keyOf(i))+"@mail.example>"))
	w.uuid(g.maybe(customers, 5))
	w.text([...]string{"phone", "email", "sms", "whatsapp", "post"}[i%5])
	w.text([...]string{"in", "out"}[i%2])
	w.opt(unless(g.chance(40), pick(g, g.sentences)))
	w.text(g.remark(i))
	switch i % 3 {
	case 0:
		w.null()
	case 1:
		w.list()
	default:
		w.list("sales@mail.example", `"Müller, A." <a@mail.example>`)
	}
	w.time(g.created)
}

func fillIntegration(g *generator, w *row, i int) {
	w.text([...]string{"xero", "mailchimp", "shopify", "whatsapp"}[i])
	w.opt([...]string{
		`{"token": "sample-` + strconv.Itoa(g.between(1000, 9999)) + `"}`, `{"key": "sample", "dc": "us21"}`, `{"token": "sample"}`, "",
	}[i])
	w.text([...]string{`{"account": "200", "tax": {"DE": 0.19}}`, "{}", `{"shop": "gold.example"}`, "{}"}[i])
	w.text([...]string{"{accounting.read,accounting.write}", "{}", `{read_orders,"write \"all\""}`, "{}"}[i])
	w.bool(i < 3)
	w.time(g.later(30 * day))
	w.opt([...]string{"infinity", "", g.now.Add(30 * day).Format("2006-01-02 15:04:05Z07:00"), "-infinity"}[i])
}

func fillLoyaltyTier(_ *generator, w *row, i int) {
	w.text([...]string{"Bronze", "Silver", "Gold", "Platin ✨"}[i])
	w.int(i)
	w.text([...]string{"0", "1000", "10000", "9007199254740993"}[i]) // the last one is no float64
	w.text([...]string{"1", "1.1", "1.25", "2"}[i])
	w.text([...]string{"{}", "{cleaning}", `{cleaning,"free engraving"}`, `{"everything, always"}`}[i])
}

func fillLoyaltyPoints(g *generator, w *row, i int) {
	w.uuid(g.ref(customers))
	w.uuid(g.maybe(loyaltyTiers, 10))
	w.uuid(g.maybe(sales, 20))
	w.int(g.between(-500, 5000))
	w.opt(unless(g.chance(60), g.remark(i)))
	if i%3 == 0 {
		w.text("infinity")
	} else {
		w.date(g.created.AddDate(2, 0, 0))
	}
}

// fillWish gives each customer another piece: no pair twice.
func fillWish(g *generator, w *row, i int) {
	n := g.counts[customers]
	w.uuid(g.id(customers, i%n))
	w.uuid(g.id(inventory, (i%n+i/n)%g.counts[inventory]))
	w.opt(unless(g.chance(50), g.remark(i)))
	if g.chance(50) {
		w.null()
	} else {
		w.date(g.day(30, 300))
	}
}

func fillPrintJob(g *generator, w *row, i int) {
	w.uuid(g.maybe(locations, 5))
	w.text([...]string{"192.168.10.21", "10.1.2.3/8", "fe80::1", "::ffff:192.0.2.1"}[i%4])
	w.text([...]string{"tag", "receipt"}[i%2])
	w.bytes([]byte("\x1b@\x00\xff" + serial("TAG ", i) + "\n\x1dV\x00"))
	w.text([...]string{"printed", "printed", "failed", "queued"}[i%4])
	if i%4 < 2 {
		w.text(g.later(day).Format("2006-01-02 15:04:05.999999"))
	} else {
		w.null()
	}
}

func fillAuditEntry(g *generator, w *row, i int) {
	w.uuid(g.user())
	w.text([...]string{"insert", "update", "delete"}[i%3])
	w.text([...]string{"inventory", "sales", "customers", "Gift Cards"}[i%4])
	w.opt(unless(g.chance(10), serial("SA-", i)))
	w.opt(unless(i%3 == 0, `{"price": 100.00, "note": `+quoteJSON(g.remark(i))+`}`))
	w.opt(unless(i%3 == 2, `{"price": 99.990, "note": null}`))
	w.opt(unless(g.chance(10), [...]string{"203.0.113.7", "2001:db8::1", "10.0.0.0/8"}[i%3]))
}
