package dump

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"wharf/internal/fault"
)

const (
	manifestName  = "manifest.json"
	manifestBytes = 64 << 20 // at most
	maxTables     = 10_000   // of a bundle
)

// manifest is what a bundle says of itself.
type manifest struct {
	version int
	tenant  uuid.UUID
	format  string
	tables  []manifestTable
	byKey   map[sourceKey]manifestFile
}

type manifestTable struct {
	table, file, sha256 string
	rows                int64
	entry               *entry
}

type manifestFile struct {
	sha256 string
	entry  *entry
}

// readManifest reads what the bundle says of itself, and makes sure that it holds what it lists.
func (b *bundle) readManifest() error {
	b.archive.entries[manifestName].listed = true
	b.manifest.byKey = map[sourceKey]manifestFile{}
	err := b.scanManifest(context.Background(), func() string { return manifestName }, b.manifestMember)
	if err != nil {
		return err
	}
	switch format := b.manifest.format; {
	case format == "csv":
		return otherBundle("this bundle holds CSV files")
	case b.manifest.version == 0:
		return errNoVersion
	case format != "" && format != "jsonl" && format != "dump":
		return otherBundle("this bundle has the format " + clip([]byte(format)))
	}
	return b.findTables()
}

// scanManifest has member told each key of the manifest, whose value it reads.
func (b *bundle) scanManifest(ctx context.Context, where func() string, member func(sc *scanner, key string) error) error {
	body, err := b.archive.entries[manifestName].open()
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }() // read only
	sc := newScanner(&bounded{ctx: ctx, r: body, budget: &budget{most: manifestBytes}}, b.limits, where)
	if err := sc.object("it", func(key []byte) error { return member(sc, string(key)) }); err != nil {
		return err
	}
	return sc.finish()
}

// readUsers reads the user_refs of the manifest.
func (b *bundle) readUsers(ctx context.Context, to *stager) error {
	to.place = manifestName
	return b.scanManifest(ctx, to.where, func(sc *scanner, key string) error {
		if key != "user_refs" {
			return sc.skip()
		}
		to.readFrom(sc)
		return to.envelope(key)
	})
}

func (b *bundle) manifestMember(sc *scanner, key string) (err error) {
	switch key {
	case "schema_version":
		b.manifest.version, err = sc.schemaVersion()
	case "format":
		b.manifest.format, err = sc.word()
	case "tenant":
		b.manifest.tenant, err = sc.workspace(key)
	case "tables":
		err = sc.array(key, func() error { return b.manifestTable(sc) })
	case "files":
		err = sc.array(key, func() error { return b.manifestFile(sc) })
	default:
		err = sc.skip()
	}
	return err
}

func (b *bundle) manifestTable(sc *scanner) error {
	if len(b.manifest.tables) == maxTables {
		return sc.fail(fault.TooLarge, "it lists more than %d tables", maxTables)
	}
	var t manifestTable
	err := sc.object("a table", func(key []byte) (err error) {
		switch string(key) {
		case "table":
			t.table, err = sc.word()
		case "file":
			t.file, err = sc.word()
		case "sha256":
			t.sha256, err = sc.word()
		case "rows":
			t.rows, err = sc.count("rows")
		default:
			err = sc.skip()
		}
		return err
	})
	b.manifest.tables = append(b.manifest.tables, t)
	return err
}

func (b *bundle) manifestFile(sc *scanner) error {
	var file, key string
	var f manifestFile
	err := sc.object("a file", func(k []byte) (err error) {
		switch string(k) {
		case "file":
			file, err = sc.word()
		case "sha256":
			f.sha256, err = sc.word()
		case "key":
			key, err = sc.word()
		default:
			err = sc.skip()
		}
		return err
	})
	if f.entry = b.archive.entries[file]; f.entry != nil {
		f.entry.listed = true
		if key != "" {
			b.manifest.byKey[sourceKey(key)] = f
		}
	}
	return err
}

// findTables makes sure that the bundle holds each table's file, and each for one table.
func (b *bundle) findTables() error {
	for i := range b.manifest.tables {
		t := &b.manifest.tables[i]
		switch t.entry = b.archive.entries[t.file]; {
		case t.entry == nil:
			return fault.Newf(fault.Invalid, "the bundle is not whole: it lacks %q, which its manifest lists", clip([]byte(t.file)))
		case !strings.HasSuffix(t.file, ".jsonl"):
			return otherBundle("this bundle holds files such as " + clip([]byte(t.file)))
		case t.entry.listed:
			return fault.Newf(fault.Invalid, "the bundle's manifest lists %q twice", clip([]byte(t.file)))
		}
		t.entry.listed = true
	}
	return nil
}
