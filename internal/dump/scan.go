package dump

import (
	"fmt"
	"io"

	"wharf/internal/fault"
	"wharf/internal/tabular"
)

const (
	windowBytes  = 256 << 10 // of the document that are in memory at a time; a larger value makes the window grow
	defaultRow   = 16 << 20
	defaultDepth = 500
)

// scanner reads JSON (RFC 8259) as a stream: members and values one after another, each of them whole in memory, and nothing
// of what is behind it.
//
//	for more, err := s.begin('{'); more; more, err = s.next() { key := s.key(); value := s.value() }
//
// What key and value give is valid until the next call. No call makes an allocation, except that the window grows.
type scanner struct {
	src    io.Reader
	buf    []byte
	pos    int    // buf[pos:end] is unread
	end    int    // behind it nothing was read yet
	eof    bool   // nothing comes behind end
	passed int64  // bytes of the document before buf
	most   int    // bytes of a value
	depth  int    // of containers in each other
	open   []byte // what closes the containers that are open
	key0   []byte // a key without its escapes
	where  func() string
}

// newScanner reads src. where says for people what is being read ("contacts row 12"); "": nothing worth saying.
func newScanner(src io.Reader, limits Limits, where func() string) *scanner {
	s := &scanner{src: src, most: limits.Row, depth: limits.Depth, where: where}
	if s.most <= 0 {
		s.most = defaultRow
	}
	if s.depth <= 0 {
		s.depth = defaultDepth
	}
	return s
}

// at is the place of the byte that comes next in the document.
func (s *scanner) at() int64 { return s.passed + int64(s.pos) }

// fail makes an error that says where it is.
func (s *scanner) fail(code fault.Code, format string, args ...any) error {
	message := fmt.Sprintf(format, args...)
	if where := s.where(); where != "" {
		message = where + ": " + message
	}
	return fault.New(code, message)
}

// invalid is fail with fault.Invalid.
func (s *scanner) invalid(format string, args ...any) error {
	return s.fail(fault.Invalid, format, args...)
}

// bad is the error of a document that is no JSON at i of the window.
func (s *scanner) bad(i int) error {
	return s.invalid("this is not valid JSON at byte %d of the document", s.passed+int64(i)+1)
}

// fill reads on behind the unread text; it is an error if there is nothing.
func (s *scanner) fill() error {
	if s.eof {
		return s.invalid("the document ends in the middle, after %d bytes: it was cut short", s.passed+int64(s.end))
	}
	if s.buf == nil {
		s.buf = make([]byte, min(windowBytes, s.most))
	}
	copy(s.buf, s.buf[s.pos:s.end])
	s.passed += int64(s.pos)
	s.pos, s.end = 0, s.end-s.pos
	if s.end == len(s.buf) {
		if s.end >= s.most {
			return s.fail(fault.TooLarge, "a value is larger than %d bytes (limit \"row\")", s.most)
		}
		s.buf = append(make([]byte, 0, min(2*s.end, s.most)), s.buf...)
		s.buf = s.buf[:cap(s.buf)]
	}
	n, err := io.ReadFull(s.src, s.buf[s.end:]) // all of it: what a value larger than the window costs does not grow with its pieces
	s.end += n
	if err == io.EOF || err == io.ErrUnexpectedEOF { //nolint:errorlint // bare they are ReadFull's own, wrapped the source's
		s.eof = true
		return nil
	}
	return err //nolint:wrapcheck // the source's own
}

// peek gives the next byte that is no white space, and stays there.
func (s *scanner) peek() (byte, error) {
	for {
		s.pos = tabular.JSONSpace(s.buf[:s.end], s.pos)
		if s.pos < s.end {
			return s.buf[s.pos], nil
		}
		if err := s.fill(); err != nil {
			return 0, err
		}
	}
}

// begin opens an object ('{') or an array ('['), which must come next; more is false if it has no members.
func (s *scanner) begin(opener byte) (more bool, err error) {
	c, err := s.peek()
	switch {
	case err != nil:
		return false, err
	case c != opener:
		return false, s.bad(s.pos)
	case len(s.open) == s.depth:
		return false, s.invalid("nested deeper than %d levels, at byte %d of the document", s.depth, s.at()+1)
	}
	s.pos++
	s.open = append(s.open, opener+2) // } and ] stand two behind { and [
	if c, err = s.peek(); err == nil && c == opener+2 {
		s.close()
		return false, nil
	}
	return err == nil, err
}

func (s *scanner) close() {
	s.pos++
	s.open = s.open[:len(s.open)-1]
}

// next passes what stands behind a member; more is false if it was the last.
func (s *scanner) next() (more bool, err error) {
	c, err := s.peek()
	switch {
	case err != nil:
		return false, err
	case c == ',':
		s.pos++
		return true, nil
	case c == s.open[len(s.open)-1]:
		s.close()
		return false, nil
	}
	return false, s.bad(s.pos)
}

// key reads the name of a member, and the colon behind it.
func (s *scanner) key() ([]byte, error) {
	for {
		c, err := s.peek()
		if err != nil {
			return nil, err
		}
		if c != '"' {
			return nil, s.bad(s.pos)
		}
		b := s.buf[:s.end]
		end, plain, state := tabular.JSONString(b, s.pos)
		if state == tabular.JSONWhole {
			if end = tabular.JSONSpace(b, end); end == len(b) {
				state = tabular.JSONTorn
			} else if b[end] != ':' {
				state = tabular.JSONBad
			}
		}
		switch state {
		case tabular.JSONWhole:
			return s.passKey(end, plain), nil
		case tabular.JSONTorn:
			if err := s.fill(); err != nil {
				return nil, err
			}
		default:
			return nil, s.bad(end)
		}
	}
}

// passKey gives the key whose colon stands at end.
func (s *scanner) passKey(colon int, plain bool) []byte {
	key := s.buf[s.pos+1 : colon]
	for key[len(key)-1] != '"' { // white space
		key = key[:len(key)-1]
	}
	key = key[:len(key)-1]
	s.pos = colon + 1
	if !plain {
		s.key0, _ = tabular.JSONUnescape(s.key0[:0], key)
		key = s.key0
	}
	return key
}

// value reads a value of any kind, as it stands in the document.
func (s *scanner) value() ([]byte, error) {
	for {
		if _, err := s.peek(); err != nil {
			return nil, err
		}
		end, state := tabular.JSONValue(s.buf[:s.end], s.pos, s.depth-len(s.open))
		switch state {
		case tabular.JSONWhole:
			value := s.buf[s.pos:end]
			s.pos = end
			return value, nil
		case tabular.JSONTorn:
			if err := s.fill(); err != nil {
				return nil, err
			}
		case tabular.JSONDeep:
			return nil, s.invalid("nested deeper than %d levels, at byte %d of the document", s.depth, s.passed+int64(end)+1)
		default:
			return nil, s.bad(end)
		}
	}
}

// skip passes a value of any kind and of any size.
func (s *scanner) skip() error {
	base := len(s.open)
	for {
		into, err := s.skipOne()
		for err == nil && !into && len(s.open) > base { // behind a value
			into, err = s.next()
		}
		if err == nil && len(s.open) > base && s.open[len(s.open)-1] == '}' {
			_, err = s.key()
		}
		if err != nil || len(s.open) == base {
			return err
		}
	}
}

// skipOne passes a scalar, or the beginning of what holds others: then into is true, and the first of them comes next.
func (s *scanner) skipOne() (into bool, err error) {
	c, err := s.peek()
	switch {
	case err != nil:
		return false, err
	case c == '{' || c == '[':
		return s.begin(c)
	case c == '"':
		return false, s.skipString()
	}
	_, err = s.value()
	return false, err
}

// skipString passes a string without holding it.
func (s *scanner) skipString() error {
	s.pos++
	for {
		// What stands before pos is taken for the opening quote, so that reading goes on where it came to.
		end, _, state := tabular.JSONString(s.buf[:s.end], s.pos-1)
		s.pos = end
		switch state {
		case tabular.JSONWhole:
			return nil
		case tabular.JSONTorn:
			if err := s.fill(); err != nil {
				return err
			}
		default:
			return s.bad(end)
		}
	}
}

// finish makes sure that nothing but white space comes.
func (s *scanner) finish() error {
	more, err := s.more()
	if err == nil && more {
		return s.invalid("there is something behind the end of the document, at byte %d", s.at()+1)
	}
	return err
}

// more reports whether another value comes behind those that were read, where nothing holds them.
func (s *scanner) more() (bool, error) {
	for {
		if s.pos = tabular.JSONSpace(s.buf[:s.end], s.pos); s.pos < s.end {
			return true, nil
		}
		if s.eof {
			return false, nil
		}
		if err := s.fill(); err != nil {
			return false, err
		}
	}
}
