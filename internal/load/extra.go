package load

import (
	"bytes"
	"errors"

	"wharf/internal/fault"
	"wharf/internal/pgcodec"
)

// An extra column collects what a file has beyond the table's columns: its cells are JSON objects, and their keys are
// merged into what a row holds. A blank cell never empties it.

// checkExtra returns an error unless the column can be one that collects.
func (c *column) checkExtra() error {
	if c.Extra && c.target.BaseType != "jsonb" {
		return fault.Newf(fault.Invalid, "%s cannot collect columns: it is %s, not jsonb", c.Name, c.target.Type)
	}
	return nil
}

var errNoObject = errors.New("is no JSON object")

// objects accepts only JSON objects.
func objects(codec pgcodec.BinaryFunc) pgcodec.BinaryFunc {
	return func(dst, text []byte) ([]byte, error) {
		if !bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("{")) {
			return dst, errNoObject
		}
		return codec(dst, text)
	}
}

// merged gives what an extra column will hold in the table's row t, now being what it holds. Where that is no object there
// is nothing to merge into, and it stays.
func (c *column) merged(now string) string {
	return "CASE WHEN " + c.s() + " IS NULL THEN " + now +
		" WHEN coalesce(jsonb_typeof(" + now + "), 'null') = 'null' THEN " + c.s() +
		" WHEN jsonb_typeof(" + now + ") = 'object' THEN " + now + " || " + c.s() + " ELSE " + now + " END"
}
