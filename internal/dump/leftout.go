package dump

import (
	"fmt"
	"hash/maphash"
)

const (
	maxLeftOut = 100    // of which each has a warning of its own
	maxTold    = 10_000 // of which it is known that they were met before
)

// leftOut are the keys of a document that stand for nothing here. However many there are, it takes the same memory.
type leftOut struct {
	seed  maphash.Seed
	met   map[uint64]bool
	texts []string
	more  int  // met beyond maxLeftOut
	over  bool // there are more than maxTold
	// tenants are the texts of columns of rows by which another product names the tenant.
	tenants map[int]bool
}

func newLeftOut() leftOut {
	return leftOut{seed: maphash.MakeSeed(), met: map[uint64]bool{}, tenants: map[int]bool{}}
}

// foreignTenant is the tenant column of NakatomiCRM.
const foreignTenant = "workspace_id"

// column notes a key of a table's rows.
func (l *leftOut) column(table string, key []byte) {
	if !l.first(table, key) {
		return
	}
	if string(key) == foreignTenant {
		l.tenants[len(l.texts)] = true
	}
	l.texts = append(l.texts, fmt.Sprintf("%s has no column %q: it was left out", table, clip(key)))
}

// table notes a key at the top of the document.
func (l *leftOut) table(key []byte) {
	if l.first("", key) {
		l.texts = append(l.texts, fmt.Sprintf("there is no table %q: it was left out", clip(key)))
	}
}

// operational notes a table that belongs to one installation.
func (l *leftOut) operational(table string) {
	if l.first("", []byte(table)) {
		l.texts = append(l.texts, table+" belongs to the installation that it comes from: it was left out")
	}
}

// note adds a warning.
func (l *leftOut) note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if l.first("note", []byte(text)) {
		l.texts = append(l.texts, text)
	}
}

// first reports whether the key was not met before, and has a warning of its own.
func (l *leftOut) first(table string, key []byte) bool {
	var h maphash.Hash
	h.SetSeed(l.seed)
	_, _ = h.WriteString(table)
	_ = h.WriteByte(0)
	_, _ = h.Write(key)
	sum := h.Sum64()
	switch {
	case l.met[sum]:
		return false
	case len(l.met) >= maxTold:
		l.over = true
		return false
	}
	l.met[sum] = true
	if len(l.texts) >= maxLeftOut {
		l.more++
		return false
	}
	return true
}

// warnings gives a warning each. foreign says that the document is NakatomiCRM's, whose tenant column is no loss.
func (l *leftOut) warnings(foreign bool) []string {
	var all []string
	for i, text := range l.texts {
		if !foreign || !l.tenants[i] {
			all = append(all, text)
		}
	}
	switch {
	case l.over:
		all = append(all, fmt.Sprintf("more than %d other keys of the document stand for nothing here: they were left out", l.more))
	case l.more > 0:
		all = append(all, fmt.Sprintf("%d other keys of the document stand for nothing here: they were left out", l.more))
	}
	return all
}
