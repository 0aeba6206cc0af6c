package rowprogram

import (
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestTrimTakesEveryBlankAndNothingElse(t *testing.T) {
	t.Parallel()
	blanks := rapid.StringOf(rapid.SampledFrom([]rune(" \t\n\r\u0085\u00a0\u1680\u2003\u2028\u202f\u3000\ufeff\u200b")))
	rapid.Check(t, func(t *rapid.T) {
		inner := rapid.String().Draw(t, "inner")
		text := blanks.Draw(t, "before") + inner + blanks.Draw(t, "after")
		want := strings.TrimFunc(text, func(r rune) bool { return unicode.IsSpace(r) || r == '\ufeff' || r == '\u200b' })
		require.Equal(t, want, string(trim([]byte(text))))
	})
	require.Equal(t, "\xc2", string(trim([]byte(" \xc2 "))), "half a character is no blank")
}

func TestKeysAreEqualWhenTextsDifferInCaseAlone(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		letters := rapid.StringOf(rapid.OneOf(rapid.RuneFrom([]rune("aAbBßẞkK\u212asſσςΣéÉıİiI")), rapid.Rune()))
		a, b := letters.Draw(t, "a"), letters.Draw(t, "b")
		require.Equal(t, strings.EqualFold(a, b), string(appendFold(nil, []byte(a))) == string(appendFold(nil, []byte(b))))
		require.True(t, strings.EqualFold(a, string(appendFold(nil, []byte(a)))))
	})
}

func TestEmailsAreReadAsTheGrammarHasThem(t *testing.T) {
	t.Parallel()
	// The grammar of RFC 5321 over ASCII, without address literals, as one expression.
	const atom = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
	const label = `[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?`
	grammar := regexp.MustCompile("^(?:" + atom + `(?:\.` + atom + `)*|"(?:[ !#-\[\]-~]|\\[ -~])*")@(?:` + label + `\.)+` + label + "$")
	numeric := regexp.MustCompile(`\.[0-9-]+$`)
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.OneOf(
			rapid.StringMatching(`[a-z.+]{1,6}@[a-z0-9.\-]{1,8}\.[a-z0-9\-]{0,3}`),
			rapid.StringMatching(`"?[a-z"\\. ]{0,5}"?@[a-z]{1,3}\.[a-z]{2}`),
			rapid.StringMatching(`[ -~]{1,12}`),
		).Draw(t, "in")
		require.Equal(t, grammar.MatchString(in) && !numeric.MatchString(in), checkEmail([]byte(in)) == fine)
	})
}
