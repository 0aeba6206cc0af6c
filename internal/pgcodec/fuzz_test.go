package pgcodec

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5/pgtype"
	"github.com/stretchr/testify/require"
)

// FuzzPrinters gives every printer bytes of any kind: none may panic, and what it prints as JSON is JSON.
func FuzzPrinters(f *testing.F) {
	for _, seed := range []string{
		"", "\x00", "\x01", "\x01{}", "\x7f\xff\xff\xff", "\x80\x00\x00\x00\x00\x00\x00\x00", "\x00\x00\x00\x0b\xff\xe0", "\x02\x20\x00\x04\x7f\x00\x00\x01",
		"\x00\x02\x00\x00\x40\x00\x00\x02\x00\x0c\x0d\x48", "\x00\x00\x7f\xff\x00\x00\xff\xff", "0123456789abcdef",
		"\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x17\x00\x00\x00\x02\x00\x00\x00\x01\x00\x00\x00\x04\x00\x00\x00\x07\xff\xff\xff\xff",
		"\x00\x00\x00\x06\x00\x00\x00\x00\x00\x00\x00\x19\x7f\xff\xff\xff\x00\x00\x00\x01",
	} {
		f.Add([]byte(seed))
	}
	oids := slices.Sorted(maps.Keys(scalars))
	oids = append(oids, slices.Sorted(maps.Keys(elements))...)
	embedded := []uint32{pgtype.JSONOID, pgtype.JSONBOID, pgtype.JSONArrayOID, pgtype.JSONBArrayOID} // the server's own JSON

	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, oid := range oids {
			asJSON, ok := JSON(oid)
			require.True(t, ok)
			if out, err := asJSON(nil, raw); err != nil {
				require.ErrorIs(t, err, ErrCorrupt)
			} else if !slices.Contains(embedded, oid) {
				require.True(t, json.Valid(out), "%d: %.200q", oid, out)
			}
			asText, _ := Text(oid)
			if _, err := asText(nil, raw); err != nil {
				require.ErrorIs(t, err, ErrCorrupt)
			}
		}
	})
}

// FuzzReaders gives every reader text of any kind: none may panic, and a value it accepts prints as text that it reads as
// the same value.
func FuzzReaders(f *testing.F) {
	for _, seed := range []string{
		"", "t", "-1", "1e5", "NaN", "-0.5e-3", "99999.995", "é", "2024-02-29", "0001-01-01 BC", "2024-02-29T10:00:00.5+02", "24:00", "{}", `["\u0000"]`,
		`\x00`, "::1/64", "10.0.0.0/8", "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}",
	} {
		f.Add([]byte(seed))
	}
	types := []Type{{OID: pgtype.TextOID}, {OID: pgtype.VarcharOID, MaxLength: 3}, {OID: pgtype.NumericOID}, {OID: pgtype.NumericOID, Precision: 5, Scale: 2}}
	for _, oid := range slices.Sorted(maps.Keys(encoders)) {
		types = append(types, Type{OID: oid})
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, typ := range types {
			read, _ := Binary(typ)
			value, err := read(nil, text)
			if err != nil {
				continue
			}
			asText, _ := Text(typ.OID)
			printed, err := asText(nil, value)
			require.NoError(t, err, "%d", typ.OID)
			again, err := read(nil, printed)
			require.NoError(t, err, "%d: %q", typ.OID, printed)
			require.Equal(t, value, again, "%d: %q", typ.OID, printed)
		}
	})
}

// FuzzJSON compares with the standard library, which does not look at the encoding, nor at what jsonb can hold.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{"", "{}", `{"a":[1,-0.5e+3,true,null,"\n\u12aB"]} `, "01", "[1,]", "tru", `"\q"`, "\"\x1f\"", "1e"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		err := checkJSON(text, false)
		if errors.Is(err, errNotUTF8) || errors.Is(err, errJSONDepth) {
			return
		}
		require.Equal(t, json.Valid(text), err == nil, "%q", text)
	})
}
