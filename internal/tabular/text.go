package tabular

import (
	"bytes"
	"encoding/binary"
	"io"

	"golang.org/x/text/transform"
)

// sampleBytes is how much text, from the first byte beyond ASCII on, its encoding is judged by.
const sampleBytes = 1 << 20

// text gives a file as UTF-8. An eight-bit file is ASCII as long as it can be: its encoding is settled by its first byte
// beyond ASCII, wherever that comes, so that one accent after a million plain rows is read right.
type text struct {
	r       io.Reader
	charset charset
	ascii   bool // all bytes so far were ASCII, and nothing else names the encoding
}

// newText decodes c by the encoding that was given, or by the one that is found.
func newText(c *content, given string) (*text, error) {
	cs, skip, known, err := firstCharset(c.head, given)
	if err != nil {
		return nil, err
	}
	if !known && mostlyControls(c.head) {
		return nil, refuse(kindBinary)
	}
	if _, err := io.CopyN(io.Discard, c.r, int64(skip)); err != nil {
		return nil, err //nolint:wrapcheck // the mark was seen in head: it cannot fail
	}
	t := decodedText(c.r, cs)
	t.ascii = !known
	return t, nil
}

// decodedText gives what is known to be of an encoding.
func decodedText(r io.Reader, cs charset) *text {
	t := &text{r: r, charset: cs}
	if cs.enc != nil {
		t.r = transform.NewReader(r, cs.enc.NewDecoder())
	}
	return t
}

// decoded reports whether what Read gives now comes out of a decoder.
func (t *text) decoded() bool { return t.charset.enc != nil }

// Read gives UTF-8, or what a file that claims to be UTF-8 holds instead.
func (t *text) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	if !t.ascii {
		return n, err //nolint:wrapcheck // errors of content are ours
	}
	plain := asciiPrefix(p[:n])
	if plain == n {
		return n, err //nolint:wrapcheck // as above
	}
	t.settle(p[plain:n], err)
	if plain > 0 {
		return plain, nil
	}
	return t.r.Read(p) //nolint:wrapcheck // as above
}

// settle judges the encoding by the text that begins with first, and decodes from there on.
// err is what the source said behind first.
func (t *text) settle(first []byte, err error) {
	sample := make([]byte, max(sampleBytes, len(first)))
	n := copy(sample, first)
	rest := t.r
	if err == nil {
		var more int
		more, err = io.ReadFull(rest, sample[n:])
		n += more
		if err == io.ErrUnexpectedEOF { // bare, it is io.ReadFull's own; wrapped, the source's
			err = io.EOF
		}
	}
	sample = sample[:n]
	if err != nil {
		rest = failing{err}
	}
	t.ascii = false
	t.charset = eightBitCharset(sample, err == io.EOF)
	t.r = io.MultiReader(bytes.NewReader(sample), rest)
	if t.charset.enc != nil {
		t.r = transform.NewReader(t.r, t.charset.enc.NewDecoder())
	}
}

// failing is a reader that has nothing but an error.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// asciiPrefix is the length of the part of b before its first byte beyond ASCII.
func asciiPrefix(b []byte) int {
	const high = 0x8080808080808080
	i := 0
	for ; i+32 <= len(b); i += 32 {
		c := b[i : i+32]
		if (binary.LittleEndian.Uint64(c)|binary.LittleEndian.Uint64(c[8:])|
			binary.LittleEndian.Uint64(c[16:])|binary.LittleEndian.Uint64(c[24:]))&high != 0 {
			break
		}
	}
	for ; i < len(b); i++ {
		if b[i] >= 0x80 {
			return i
		}
	}
	return i
}
