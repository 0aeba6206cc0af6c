package sample

import (
	"strconv"
	"time"
)

func salesTables() []table {
	return []table{
		{
			name:    "sales",
			columns: "number, customer_id, location_id, invoice_id, sold_by_user_id, status, currency, subtotal, tax_rate, sold_at",
			count:   share(5, 20), fill: fillSale, lack: noDelete,
		},
		{
			name: "sale_items", columns: "sale_id, position, inventory_id, description, quantity, unit_price, discount",
			count: each(sales, 2), fill: fillSaleItem, lack: noDelete,
		},
		{
			name: "invoices", columns: "number, customer_id, sale_id, status, currency, total, terms, issued_on, paid_at, billing",
			count: share(10, 15), fill: fillInvoice, lack: noDelete,
		},
		{
			name: "invoice_items", columns: "invoice_id, position, description, quantity, unit_price",
			count: each(invoices, 2), fill: fillInvoiceItem, lack: noDelete,
		},
		{
			name: "payments", columns: "reference, sale_id, invoice_id, method, amount, currency, details, paid_at",
			count: share(5, 20), fill: fillPayment, lack: noDelete,
		},
		{
			name: "refunds", columns: "number, sale_id, payment_id, amount, reason, refunded_at",
			count: share(100, 6), fill: fillRefund, lack: noDelete,
		},
		{
			name: "quotes", columns: "number, customer_id, status, currency, valid_until, terms",
			count: share(50, 10), fill: fillQuote,
		},
		{
			name: "quote_items", columns: "quote_id, position, inventory_id, description, quantity, unit_price",
			count: each(quotes, 2), fill: fillQuoteItem, lack: noDelete,
		},
		{
			name: "vouchers", columns: "code, customer_id, amount, balance, currency, valid_during",
			count: share(50, 12), fill: fillVoucher,
		},
		{
			name: "voucher_redemptions", columns: "voucher_id, sale_id, amount, redeemed_at",
			count: share(100, 6), fill: fillRedemption, lack: noDelete,
		},
		{
			name: "memos", columns: "number, customer_id, supplier_id, direction, due_back_on, notes",
			count: share(100, 8), fill: fillMemo,
		},
		{
			name: "memo_items", columns: "memo_id, inventory_id, agreed_price, returned_at",
			count: each(memos, 2), fill: fillMemoItem, lack: noDelete,
		},
		{
			name: `"Gift Cards"`, columns: `"Card Number", "Issued To", "customerId", "Balance", "Currency", "Issued On"`,
			count: share(100, 10), fill: fillGiftCard, lack: noDelete,
		},
	}
}

// fillSale ties the first sales to the invoices of the same numbers, which point back.
func fillSale(g *generator, w *row, i int) {
	w.text(serial("SA-", i))
	w.uuid(g.maybe(customers, 30))
	w.uuid(g.maybe(locations, 5))
	if i < g.counts[invoices] {
		w.uuid(g.id(invoices, i))
	} else {
		w.null()
	}
	w.uuid(g.user())
	w.text(pick(g, []string{"completed", "completed", "completed", "layby", "refunded", "void"}))
	w.text(pick(g, g.currencies))
	w.dec(g.cents(500, 5_000_000), 2)
	w.dec(pick(g, []int64{0, 700, 1900, 2000, 1000, 875}), 4)
	w.time(g.created)
}

func fillSaleItem(g *generator, w *row, i int) {
	w.uuid(g.id(sales, i/2))
	w.int(i%2 + 1)
	w.uuid(g.maybe(inventory, 5))
	w.text(g.remark(i))
	w.int(g.between(0, 3))
	w.dec(g.cents(500, 2_000_000), 2)
	w.dec(pick(g, []int64{0, 0, 0, 500, 1250, 3333}), 2)
}

func fillInvoice(g *generator, w *row, i int) {
	p := g.person()
	address, _ := g.address()
	status := pick(g, []string{"draft", "sent", "paid", "paid", "overdue", "void"})
	w.text(serial("INV-", i))
	w.uuid(g.maybe(customers, 10))
	w.uuid(g.id(sales, i))
	w.text(status)
	w.text(pick(g, g.currencies))
	w.dec(g.cents(500, 5_000_000), 2)
	w.text(pick(g, []string{"30 days", "14 days", "1 mon", "00:00:00"}))
	w.date(g.created)
	if status == "paid" {
		w.time(g.later(45 * day))
	} else {
		w.null()
	}
	w.text(`{"name": ` + quoteJSON(p.full()) + `, "address": ` + quoteJSON(address) + `}`)
}

func fillInvoiceItem(g *generator, w *row, i int) {
	w.uuid(g.id(invoices, i/2))
	w.int(i%2 + 1)
	w.text(g.remark(i))
	w.dec(int64(g.between(1, 9_999)), 3)
	w.dec(g.cents(-5_000, 2_000_000), 2)
}

func fillPayment(g *generator, w *row, i int) {
	w.text(serial("PAY-", i))
	w.uuid(g.id(sales, i))
	if i < g.counts[invoices] && i%2 == 0 {
		w.uuid(g.id(invoices, i))
	} else {
		w.null()
	}
	w.text([...]string{"cash", "card", "transfer", "voucher", "gift card", "finance"}[i%6])
	w.dec(g.cents(500, 5_000_000), 2)
	w.text(pick(g, g.currencies))
	w.opt(unless(i%6 == 0, `{"terminal": `+strconv.Itoa(g.between(1, 9))+`, "auth": "`+serial("", i)+`"}`))
	w.time(g.created)
}

func fillRefund(g *generator, w *row, i int) {
	w.text(serial("RF-", i))
	w.uuid(g.id(sales, i))
	w.uuid(g.id(payments, i))
	w.dec(g.cents(100, 50_000), 2)
	w.opt(g.remark(i))
	w.time(g.created)
}

func fillQuote(g *generator, w *row, i int) {
	w.text(serial("Q-", keyOf(i)))
	w.uuid(g.maybe(customers, 20))
	w.text(pick(g, []string{"open", "accepted", "declined", "expired"}))
	w.text(pick(g, g.currencies))
	w.date(g.day(10, 60))
	w.opt(unless(g.chance(30), g.remark(i)))
}

func fillQuoteItem(g *generator, w *row, i int) {
	w.uuid(g.id(quotes, i/2))
	w.int(i%2 + 1)
	w.uuid(g.maybe(inventory, 20))
	w.text(g.remark(i))
	w.dec(int64(g.between(1, 9_999)), 3)
	w.dec(g.cents(500, 2_000_000), 2)
}

func fillVoucher(g *generator, w *row, i int) {
	amount := g.cents(1000, 50_000)
	from := g.created.Format(time.RFC3339Nano)
	w.text(serial("VOU-", keyOf(i)))
	w.uuid(g.maybe(customers, 30))
	w.dec(amount, 2)
	w.dec(amount*int64(g.between(0, 100))/100, 2)
	w.text(pick(g, g.currencies))
	switch i % 4 {
	case 0:
		w.null()
	case 1:
		w.text("[" + from + ",)")
	case 2:
		w.text("empty")
	default:
		w.text("[" + from + "," + g.created.AddDate(1, 0, 0).Format(time.RFC3339Nano) + ")")
	}
}

func fillRedemption(g *generator, w *row, i int) {
	w.uuid(g.id(vouchers, i))
	w.uuid(g.id(sales, i))
	w.dec(g.cents(100, 1000), 2)
	w.time(g.created)
}

func fillMemo(g *generator, w *row, i int) {
	w.text(serial("M-", keyOf(i)))
	if i%2 == 0 {
		w.uuid(g.ref(customers))
		w.null()
		w.text("out")
	} else {
		w.null()
		w.uuid(g.ref(suppliers))
		w.text("in")
	}
	w.date(g.day(5, 60))
	w.opt(g.remark(i))
}

func fillMemoItem(g *generator, w *row, i int) {
	w.uuid(g.id(memos, i/2))
	w.uuid(g.id(inventory, i%g.counts[inventory]))
	w.dec(g.cents(500, 2_000_000), 2)
	if i%2 == 0 {
		w.time(g.later(60 * day))
	} else {
		w.null()
	}
}

func fillGiftCard(g *generator, w *row, i int) {
	w.text(serial("0000-", i))
	w.opt(unless(g.chance(30), g.person().full()))
	w.uuid(g.maybe(customers, 40))
	w.dec(g.cents(-500, 50_000), 2)
	w.text(pick(g, g.currencies))
	w.date(g.created)
}
