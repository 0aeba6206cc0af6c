package dump

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"mime"
	"path"
	"strings"

	"wharf/internal/fault"
)

// Bundle gives a dump that is a zip of size bytes: manifest.json and the rows of each table in a file of its own, which an
// export makes, or one JSON document (.json, .json.gz). It is read by ranges, never whole; r must outlive the restore.
//
// Errors: Invalid for what is no such zip, UnsupportedMedia for a bundle of another kind, TooLarge for a limit.
func Bundle(r io.ReaderAt, size int64, limits Limits) (Source, error) {
	z, err := openArchive(r, size)
	if err != nil {
		return nil, err
	}
	b := &bundle{archive: z, limits: limits, budget: &budget{most: limits.Bytes}}
	if z.entries[manifestName] == nil {
		return b.single()
	}
	return b, b.readManifest()
}

// bundle is a zip with a manifest.
type bundle struct {
	archive  *archive
	limits   Limits
	budget   *budget
	manifest manifest
	ctx      context.Context //nolint:containedctx // that of the restore, under which files are opened
}

// single gives the one document of a zip that has no manifest.
func (b *bundle) single() (Source, error) {
	names := b.archive.told()
	var only string
	for _, name := range names {
		lower := strings.ToLower(name)
		switch {
		case lower == "xl/workbook.xml":
			return nil, otherBundle("this is a workbook")
		case strings.HasSuffix(lower, ".csv"):
			return nil, otherBundle("this zip holds CSV files")
		case strings.HasSuffix(lower, ".json") || strings.HasSuffix(lower, ".json.gz"):
			only = name
		}
	}
	if only == "" || len(names) != 1 {
		return nil, fault.New(fault.Invalid, "the zip holds neither a manifest.json, as an exported bundle does, nor one JSON document")
	}
	return &zippedJSON{jsonSource: jsonSource{limits: b.limits, budget: b.budget}, entry: b.archive.entries[only]}, nil
}

// otherBundle is the error of an export that cannot be restored. Its cells are texts for people: an empty one may be NULL or
// no text at all, and what a formula's apostrophe is cannot be told.
func otherBundle(what string) error {
	return fault.New(fault.UnsupportedMedia, what+", which do not say enough to be restored: "+
		"export as dump, json or jsonl and restore that, or import its tables one by one")
}

// zippedJSON is a document in a zip.
type zippedJSON struct {
	jsonSource
	entry *entry
}

func (z *zippedJSON) read(ctx context.Context, to *stager) error {
	body, err := z.entry.open()
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }() // read only
	z.r = body
	return z.jsonSource.read(ctx, to)
}

func (b *bundle) read(ctx context.Context, to *stager) error {
	b.ctx = ctx
	to.head.version, to.head.workspace = b.manifest.version, b.manifest.tenant
	if err := b.readUsers(ctx, to); err != nil {
		return err
	}
	for i := range b.manifest.tables {
		if err := b.table(to, &b.manifest.tables[i]); err != nil {
			return err
		}
	}
	for _, name := range b.archive.told() {
		if !b.archive.entries[name].listed {
			to.left.note("the bundle holds %s, of which its manifest knows nothing: it was left out", clip([]byte(name)))
		}
	}
	return nil
}

// table reads the rows of a table's file, and makes sure that the file is what the manifest says.
func (b *bundle) table(to *stager, m *manifestTable) error {
	if err := to.once(m.table); err != nil {
		return err
	}
	t, ok := to.tables[m.table]
	switch {
	case !ok:
		to.left.table([]byte(m.table))
		return nil
	case t.Operational:
		to.left.operational(t.Name)
		return nil
	}
	body, err := m.entry.open()
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }() // read only
	sum := sha256.New()
	to.place = m.file
	to.readFrom(newScanner(io.TeeReader(&bounded{ctx: b.ctx, r: body, budget: b.budget}, sum), b.limits, to.where))
	if err := to.lines(t); err != nil {
		return err
	}
	to.place = ""
	if !strings.EqualFold(hex.EncodeToString(sum.Sum(nil)), m.sha256) {
		return fault.Newf(fault.Invalid, "%s is damaged: it has another checksum than the bundle's manifest says", m.file)
	}
	to.head.counts[t.Name] = m.rows
	return nil
}

func (b *bundle) files() bundleFiles {
	if len(b.manifest.byKey) == 0 {
		return nil
	}
	return b
}

// open gives the bytes of the object that rows of the bundle name by its key, whichever row it is.
func (b *bundle) open(_ string, row sourceKey) (body io.ReadCloser, sum, contentType string, ok bool) {
	f, ok := b.manifest.byKey[row]
	if !ok {
		return nil, "", "", false
	}
	contentType = mime.TypeByExtension(path.Ext(f.entry.Name))
	opened, err := f.entry.open()
	if err != nil {
		return io.NopCloser(&failing{err}), f.sha256, contentType, true
	}
	return &entryBody{&bounded{ctx: b.ctx, r: opened, budget: b.budget}, opened}, f.sha256, contentType, true
}

// failing is a body that cannot be read.
type failing struct{ err error }

func (f *failing) Read([]byte) (int, error) { return 0, f.err }
