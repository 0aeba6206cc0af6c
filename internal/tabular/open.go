package tabular

import (
	"bytes"
	"context"
	"strings"

	"wharf/internal/fault"
)

// Open finds out what src is and gives a Reader of its rows, which the caller closes. ctx holds until then: when it ends,
// reading stops, as promptly as the Source does.
//
// It returns fault.UnsupportedMedia for what is no table, or none that can be read here, fault.Invalid for an empty or
// damaged file and for options that do not fit it, fault.TooLarge for a limit, and plain errors of the Source.
func Open(ctx context.Context, src Source, opts Options) (Reader, error) {
	opts.Limits = opts.Limits.orDefaults()
	if err := opts.check(); err != nil {
		return nil, err
	}
	c, err := unwrap(ctx, src, opts.Limits)
	if err != nil {
		return nil, err
	}
	r, err := openContent(c, opts, windowBytes)
	if err != nil {
		_ = c.close() // the first error is the one that counts
		return nil, err
	}
	return r, nil
}

// check refuses options that fit no file at all.
func (o Options) check() error {
	if o.HeaderRow < 0 {
		return fault.Newf(fault.Invalid, "header_row is %d: rows are counted from 1", o.HeaderRow)
	}
	if o.Delimiter != "" {
		if _, err := delimiterNamed(o.Delimiter); err != nil {
			return err
		}
	}
	if o.Encoding != "" {
		if _, err := charsetNamed(o.Encoding); err != nil {
			return err
		}
	}
	return nil
}

// openContent chooses the reader for what c was found to be. Each kind that gets a reader of its own gets its case here;
// the others are refused by name. size is how much text is to be in memory.
func openContent(c *content, opts Options, size int) (Reader, error) {
	switch c.kind {
	case kindText:
		return openText(c, opts, size)
	case kindXLSX:
		return openXLSX(c, opts, size)
	default:
		return nil, refuse(c.kind)
	}
}

// openText decodes c and tells JSON from CSV.
func openText(c *content, opts Options, size int) (Reader, error) {
	if opts.Sheet != "" {
		return nil, fault.Newf(fault.Invalid, "sheet %q was given, but the file is text and has no sheets", opts.Sheet)
	}
	t, err := newText(c, opts.Encoding)
	if err != nil {
		return nil, err
	}
	base := textReader{content: c, text: t, window: newWindow(t, size, opts.Limits.recordBytes()), opts: opts}
	if _, err := base.window.more(); err != nil {
		return nil, err
	}
	head := base.window.buf[:base.window.end]
	switch {
	case kindOfText(head) != kindText:
		return nil, refuse(kindOfText(head))
	case opts.Delimiter == "" && looksLikeJSON(head):
		return openJSON(base)
	}
	return openCSV(base)
}

// looksLikeJSON reports whether head begins like an object, or like an array of objects or arrays. A CSV whose first
// column is called "[id]" does not.
func looksLikeJSON(head []byte) bool {
	const space = " \t\r\n"
	head = bytes.TrimLeft(head, space)
	if len(head) == 0 || (head[0] != '{' && head[0] != '[') {
		return false
	}
	inner := bytes.TrimLeft(head[1:], space)
	if len(inner) == 0 {
		return false
	}
	if head[0] == '{' {
		return inner[0] == '"' || inner[0] == '}'
	}
	return inner[0] == '{' || inner[0] == '[' || inner[0] == ']'
}

func hasSuffixFold(name string, suffixes ...string) bool {
	for _, s := range suffixes {
		if len(name) >= len(s) && strings.EqualFold(name[len(name)-len(s):], s) {
			return true
		}
	}
	return false
}
