package dump

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgtype"

	"wharf/internal/catalog"
	"wharf/internal/fault"
	"wharf/internal/fieldcrypt"
	"wharf/internal/load"
	"wharf/internal/pgcodec"
	"wharf/internal/tabular"
)

// stagingColumn is a column of a staging table that holds cells.
type stagingColumn struct {
	*catalog.Column
	from   int                // index of the column whose cell it takes: another's, if it holds that one's hash
	codec  pgcodec.BinaryFunc // from a cell's text to the binary form of staged
	staged string             // its type in staging
	shape  shape
	reason error // why nothing but NULL can be written; nil: it can
	gives  int64 // rows that give it
}

// shape is the JSON that a column takes.
type shape uint8

const (
	scalar shape = iota // a string's text, a number's digits, true or false
	anyJSON
	list   // an array, which becomes the text of one in SQL
	record // an object, which the database makes a row of
)

var textCodec, _ = pgcodec.Binary(pgcodec.Type{OID: pgtype.TextOID})

// newStagingColumn settles how the cells of a column are staged.
func newStagingColumn(spec *Spec, t *catalog.Table, c *catalog.Column) stagingColumn {
	col := stagingColumn{Column: c}
	place := load.PlaceOf(spec.Tenant, t, c)
	switch {
	case c.Tags.HashOf != "":
		col.codec, col.staged = load.Hashing(spec.Crypt, place, c), c.BaseType
		col.reason = withoutKeys(spec)
	case c.Tags.Encrypted:
		col.codec, col.staged = load.Sealing(spec.Crypt, place), c.BaseType
		col.reason = withoutKeys(spec)
	case c.Tags.User || c.Tags.File:
		col.codec, col.staged = textCodec, "text"
	default:
		e := load.Encode(c)
		col.codec, col.staged = e.Codec, e.Staged
		switch {
		case c.Composite:
			col.shape = record
		case c.Kind == catalog.KindArray:
			col.codec, col.staged, col.shape = textCodec, "text", list
		case c.Kind == catalog.KindJSON:
			col.shape = anyJSON
		}
	}
	return col
}

// withoutKeys says that a column which needs keys can hold nothing, nil if there are keys.
func withoutKeys(spec *Spec) error {
	if spec.Crypt.Ready() == nil {
		return nil
	}
	return fault.New(fault.Invalid, "cannot be written: "+fieldcrypt.ErrNoKeys.Message)
}

// cellName gives the name of a column's cells in staging.
func cellName(c *catalog.Column) string { return fmt.Sprintf("c%d", c.Num) }

// secret reports whether values must not be shown, in errors neither.
func (c *stagingColumn) secret() bool {
	return c.Tags.Redact || c.Tags.Encrypted || c.Tags.HashOf != ""
}

// hides reports whether catalog.Redacted stands for a value that the document does not give.
func (c *stagingColumn) hides() bool {
	return c.Tags.Redact || c.Tags.Encrypted || c.Kind == catalog.KindText
}

// cellState is what a row says of a column.
type cellState uint8

const (
	absent cellState = iota
	null
	given
	hidden // catalog.Redacted
)

// append adds to dst the text that the column's codec takes for a JSON value, and says what the value is.
func (c *stagingColumn) append(dst, value []byte) ([]byte, cellState, error) {
	switch value[0] {
	case 'n':
		if c.shape == anyJSON && c.NotNull {
			break // no NULL can have been in such a column: it was the null of JSON
		}
		return dst, null, nil
	case '"':
		body := value[1 : len(value)-1]
		switch {
		case len(body) == len(catalog.Redacted) && string(body) == catalog.Redacted && c.hides():
			return dst, hidden, nil
		case c.shape == list:
			return dst, given, errNoList
		case c.shape == record:
			return dst, given, errNoObject
		case c.shape == scalar && bytes.IndexByte(body, '\\') < 0:
			return append(dst, body...), given, nil
		case c.shape == scalar:
			return c.unescape(dst, body)
		}
	case '[':
		if c.shape == list {
			dst, err := appendList(dst, value, c.ElementKind == catalog.KindJSON)
			return dst, given, err
		}
		if c.shape != anyJSON {
			return dst, given, errIsList
		}
	case '{':
		if c.shape != anyJSON && c.shape != record {
			return dst, given, errIsObject
		}
	default:
		switch c.shape {
		case list:
			return dst, given, errNoList
		case record:
			return dst, given, errNoObject
		}
	}
	return append(dst, value...), given, nil
}

var (
	errNoList       = fault.New(fault.Invalid, "is not a list")
	errNoObject     = fault.New(fault.Invalid, "is not an object")
	errIsList       = fault.New(fault.Invalid, "is a list, which its type cannot hold")
	errObjectInList = fault.New(fault.Invalid, "has an object among its elements, which its type cannot hold")
	errIsObject     = fault.New(fault.Invalid, "is an object, which its type cannot hold")
	errSurrogate    = fault.New(fault.Invalid, "holds half a surrogate pair, which is no character")
)

func (c *stagingColumn) unescape(dst, body []byte) ([]byte, cellState, error) {
	dst, sound := tabular.JSONUnescape(dst, body)
	if !sound {
		return dst, given, errSurrogate
	}
	return dst, given, nil
}

// maxQuoted is how much of a value an error quotes, in bytes.
const maxQuoted = 100

// clip gives text that an error or a warning can quote.
func clip(text []byte) string {
	rest := ""
	if n := maxQuoted; len(text) > n {
		for n > 0 && !utf8.RuneStart(text[n]) {
			n--
		}
		text, rest = text[:n], "…"
	}
	return strings.ReplaceAll(strings.ToValidUTF8(string(text), "�"), "\x00", "␀") + rest
}
