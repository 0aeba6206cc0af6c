package tabular

import (
	"bytes"
	"io"

	"wharf/internal/fault"
)

// tagKind says what stands between < and >.
type tagKind uint8

const (
	tagOpen  tagKind = iota
	tagClose         // </a>
	tagEmpty         // <a/>
	tagCDATA         // <![CDATA[text]]>
	tagOther         // a comment or a processing instruction
)

// xmlState says how reading a piece of XML ended.
type xmlState uint8

const (
	xmlWhole xmlState = iota
	xmlTorn           // the text ends within it
	xmlBad            // it is not well formed
	xmlDTD            // it declares a document type, which may hold entities
)

// xmlTag is one tag. Its slices point into the text it was read from.
type xmlTag struct {
	kind   tagKind
	name   []byte // without its prefix
	prefix int    // the length of that, with its colon
	attrs  []byte // what stands behind the name; of CDATA the text
	next   int    // the offset behind it
}

// readTag reads the tag at b[i], which is '<'.
func readTag(b []byte, i int) (xmlTag, xmlState) {
	if i+1 >= len(b) {
		return xmlTag{}, xmlTorn
	}
	switch b[i+1] {
	case '?':
		return readUntil(b, i+2, "?>", tagOther)
	case '!':
		return readMarkup(b, i)
	case '/':
		t, state := readUntil(b, i+2, ">", tagClose)
		t.name, t.attrs = localName(bytes.TrimRight(t.attrs, " \t\r\n")), nil
		return t, state
	}
	j := i + 1
	for j < len(b) && b[j] > ' ' && b[j] != '/' && b[j] != '>' {
		j++
	}
	t := xmlTag{name: localName(b[i+1 : j])}
	t.prefix = j - i - 1 - len(t.name)
	for start := j; j < len(b); j++ {
		switch b[j] {
		case '>':
			if t.next = j + 1; b[j-1] == '/' && j > start {
				t.kind = tagEmpty
				j--
			}
			t.attrs = b[start:j]
			return t, xmlWhole
		case '"', '\'':
			k := bytes.IndexByte(b[j+1:], b[j])
			if k < 0 {
				return t, xmlTorn
			}
			j += k + 1
		case '<':
			return t, xmlBad
		}
	}
	return t, xmlTorn
}

// readMarkup reads a comment or a CDATA section; nothing else that begins with <! is read.
func readMarkup(b []byte, i int) (xmlTag, xmlState) {
	const comment, cdata = "<!--", "<![CDATA["
	rest := b[i:]
	switch {
	case bytes.HasPrefix(rest, []byte(comment)):
		return readUntil(b, i+len(comment), "-->", tagOther)
	case bytes.HasPrefix(rest, []byte(cdata)):
		return readUntil(b, i+len(cdata), "]]>", tagCDATA)
	case bytes.HasPrefix([]byte(comment), rest), bytes.HasPrefix([]byte(cdata), rest):
		return xmlTag{}, xmlTorn
	}
	return xmlTag{}, xmlDTD
}

// readUntil gives what stands between start and end as attrs.
func readUntil(b []byte, start int, end string, kind tagKind) (xmlTag, xmlState) {
	if start > len(b) {
		return xmlTag{}, xmlTorn
	}
	k := bytes.Index(b[start:], []byte(end))
	if k < 0 {
		return xmlTag{}, xmlTorn
	}
	return xmlTag{kind: kind, attrs: b[start : start+k], next: start + k + len(end)}, xmlWhole
}

// localName takes the prefix off a name.
func localName(name []byte) []byte {
	if i := bytes.IndexByte(name, ':'); i >= 0 {
		return name[i+1:]
	}
	return name
}

// is reports whether t opens an element of that name, empty or not.
func (t *xmlTag) is(name string) bool {
	return (t.kind == tagOpen || t.kind == tagEmpty) && string(t.name) == name
}

// attr gives the value of an attribute, entities taken off. A name that begins with ":" has any prefix.
func (t *xmlTag) attr(name string) string {
	value, _ := appendXMLText(nil, t.rawAttr(name), false)
	return string(value)
}

// rawAttr gives the value of an attribute as it stands in the file.
func (t *xmlTag) rawAttr(name string) []byte {
	rest := t.attrs
	for {
		eq := bytes.IndexByte(rest, '=')
		if eq < 0 {
			return nil
		}
		key := bytes.TrimSpace(rest[:eq])
		rest = bytes.TrimLeft(rest[eq+1:], " \t\r\n")
		if len(rest) == 0 || (rest[0] != '"' && rest[0] != '\'') {
			return nil
		}
		end := bytes.IndexByte(rest[1:], rest[0])
		if end < 0 {
			return nil
		}
		if string(key) == name || (name[0] == ':' && bytes.HasSuffix(key, []byte(name))) {
			return rest[1 : 1+end]
		}
		rest = rest[end+2:]
	}
}

// flag reads an attribute that is true or false.
func (t *xmlTag) flag(name string) bool {
	switch t.attr(name) {
	case "1", "true", "on":
		return true
	}
	return false
}

// skipElement gives the offset behind the element whose opening tag ends at i.
func skipElement(b []byte, i int) (int, xmlState) {
	for depth := 1; depth > 0; {
		k := bytes.IndexByte(b[i:], '<')
		if k < 0 {
			return i, xmlTorn
		}
		t, state := readTag(b, i+k)
		if state != xmlWhole {
			return i, state
		}
		switch t.kind {
		case tagOpen:
			depth++
		case tagClose:
			depth--
		}
		i = t.next
	}
	return i, xmlWhole
}

// tagScan gives the tags of a part one by one.
type tagScan struct {
	window *window
	part   string // its name, for errors
	depth  int    // elements that are open
}

// next gives the next tag, valid until the following call; io.EOF behind the last one. A part that ends within an
// element is damaged.
func (s *tagScan) next() (xmlTag, error) {
	w := s.window
	for {
		if i := bytes.IndexByte(w.buf[w.pos:w.end], '<'); i < 0 {
			w.pos = w.end
		} else {
			w.pos += i
			t, state := readTag(w.buf[:w.end], w.pos)
			switch state {
			case xmlWhole:
				w.pos = t.next
				s.count(t.kind)
				return t, nil
			case xmlTorn:
			default:
				return xmlTag{}, s.wrong(state)
			}
		}
		got, err := w.more()
		switch {
		case err != nil:
			return xmlTag{}, err
		case got:
		case w.eof && s.depth == 0 && w.pos == w.end:
			return xmlTag{}, io.EOF
		case w.eof:
			return xmlTag{}, damagedPart(s.part, io.ErrUnexpectedEOF)
		default:
			return xmlTag{}, s.wrong(xmlBad)
		}
	}
}

func (s *tagScan) count(kind tagKind) {
	switch kind {
	case tagOpen:
		s.depth++
	case tagClose:
		s.depth--
	}
}

// wrong is the error of XML that cannot be read on.
func (s *tagScan) wrong(state xmlState) error {
	if state == xmlDTD {
		return errDocumentType
	}
	return damagedPart(s.part, errNotXML)
}

var (
	errDocumentType = fault.New(fault.Invalid,
		"the workbook declares a document type or entities, which no spreadsheet program writes: save it again as .xlsx")
	errNotXML = fault.New(fault.Invalid, "what stands there is not XML")
)
