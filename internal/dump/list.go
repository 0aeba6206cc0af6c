package dump

import (
	"bytes"

	"wharf/internal/tabular"
)

// appendList adds to dst the text of an SQL array: what a JSON array holds, those inside of it as further dimensions. Of an
// array of JSON every item is an element, whatever it is.
func appendList(dst, value []byte, ofJSON bool) ([]byte, error) {
	dst = append(dst, '{')
	for i, first := 1, true; ; first = false {
		if i = tabular.JSONSpace(value, i); value[i] == ']' {
			return append(dst, '}'), nil
		}
		if !first { // behind a comma
			dst = append(dst, ',')
			i = tabular.JSONSpace(value, i+1)
		}
		end, _ := tabular.JSONValue(value, i, len(value)) // it was found to be whole before
		var err error
		if dst, err = appendElement(dst, value[i:end], ofJSON); err != nil {
			return dst, err
		}
		i = end
	}
}

func appendElement(dst, item []byte, ofJSON bool) ([]byte, error) {
	switch {
	case item[0] == 'n':
		return append(dst, "NULL"...), nil
	case ofJSON:
		return appendQuoted(dst, item), nil
	case item[0] == '[':
		return appendList(dst, item, false)
	case item[0] == '{':
		return dst, errObjectInList
	case item[0] == '"' && bytes.IndexByte(item, '\\') < 0:
		return appendQuoted(dst, item[1:len(item)-1]), nil
	case item[0] == '"':
		text, sound := tabular.JSONUnescape(nil, item[1:len(item)-1])
		if !sound {
			return dst, errSurrogate
		}
		return appendQuoted(dst, text), nil
	}
	return append(dst, item...), nil
}

// appendQuoted adds an element that is quoted as array_in reads it (PostgreSQL manual, 8.15.6).
func appendQuoted(dst, text []byte) []byte {
	dst = append(dst, '"')
	for _, b := range text {
		if b == '"' || b == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, b)
	}
	return append(dst, '"')
}
