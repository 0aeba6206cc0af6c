// Package pgcodec carries values between Postgres's binary protocol and text, both ways, without a decoder's detour
// through Go values and without an allocation a value (reading an inet or a cidr makes one).
//
// Out: a query is asked for binary results and its raw values become what Postgres itself would have printed: JSON is
// byte for byte that of row_to_json, text that of a type's output function, which is what COPY (FORMAT csv) writes.
// Both hold for a session with
//
//	client_encoding UTF8, TimeZone UTC, DateStyle ISO, IntervalStyle postgres, extra_float_digits 1, bytea_output hex.
//
// A type without a decoder here is selected as text by an expression (JSONColumn, TextColumn), so that every type there
// is can be exported.
//
// In: canonical text becomes the binary form that COPY (FORMAT binary) takes. What a BinaryFunc accepts, Postgres's own
// cast from text accepts with the same result; what it refuses, it refuses with a predicate that follows a column's
// name: "is not a whole number". COPY fails as a whole at the first bad value, so nothing doubtful is passed on.
//
// Invariants: no function panics on any input; a value of the wrong length is ErrCorrupt; integers and numerics are
// exact, never by way of a float.
package pgcodec
