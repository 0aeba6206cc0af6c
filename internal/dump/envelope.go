package dump

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/google/uuid"

	"wharf/internal/fault"
	"wharf/internal/tabular"
)

// document reads the object that is a dump.
func (s *stager) document() error {
	more, err := s.beginObject("the document")
	for more && err == nil {
		var key []byte
		if key, err = s.scan.key(); err != nil {
			return err
		}
		if err = s.topMember(key); err == nil {
			more, err = s.scan.next()
		}
	}
	return err
}

// topMember reads what stands under a key of the document.
func (s *stager) topMember(key []byte) error {
	if t, ok := s.tables[string(key)]; ok {
		return s.listedTable(t)
	}
	switch string(key) {
	case "schema_version", "nakatomi_version", "workspace", "counts", "user_refs", "wharf_version", "exported_at", "scope":
		return s.envelope(string(key))
	}
	// The key is valid until the scanner goes on.
	name := append([]byte(nil), key[:min(len(key), maxQuoted+1)]...)
	c, err := s.scan.peek()
	if err != nil {
		return err
	}
	s.left.table(name, c == '[')
	return s.scan.skip()
}

func (s *stager) envelope(key string) error {
	if err := s.once(key); err != nil {
		return err
	}
	switch key {
	case "schema_version":
		return s.version()
	case "workspace":
		return s.workspace()
	case "counts":
		return s.counts()
	case "user_refs":
		return s.userRefs()
	case "nakatomi_version":
		s.head.foreign = true
	}
	return s.scan.skip()
}

// listedTable reads the rows of a table, whose array comes next.
func (s *stager) listedTable(t *stagingTable) error {
	if err := s.once(t.Name); err != nil {
		return err
	}
	if t.Operational {
		s.left.operational(t.Name)
		return s.scan.skip()
	}
	if err := s.array(t, 0); err != nil {
		return err
	}
	return s.flushAll(t)
}

// once notes a key at the top of the document, which must not stand there again.
func (s *stager) once(key string) error {
	if s.listed[key] {
		return s.scan.invalid("the document has %s twice", key)
	}
	s.listed[key] = true
	return nil
}

// version reads schema_version.
func (s *stager) version() error {
	value, err := s.scan.value()
	if err != nil {
		return err
	}
	version, err := strconv.Atoi(string(value[:min(len(value), 20)]))
	if err != nil || !slices.Contains(Supported, version) {
		return fault.Newf(fault.Invalid, "unsupported schema_version: %s; this server supports %s", clip(value), fmt.Sprint(Supported))
	}
	s.head.version = version
	return nil
}

// workspace reads whose rows they are.
func (s *stager) workspace() error {
	return s.object("workspace", func(key []byte) error {
		if string(key) != "id" {
			return s.scan.skip()
		}
		text, _, err := s.text()
		if id, wrong := uuid.ParseBytes(text); wrong == nil { // else it is that of no tenant here
			s.head.workspace = id
		}
		return err
	})
}

// counts reads how many rows each table has, as the document says.
func (s *stager) counts() error {
	return s.object("counts", func(key []byte) error {
		t, ok := s.tables[string(key)]
		if !ok {
			return s.scan.skip()
		}
		value, err := s.scan.value()
		if err != nil {
			return err
		}
		n, err := strconv.ParseInt(string(value[:min(len(value), 20)]), 10, 64)
		if err != nil {
			return s.scan.invalid("counts: %s is not a number of rows: %s", t.Name, clip(value))
		}
		s.head.counts[t.Name] = n
		return nil
	})
}

// object reads an object: member is told each key, valid until it reads the value, which it must.
func (s *stager) object(what string, member func(key []byte) error) error {
	more, err := s.beginObject(what)
	for more && err == nil {
		var key []byte
		if key, err = s.scan.key(); err != nil {
			return err
		}
		if err = member(key); err == nil {
			more, err = s.scan.next()
		}
	}
	return err
}

// beginObject is the scanner's begin of an object, with a word on what else it may be.
func (s *stager) beginObject(what string) (more bool, err error) {
	c, err := s.scan.peek()
	if err == nil && c != '{' {
		return false, s.scan.invalid("%s is not an object", what)
	}
	if err != nil {
		return false, err
	}
	return s.scan.begin('{')
}

// text reads a string; ok is false for any other value, which is passed.
func (s *stager) text() (text []byte, ok bool, err error) {
	c, err := s.scan.peek()
	if err != nil {
		return nil, false, err
	}
	if c != '"' {
		return nil, false, s.scan.skip()
	}
	value, err := s.scan.value()
	if err != nil {
		return nil, false, err
	}
	text, sound := tabular.JSONUnescape(nil, value[1:len(value)-1])
	if !sound {
		return nil, false, s.scan.invalid("a text %s", errSurrogate.Message)
	}
	return text, true, nil
}
