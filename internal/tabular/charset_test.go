package tabular

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// encoded gives text in an encoding.
func encoded(tb testing.TB, name, text string) string {
	tb.Helper()
	enc, err := htmlindex.Get(name)
	require.NoError(tb, err)
	out, err := enc.NewEncoder().String(text)
	require.NoError(tb, err)
	return out
}

func TestTheEncodingIsFound(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ encoding, text string }{
		"German":            {"windows-1252", "name,ort\nMüller,Köln\nJörg,Düsseldorf\nWeiß,Zürich\n"},
		"French":            {"windows-1252", "nom,ville\nHélène,Besançon\nFrançois,Orléans\n"},
		"Spanish":           {"windows-1252", "nombre,ciudad\nMuñoz,Málaga\nPérez,Córdoba\n"},
		"one accent":        {"windows-1252", "id,name\n1,José\n"},
		"euro and quotes":   {"windows-1252", "name,price\nCafé,€5\n“so”,it’s\n"},
		"Greek":             {"iso-8859-7", "όνομα,πόλη\nΓιώργος,Αθήνα\nΜαρία,Πάτρα\n"},
		"Russian":           {"windows-1251", "имя,город\nИван,Москва\nМария,Казань\n"},
		"Russian, KOI8":     {"koi8-r", "имя,город\nИван,Москва\nМария,Санкт-Петербург\n"},
		"Hebrew":            {"windows-1255", "שם,עיר\nדוד,ירושלים\nשרה,תל אביב\n"},
		"Thai":              {"windows-874", "ชื่อ,เมือง\nสมชาย,กรุงเทพ\n"},
		"Chinese":           {"gbk", "姓名,城市\n张伟,北京市\n王芳,上海市\n"},
		"Chinese, Big5":     {"big5", "姓名,城市\n陳大文,台北\n林小明,高雄\n"},
		"Japanese":          {"shift_jis", "名前,都市\n田中太郎,東京都\n鈴木花子,大阪市北区\n"},
		"Korean":            {"euc-kr", "이름,도시\n김철수,서울\n이영희,부산\n"},
		"UTF-8":             {"utf-8", "name,城市\nZoë,北京\n"},
		"UTF-8, one letter": {"utf-8", "id,name\n1,é\n"},
		"ASCII":             {"utf-8", "id,name\n1,x\n"},
		"UTF-16":            {"utf-16le", "id,name\n1,Zoë\n2,北京\n"},
		"UTF-16, Chinese":   {"utf-16be", "姓名,城市\n张伟,北京市\n王芳,上海市\n"},
		"UTF-16, one line":  {"utf-16be", "id,name"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := readAll(t, encoded(t, c.encoding, c.text), Options{})
			require.Equal(t, c.encoding, got.info.Encoding)
			want := readAll(t, c.text, Options{})
			require.Equal(t, want.header, got.header)
			require.Equal(t, want.rows, got.rows)
			require.Empty(t, got.errors)
		})
	}
}

func TestAByteOrderMarkDecidesAndIsTakenOff(t *testing.T) {
	t.Parallel()
	const text = "name,city\nZoë,北京\n"
	utf16 := func(e unicode.Endianness) string {
		s, err := unicode.UTF16(e, unicode.UseBOM).NewEncoder().String(text)
		require.NoError(t, err)
		return s
	}
	wide, err := utf32.UTF32(utf32.LittleEndian, utf32.UseBOM).NewEncoder().String(text)
	require.NoError(t, err)
	for encoding, data := range map[string]string{
		"utf-8": "\ufeff" + text, "utf-16le": utf16(unicode.LittleEndian), "utf-16be": utf16(unicode.BigEndian), "utf-32le": wide,
	} {
		for _, given := range []string{"", encoding} {
			got := readAll(t, data, Options{Encoding: given})
			require.Equal(t, encoding, got.info.Encoding)
			require.Equal(t, []string{"name", "city"}, got.header)
			require.Equal(t, [][]string{{"Zoë", "北京"}}, got.rows)
		}
	}
}

func TestEncodingsAreKnownByTheirManyNames(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"UTF8": "utf-8", "utf-8-sig": "utf-8", "Latin1": "windows-1252", "latin-1": "windows-1252", "ISO-8859-1": "windows-1252",
		"cp1252": "windows-1252", " ANSI ": "windows-1252", "IBM850": "ibm850", "cp437": "ibm437", "SJIS": "shift_jis",
		"gb2312": "gbk", "mac": "macintosh", "UTF-16": "utf-16le", "unicodefffe": "utf-16be",
	} {
		cs, err := charsetNamed(given)
		require.NoError(t, err, given)
		require.Equal(t, want, cs.name, given)
	}
	for _, given := range []string{"klingon", "", "iso-2022-kr", "x-user-defined"} {
		_, err := charsetNamed(given)
		require.Error(t, err, given)
	}
}

// "utf-16" leaves the byte order open.
func TestTheByteOrderOfUTF16IsFound(t *testing.T) {
	t.Parallel()
	const text = "id,name\n1,Zoë\n"
	for _, name := range []string{"utf-16le", "utf-16be"} {
		got := readAll(t, encoded(t, name, text), Options{Encoding: "UTF-16"})
		require.Equal(t, [][]string{{"1", "Zoë"}}, got.rows)
		require.Equal(t, name, got.info.Encoding)
	}
}

// A NUL here and there does not make a file UTF-16.
func TestAFewNULsAreNotUTF16(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"a,b,c\n\x00,2,3", "a,b\n\x001,\x002\n", "a,b\nx\x00,y\x00\n\x00z,w\n"} {
		got := readAll(t, text, Options{})
		require.Equal(t, "utf-8", got.info.Encoding)
		require.NotEmpty(t, got.errors)
	}
}

// The first byte beyond ASCII may come after everything that was looked at when the file was opened.
func TestAnAccentFarIntoTheFileIsReadRight(t *testing.T) {
	t.Parallel()
	plain := "id,name\n" + strings.Repeat("1,plain text\n", 3*windowBytes/13)
	for encoding, tail := range map[string]string{
		"windows-1252": "2,José\n3,Müller\n", "utf-8": "2,José\n3,北京\n", "windows-1251": "2,Иван\n3,Мария\n4,Санкт-Петербург\n",
	} {
		r, err := Open(t.Context(), memory{data: []byte(plain + encoded(t, encoding, tail))}, Options{})
		require.NoError(t, err)
		require.Equal(t, "utf-8", r.Info().Encoding)
		got, err := collect(r)
		require.NoError(t, err)
		require.Equal(t, encoding, got.info.Encoding)
		require.Empty(t, got.errors)
		want := readAll(t, "id,name\n"+tail, Options{})
		require.Equal(t, want.rows, got.rows[len(got.rows)-len(want.rows):])
	}
}

// UTF-8 with a few damaged letters is still UTF-8: those are marked, the others are not spoilt.
func TestAFewWrongBytesDoNotChangeTheEncoding(t *testing.T) {
	t.Parallel()
	got := readAll(t, "id,name\n"+strings.Repeat("1,Zoë Müller\n", 100)+"2,J\xf6rg\n", Options{})
	require.Equal(t, "utf-8", got.info.Encoding)
	require.Len(t, got.errors, 1)
	require.Equal(t, "encoding", got.errors[0].Rule)
	require.Equal(t, []string{"2", "J\uFFFDrg"}, got.rows[100])
}

func TestWhatADecoderCannotReadIsMarked(t *testing.T) {
	t.Parallel()
	got := readAll(t, "a,b\n\xff,x\n", Options{Encoding: "shift_jis"})
	require.Equal(t, []CellError{{
		Rule: "encoding", Value: "\uFFFD",
		Message: "has bytes that are not shift_jis: save the file as UTF-8, or give its encoding",
	}}, got.errors)
}

func TestACutCharacterIsNoDamage(t *testing.T) {
	t.Parallel()
	text := []byte("aé北😀")
	for n, want := range map[int]int{0: 0, 1: 1, 2: 1, 3: 3, 4: 3, 5: 3, 6: 6, 7: 6, 8: 6, 9: 6, 10: 10} {
		require.Equal(t, want, cutRune(text[:n]), n)
	}
	require.Equal(t, 2, cutRune([]byte("a\xff")))
	require.Equal(t, 5, cutRune([]byte("\x80\x80\x80\x80\x80")))
}
