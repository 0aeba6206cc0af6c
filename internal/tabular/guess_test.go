package tabular

import (
	"testing"

	"github.com/stretchr/testify/require"
)

const assumed = "the file does not say its encoding: windows-1252 was assumed; give the encoding if letters look wrong"

// A few letters beyond ASCII fit many encodings. What is taken then is the likeliest, and the file's owner is told.
func TestLittleEvidenceIsWesternEuropeanAndSaysSo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ cell, want string }{
		"umlauts alone":        {"\xe4\xf6\xfc", "äöü"},
		"capital umlauts":      {"\xc4\xd6\xdc", "ÄÖÜ"},
		"one letter":           {"Jos\xe9", "José"},
		"before a letter":      {"M\xfcller", "Müller"},
		"Scandinavian":         {"\xc5se \xd8deg\xe5rd", "Åse Ødegård"},
		"Portuguese":           {"Concei\xe7\xe3o", "Conceição"},
		"a word in capitals":   {"\xc9T\xc9", "ÉTÉ"},
		"letters in a row":     {"\xe0\xe9\xe8", "àéè"},
		"a sharp s":            {"Stra\xdfe", "Straße"},
		"signs, not letters":   {"5 \x80 \x96 10 \x80", "5 € – 10 €"},
		"a degree and a power": {"20 \xb0C, 5 m\xb2", "20 °C, 5 m²"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := readAll(t, "name;city\nJohn Smith;London\n"+c.cell+"\nAnn;Paris", Options{})
			require.Equal(t, "windows-1252", got.info.Encoding)
			require.Equal(t, c.want, got.rows[1][0])
			require.Contains(t, got.info.Warnings, assumed)
			require.Empty(t, got.errors)
		})
	}
}

// However many letters look like it: an encoding in which some of the bytes are nothing is not the file's.
func TestAnEncodingThatCannotReadTheFileIsNotGuessed(t *testing.T) {
	t.Parallel()
	hebrew := encoded(t, "windows-1255", "שם,עיר\nדוד,ירושלים\nשרה,תל אביב\n")
	got := readAll(t, hebrew+"\xfc,\xfb\n", Options{})
	require.Equal(t, "windows-1252", got.info.Encoding)
	require.Contains(t, got.info.Warnings, assumed)
	require.Empty(t, got.errors)
}
