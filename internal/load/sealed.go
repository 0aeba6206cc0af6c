package load

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"wharf/internal/catalog"
	"wharf/internal/fault"
	"wharf/internal/fieldcrypt"
	"wharf/internal/pgcodec"
)

// Encrypted columns. A cell for one is sealed while it is staged, and so never stands in the database as it is: neither in
// staging nor in the errors of its row. The hash columns of a mapped column are staged and written with it: they are
// columns of the plan that no cell of a batch is for.

// PlaceOf gives where a column's values belong to, which they are sealed and hashed for.
func PlaceOf(tenant uuid.UUID, t *catalog.Table, c *catalog.Column) fieldcrypt.Column {
	return fieldcrypt.Column{Tenant: tenant, Table: t.Schema + "." + t.Relation, Column: c.Name}
}

func (p *Plan) place(c *catalog.Column) fieldcrypt.Column { return PlaceOf(p.spec.Tenant, p.table, c) }

// ready returns an error unless there are keys to write the column with.
func (p *Plan) ready(c *catalog.Column) error {
	if err := p.spec.Crypt.Ready(); err != nil {
		return fault.Newf(fault.Invalid, "%s: %s", c.Name, fieldcrypt.ErrNoKeys.Message)
	}
	return nil
}

// Sealing gives the codec of an encrypted column, whose values belong to the place.
func Sealing(ring *fieldcrypt.Ring, place fieldcrypt.Column) pgcodec.BinaryFunc {
	return func(dst, text []byte) ([]byte, error) {
		if checked, err := textCodec(dst, text); err != nil { // what comes out again is text
			return checked[:len(dst)], err
		}
		return ring.Seal(dst, text, place) //nolint:wrapcheck // becomes an error of the row
	}
}

// Hashing gives the codec of the hash column c, from the text that it is the hash of: bytes, or as text their hexadecimal
// digits.
func Hashing(ring *fieldcrypt.Ring, place fieldcrypt.Column, c *catalog.Column) pgcodec.BinaryFunc {
	if c.Kind == catalog.KindBytes {
		return func(dst, text []byte) ([]byte, error) { return ring.Hash(dst, text, place), nil }
	}
	return func(dst, text []byte) ([]byte, error) {
		var hash [fieldcrypt.HashBytes]byte
		return hex.AppendEncode(dst, ring.Hash(hash[:0], text, place)), nil
	}
}

// addHashes adds the hash columns of the mapped ones.
func (p *Plan) addHashes() error {
	var wrong []fault.Field
	for _, h := range p.table.Columns {
		source := p.find(h.Tags.HashOf)
		if h.Tags.HashOf == "" || source == nil {
			continue
		}
		if err := p.ready(h); err != nil {
			wrong = append(wrong, fault.Field{Field: source.Name, Message: err.Error()})
			continue
		}
		col := column{Column: Column{Name: h.Name, Label: source.label()}, n: len(p.cols), from: source.n, target: h, codec: Hashing(p.spec.Crypt, p.place(h), h), staged: h.BaseType}
		if h.TypeOID != h.BaseOID {
			col.verify = h.Type
		}
		p.cols = append(p.cols, col)
	}
	for _, u := range p.spec.Uniques {
		if c := &p.cols[u.Column]; c.sealed && p.hashOf(c) == nil {
			wrong = append(wrong, fault.Field{Field: c.Name, Message: c.Name + " is encrypted and has no @hash column, so it cannot be checked to be unique"})
		}
	}
	return p.misfit(wrong)
}

// hashOf gives the hash column of a staged one, nil if it has none.
func (p *Plan) hashOf(c *column) *column {
	i := slices.IndexFunc(p.cols, func(h column) bool { return h.hashes() && h.from == c.n })
	if i < 0 {
		return nil
	}
	return &p.cols[i]
}

// hashes reports whether the column holds the hash of another's cell.
func (c *column) hashes() bool { return c.from != c.n }

// field gives the name of the column that a file gives for this one: of a hash the one that it is of.
func (p *Plan) field(name string) string {
	if c := p.find(name); c != nil && c.hashes() {
		return p.cols[c.from].Name
	}
	return name
}

// GivenBy names the column that a file gives in order to fill this one: of a @hash column the one that it is of.
func GivenBy(t *catalog.Table, name string) string {
	if c, ok := t.Column(name); ok && c.Tags.HashOf != "" {
		return c.Tags.HashOf
	}
	return name
}

// ParseMatch reads a natural key in @match syntax. The name of an encrypted column, in lower(…) or not, stands for that of
// its hash: equal values do not seal to equal bytes.
func ParseMatch(t *catalog.Table, text string) (catalog.Match, error) {
	parts := strings.Split(text, ",")
	for i, part := range parts {
		part = strings.TrimSpace(part)
		if inner, ok := strings.CutPrefix(part, "lower("); ok {
			part = strings.TrimSpace(strings.TrimSuffix(inner, ")"))
		}
		if c, ok := t.Column(part); !ok || !c.Tags.Encrypted {
			continue
		}
		for _, h := range t.Columns {
			if h.Tags.HashOf == part {
				parts[i] = ident(h.Name)
			}
		}
	}
	return t.ParseMatch(strings.Join(parts, ",")) //nolint:wrapcheck // says what is wrong with the key
}

// opaque gives the columns whose staged cells say nothing of whether they differ: encrypted ones without a hash.
func (p *Plan) opaque() []*column {
	var all []*column
	for i := range p.cols {
		if c := &p.cols[i]; c.sealed && p.hashOf(c) == nil {
			all = append(all, c)
		}
	}
	return all
}

// sealedPage is how many rows are opened before the next are fetched.
const sealedPage = 5000

// compareSealed opens what rows hold that differ in nothing but sealed values, and takes those out of the changed ones that
// hold the same.
func (m *merge) compareSealed(ctx context.Context) error {
	p := m.plan
	opaque := p.opaque()
	if len(opaque) == 0 || m.changed == 0 {
		return nil
	}
	cells := []string{"f.line"}
	for _, c := range opaque {
		cells = append(cells, "t."+c.target.Ident(), c.s())
	}
	same := beside(m.name, "_e")
	_, err := m.exec(ctx, "compare sealed values", `
CREATE UNLOGGED TABLE `+same+` (line bigint) WITH (autovacuum_enabled = false);
DECLARE wharf_sealed NO SCROLL CURSOR FOR SELECT `+strings.Join(cells, ", ")+`
FROM `+m.found+` f JOIN `+m.source+` ON s.line = f.line JOIN `+m.among(p.table, "", p.foundOn(), !slices.ContainsFunc(p.identity, unlookable))+`
WHERE f.changed AND NOT `+p.differs(func(c *column) bool { return !c.sealed }))
	if err != nil {
		return err
	}
	for more := true; more; {
		if more, err = m.comparePage(ctx, opaque); err != nil {
			return err
		}
	}
	if _, err := m.exec(ctx, "note same values", `CLOSE wharf_sealed; ANALYZE `+same+`;
UPDATE `+m.found+` f SET changed = false FROM `+same+` e WHERE e.line = f.line; DROP TABLE `+same); err != nil {
		return err
	}
	return m.count(ctx)
}

// comparePage notes the lines whose values are the same; more is false at the end.
func (m *merge) comparePage(ctx context.Context, opaque []*column) (more bool, err error) {
	rows, err := m.tx.Query(ctx, fmt.Sprintf(`FETCH %d FROM wharf_sealed`, sealedPage), pgx.QueryExecModeDescribeExec)
	if err != nil {
		return false, fmt.Errorf("load: fetch sealed values: %w", err)
	}
	defer rows.Close()
	var equal [][]any
	var line int64
	values := make([][]byte, 2*len(opaque))
	dst := []any{&line}
	for i := range values {
		dst = append(dst, &values[i])
	}
	for rows.Next() {
		more = true
		if err := rows.Scan(dst...); err != nil {
			return false, fmt.Errorf("load: fetch sealed values: %w", err)
		}
		if m.plan.sameSealed(opaque, values) {
			equal = append(equal, []any{line})
		}
	}
	if err := rows.Err(); err != nil {
		return false, fmt.Errorf("load: fetch sealed values: %w", err)
	}
	if _, err := m.tx.CopyFrom(ctx, pgx.Identifier{StagingSchema, m.name + "_e"}, []string{"line"}, pgx.CopyFromRows(equal)); err != nil {
		return false, fmt.Errorf("load: note same values: %w", err)
	}
	return more, nil
}

// sameSealed reports whether a row would hold the same after its update. values are the table's and the file's, column
// after column. What cannot be opened is another value.
func (p *Plan) sameSealed(opaque []*column, values [][]byte) bool {
	for i, c := range opaque {
		now, next := values[2*i], values[2*i+1]
		switch {
		case next == nil && (now == nil || !p.spec.Clear):
			continue
		case now == nil || next == nil:
			return false
		}
		place := p.place(c.target)
		ours, err := p.spec.Crypt.Open(nil, next, place)
		theirs, theirsErr := p.spec.Crypt.Open(nil, now, place)
		if errors.Join(err, theirsErr) != nil || string(ours) != string(theirs) {
			return false
		}
	}
	return true
}

// open gives the text of a staged cell of an encrypted column, for one who may read it.
func (p *Plan) open(c *column, staged string) (string, error) {
	sealed, err := hex.DecodeString(strings.TrimPrefix(staged, `\x`))
	if err != nil {
		return "", fmt.Errorf("load: read sealed cell: %w", err)
	}
	plain, err := p.spec.Crypt.Open(nil, sealed, p.place(c.target))
	if err != nil {
		return "", fmt.Errorf("load: read sealed cell: %w", err)
	}
	return string(plain), nil
}
