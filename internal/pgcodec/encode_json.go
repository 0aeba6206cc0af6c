package pgcodec

import "unicode/utf8"

// maxJSONDepth is how many arrays and objects may be nested: about half of what Postgres reads with its default
// max_stack_depth.
const maxJSONDepth = 5_000

func encodeJSON(dst, text []byte) ([]byte, error) {
	if err := checkJSON(text, false); err != nil {
		return dst, err
	}
	return append(dst, text...), nil
}

func encodeJSONB(dst, text []byte) ([]byte, error) {
	if err := checkJSON(text, true); err != nil {
		return dst, err
	}
	return append(append(dst, jsonbVersion), text...), nil
}

// checkJSON tells whether Postgres takes text as json (RFC 8259), or as jsonb, which resolves escapes and numbers and so
// refuses those that it cannot hold.
func checkJSON(text []byte, jsonb bool) error {
	if !utf8.Valid(text) {
		return errNotUTF8
	}
	c := jsonChecker{text: text, jsonb: jsonb}
	if err := c.value(0); err != nil {
		return err
	}
	if c.pos != len(text) {
		return errNotJSON
	}
	return nil
}

// jsonChecker reads JSON from left to right. Each method begins at its first byte, white space at most, and ends behind
// its last; value also takes the white space that follows.
type jsonChecker struct {
	text  []byte
	pos   int
	jsonb bool
}

// next gives the next byte that is not white space and stays there; 0 at the end.
func (c *jsonChecker) next() byte {
	for ; c.pos < len(c.text); c.pos++ {
		switch b := c.text[c.pos]; b {
		case ' ', '\t', '\n', '\r':
		default:
			return b
		}
	}
	return 0
}

func (c *jsonChecker) value(depth int) (err error) {
	switch b := c.next(); b {
	case '{', '[':
		err = c.members(depth, b == '{')
	case '"':
		err = c.str()
	case 't':
		err = c.word("true")
	case 'f':
		err = c.word("false")
	case 'n':
		err = c.word("null")
	default:
		err = c.number()
	}
	c.next()
	return err
}

// members reads an object or an array.
func (c *jsonChecker) members(depth int, object bool) error {
	if depth == maxJSONDepth {
		return errJSONDepth
	}
	end := byte(']')
	if object {
		end = '}'
	}
	c.pos++
	if c.next() == end {
		c.pos++
		return nil
	}
	for {
		if object {
			if err := c.key(); err != nil {
				return err
			}
		}
		if err := c.value(depth + 1); err != nil {
			return err
		}
		switch c.next() {
		case ',':
			c.pos++
		case end:
			c.pos++
			return nil
		default:
			return errNotJSON
		}
	}
}

func (c *jsonChecker) key() error {
	if c.next() != '"' {
		return errNotJSON
	}
	if err := c.str(); err != nil {
		return err
	}
	if c.next() != ':' {
		return errNotJSON
	}
	c.pos++
	return nil
}

func (c *jsonChecker) word(w string) error {
	if len(c.text)-c.pos < len(w) || string(c.text[c.pos:c.pos+len(w)]) != w {
		return errNotJSON
	}
	c.pos += len(w)
	return nil
}

func (c *jsonChecker) str() error {
	for c.pos++; c.pos < len(c.text); c.pos++ {
		b := c.text[c.pos]
		switch {
		case !jsonSpecial[b]:
		case b == '"':
			c.pos++
			return nil
		case b == '\\':
			if err := c.escape(); err != nil {
				return err
			}
		default: // a control character
			return errNotJSON
		}
	}
	return errNotJSON
}

// escape reads the escape at the backslash that is next, and ends at its last byte.
func (c *jsonChecker) escape() error {
	c.pos++
	if c.pos == len(c.text) {
		return errNotJSON
	}
	switch c.text[c.pos] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return nil
	case 'u':
	default:
		return errNotJSON
	}
	unit, ok := c.unit()
	switch {
	case !ok:
		return errNotJSON
	case !c.jsonb:
		return nil
	case unit == 0:
		return errJSONNUL
	case unit < 0xD800 || unit > 0xDFFF:
		return nil
	}
	if unit >= 0xDC00 || len(c.text)-c.pos < 3 || c.text[c.pos+1] != '\\' || c.text[c.pos+2] != 'u' {
		return errJSONSurrogate
	}
	c.pos += 2
	low, ok := c.unit()
	if !ok {
		return errNotJSON
	}
	if low < 0xDC00 || low > 0xDFFF {
		return errJSONSurrogate
	}
	return nil
}

// unit reads the four hex digits behind the u that is next, and ends at the last.
func (c *jsonChecker) unit() (unit uint32, ok bool) {
	if len(c.text)-c.pos < 5 {
		return 0, false
	}
	for range 4 {
		c.pos++
		d := nibble[c.text[c.pos]]
		if d > 15 {
			return 0, false
		}
		unit = unit<<4 | uint32(d)
	}
	return unit, true
}

func (c *jsonChecker) number() error {
	start := c.pos
	if c.pos < len(c.text) && c.text[c.pos] == '-' {
		c.pos++
	}
	whole := c.pos
	c.pos = skipDigits(c.text, whole)
	if c.pos == whole || c.text[whole] == '0' && c.pos > whole+1 { // none, or a leading zero
		return errNotJSON
	}
	if c.pos < len(c.text) && c.text[c.pos] == '.' && !c.digits() {
		return errNotJSON
	}
	if c.pos < len(c.text) && (c.text[c.pos] == 'e' || c.text[c.pos] == 'E') {
		if c.pos+1 < len(c.text) && (c.text[c.pos+1] == '-' || c.text[c.pos+1] == '+') {
			c.pos++
		}
		if !c.digits() {
			return errNotJSON
		}
	}
	if !c.jsonb {
		return nil
	}
	d, ok := scanDecimal(c.text[start:c.pos])
	if !ok || d.scale > maxNumericScale || !d.isZero() && d.point > maxNumericWhole {
		return errJSONNumber
	}
	return nil
}

// digits steps over the byte that is next and over the digits behind it; false: there is none.
func (c *jsonChecker) digits() bool {
	start := c.pos + 1
	c.pos = skipDigits(c.text, start)
	return c.pos > start
}
