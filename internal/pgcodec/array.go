package pgcodec

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/jackc/pgx/v5/pgtype"
)

// elements gives the element type of the array types printed here.
var elements = map[uint32]uint32{
	pgtype.BoolArrayOID:        pgtype.BoolOID,
	pgtype.Int2ArrayOID:        pgtype.Int2OID,
	pgtype.Int4ArrayOID:        pgtype.Int4OID,
	pgtype.Int8ArrayOID:        pgtype.Int8OID,
	pgtype.OIDArrayOID:         pgtype.OIDOID,
	pgtype.Float4ArrayOID:      pgtype.Float4OID,
	pgtype.Float8ArrayOID:      pgtype.Float8OID,
	pgtype.NumericArrayOID:     pgtype.NumericOID,
	pgtype.TextArrayOID:        pgtype.TextOID,
	pgtype.VarcharArrayOID:     pgtype.VarcharOID,
	pgtype.BPCharArrayOID:      pgtype.BPCharOID,
	pgtype.NameArrayOID:        pgtype.NameOID,
	pgtype.JSONArrayOID:        pgtype.JSONOID,
	pgtype.JSONBArrayOID:       pgtype.JSONBOID,
	pgtype.ByteaArrayOID:       pgtype.ByteaOID,
	pgtype.UUIDArrayOID:        pgtype.UUIDOID,
	pgtype.DateArrayOID:        pgtype.DateOID,
	pgtype.TimeArrayOID:        pgtype.TimeOID,
	pgtype.TimetzArrayOID:      pgtype.TimetzOID,
	pgtype.TimestampArrayOID:   pgtype.TimestampOID,
	pgtype.TimestamptzArrayOID: pgtype.TimestamptzOID,
	pgtype.IntervalArrayOID:    pgtype.IntervalOID,
	pgtype.InetArrayOID:        pgtype.InetOID,
	pgtype.CIDRArrayOID:        pgtype.CIDROID,
	pgtype.MacaddrArrayOID:     pgtype.MacaddrOID,
	pgtype.BitArrayOID:         pgtype.BitOID,
	pgtype.VarbitArrayOID:      pgtype.VarbitOID,
}

// maxDimensions is Postgres's own limit.
const maxDimensions = 6

// array is one array value being printed. Its binary form is: count of dimensions, flags, element type, a length and a
// lower bound for each dimension, then the elements in row-major order, each with its length in bytes (-1: NULL).
type array struct {
	dims   int
	length [maxDimensions]int
	lower  [maxDimensions]int32
	rest   []byte // the elements not yet printed
	elem   AppendFunc
}

func parseArray(raw []byte, oid uint32, elem AppendFunc) (array, error) {
	a := array{elem: elem}
	if len(raw) < 12 {
		return a, ErrCorrupt
	}
	dims := binary.BigEndian.Uint32(raw)
	if dims > maxDimensions || binary.BigEndian.Uint32(raw[8:]) != oid || len(raw) < 12+8*int(dims) {
		return a, ErrCorrupt
	}
	a.dims, a.rest = int(dims), raw[12+8*dims:]
	total := 1
	for d := range a.dims {
		n := binary.BigEndian.Uint32(raw[12+8*d:])
		if n == 0 || int(n) > len(a.rest)/4/total { // each element has at least its length word
			return a, ErrCorrupt
		}
		total *= int(n)
		a.length[d], a.lower[d] = int(n), int32(binary.BigEndian.Uint32(raw[16+8*d:]))
	}
	return a, nil
}

// next takes one element; nil: NULL.
func (a *array) next() ([]byte, error) {
	if len(a.rest) < 4 {
		return nil, ErrCorrupt
	}
	n := int32(binary.BigEndian.Uint32(a.rest))
	a.rest = a.rest[4:]
	if n == -1 {
		return nil, nil
	}
	if n < 0 || int(n) > len(a.rest) {
		return nil, ErrCorrupt
	}
	elem := a.rest[:n:n]
	a.rest = a.rest[n:]
	return elem, nil
}

// arrayJSON prints arrays as nested JSON arrays; lower bounds are not shown, as in Postgres.
func arrayJSON(oid uint32, elem AppendFunc) AppendFunc {
	return func(dst, raw []byte) ([]byte, error) {
		a, err := parseArray(raw, oid, elem)
		if err != nil {
			return dst, err
		}
		if a.dims == 0 {
			return append(dst, "[]"...), nil
		}
		return a.append(dst, 0, '[', ']', (*array).appendElementJSON)
	}
}

// arrayText prints arrays as {a,"b c",NULL}, with [lower:upper]= ahead if a lower bound is not 1.
func arrayText(oid uint32, elem AppendFunc) AppendFunc {
	return func(dst, raw []byte) ([]byte, error) {
		a, err := parseArray(raw, oid, elem)
		if err != nil {
			return dst, err
		}
		if a.dims == 0 {
			return append(dst, "{}"...), nil
		}
		return a.append(a.appendBounds(dst), 0, '{', '}', (*array).appendElementText)
	}
}

func (a *array) append(dst []byte, dim int, open, end byte,
	element func(a *array, dst []byte) ([]byte, error),
) ([]byte, error) {
	dst = append(dst, open)
	var err error
	for i := range a.length[dim] {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dim+1 < a.dims {
			dst, err = a.append(dst, dim+1, open, end, element)
		} else {
			dst, err = element(a, dst)
		}
		if err != nil {
			return dst, err
		}
	}
	return append(dst, end), nil
}

func (a *array) appendElementJSON(dst []byte) ([]byte, error) {
	raw, err := a.next()
	if err != nil {
		return dst, err
	}
	if raw == nil {
		return append(dst, "null"...), nil
	}
	return a.elem(dst, raw)
}

func (a *array) appendElementText(dst []byte) ([]byte, error) {
	raw, err := a.next()
	if err != nil {
		return dst, err
	}
	if raw == nil {
		return append(dst, "NULL"...), nil
	}
	start := len(dst)
	if dst, err = a.elem(dst, raw); err != nil {
		return dst, err
	}
	if elementNeedsQuotes(dst[start:]) {
		dst = quoteTail(dst, start, '\\')
	}
	return dst, nil
}

func elementNeedsQuotes(text []byte) bool {
	return len(text) == 0 || bytes.ContainsAny(text, "\"\\{}, \t\n\r\v\f") ||
		len(text) == 4 && bytes.EqualFold(text, []byte("NULL"))
}

func (a *array) appendBounds(dst []byte) []byte {
	lower := a.lower[:a.dims]
	if !slices.ContainsFunc(lower, func(l int32) bool { return l != 1 }) {
		return dst
	}
	for d, l := range lower {
		dst = appendInt(append(dst, '['), int64(l))
		dst = appendInt(append(dst, ':'), int64(l)+int64(a.length[d])-1)
		dst = append(dst, ']')
	}
	return append(dst, '=')
}

// quoteTail puts dst[start:] between double quotes, with escape before each quote and each escape inside.
func quoteTail(dst []byte, start int, escape byte) []byte {
	extra := 2
	for _, c := range dst[start:] {
		if c == '"' || c == escape {
			extra++
		}
	}
	from := len(dst)
	dst = slices.Grow(dst, extra)[:from+extra]
	to := len(dst) - 1
	dst[to] = '"'
	for from > start { // backwards: the text moves up inside its own memory
		from--
		to--
		c := dst[from]
		dst[to] = c
		if c == '"' || c == escape {
			to--
			dst[to] = escape
		}
	}
	dst[start] = '"'
	return dst
}
