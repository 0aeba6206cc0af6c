package pgcodec

import (
	"errors"

	"github.com/jackc/pgx/v5/pgtype"
)

// AppendFunc appends the text of one value that is not NULL to dst. raw is the value in Postgres's binary form.
//
// The error is ErrCorrupt; what is behind len(dst) is then of no use.
type AppendFunc func(dst, raw []byte) ([]byte, error)

// ErrCorrupt says that a raw value is not the binary form of its type: the query's types and the plan's differ.
var ErrCorrupt = errors.New("pgcodec: not the binary form of the type")

// codec prints one type. plain: its text never needs quotes in CSV.
type codec struct {
	text, json AppendFunc
	plain      bool
}

// JSON gives the function that prints values of a built-in type as row_to_json does.
//
// oid is that of the type below domains; for an enum, citext and whatever else is sent as its own text, pass
// pgtype.TextOID. ok is false for a type without a decoder here: see JSONColumn.
func JSON(oid uint32) (f AppendFunc, ok bool) {
	c, ok := codecOf(oid)
	return c.json, ok
}

// Text gives the function that prints values of a built-in type as its output function does, e.g. t and f for a boolean.
// oid and ok are as for JSON.
func Text(oid uint32) (f AppendFunc, ok bool) {
	c, ok := codecOf(oid)
	return c.text, ok
}

func codecOf(oid uint32) (codec, bool) {
	if c, ok := scalars[oid]; ok {
		return c, true
	}
	elem, ok := elements[oid]
	if !ok {
		return codec{}, false
	}
	c := scalars[elem]
	return codec{text: arrayText(elem, c.text), json: arrayJSON(elem, c.json)}, true
}

// scalars are the types with a decoder of their own.
var scalars = map[uint32]codec{
	pgtype.BoolOID:        {appendBoolText, appendBoolJSON, true},
	pgtype.Int2OID:        {appendInt2, appendInt2, true},
	pgtype.Int4OID:        {appendInt4, appendInt4, true},
	pgtype.Int8OID:        {appendInt8, appendInt8, true},
	pgtype.OIDOID:         quotedInJSON(appendOID),
	pgtype.Float4OID:      {appendFloat4, numberJSON(appendFloat4), true},
	pgtype.Float8OID:      {appendFloat8, numberJSON(appendFloat8), true},
	pgtype.NumericOID:     {appendNumeric, numberJSON(appendNumeric), true},
	pgtype.TextOID:        {appendText, appendTextJSON, false},
	pgtype.VarcharOID:     {appendText, appendTextJSON, false},
	pgtype.BPCharOID:      {appendText, appendTextJSON, false},
	pgtype.NameOID:        {appendText, appendTextJSON, false},
	pgtype.XMLOID:         {appendText, appendTextJSON, false},
	pgtype.QCharOID:       {appendQChar, appendQCharJSON, false},
	pgtype.JSONOID:        {appendText, appendText, false},
	pgtype.JSONBOID:       {appendJSONB, appendJSONB, false},
	pgtype.ByteaOID:       {appendBytea, appendByteaJSON, true},
	pgtype.UUIDOID:        quotedInJSON(appendUUID),
	pgtype.DateOID:        quotedInJSON(appendDate),
	pgtype.TimeOID:        quotedInJSON(appendTime),
	pgtype.TimetzOID:      quotedInJSON(appendTimetz),
	pgtype.TimestampOID:   {appendTimestamp, quoted(appendTimestampISO), true},
	pgtype.TimestamptzOID: {appendTimestamptz, quoted(appendTimestamptzISO), true},
	pgtype.IntervalOID:    quotedInJSON(appendInterval),
	pgtype.InetOID:        quotedInJSON(appendInet),
	pgtype.CIDROID:        quotedInJSON(appendInet),
	pgtype.MacaddrOID:     quotedInJSON(appendMacaddr),
	pgtype.Macaddr8OID:    quotedInJSON(appendMacaddr),
	pgtype.BitOID:         {appendBits, quoted(appendBits), false}, // bit varying may be empty
	pgtype.VarbitOID:      {appendBits, quoted(appendBits), false},
}

// quotedInJSON is the codec of a type whose text needs no escapes in JSON and no quotes in CSV.
func quotedInJSON(text AppendFunc) codec { return codec{text, quoted(text), true} }

func quoted(text AppendFunc) AppendFunc {
	return func(dst, raw []byte) ([]byte, error) {
		dst, err := text(append(dst, '"'), raw)
		return append(dst, '"'), err
	}
}

// numberJSON prints a number bare, and what JSON has no number for (NaN, Infinity) as a string.
func numberJSON(text AppendFunc) AppendFunc {
	return func(dst, raw []byte) ([]byte, error) {
		start := len(dst)
		dst, err := text(dst, raw)
		if err != nil || dst[len(dst)-1] <= '9' {
			return dst, err
		}
		dst = append(dst, "\"\""...)
		copy(dst[start+1:], dst[start:len(dst)-2])
		dst[start] = '"'
		return dst, nil
	}
}
