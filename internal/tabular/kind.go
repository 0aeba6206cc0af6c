package tabular

import (
	"bytes"
	"strings"

	"wharf/internal/fault"
)

// kind is what the first bytes of a file, or the names inside of a zip, say it is.
type kind string

const (
	kindText      kind = "text" // CSV, TSV, JSON: told apart after decoding
	kindGzip      kind = "gzip"
	kindZip       kind = "zip"
	kindXLSX      kind = "xlsx"
	kindXLSB      kind = "xlsb"
	kindXLS       kind = "xls"
	kindEncrypted kind = "encrypted workbook"
	kindODF       kind = "odf"
	kindNumbers   kind = "numbers"
	kindDocument  kind = "document"
	kindPDF       kind = "pdf"
	kindWeb       kind = "web page"
	kindPacked    kind = "packed"
	kindData      kind = "data"
	kindBinary    kind = "binary"
)

const saveAs = ": open the file in a spreadsheet program and save it as .xlsx or CSV"

// refusals say of every kind that has no reader what a person can do about it.
var refusals = map[kind]string{
	kindXLSB:      "binary Excel workbooks (.xlsb) cannot be read" + saveAs,
	kindXLS:       "old Excel workbooks (.xls) and other documents of that age cannot be read" + saveAs,
	kindEncrypted: "the workbook is protected by a password: take the password off and save it again as .xlsx or CSV",
	kindODF:       "OpenDocument files (.ods) cannot be read" + saveAs,
	kindNumbers:   "Numbers files cannot be read: export the table from Numbers as .xlsx or CSV",
	kindDocument:  "a text document or presentation is not a table: put the table into a spreadsheet and save it as .xlsx or CSV",
	kindPDF:       "a PDF is not a table: ask for the same data as .xlsx or CSV",
	kindWeb:       "the file is a web page or XML (some programs save those under the name .xls), not a table" + saveAs,
	kindPacked:    "the file is compressed in a way that cannot be read: use gzip, or a zip that holds one file, and compress once",
	kindData:      "the file is a database or a columnar data file: export the table as CSV",
	kindBinary:    "the file holds binary data, not a table: save the table as .xlsx or CSV",
}

// refuse is the error of a file of kind k.
func refuse(k kind) *fault.Error { return fault.New(fault.UnsupportedMedia, refusals[k]) }

// magics are the signatures that no text begins with.
var magics = []struct {
	prefix string
	kind   kind
}{
	{"\x1f\x8b\x08", kindGzip},
	{"PK\x03\x04", kindZip},
	{"PK\x05\x06", kindZip}, // one without entries
	{"%PDF-", kindPDF},
	{"{\\rtf", kindDocument},
	{"\x28\xb5\x2f\xfd", kindPacked},     // zstd
	{"BZh91AY&SY", kindPacked},           // bzip2
	{"\xfd7zXZ\x00", kindPacked},         // xz
	{"7z\xbc\xaf\x27\x1c", kindPacked},   // 7-Zip
	{"Rar!\x1a\x07", kindPacked},         // rar
	{"\x1f\x9d", kindPacked},             // compress
	{"\x04\x22\x4d\x18", kindPacked},     // lz4
	{"SQLite format 3\x00", kindData},    // SQLite
	{"PAR1\x15", kindData},               // Parquet
	{"ARROW1\x00\x00", kindData},         // Arrow
	{"Obj\x01", kindData},                // Avro
	{"\x89PNG\r\n\x1a\n", kindBinary},    // pictures
	{"GIF89a", kindBinary},               //
	{"\xff\xd8\xff", kindBinary},         //
	{"\x7fELF", kindBinary},              // programs
	{"PGDMP", kindData},                  // pg_dump -Fc
	{"\xca\xfe\xba\xbe\x00", kindBinary}, //
}

const oleMagic = "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

// kindOf looks at the first bytes of a file.
func kindOf(head []byte) kind {
	for _, m := range magics {
		if bytes.HasPrefix(head, []byte(m.prefix)) {
			return m.kind
		}
	}
	if bytes.HasPrefix(head, []byte(oleMagic)) {
		if bytes.Contains(head, utf16Text("EncryptedPackage")) {
			return kindEncrypted
		}
		return kindXLS
	}
	return kindText
}

// kindOfZip looks at the names inside of a zip: office documents are zips too. One that is neither text nor presentation
// passes for a workbook, whose parts may have any name; reading it will tell.
func kindOfZip(names []string) kind {
	var office, other, bin bool
	for _, name := range names {
		switch n := partKey(name); {
		case n == "[content_types].xml":
			office = true
		case n == "xl/workbook.bin":
			bin = true
		case strings.HasPrefix(n, "word/"), strings.HasPrefix(n, "ppt/"), strings.HasPrefix(n, "visio/"):
			other = true
		case n == "mimetype" || n == "meta-inf/manifest.xml":
			return kindODF
		case strings.HasPrefix(n, "index/") && strings.HasSuffix(n, ".iwa"), n == "index.zip":
			return kindNumbers
		}
	}
	switch {
	case office && bin:
		return kindXLSB
	case office && other:
		return kindDocument
	case office:
		return kindXLSX
	}
	return kindZip
}

// beginsLikeOffice reports whether the first entry of a zip is one that office documents begin with.
func beginsLikeOffice(head []byte) bool {
	const nameAt = 30 // of a local file header
	if len(head) < nameAt {
		return false
	}
	name := strings.ToLower(string(head[nameAt:min(len(head), nameAt+len("[content_types].xml"))]))
	for _, p := range []string{"[content_types].xml", "_rels/", "xl/", `xl\`, "docprops/", "customxml/"} {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}

// kindOfText tells markup from a table, on decoded text.
func kindOfText(head []byte) kind {
	s := strings.ToLower(string(bytes.TrimLeft(head[:min(len(head), 512)], " \t\r\n")))
	for _, p := range []string{"<!doctype", "<html", "<head", "<body", "<table", "<?xml", "<script", "<!--", "<style", "<meta"} {
		if strings.HasPrefix(s, p) {
			return kindWeb
		}
	}
	return kindText
}

// mostlyControls reports whether more than one byte in twenty is a control character that texts do not use.
func mostlyControls(head []byte) bool {
	if len(head) < 256 {
		return false
	}
	n := 0
	for _, c := range head {
		if c < 0x09 || (c >= 0x0e && c < 0x20 && c != 0x1b) || c == 0x7f {
			n++
		}
	}
	return n*20 > len(head)
}

// utf16Text is s, which is ASCII, as UTF-16 little endian.
func utf16Text(s string) []byte {
	b := make([]byte, 0, 2*len(s))
	for i := range len(s) {
		b = append(b, s[i], 0)
	}
	return b
}
