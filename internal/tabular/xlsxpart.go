package tabular

import (
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/klauspost/compress/zip"

	"wharf/internal/fault"
)

const saveAgain = ": open it in a spreadsheet program and save it again as .xlsx or CSV"

// damagedPart is the error of a workbook of which a part cannot be read.
func damagedPart(name string, cause error) *fault.Error {
	return fault.Wrap(cause, fault.Invalid, "the workbook is damaged in "+name+saveAgain)
}

// parts are the files inside of a workbook. They are read one after another, so that each costs one opening of the stored
// file, and together they count against the limits.
type parts struct {
	content  *content
	limits   Limits
	byName   map[string]*zip.File
	inflated int64 // bytes of the parts that were read
}

func newParts(c *content, limits Limits) *parts {
	p := &parts{content: c, limits: limits, byName: make(map[string]*zip.File, len(c.zip.File))}
	for _, f := range c.zip.File {
		if key := partKey(f.Name); p.byName[key] == nil {
			p.byName[key] = f
		}
	}
	return p
}

// partKey is a part's name as it is looked up: names ignore case (ECMA-376 part 2), and some writers use backslashes.
func partKey(name string) string {
	return strings.ToLower(strings.TrimPrefix(path.Clean(strings.ReplaceAll(name, `\`, "/")), "/"))
}

// find gives the part of that name, or nil.
func (p *parts) find(name string) *zip.File { return p.byName[partKey(name)] }

// part is one part being read.
type part struct {
	limited
	all   *parts
	file  *zip.File
	entry io.ReadCloser
}

// open begins to read a part; the caller closes it before the next one is opened.
func (p *parts) open(f *zip.File) (*part, error) {
	if f.Flags&1 != 0 {
		return nil, refuse(kindEncrypted)
	}
	stored := p.content.stored
	entry, err := f.Open()
	switch {
	case err == nil:
	case stored.err != nil:
		return nil, stored.err
	case errors.Is(err, zip.ErrAlgorithm):
		return nil, fault.New(fault.UnsupportedMedia, "the workbook is compressed in a way that cannot be read"+saveAgain)
	default:
		return nil, damagedPart(f.Name, err)
	}
	start := stored.pos // opening read the entry's own header
	if p.content.whole {
		start = 0
	}
	return &part{
		all: p, file: f, entry: entry,
		limited: limited{r: entry, stored: stored, start: start, limits: p.limits, packed: "zip", part: f.Name, before: p.inflated},
	}, nil
}

func (p *part) close() error {
	p.all.inflated += p.n
	p.n = 0
	if err := p.entry.Close(); err != nil && !errors.Is(err, zip.ErrChecksum) {
		return fmt.Errorf("tabular: close a part of the workbook: %w", err)
	}
	return nil
}

// textOf gives what r, a part of that name, holds as a window of UTF-8.
func textOf(r io.Reader, name string, size, most int) (*window, error) {
	head := make([]byte, 256)
	n, ended := io.ReadFull(r, head)
	switch ended { // bare, they are io.ReadFull's own; wrapped, the source's
	case nil, io.EOF, io.ErrUnexpectedEOF:
	default:
		return nil, ended //nolint:wrapcheck // errors of part are ours
	}
	head = head[:n]
	cs, skip, known, err := firstCharset(head, "")
	if err != nil {
		return nil, err
	}
	// A text that claims UTF-16 and was not found to be it was converted, and its declaration forgotten.
	if said := declaredEncoding(head); !known && said != "" && !hasPrefixFold(said, "utf-16") {
		if cs, err = charsetNamed(said); err != nil {
			return nil, damagedPart(name, err)
		}
	}
	return newWindow(decodedText(io.MultiReader(strings.NewReader(string(head[skip:])), r), cs), size, most), nil
}

// declaredEncoding gives the encoding that an XML declaration names.
func declaredEncoding(head []byte) string {
	t, state := xmlTag{}, xmlTorn
	if strings.HasPrefix(string(head), "<?xml") {
		t, state = readTag(head, 0)
	}
	if state != xmlWhole {
		return ""
	}
	t.attrs = t.attrs[len("xml"):]
	return t.attr("encoding")
}

// scanPart calls see with each tag of a part until it has read all of it, or see gives false.
func (p *parts) scanPart(f *zip.File, see func(t *xmlTag) bool) (err error) {
	part, err := p.open(f)
	if err != nil {
		return err
	}
	defer func() {
		if closed := part.close(); err == nil {
			err = closed
		}
	}()
	w, err := textOf(part, f.Name, 64<<10, minRecordBytes)
	if err != nil {
		return err
	}
	s := tagScan{window: w, part: f.Name}
	for {
		if err := p.content.alive(); err != nil {
			return err
		}
		t, err := s.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil || !see(&t) {
			return err
		}
	}
}
