package sample

import (
	"crypto/sha256"
	"strconv"
	"time"
)

func workshopTables() []table {
	return []table{
		{
			name:    "repairs",
			columns: "ticket_number, customer_id, item_description, status, quoted_price, turnaround, jeweller_user_id, due_on, collected_at",
			count:   share(20, 12), fill: fillRepair,
		},
		{
			name: "repair_stages", columns: `repair_id, "order", name, time_spent, finished_at`,
			count: each(repairs, 2), fill: fillRepairStage, lack: noDelete,
		},
		{
			name:    "bespoke_jobs",
			columns: "job_number, customer_id, title, brief, design, status, budget, currency, designer_user_id, due_on",
			count:   share(50, 8), fill: fillBespokeJob,
		},
		{
			name: "bespoke_job_milestones", columns: "bespoke_job_id, position, title, estimated_effort, due_on, done_at",
			count: each(bespokeJobs, 3), fill: fillBespokeMilestone, lack: noDelete,
		},
		{
			name:    "appraisals",
			columns: "number, customer_id, inventory_id, description, valuation, currency, signature, appraised_on, valid_until",
			count:   share(50, 10), fill: fillAppraisal, lack: noDelete,
		},
		{
			name: "appointments", columns: "reference, customer_id, location_id, staff_user_id, purpose, status, starts_at, ends_at",
			count: share(50, 12), fill: fillAppointment, lack: noDelete,
		},
		{
			name:    "passports",
			columns: "certificate_number, inventory_id, customer_id, issued_by, issued_on, fingerprint, provenance, is_public",
			count:   share(50, 10), fill: fillPassport, lack: noDelete,
		},
	}
}

func fillRepair(g *generator, w *row, i int) {
	status := pick(g, []string{"received", "assessed", "in_progress", "ready", "collected", "cancelled"})
	w.text(serial("R-", keyOf(i)))
	w.uuid(g.ref(customers))
	w.text(g.remark(i))
	w.text(status)
	if g.chance(20) {
		w.null()
	} else {
		w.dec(g.cents(1000, 80_000), 2)
	}
	w.opt([...]string{"", "3 days", "1 mon", "02:30:00", "-1 days +12:00:00"}[i%5])
	w.uuid(g.user())
	w.date(g.day(3, 40))
	if status == "collected" {
		w.time(g.later(40 * day))
	} else {
		w.null()
	}
}

func fillRepairStage(g *generator, w *row, i int) {
	w.uuid(g.id(repairs, i/2))
	w.int(i%2 + 1)
	w.text([...]string{"Cleaned and checked", "Re-tipped & polished"}[i%2])
	w.opt(unless(g.chance(30), strconv.Itoa(g.between(5, 300))+" min"))
	if i%2 == 0 {
		w.time(g.later(10 * day))
	} else {
		w.null()
	}
}

func fillBespokeJob(g *generator, w *row, i int) {
	w.text(serial("B-", keyOf(i)))
	w.uuid(g.ref(customers))
	w.text(pick(g, g.metals).real + " " + pick(g, g.categories) + " to order")
	w.opt(g.remark(i))
	w.text(`{"metal": "` + pick(g, g.metals).real + `", "stones": ` + g.gems(i) + `, "size": 16.50}`)
	w.text(pick(g, []string{"enquiry", "design", "approved", "making", "finished", "delivered", "cancelled"}))
	w.dec(g.cents(50_000, 5_000_000), 2)
	w.text(pick(g, g.currencies))
	w.uuid(g.user())
	w.date(g.day(30, 200))
}

func fillBespokeMilestone(g *generator, w *row, i int) {
	w.uuid(g.id(bespokeJobs, i/3))
	w.int(i%3 + 1)
	w.text([...]string{"Sketch", "Wax model", "Setting"}[i%3])
	w.text([...]string{"4 hours", "1 day 02:00:00", "1 mon 15 days 00:00:00.000001"}[i%3])
	w.date(g.day(10, 100))
	if i%3 == 0 {
		w.time(g.later(30 * day))
	} else {
		w.null()
	}
}

func fillAppraisal(g *generator, w *row, i int) {
	w.text(serial("AP-", i))
	w.uuid(g.ref(customers))
	w.uuid(g.maybe(inventory, 40))
	w.text(g.remark(i))
	w.dec(g.cents(10_000, 900_000_000)*1_009, 2)
	w.text(pick(g, g.currencies))
	if i%3 == 0 {
		w.null()
	} else {
		sum := sha256.Sum256([]byte(strconv.Itoa(i)))
		w.bytes(sum[:i%3*16])
	}
	w.date(g.created)
	switch i % 4 {
	case 0:
		w.text("infinity")
	case 1:
		w.null()
	default:
		w.date(g.created.AddDate(2, 0, 0))
	}
}

// fillAppointment gives each user one appointment an hour, eight hours a day: nobody is in two at once.
func fillAppointment(g *generator, w *row, i int) {
	staff := max(1, len(g.cfg.Users))
	slot := i / staff
	starts := g.now.Truncate(day).AddDate(0, 0, 60-(g.counts[appointments]/staff-slot)/8).Add(time.Duration(9+slot%8) * time.Hour)
	w.text(serial("V-", i))
	w.uuid(g.maybe(customers, 10))
	w.uuid(g.maybe(locations, 10))
	if len(g.cfg.Users) > 0 {
		w.uuid(g.cfg.Users[i%staff])
	} else {
		w.null()
	}
	w.text(pick(g, []string{"Ring sizing", "Beratung Trauringe", "Appraisal", "Abholung"}))
	w.text(pick(g, []string{"booked", "kept", "missed", "cancelled"}))
	w.time(starts)
	w.time(starts.Add(time.Duration(g.between(1, 4)) * 15 * time.Minute))
}

func fillPassport(g *generator, w *row, i int) {
	number := serial("GIA ", i)
	sum := sha256.Sum256([]byte(number))
	w.text(number)
	w.uuid(g.ref(inventory))
	w.uuid(g.maybe(customers, 50))
	w.text(pick(g, []string{"GIA", "IGI Antwerpen", "DGemG", "Gübelin"}))
	w.date(g.created)
	w.bytes(sum[:])
	if i%3 == 0 {
		w.list()
	} else {
		w.list("Muzo mine, Boyacá", pick(g, g.edges))
	}
	w.bool(g.chance(50))
}
