package pgcodec

import (
	"github.com/jackc/pgx/v5/pgtype"

	"wharf/internal/fault"
)

// Type is what a column's type comes down to: the type below its domains, and that one's modifiers.
type Type struct {
	OID       uint32 // pgtype.TextOID for an enum, citext and whatever else is sent as its own text
	MaxLength int    // characters of varchar(n) and char(n); 0: no limit
	Precision int    // digits of numeric(p,s); 0: no limit, and Scale is not looked at
	Scale     int    // decimals of numeric(p,s); may be negative
}

// BinaryFunc appends the binary form of text to dst, without its length word.
//
// The error is a fault.Invalid whose message is a predicate for people, such as "is not a whole number"; what is behind
// len(dst) is then of no use. A value that is refused costs no allocation either.
type BinaryFunc func(dst, text []byte) ([]byte, error)

// Binary gives the function that reads text of a type. What each accepts:
//
//   - boolean: true/false, t/f, yes/no, y/n, on/off, 1/0 in any case.
//   - integers (oid only as digits): decimals with or without a sign and an exponent, if the value is whole: 5, 5.0 and 5e3, but not 5.5.
//   - numeric, floats: decimal with or without an exponent, NaN, Infinity. numeric(p,s) refuses what it would have to round.
//   - text and its kind: valid UTF-8 without NUL. varchar(n) and char(n) refuse what is longer, blanks at the end too.
//   - date: ISO 8601, years of four digits and more, " BC" behind; a date-time only if it is midnight.
//   - timestamp, timestamptz: ISO 8601 with T or a blank, seconds optional, or a date alone; the offset is optional.
//     Without one it is UTC; timestamp, which has no zone, leaves an offset out as Postgres does.
//   - time: HH:MM, HH:MM:SS, with decimals; 24:00.
//   - uuid: 32 hex digits, with or without hyphens and braces. bytea: \x and hex digits.
//   - json, jsonb: RFC 8259; jsonb also what it can hold: no \u0000, surrogates in pairs, numbers in numeric's range.
//   - inet, cidr: whole addresses, with or without a prefix length.
//
// An enum's labels are not known here: the caller checks them, or the server fails the COPY. ok is false for all other
// types: stage those as text and let the merge cast them.
func Binary(t Type) (f BinaryFunc, ok bool) {
	switch t.OID {
	case pgtype.TextOID, pgtype.VarcharOID, pgtype.BPCharOID:
		return encodeText(t.MaxLength), true
	case pgtype.NumericOID:
		return encodeNumeric(t.Precision, t.Scale), true
	}
	f, ok = encoders[t.OID]
	return f, ok
}

var encoders = map[uint32]BinaryFunc{
	pgtype.BoolOID:        encodeBool,
	pgtype.Int2OID:        encodeInt2,
	pgtype.Int4OID:        encodeInt4,
	pgtype.Int8OID:        encodeInt8,
	pgtype.OIDOID:         encodeOID,
	pgtype.Float4OID:      encodeFloat4,
	pgtype.Float8OID:      encodeFloat8,
	pgtype.UUIDOID:        encodeUUID,
	pgtype.DateOID:        encodeDate,
	pgtype.TimeOID:        encodeTime,
	pgtype.TimestampOID:   encodeTimestamp,
	pgtype.TimestamptzOID: encodeTimestamptz,
	pgtype.JSONOID:        encodeJSON,
	pgtype.JSONBOID:       encodeJSONB,
	pgtype.ByteaOID:       encodeBytea,
	pgtype.InetOID:        encodeInet,
	pgtype.CIDROID:        encodeCIDR,
}

func invalid(format string, args ...any) *fault.Error {
	return fault.Newf(fault.Invalid, format, args...)
}

// The reasons to refuse a value. They are made once: a file may have millions of bad cells.
var (
	errNotBool       = invalid("is not true or false")
	errNotInteger    = invalid("is not a whole number")
	errSmallint      = invalid("is out of range for smallint")
	errInteger       = invalid("is out of range for integer")
	errBigint        = invalid("is out of range for bigint")
	errOID           = invalid("is out of range for oid")
	errNotNumber     = invalid("is not a number")
	errReal          = invalid("is out of range for real")
	errDouble        = invalid("is out of range for double precision")
	errNumeric       = invalid("is out of range for numeric")
	errNotUTF8       = invalid("is not valid UTF-8")
	errNUL           = invalid("holds a NUL character")
	errNotUUID       = invalid("is not a UUID")
	errNotBytea      = invalid(`is not bytes in hex (\x…)`)
	errNotDate       = invalid("is not an ISO date (YYYY-MM-DD)")
	errNotTimestamp  = invalid("is not an ISO date and time")
	errNotTime       = invalid("is not a time of day (HH:MM:SS)")
	errNoSuchDay     = invalid("is not a day of the calendar")
	errTimeInDate    = invalid("has a time of day, which a date cannot keep")
	errDateRange     = invalid("is out of range for date")
	errMomentRange   = invalid("is out of range for timestamp")
	errNotJSON       = invalid("is not valid JSON")
	errJSONDepth     = invalid("is JSON nested too deeply")
	errJSONNUL       = invalid(`holds \u0000, which jsonb cannot keep`)
	errJSONSurrogate = invalid("holds half a surrogate pair, which jsonb cannot keep")
	errJSONNumber    = invalid("holds a number out of range for jsonb")
	errNotInet       = invalid("is not an IP address")
	errNotCIDR       = invalid("is not an IP network")
)
