package sample

// entity names a table of the sample product. The order is that in which they are filled: a row's references exist.
type entity int

const (
	customFields entity = iota
	pipelines
	stages
	companies
	contacts
	products
	deals
	dealLineItems
	activities
	notes
	tasks
	relationships
	memoryLinks
	files
	webhooks
	webhookDeliveries
	ingestRuns
	timelineEvents
	customers
	suppliers
	locations
	inventory
	stockMovements
	repairs
	repairStages
	bespokeJobs
	bespokeMilestones
	appraisals
	appointments
	passports
	sales
	saleItems
	invoices
	invoiceItems
	payments
	refunds
	quotes
	quoteItems
	vouchers
	voucherRedemptions
	memos
	memoItems
	giftCards
	segments
	campaigns
	campaignRecipients
	communications
	integrations
	loyaltyTiers
	loyaltyPoints
	wishlists
	printJobs
	storeAuditLog
	entities // how many there are
)

// table says how the rows of an entity are made.
type table struct {
	name    string                      // as in the database
	columns string                      // as SQL, without those that lack leaves in place
	count   func(*generator) int        // how many rows; earlier tables are counted
	fill    func(*generator, *row, int) // writes the cells of columns for a row
	lack    lack
}

// lack says which of the columns common to the tables are missing, or not written.
type lack uint8

const (
	noID     lack = 1 << iota // identity, or a composite key
	noTenant                  // scoped through a parent
	noDelete                  // not soft-deletable
)

// tables gives every table, at the index of its entity.
func tables() []table {
	all := make([]table, 0, entities)
	all = append(all, crmTables()...)
	all = append(all, activityTables()...)
	all = append(all, stockTables()...)
	all = append(all, workshopTables()...)
	all = append(all, salesTables()...)
	return append(all, marketingTables()...)
}

// allColumns lists the columns that rows of t hold, common ones included.
func (t table) allColumns() string {
	cols := ""
	if t.lack&noID == 0 {
		cols = "id, "
	}
	if t.lack&noTenant == 0 {
		cols += "tenant_id, "
	}
	cols += t.columns + ", created_at, updated_at"
	if t.lack&noDelete == 0 {
		cols += ", deleted_at"
	}
	return cols
}

// write makes row i of t, which is entity e, with all its columns.
func (t table) write(g *generator, w *row, e entity, i int) {
	g.begin(t, e, i)
	w.reset()
	if t.lack&noID == 0 {
		w.uuid(g.id(e, i))
	}
	if t.lack&noTenant == 0 {
		w.uuid(g.cfg.TenantID)
	}
	t.fill(g, w, i)
	w.time(g.created)
	changed := g.later(history / 3)
	w.time(changed)
	if t.lack&noDelete == 0 {
		if deleted(i) {
			w.time(changed)
		} else {
			w.null()
		}
	}
	w.end()
}

// deleted says whether row i of a soft-deletable table is deleted: one in forty, none of the first.
func deleted(i int) bool { return i%40 == 39 }

// keyOf gives the number whose key row i has. A deleted row has that of the row before it: its key was given again.
func keyOf(i int) int {
	if deleted(i) {
		return i - 1
	}
	return i
}

// share counts one row for so many contacts, and at least lowest.
func share(contacts, lowest int) func(*generator) int {
	return func(g *generator) int { return max(lowest, g.cfg.Rows/contacts) }
}

func fixed(n int) func(*generator) int { return func(*generator) int { return n } }

// each counts n rows for every row of parent.
func each(parent entity, n int) func(*generator) int {
	return func(g *generator) int { return n * g.counts[parent] }
}
