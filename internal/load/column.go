package load

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"

	"wharf/internal/catalog"
	"wharf/internal/fault"
	"wharf/internal/pgcodec"
)

// column is a Column with what the statements need of it. In staging, and in the source, it goes by a name that no
// column of a product can have at the same time as staging's own.
type column struct {
	Column
	n      int             // index into Plan.cols
	from   int             // index of its cell in a batch's row: another's, if it holds that one's hash
	sealed bool            // it is encrypted
	target *catalog.Column // nil without a table
	ref    *reference      // nil: it names no other row
	given  bool            // a key that the database gives: it names rows, and is never written
	codec  pgcodec.BinaryFunc
	staged string // its type in staging
	cast   string // the type that the source casts it to; "": it is staged in its own
	verify string // the type whose rules only the database knows: every cell is tried; "": the codec is enough
}

// cell gives the column's name in staging and in the source.
func (c *column) cell() string { return fmt.Sprintf("c%d", c.n) }

// s gives the cell of the source's row.
func (c *column) s() string { return "s." + c.cell() }

// secret reports whether the column's values must not be shown, in errors neither.
func (c *column) secret() bool {
	return c.sealed || c.hashes() || c.target != nil && c.target.Tags.Redact
}

func (c *column) label() string {
	switch {
	case c.Label != "":
		return c.Label
	case c.target != nil:
		return c.target.Label
	}
	return c.Name
}

func (p *Plan) column(n int, c Column) (column, error) {
	target, ok := p.table.Column(c.Name)
	if !ok {
		return column{}, fault.Newf(fault.Invalid, "%s has no column %q", p.table.Name, c.Name)
	}
	col := column{Column: c, n: n, from: n, target: target, given: GivenByDatabase(p.table, target), sealed: target.Tags.Encrypted}
	if why := p.table.Unwritable(target); why != "" && !col.given {
		return column{}, fault.New(fault.Invalid, why)
	}
	if err := col.checkExtra(); err != nil {
		return column{}, err
	}
	col.encode()
	if col.Extra {
		col.codec = objects(col.codec)
	}
	if col.sealed {
		if err := p.ready(target); err != nil {
			return column{}, err
		}
		col.codec = Sealing(p.spec.Crypt, p.place(target))
	}
	return col, nil
}

// encode settles how cells are staged.
func (c *column) encode() {
	e := Encode(c.target)
	c.codec, c.staged, c.cast, c.verify = e.Codec, e.Staged, e.Cast, e.Verify
}

// Encoding is how the cells of a column are staged.
type Encoding struct {
	Codec  pgcodec.BinaryFunc // from a cell's text to Staged's binary form
	Staged string             // type in staging
	Cast   string             // type that the staged text has yet to be cast to; "": it is staged in its own
	Verify string             // type whose rules only the database knows: every cell is tried; "": the codec is enough
}

// Encode gives how a column's cells are staged. A domain is staged as the type below it, because COPY fails as a whole at
// the first cell that a domain refuses.
func Encode(t *catalog.Column) Encoding {
	var e Encoding
	var typed bool
	if e.Codec, typed = codecFor(t); typed {
		e.Staged = t.BaseType
	} else {
		e.Staged, e.Cast, e.Verify = "text", t.BaseType, t.Type
	}
	if t.Kind == catalog.KindArray && !typed {
		e.Codec = listCodec
	}
	if t.TypeOID != t.BaseOID {
		e.Verify = t.Type
	}
	return e
}

// asText makes the column one that is looked up before it has its own type.
func (c *column) asText() { c.codec, c.staged, c.cast, c.verify = textCodec, "text", "", "" }

// SoleKey gives the one column of the primary key beside the tenant's, nil if there are more or none.
func SoleKey(t *catalog.Table) *catalog.Column {
	names := slices.DeleteFunc(slices.Clone(t.PrimaryKey), func(name string) bool { return name == t.Scope.Column })
	if len(names) != 1 {
		return nil
	}
	c, _ := t.Column(names[0])
	return c
}

// GivenByDatabase reports whether the column is a primary key that no file decides: the database makes its values, or it
// is a uuid that refers to nothing, which the product mints itself.
func GivenByDatabase(t *catalog.Table, c *catalog.Column) bool {
	if SoleKey(t) != c {
		return false
	}
	refers := slices.ContainsFunc(t.ForeignKeys, func(k catalog.ForeignKey) bool { return slices.Contains(k.Columns, c.Name) })
	return c.Minted || c.Kind == catalog.KindUUID && !refers
}

// MintedKey gives the key whose values are minted while rows are staged, nil if the database or the file gives them.
func MintedKey(t *catalog.Table) *catalog.Column {
	if key := SoleKey(t); key != nil && key.Kind == catalog.KindUUID && GivenByDatabase(t, key) {
		return key
	}
	return nil
}

// codecFor gives how the column's cells are encoded; typed is false if they are staged as text and cast by the merge.
func codecFor(c *catalog.Column) (codec pgcodec.BinaryFunc, typed bool) {
	if c.Kind == catalog.KindEnum { // its binary form is its text
		return listed(textCodec, c.Labels), true
	}
	codec, typed = pgcodec.Binary(pgcodec.Type{OID: c.BaseOID, MaxLength: c.MaxLength, Precision: c.Precision, Scale: c.Scale})
	switch {
	case !typed:
		return textCodec, false
	case c.Labels != nil:
		return listed(codec, c.Labels), true
	}
	return codec, true
}

var textCodec, _ = pgcodec.Binary(pgcodec.Type{OID: pgtype.TextOID})

// listed accepts only what a CHECK (column IN (…)) or an enum lists.
func listed(codec pgcodec.BinaryFunc, labels []string) pgcodec.BinaryFunc {
	allowed := make(map[string]bool, len(labels))
	for _, l := range labels {
		allowed[l] = true
	}
	wrong := errors.New("must be one of " + strings.Join(labels, ", "))
	return func(dst, text []byte) ([]byte, error) {
		if !allowed[string(text)] {
			return dst, wrong
		}
		return codec(dst, text)
	}
}
