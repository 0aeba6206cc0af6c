package tabular

import (
	"bytes"

	"github.com/klauspost/compress/zip"
)

// richText reads what an si or is element holds, from behind its opening tag on: the texts of its t elements, one behind
// the other; phonetic hints (rPh) are no part of it. next is behind the closing tag. The text points into b, or is
// appended to scratch.
func richText(scratch, b []byte, i int) (text []byte, flaws textFlaws, rest []byte, next int, state xmlState) {
	from, depth, copied := len(scratch), 1, false
	for depth > 0 {
		k := bytes.IndexByte(b[i:], '<')
		if k < 0 {
			return nil, 0, scratch, i, xmlTorn
		}
		t, state := readTag(b, i+k)
		if state != xmlWhole {
			return nil, 0, scratch, i, state
		}
		i = t.next
		switch {
		case t.kind == tagClose:
			depth--
		case t.kind != tagOpen:
		case string(t.name) == "rPh":
			if i, state = skipElement(b, i); state != xmlWhole {
				return nil, 0, scratch, i, state
			}
		case string(t.name) == "t":
			raw, plain, after, state := elementText(b, i)
			if state != xmlWhole {
				return nil, 0, scratch, i, state
			}
			if !copied && text == nil && plain {
				text = raw
			} else {
				if !copied {
					scratch, copied = append(scratch, text...), true
				}
				var wrong textFlaws
				scratch, wrong = appendElement(scratch, b[i:after], true)
				flaws |= wrong
			}
			i = after
		default:
			depth++
		}
	}
	if copied {
		text = scratch[from:len(scratch):len(scratch)]
	}
	return text, flaws, scratch, i, xmlWhole
}

// soleText is richText for the commonest form, a single t element, whose text is plain; the names have a prefix of that
// length. Anything else: false.
func soleText(b []byte, i, prefix int) (text []byte, next int, ok bool) {
	k := i + 1 + prefix
	if k+1 >= len(b) || b[i] != '<' || b[k] != 't' || (prefix > 0 && b[k-1] != ':') {
		return nil, 0, false
	}
	if k++; b[k] == ' ' { // xml:space="preserve"
		if j := bytes.IndexByte(b[k:], '>'); j > 0 && b[k+j-1] != '/' {
			k += j
		}
	}
	if b[k] != '>' {
		return nil, 0, false
	}
	k++
	j := bytes.IndexByte(b[k:], '<')
	if j < 0 {
		return nil, 0, false
	}
	text = b[k : k+j : k+j]
	k += j
	tail := k + 3 + prefix // behind </t
	last := tail + 5 + prefix
	if last >= len(b) || b[k+1] != '/' || b[tail] != '>' || b[tail+1] != '<' || b[tail+2] != '/' || b[last] != '>' {
		return nil, 0, false
	}
	return text, last + 1, b[tail-1] == 't' && plainXML(text)
}

// elementText finds the text from i on and the end of its element, which holds nothing else. It is plain if it stands for
// itself; otherwise appendElement reads b[i:next].
func elementText(b []byte, i int) (text []byte, plain bool, next int, state xmlState) {
	k := bytes.IndexByte(b[i:], '<')
	if k < 0 {
		return nil, false, i, xmlTorn
	}
	t, state := readTag(b, i+k)
	if state != xmlWhole {
		return nil, false, i, state
	}
	if t.kind == tagClose {
		text = b[i : i+k : i+k]
		return text, plainXML(text), t.next, xmlWhole
	}
	next, state = skipElement(b, i)
	return nil, false, next, state
}

// appendElement appends the text of an element, whose inside and closing tag b is: also that in CDATA sections and in
// elements within it.
func appendElement(dst, b []byte, escapes bool) ([]byte, textFlaws) {
	var flaws textFlaws
	for len(b) > 0 {
		k := bytes.IndexByte(b, '<')
		if k < 0 {
			break
		}
		var wrong textFlaws
		dst, wrong = appendXMLText(dst, b[:k], escapes)
		flaws |= wrong
		t, state := readTag(b, k)
		if state != xmlWhole {
			break
		}
		if t.kind == tagCDATA {
			dst = append(dst, t.attrs...)
		}
		b = b[t.next:]
	}
	return dst, flaws
}

// readShared reads the shared strings.
func (wb *workbook) readShared(f *zip.File, shared *sharedTexts, size int) (err error) {
	entry, err := wb.parts.open(f)
	if err != nil {
		return err
	}
	read := readAhead(wb.parts.content.stored.ctx, entry)
	defer func() {
		read.close()
		if closed := entry.close(); err == nil {
			err = closed
		}
	}()
	w, err := textOf(read, f.Name, size, wb.parts.limits.recordBytes())
	if err != nil {
		return err
	}
	r := sharedReader{tagScan: tagScan{window: w, part: f.Name}, shared: shared}
	for {
		if err := wb.parts.content.alive(); err != nil {
			return err
		}
		if err := r.fill(); err != nil {
			return err
		}
		done, err := r.refill()
		if err != nil {
			return err
		}
		if done {
			return shared.finish()
		}
	}
}

// sharedReader reads the si elements of the shared strings' part.
type sharedReader struct {
	tagScan
	shared  *sharedTexts
	scratch []byte
}

// fill adds the texts that the window holds whole.
func (r *sharedReader) fill() error {
	w := r.window
	for {
		b := w.buf[:w.end]
		k := bytes.IndexByte(b[w.pos:], '<')
		if k < 0 {
			w.pos = w.end
			return nil
		}
		start := w.pos + k
		w.pos = start
		t, state := readTag(b, start)
		if state == xmlWhole && t.kind == tagOpen && string(t.name) == "si" {
			var flaws textFlaws
			text, next, ok := soleText(b, t.next, t.prefix)
			if !ok {
				text, flaws, r.scratch, next, state = richText(r.scratch[:0], b, t.next)
			}
			if state == xmlWhole {
				w.pos = next
				if err := r.add(text, flaws, start); err != nil {
					return err
				}
				continue
			}
		}
		switch {
		case state == xmlTorn:
			return nil
		case state != xmlWhole:
			return r.wrong(state)
		case t.is("si"):
			if err := r.shared.add(nil, 0); err != nil {
				return err
			}
		default:
			r.count(t.kind)
		}
		w.pos = t.next
	}
}

// add adds a text, mended if the window is dirty there.
func (r *sharedReader) add(text []byte, flaws textFlaws, start int) error {
	if start < r.window.dirty {
		var wrong textFlaws
		text, wrong = soundText(text)
		flaws |= wrong
	}
	return r.shared.add(text, flaws)
}

// soundText makes text what a cell has to be.
func soundText(text []byte) ([]byte, textFlaws) {
	var flaws textFlaws
	if bytes.IndexByte(text, 0) >= 0 {
		flaws |= hasNUL
		text = bytes.ReplaceAll(text, []byte{0}, replacement)
	}
	if sound := bytes.ToValidUTF8(text, replacement); len(sound) != len(text) || !bytes.Equal(sound, text) {
		flaws |= hasNonChar
		text = sound
	}
	return text, flaws
}

// refill gets more text; true: there is none, and every text was read.
func (r *sharedReader) refill() (bool, error) {
	w := r.window
	got, err := w.more()
	switch {
	case err != nil || got:
		return false, err
	case w.eof && w.pos == w.end && r.depth == 0:
		return true, nil
	case w.eof:
		return false, damagedPart(r.part, errNotXML)
	}
	return false, overLimit("row bytes", int64(w.most), "a text of the workbook is too large")
}
