package exporter

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"wharf/internal/tabular"
)

// manifestName is the last file of every bundle: it tells what the others are.
const manifestName = "manifest.json"

// bundle writes a zip as a stream: file by file, each compressed on a goroutine while its caller makes more of it. Sizes
// stand behind the bytes, so there is no limit to a file or to the whole (zip64). It is not safe for concurrent use.
//
// Memory is a few blocks of 128 KiB and some hundred bytes a file, for the directory at the end.
type bundle struct {
	at      time.Time // every file's
	zip     *zip.Writer
	deflate *tabular.Deflater
	open    *bundleFile
	files   map[string]*bundleFile
	folded  map[string]bool // names without case: many a disk knows none
	err     error
}

// bundleFile is one file of a bundle: what is written to it goes in until the next file begins. Rows is the caller's to set.
type bundleFile struct {
	Name   string // as in the zip
	Rows   int64
	Bytes  int64
	SHA256 string // hex; once the next file began
	out    io.Writer
	sum    hash.Hash
}

// newBundle begins a bundle on w whose files bear the time. The caller closes it, or stops it when giving up.
func newBundle(w io.Writer, at time.Time) *bundle {
	b := &bundle{at: at.UTC(), files: map[string]*bundleFile{}, folded: map[string]bool{manifestName: true}}
	b.zip, b.deflate, b.err = tabular.NewZip(w)
	return b
}

// file ends the file before and begins the next one, which will be compressed. Every part of the path is made fit for any
// disk, and the name is made unlike all before it; File.Name is what came of it.
func (b *bundle) file(name string) (*bundleFile, error) {
	return b.begin(b.free(safePath(name)), false)
}

// stored is file for bytes that do not compress: pictures, archives, ciphertext.
func (b *bundle) stored(name string) (*bundleFile, error) {
	return b.begin(b.free(safePath(name)), true)
}

func (b *bundle) begin(name string, plain bool) (*bundleFile, error) {
	if b.err != nil {
		return nil, b.err
	}
	b.endFile()
	b.deflate.Plain = plain
	out, err := b.zip.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: b.at})
	if err != nil {
		b.err = fmt.Errorf("exporter: begin %s of the bundle: %w", name, err)
		return nil, b.err
	}
	b.open = &bundleFile{Name: name, out: out, sum: sha256.New()}
	b.files[name] = b.open
	return b.open, nil
}

func (b *bundle) endFile() {
	if f := b.open; f != nil {
		f.SHA256, f.out, f.sum = hex.EncodeToString(f.sum.Sum(nil)), nil, nil
		b.open = nil
	}
}

var errFileEnded = errors.New("exporter: a file of a bundle was written to after the next one began")

// Write adds bytes to the file.
func (f *bundleFile) Write(p []byte) (int, error) {
	if f.out == nil {
		return 0, errFileEnded
	}
	f.sum.Write(p)
	n, err := f.out.Write(p)
	f.Bytes += int64(n)
	return n, err //nolint:wrapcheck // the writer's below
}

// close writes the manifest, whose sums and sizes it fills in, and the directory. It does not close the writer below.
func (b *bundle) close(m manifest) error {
	b.endFile()
	m.fill(b.files)
	doc, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		b.stop()
		return fmt.Errorf("exporter: encode manifest: %w", err)
	}
	f, err := b.begin(manifestName, false)
	if err == nil {
		_, err = f.Write(append(doc, '\n'))
	}
	if err != nil {
		b.stop()
		return fmt.Errorf("exporter: write manifest: %w", err)
	}
	if err := b.zip.Close(); err != nil {
		b.stop()
		return fmt.Errorf("exporter: end bundle: %w", err)
	}
	return nil
}

// stop returns when nothing of the bundle will be written any more. It may follow close.
func (b *bundle) stop() {
	if b.deflate != nil {
		_ = b.deflate.Wait() // whoever stops knows of an error already
	}
}

// free makes a name unlike those before it: "a.csv", "a (2).csv", …
func (b *bundle) free(name string) string {
	stem, ext := name, ""
	if dot := strings.LastIndexByte(name, '.'); dot > strings.LastIndexByte(name, '/')+1 {
		stem, ext = name[:dot], name[dot:]
	}
	unlike := name
	for n := 2; b.folded[fold(unlike)]; n++ {
		unlike = stem + " (" + strconv.Itoa(n) + ")" + ext
	}
	b.folded[fold(unlike)] = true
	return unlike
}

func fold(name string) string { return strings.ToLower(name) }

const maxPartBytes = 200 // of a file's name; disks take 255

// safePath makes every part of a path a name that unpacks on any disk, and below the folder it is unpacked in.
func safePath(path string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		parts[i] = safeName(p)
	}
	return strings.Join(parts, "/")
}

// safeName makes one part of a path of any text. Letters of every language stay.
func safeName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) || strings.ContainsRune(`/\:*?"<>|`, r) {
			return '_'
		}
		return r
	}, strings.ToValidUTF8(name, "_"))
	ext := ""
	if dot := strings.LastIndexByte(name, '.'); dot > 0 && len(name)-dot <= 16 {
		name, ext = name[:dot], name[dot:]
	}
	if over := len(name) + len(ext) - maxPartBytes; over > 0 {
		name = strings.ToValidUTF8(name[:len(name)-over], "")
	}
	name = strings.TrimLeft(name, ". ")
	if ext = strings.TrimRight(ext, ". "); ext == "" {
		name = strings.TrimRight(name, ". ")
	}
	if name == "" || reservedName(name) {
		name = "_" + name
	}
	return name + ext
}

// reservedName reports names that are devices on Windows, with any extension.
func reservedName(name string) bool {
	name, _, _ = strings.Cut(strings.ToUpper(name), ".")
	if len(name) == 4 && (strings.HasPrefix(name, "COM") || strings.HasPrefix(name, "LPT")) {
		return name[3] >= '0' && name[3] <= '9'
	}
	return slices.Contains([]string{"CON", "PRN", "AUX", "NUL"}, name)
}
