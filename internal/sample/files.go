package sample

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// document is a made-up file.
type document struct{ filename, stored, contentType, body string }

// document makes the file of row i: small, and unlike every other, so that its hash is its own.
func (g *generator) document(i int) document {
	n := strconv.Itoa(i)
	switch i % 4 {
	case 0:
		return document{
			"Zertifikat Nº " + n + " (größer).svg", "zertifikat-" + n + ".svg", "image/svg+xml",
			`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 99 99"><title>` + g.cfg.TenantID.String() + "/" + n +
				`</title><circle cx="50" cy="50" r="` + strconv.Itoa(g.between(5, 45)) + `"/></svg>`,
		}
	case 1:
		return document{"領収書_" + n + ".txt", "receipt-" + n + ".txt", "text/plain; charset=utf-8", g.lines(i, 20)}
	case 2:
		return document{"price list " + n + ", final.csv", "price-list-" + n + ".csv", "text/csv", "sku,price\r\n" + g.lines(i, 60)}
	default:
		return document{"notes " + n + ".md", "notes-" + n + ".md", "text/markdown", "# " + n + "\n\n" + g.lines(i, 5)}
	}
}

// lines is some text of n lines that no other row has.
func (g *generator) lines(i, n int) string {
	var b strings.Builder
	for k := range n {
		fmt.Fprintf(&b, "%d-%d-%x,%d.%02d\r\n", i, k, g.rng.Uint64(), g.between(1, 9999), g.between(0, 99))
	}
	return b.String()
}

// fillFile stores the file's bytes, if there is a store, and writes what is known of them.
func fillFile(g *generator, w *row, i int) {
	d := g.document(i)
	key := g.cfg.TenantID.String() + "/files/" + g.id(files, i).String() + "/" + d.stored
	hash := sha256.Sum256([]byte(d.body))
	size, sum := int64(len(d.body)), hex.EncodeToString(hash[:])
	if g.cfg.Store != nil && g.err == nil {
		stored, storedSum, err := g.cfg.Store.Put(g.ctx, key, d.contentType, bytes.NewReader([]byte(d.body)))
		switch {
		case err != nil:
			g.err = fmt.Errorf("sample: store %s: %w", key, err)
		case stored != size || storedSum != sum:
			g.err = fmt.Errorf("sample: store %s: %d bytes with sha256 %s went in, %d with %s came out", key, size, sum, stored, storedSum)
		}
	}
	kind, id := g.subject()
	w.text(d.filename)
	w.text(d.contentType)
	w.int(int(size))
	w.text(sum)
	w.text(key)
	w.text(kind)
	w.uuid(id)
	w.uuid(g.user())
	w.text(g.data(i))
}
