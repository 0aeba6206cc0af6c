package rowprogram

import (
	"math/big"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// The reference reads a number by one regular expression a mark, and asks whether both agree.
var (
	pointStyle = regexp.MustCompile(`^[-+−]?(?:(\d*)(?:\.(\d*))?(?:[eE]([-+]?\d+))?|([1-9]\d{0,2}(?:,\d{3})+|[1-9]\d{0,2}(?: \d{3})+|[1-9]\d{0,2}(?:'\d{3})+|[1-9]\d?(?:,\d\d)+,\d{3})(?:\.(\d*))?)$`)
	commaStyle = regexp.MustCompile(`^[-+−]?(?:(\d*)(?:,(\d*))?(?:[eE]([-+]?\d+))?|([1-9]\d{0,2}(?:\.\d{3})+|[1-9]\d{0,2}(?: \d{3})+|[1-9]\d{0,2}(?:'\d{3})+)(?:,(\d*))?)$`)
)

// styled reads text in one style; nil if it cannot.
func styled(style *regexp.Regexp, text string) *big.Rat {
	m := style.FindStringSubmatch(text)
	if m == nil {
		return nil
	}
	whole := strings.NewReplacer(",", "", ".", "", " ", "", "'", "").Replace(m[1] + m[4])
	fraction := m[2] + m[5]
	if whole+fraction == "" {
		return nil
	}
	plain := "0" + whole + "." + fraction + "0"
	if m[3] != "" {
		plain += "e" + m[3]
	}
	r, _ := new(big.Rat).SetString(plain)
	if strings.HasPrefix(text, "-") || strings.HasPrefix(text, "−") {
		r.Neg(r)
	}
	return r
}

func TestANumberIsReadOnlyWhenThereIsOneReading(t *testing.T) {
	t.Parallel()
	text := rapid.OneOf(
		rapid.StringMatching(`[-+−]?\d{0,3}([,. ']\d{2,3}){0,3}([,.]\d{0,4})?([eE][-+]?\d{1,2})?`),
		rapid.StringMatching(`[0-9,.' eE+\-]{1,10}`),
	)
	rapid.Check(t, func(t *rapid.T) {
		in := text.Filter(func(s string) bool { return strings.TrimSpace(s) == s && s != "" }).Draw(t, "in")
		point, comma := styled(pointStyle, in), styled(commaStyle, in)
		n, _, why := readNumber([]byte(in), nil, markUnknown, false)
		switch {
		case why == numberHuge: // 1e999999
			return
		case point == nil && comma == nil:
			require.NotEqual(t, fine, why)
			return
		case point != nil && comma != nil && point.Cmp(comma) != 0:
			require.NotEqual(t, markUnknown, n.unclear, "both %s and %s", point, comma)
		default:
			require.Equal(t, fine, why)
			require.Equal(t, markUnknown, n.unclear)
			require.Equal(t, point == nil, n.shows == markComma)
			require.Equal(t, comma == nil, n.shows == markPoint)
		}
		for style, want := range map[mark]*big.Rat{markPoint: point, markComma: comma} {
			n, _, why := readNumber([]byte(in), nil, style, true)
			require.Equal(t, want != nil, why == fine, "as %d", style)
			if want != nil {
				require.Equal(t, want, rational(t, string(n.append(nil))))
			}
		}
	})
}

func rational(t require.TestingT, canonical string) *big.Rat {
	r, ok := new(big.Rat).SetString(canonical)
	require.True(t, ok, canonical)
	return r
}

var canonicalNumber = regexp.MustCompile(`^-?(0|[1-9]\d*)(\.\d+)?(e-?\d+)?$`)

func TestCanonicalNumbersAreExactAndReadBackTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.StringMatching(`-?\d{0,30}(\.\d{1,30})?(e-?\d{1,4})?`).Filter(func(s string) bool {
			return strings.ContainsAny(strings.SplitN(s, "e", 2)[0], "0123456789")
		}).Draw(t, "in")
		n, _, why := readNumber([]byte(in), nil, markPoint, true)
		require.Equal(t, fine, why)
		out := string(n.append(nil))
		require.Regexp(t, canonicalNumber, out)
		mantissa := in
		if strings.HasPrefix(strings.TrimPrefix(in, "-"), ".") {
			mantissa = strings.Replace(in, ".", "0.", 1)
		}
		require.Equal(t, rational(t, mantissa), rational(t, out))
		again, _, why := readNumber([]byte(out), nil, markPoint, true)
		require.Equal(t, fine, why)
		require.Equal(t, out, string(again.append(nil)), "canonical text is its own canonical text")
		if _, plain := plainNumber([]byte(out)); !strings.Contains(out, "e") && !strings.HasPrefix(out, "-0") && len(out) <= maxWritten {
			require.True(t, plain)
		}
		if point, plain := plainNumber([]byte(in)); plain {
			require.Equal(t, in, out, "what is taken as it stands is canonical")
			require.Equal(t, strings.IndexByte(in, '.'), point)
		}
	})
}

func TestNumbersCompareAsRationalsDo(t *testing.T) {
	t.Parallel()
	number := rapid.StringMatching(`-?(0|[1-9]\d{0,20})(\.\d{1,20})?(e-?\d{1,3})?`)
	small := rapid.StringMatching(`-?[0-3](\.0{0,2}[0-2])?`)
	rapid.Check(t, func(t *rapid.T) {
		drawn := rapid.OneOf(number, small)
		a, b := drawn.Draw(t, "a"), drawn.Draw(t, "b")
		x, y := parseCanonical([]byte(a)), parseCanonical([]byte(b))
		want := rational(t, a).Cmp(rational(t, b))
		require.Equal(t, want, compareNumbers(&x, &y))
		require.Equal(t, -want, compareNumbers(&y, &x))

		limit := rule{number: y}
		limit.whole, limit.isWhole = wholeNumber([]byte(b))
		require.Equal(t, want, limit.compareNumber([]byte(a)))
	})
}
