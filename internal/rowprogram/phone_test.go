package rowprogram

import (
	"slices"
	"strings"
	"testing"

	"github.com/nyaruka/phonenumbers"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// phoneText draws what looks like a phone number: mostly plain, of any country, sometimes with a prefix or an extension.
func phoneText() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.StringMatching(`[2-9]\d{2}[ .\-]?[2-9]\d{2}[ .\-]?\d{4}`),
		rapid.StringMatching(`(\+?1[ .\-]?)?\(?\d{3}\)?[ .\-/]?\d{3}[ .\-]?\d{4}`),
		rapid.StringMatching(`\+[1-9]\d{0,2}[ \-]?(\(0\))?\d{0,5}[ \-]\d{0,10}`),
		rapid.StringMatching(`(0|00|011|010|810|001|119|8|1|06|44|49|7|39)?[ \-]?\d{0,14}`),
		rapid.StringMatching(`[0-9+() .\-/x,;*#~]{0,20}`),
	)
}

func TestPhonesAreReadAsLibphonenumberReadsThem(t *testing.T) {
	t.Parallel()
	regions := slices.Sorted(func(yield func(string) bool) {
		for region := range phonenumbers.GetSupportedRegions() {
			if !yield(region) {
				return
			}
		}
	})
	known := make(map[string]*phones)
	for _, region := range regions {
		p, err := newPhones(region)
		require.NoError(t, err)
		known[region] = p
	}
	texts := rapid.SliceOfN(phoneText(), 10, 30)
	rapid.Check(t, func(t *rapid.T) {
		p := known[rapid.OneOf(rapid.Just("US"), rapid.SampledFrom(regions)).Draw(t, "region")]
		for _, text := range texts.Draw(t, "texts") {
			_, err := phonenumbers.Parse(text, p.region)
			require.Equal(t, err == nil, p.parses([]byte(text)), "%q in %s: %v", text, p.region, err)
			want, ok := slowlyNormalized(p, text)
			got, gotOK := p.normalize([]byte("<"), []byte(text))
			require.Equal(t, ok, gotOK, "%q in %s", text, p.region)
			require.Equal(t, "<"+want, string(got), "%q in %s", text, p.region)
		}
	})
}

// slowlyNormalized is normalize by the library alone.
func slowlyNormalized(p *phones, text string) (string, bool) {
	number, err := phonenumbers.Parse(text, p.region)
	if err != nil {
		return "", false
	}
	if region := phonenumbers.GetRegionCodeForNumber(number); number.GetCountryCode() == 1 && (region == "US" || region == "") && p.nanpa {
		return phonenumbers.Format(number, phonenumbers.NATIONAL), true
	}
	return phonenumbers.Format(number, phonenumbers.INTERNATIONAL), true
}

func TestTheStyleOfANorthAmericanNumberHangsOnItsFirstSixDigits(t *testing.T) {
	t.Parallel()
	all, err := phonenumbers.MetadataCollection()
	require.NoError(t, err)
	for _, m := range all.GetMetadata() {
		if m.GetId() != "US" {
			continue
		}
		require.Empty(t, m.GetLeadingDigits())
		for _, d := range []*phonenumbers.PhoneNumberDesc{
			m.GetFixedLine(), m.GetMobile(), m.GetTollFree(), m.GetPremiumRate(), m.GetSharedCost(), m.GetVoip(), m.GetPersonalNumber(), m.GetPager(), m.GetUan(), m.GetVoicemail(),
		} {
			for _, alternative := range topAlternatives(d.GetNationalNumberPattern()) {
				free := strings.HasSuffix(alternative, `\d{4}`) || strings.HasSuffix(alternative, `\d{6}`) || alternative == "NA" || alternative == ""
				require.True(t, free, "%s: the last four digits must be free", alternative)
			}
		}
		return
	}
	require.Fail(t, "no metadata for US")
}

// topAlternatives parts a pattern at the bars outside parentheses.
func topAlternatives(pattern string) []string {
	depth, start := 0, 0
	var parts []string
	for i, c := range pattern {
		switch c {
		case '(':
			depth++
		case ')':
			depth--
		case '|':
			if depth == 0 {
				parts = append(parts, pattern[start:i])
				start = i + 1
			}
		}
	}
	return append(parts, pattern[start:])
}

func BenchmarkPhone(b *testing.B) {
	p, err := newPhones("US")
	require.NoError(b, err)
	for name, text := range map[string]string{"plain": "(650) 253-0000", "library": "650-253-0000 x1"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.parses([]byte(text))
			}
		})
	}
}
