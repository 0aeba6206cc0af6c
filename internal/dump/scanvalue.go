package dump

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/google/uuid"

	"wharf/internal/fault"
	"wharf/internal/tabular"
)

// object reads an object, which what names in an error. member is told each key, valid until it reads the value, which it must.
func (s *scanner) object(what string, member func(key []byte) error) error {
	return s.each('{', what+" is not an object", func() error {
		key, err := s.key()
		if err != nil {
			return err
		}
		return member(key)
	})
}

// array reads an array; item must read a value each time.
func (s *scanner) array(what string, item func() error) error {
	return s.each('[', what+" is not a list", item)
}

func (s *scanner) each(opener byte, other string, member func() error) error {
	c, err := s.peek()
	if err != nil {
		return err
	}
	if c != opener {
		return s.invalid("%s", other)
	}
	more, err := s.begin(opener)
	for more && err == nil {
		if err = member(); err == nil {
			more, err = s.next()
		}
	}
	return err
}

// text reads a string, which is the caller's; ok is false for any other value, which is passed.
func (s *scanner) text() (text []byte, ok bool, err error) {
	c, err := s.peek()
	if err != nil {
		return nil, false, err
	}
	if c != '"' {
		return nil, false, s.skip()
	}
	value, err := s.value()
	if err != nil {
		return nil, false, err
	}
	text, sound := tabular.JSONUnescape(nil, value[1:len(value)-1])
	if !sound {
		return nil, false, s.invalid("a text %s", errSurrogate.Message)
	}
	return text, true, nil
}

// boolean reads true or false; null is false.
func (s *scanner) boolean(name string) (bool, error) {
	value, err := s.value()
	if err != nil {
		return false, err
	}
	switch string(value) {
	case "true":
		return true, nil
	case "false", "null":
		return false, nil
	}
	return false, s.invalid("%s is neither true nor false: %s", name, clip(value))
}

// word is text, "" for any other value.
func (s *scanner) word() (string, error) {
	text, _, err := s.text()
	return string(text), err
}

// count reads a number of rows.
func (s *scanner) count(what string) (int64, error) {
	value, err := s.value()
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(string(value[:min(len(value), maxQuoted)]), 10, 64)
	if err != nil || n < 0 {
		return 0, s.invalid("%s is not a number of rows: %s", what, clip(value))
	}
	return n, nil
}

var errNoVersion = fault.New(fault.Invalid, "the document has no schema_version, so it is not a dump that this server knows")

// schemaVersion reads one of Supported.
func (s *scanner) schemaVersion() (int, error) {
	value, err := s.value()
	if err != nil {
		return 0, err
	}
	version, err := strconv.Atoi(string(value[:min(len(value), maxQuoted)]))
	if err != nil || !slices.Contains(Supported, version) {
		return 0, fault.Newf(fault.Invalid, "unsupported schema_version: %s; this server supports %s", clip(value), fmt.Sprint(Supported))
	}
	return version, nil
}

// workspace reads the row of a tenant, and gives its id; zero if it is that of no tenant here.
func (s *scanner) workspace(what string) (id uuid.UUID, err error) {
	err = s.object(what, func(key []byte) error {
		if string(key) != "id" {
			return s.skip()
		}
		text, _, err := s.text()
		if parsed, wrong := uuid.ParseBytes(text); wrong == nil {
			id = parsed
		}
		return err
	})
	return id, err
}
