package tabular

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/unicode"

	"wharf/internal/fault"
)

// What is no table, or none that can be read, is refused with words that say what to do, whatever its name.
func TestOtherFormatsAreRefused(t *testing.T) {
	t.Parallel()
	wideHTML, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String("<html><table></table>")
	require.NoError(t, err)
	noise := strings.Repeat("\x01\x02binary\x03\x04", 100)
	cases := map[string]struct {
		data string
		kind kind
	}{
		"xlsb":             {string(zipped("[Content_Types].xml", "", "xl/workbook.bin", "")), kindXLSB},
		"a package":        {string(zipped("[Content_Types].xml", "", "parts/model.xml", "")), kindDocument},
		"docx":             {string(zipped("[Content_Types].xml", "", "word/document.xml", "")), kindDocument},
		"ods":              {string(zipped("mimetype", "application/vnd.oasis.opendocument.spreadsheet", "content.xml", "")), kindODF},
		"numbers":          {string(zipped("Index/Document.iwa", "", "preview.jpg", "")), kindNumbers},
		"xls":              {oleMagic + string(utf16Text("Workbook")), kindXLS},
		"encrypted xlsx":   {oleMagic + string(utf16Text("EncryptedPackage")), kindEncrypted},
		"pdf":              {"%PDF-1.7\n", kindPDF},
		"rtf":              {"{\\rtf1\\ansi", kindDocument},
		"html":             {"\ufeff\n <!DOCTYPE html><html>", kindWeb},
		"html as UTF-16":   {wideHTML, kindWeb},
		"xml":              {"<?xml version=\"1.0\"?><Workbook>", kindWeb},
		"zstd":             {"\x28\xb5\x2f\xfd\x00", kindPacked},
		"bzip2":            {"BZh91AY&SY", kindPacked},
		"7z":               {"7z\xbc\xaf\x27\x1c", kindPacked},
		"gzip in gzip":     {string(gzipped(gzipped([]byte("a,b\n")))), kindPacked},
		"zip in gzip":      {string(gzipped(zipped("a.csv", "a,b\n"))), kindPacked},
		"gzip in zip":      {string(zipped("a.csv.gz", string(gzipped([]byte("a,b\n"))))), kindPacked},
		"SQLite":           {"SQLite format 3\x00", kindData},
		"Parquet":          {"PAR1\x15\x04", kindData},
		"PNG":              {"\x89PNG\r\n\x1a\n", kindBinary},
		"noise":            {noise, kindBinary},
		"noise in gzip":    {string(gzipped([]byte(noise))), kindBinary},
		"a pdf in a zip":   {string(zipped("a.pdf", "%PDF-1.7\n")), kindPDF},
		"a page in a gzip": {string(gzipped([]byte("<html>"))), kindWeb},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := tryRead(t.Context(), memory{name: "table.csv", data: []byte(c.data)}, Options{})
			require.Equal(t, fault.UnsupportedMedia, fault.CodeOf(err))
			require.Equal(t, refusals[c.kind], err.Error())
		})
	}
}

func TestEveryRefusalSaysWhatToDo(t *testing.T) {
	t.Parallel()
	for k, says := range refusals {
		require.Contains(t, says, ":", k)
		require.Regexp(t, "save|export|upload|use|ask|put", says, k)
	}
}

// Words that only resemble a signature are words.
func TestTablesThatBeginLikeSomethingElseAreRead(t *testing.T) {
	t.Parallel()
	for text, first := range map[string]string{
		"PAR1,PAR2\n1,2\n": "PAR1", "Rar!,b\n1,2\n": "Rar!", "<5 years,b\n1,2\n": "<5 years", "[id],b\n1,2\n": "[id]",
		"{id},b\n1,2\n": "{id}", "PK,b\n1,2\n": "PK", "BZh9,b\n1,2\n": "BZh9",
	} {
		require.Equal(t, first, readAll(t, text, Options{}).header[0])
	}
}
