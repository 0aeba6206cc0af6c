package sample

import "github.com/google/uuid"

func activityTables() []table {
	return []table{
		{
			name: "activities", columns: "external_id, kind, subject, body, occurred_at, entity_type, entity_id, actor_user_id, data",
			count: share(4, 24), fill: fillActivity,
		},
		{name: "notes", columns: "entity_type, entity_id, body, author_user_id, data", count: share(5, 40), fill: fillNote},
		{
			name:    "tasks",
			columns: "external_id, title, description, status, due_at, completed_at, entity_type, entity_id, assignee_user_id, data",
			count:   share(10, 16), fill: fillTask,
		},
		{
			name: "relationships", columns: "source_type, source_id, target_type, target_id, relation_type, strength, data",
			count: share(10, 12), fill: fillRelationship,
		},
		{
			name: "memory_links", columns: "connector, external_id, crm_entity_type, crm_entity_id, note, data",
			count: share(50, 10), fill: fillMemoryLink,
		},
		{
			name:    "files",
			columns: "filename, content_type, size_bytes, sha256, storage_key, entity_type, entity_id, uploaded_by_user_id, data",
			count:   func(g *generator) int { return min(12+g.cfg.Rows/200, 400) }, fill: fillFile,
		},
		{
			name: "webhooks", columns: "name, url, secret, events, is_active, failure_count, last_delivery_at, last_error",
			count: fixed(4), fill: fillWebhook,
		},
		{
			name:    "webhook_deliveries",
			columns: "webhook_id, event_type, payload, status, attempts, next_attempt_at, status_code, response_body, error",
			count:   share(10, 10), fill: fillWebhookDelivery, lack: noID | noDelete,
		},
		{
			name:    "ingest_runs",
			columns: "source, format, actor_user_id, record_count, created_count, updated_count, error_count, diagnostics",
			count:   share(1000, 5), fill: fillIngestRun, lack: noDelete,
		},
		{
			name: "timeline_events", columns: "entity_type, entity_id, event_type, occurred_at, actor_user_id, payload",
			count: share(2, 30), fill: fillTimelineEvent, lack: noID | noDelete,
		},
	}
}

// subject gives some record that an activity, note, … may be about.
func (g *generator) subject() (kind string, id uuid.UUID) {
	s := [...]struct {
		kind  string
		table entity
	}{
		{"contact", contacts},
		{"contact", contacts},
		{"contact", contacts},
		{"company", companies},
		{"deal", deals},
		{"product", products},
		{"task", tasks},
		{"activity", activities},
		{"note", notes},
		{"file", files},
	}[g.between(0, 9)]
	return s.kind, g.ref(s.table)
}

// maybeSubject is subject, or neither type nor id in one of five cases.
func (g *generator) maybeSubject() (kind string, id uuid.UUID) {
	if g.chance(20) {
		return "", uuid.Nil
	}
	return g.subject()
}

func fillActivity(g *generator, w *row, i int) {
	kind, id := g.maybeSubject()
	w.opt(g.key("A-", i, 20))
	w.text(pick(g, []string{"call", "meeting", "email_log", "visit"}))
	w.opt(unless(g.chance(10), pick(g, g.sentences)))
	w.text(g.remark(i))
	w.time(g.created)
	w.opt(kind)
	w.uuid(id)
	w.uuid(g.user())
	w.text(g.data(i))
}

// fillNote makes every other note an edge: the fewest notes there are hold them all.
func fillNote(g *generator, w *row, i int) {
	kind, id := g.subject()
	w.text(kind)
	w.uuid(id)
	if i%2 == 1 {
		w.text(g.edges[i/2%len(g.edges)])
	} else {
		w.text(pick(g, g.sentences))
	}
	w.uuid(g.user())
	w.text(g.data(i))
}

func fillTask(g *generator, w *row, i int) {
	kind, id := g.maybeSubject()
	status := pick(g, []string{"open", "in_progress", "done", "cancelled"})
	w.opt(g.key("T-", i, 10))
	w.text(pick(g, g.sentences))
	w.opt(g.remark(i))
	w.text(status)
	w.time(g.day(1, 30))
	if status == "done" {
		w.time(g.later(30 * day))
	} else {
		w.null()
	}
	w.opt(kind)
	w.uuid(id)
	w.uuid(g.user())
	w.text(g.data(i))
}

// fillRelationship ties contact and company of one number: each pair is made once.
func fillRelationship(g *generator, w *row, i int) {
	n := g.counts[contacts]
	w.text("contact")
	w.uuid(g.id(contacts, i%n))
	w.text("company")
	w.uuid(g.id(companies, (i%n+i/n)%g.counts[companies]))
	w.text(pick(g, []string{"works_at", "advises", "知り合い", "partner_of"}))
	w.dec(int64(g.between(0, 100)), 2)
	w.text(g.data(i))
}

func fillMemoryLink(g *generator, w *row, i int) {
	kind, id := g.subject()
	w.text(pick(g, []string{"docs", "wiki", "gbrain"}))
	w.text(serial("doc/", keyOf(i)) + "#§1")
	w.text(kind)
	w.uuid(id)
	w.opt(unless(g.chance(40), g.remark(i)))
	w.text(g.data(i))
}

func fillWebhook(g *generator, w *row, i int) {
	w.text([...]string{"Warehouse", "Buchhaltung", "Newsletter 📬", "Old shop"}[i])
	w.text([...]string{
		"https://hooks.example/warehouse", "https://hooks.example/buchhaltung?x=1&y=ä",
		"https://hooks.example/newsletter", "https://old.example/hook",
	}[i])
	w.text("whsec_" + serial("sample", g.between(0, 999_999)))
	w.text([...]string{`["contact.created", "contact.updated"]`, `["deal.won"]`, `["*"]`, `[]`}[i])
	w.bool(i < 3)
	w.int([...]int{0, 2, 0, 17}[i])
	w.time(g.later(90 * day))
	w.opt([...]string{"", "timeout after 10s", "", "410 Gone: \"moved\"\nsee /new"}[i])
}

func fillWebhookDelivery(g *generator, w *row, i int) {
	ok := g.chance(85)
	w.uuid(g.ref(webhooks))
	w.text(pick(g, []string{"contact.created", "contact.updated", "deal.won"}))
	w.text(`{"event": "contact.created", "n": ` + serial("1", i) + `}`)
	if ok {
		w.text("succeeded")
		w.int(1)
		w.null()
		w.int(200)
		w.text("ok")
		w.null()
		return
	}
	w.text("failed")
	w.int(g.between(1, 9))
	w.time(g.later(day))
	w.int(503)
	w.text("<html>\n<body>busy</body>\n</html>")
	w.text("unexpected status 503")
}

func fillIngestRun(g *generator, w *row, i int) {
	records, failed := g.between(10, 5000), g.between(0, 9)
	w.text(pick(g, []string{"hubspot", "spreadsheet", "pos"}))
	w.text(pick(g, []string{"csv", "json", "xlsx"}))
	w.uuid(g.user())
	w.int(records)
	w.int(records - failed)
	w.int(0)
	w.int(failed)
	w.text(`{"warnings": [` + quoteJSON(g.remark(i)) + `]}`)
}

func fillTimelineEvent(g *generator, w *row, i int) {
	kind, id := g.subject()
	w.text(kind)
	w.uuid(id)
	w.text(kind + pick(g, []string{".created", ".updated", ".viewed"}))
	w.time(g.created)
	w.uuid(g.user())
	w.text(g.data(i))
}
