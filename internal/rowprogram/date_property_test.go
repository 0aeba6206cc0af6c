package rowprogram

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// instant draws a time of the years that dates of four digits reach.
func instant(t *rapid.T) time.Time {
	first := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	last := time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).Unix()
	return time.Unix(rapid.Int64Range(first, last).Draw(t, "unix"), 0).UTC()
}

func TestEverySpellingOfADayReadsAsThatDay(t *testing.T) {
	t.Parallel()
	layouts := []string{
		"2006-01-02", "2006/1/2", "2006.01.02", "20060102", "2 January 2006", "02-Jan-2006", "Jan 2, 2006", "January 2 2006",
		"Monday, 2 January 2006", "Mon Jan 2 2006", "2.1.2006", "2. 1. 2006", "2006-Jan-02", "02Jan2006",
	}
	times := map[string]string{"": "", " 15:04": "T15:04:00", "T15:04:05": "T15:04:05", " 3:04:05 PM": "T15:04:05", ", 15:04:05.000": "T15:04:05.000", " 15:04:05Z": "T15:04:05Z"}
	rapid.Check(t, func(t *rapid.T) {
		when := instant(t)
		layout := rapid.SampledFrom(layouts).Draw(t, "layout")
		clock := rapid.SampledFrom([]string{"", " 15:04", "T15:04:05", " 3:04:05 PM", ", 15:04:05.000", " 15:04:05Z"}).Draw(t, "clock")
		in := when.Format(layout + clock)
		if layout == "20060102" && clock != "" && clock[0] != 'T' {
			return
		}
		got, why := readDate([]byte(in), orderUnknown, false)
		require.Equal(t, fine, why, in)
		require.Equal(t, when.Format("2006-01-02"+times[clock]), string(got.append(nil)), in)
	})
}

func TestANumericDateIsReadOnlyWhenThereIsOneReading(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		part := rapid.IntRange(0, 33)
		separator := rapid.SampledFrom([]string{"/", "-"}).Draw(t, "separator")
		in := fmt.Sprintf("%d%s%d%s%d", part.Draw(t, "a"), separator, part.Draw(t, "b"), separator, rapid.IntRange(1000, 9999).Draw(t, "year"))
		dmy, dmyErr := time.Parse("2"+separator+"1"+separator+"2006", in)
		mdy, mdyErr := time.Parse("1"+separator+"2"+separator+"2006", in)
		got, why := readDate([]byte(in), orderUnknown, false)
		switch {
		case dmyErr != nil && mdyErr != nil:
			require.Equal(t, dateMissing, why)
		case dmyErr == nil && mdyErr == nil && !dmy.Equal(mdy):
			require.Equal(t, dateUnclear, why)
		case dmyErr == nil:
			require.Equal(t, dmy.Format(time.DateOnly), string(got.append(nil)))
			require.Equal(t, mdyErr != nil, got.shows == dayFirst)
		default:
			require.Equal(t, mdy.Format(time.DateOnly), string(got.append(nil)))
			require.Equal(t, monthFirst, got.shows)
		}
		for order, want := range map[order]time.Time{dayFirst: dmy, monthFirst: mdy} {
			got, why := readDate([]byte(in), order, true)
			require.Equal(t, want.IsZero(), why != fine)
			if why == fine {
				require.Equal(t, want.Format(time.DateOnly), string(got.append(nil)))
			}
		}
	})
}

func TestCanonicalDatesReadBackTheSameAndHaveTheirInstant(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := instant(t).Format("2006-01-02T15:04:05")
		if digits := rapid.StringMatching(`\d{0,9}`).Draw(t, "fraction"); digits != "" {
			in += "." + digits
		}
		minutes := rapid.IntRange(-15*60, 15*60).Draw(t, "offset")
		in += fmt.Sprintf("%s%02d:%02d", map[bool]string{true: "-", false: "+"}[minutes < 0], max(minutes, -minutes)/60, max(minutes, -minutes)%60)
		got, why := readDate([]byte(in), orderUnknown, false)
		require.Equal(t, fine, why)
		require.Equal(t, in, string(got.append(nil)))
		want, err := time.Parse(time.RFC3339Nano, in)
		require.NoError(t, err)
		require.Equal(t, want.Unix(), int64(got.seconds()-got.east()))

		other := instant(t)
		limit, _ := readDate([]byte(other.Format(time.RFC3339)), orderUnknown, false)
		require.Equal(t, want.Compare(other), compareDates(&got, &limit))
	})
}

// dateGrammar is every spelling of a date, as one expression.
var dateGrammar = func() *regexp.Regexp {
	const (
		month   = `(?:jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec|january|february|march|april|june|july|august|september|october|november|december)`
		weekday = `(?:(?:mon|tue|wed|thu|fri|sat|sun|monday|tuesday|wednesday|thursday|friday|saturday|sunday)\.?,? +)?`
		mark    = `(?:/|-|\. *| +)`
		day     = `\d\d?(?:st|nd|rd|th)?`
		year    = `(?:\d{4}|\d\d)`
		zone    = `(?: *(?:z|(?:utc|gmt)?(?:[+-](?:\d\d?(?::\d\d)?|\d{4}))?|utc|gmt))?`
		half    = `(?: *[ap]m)?`
		seconds = `(?::\d\d(?:[.,]\d{1,9})?)?`
		clock   = `(?:(?:t|,? +|,)\d\d?:\d\d` + seconds + half + zone + `|t\d{4}` + half + zone + `|t\d{6}(?:[.,]\d{1,9})?` + half + zone + `)?`
	)
	dates := []string{
		weekday + `\d{8}`, weekday + `\d{4}/(?:\d\d?|` + month + `)/\d\d?`, weekday + `\d{4}-(?:\d\d?|` + month + `)-\d\d?`, weekday + `\d{4}\. *(?:\d\d?|` + month + `)\. *\d\d?`, weekday + `\d{4} +` + month + ` +\d\d?`,
		weekday + `\d\d?/\d\d?/` + year, weekday + `\d\d?-\d\d?-\d{4}`, weekday + `\d\d?\. *\d\d?\. *` + year,
		weekday + day + mark + `?` + month + mark + `?,? *` + year, weekday + month + mark + day + `(?:,? *|` + mark + `)` + year,
	}
	return regexp.MustCompile("^(?i:(?:" + strings.Join(dates, "|") + ")" + clock + ")$")
}()

func TestNothingOutsideTheGrammarIsADate(t *testing.T) {
	t.Parallel()
	seeds := []string{
		"2024-02-29", "2024-02-29T13:45:07.25+02:00", "20240229T1345Z", "13/02/2024 1:05 PM", "29-Feb-24", "Feb 29th, 2024", "Thu, 29 Feb 2024 13:45:00 GMT",
		"31. 12. 2024", "Thu Feb 29 2024 13:45:00 GMT+0100",
	}
	rapid.Check(t, func(t *rapid.T) {
		text := []byte(rapid.SampledFrom(seeds).Draw(t, "seed"))
		for range rapid.IntRange(1, 3).Draw(t, "mutations") {
			at := rapid.IntRange(0, len(text)-1).Draw(t, "at")
			c := rapid.SampledFrom([]byte("0129-/.:, TZx+Ffp")).Draw(t, "c")
			switch rapid.IntRange(0, 2).Draw(t, "how") {
			case 0:
				text[at] = c
			case 1:
				text = slices.Insert(text, at, c)
			default:
				text = slices.Delete(text, at, at+1)
			}
		}
		text = trim(text)
		for _, order := range []order{orderUnknown, dayFirst} {
			if _, why := readDate(text, order, false); why == fine || why == dateUnclear || why == dateMissing {
				require.True(t, dateGrammar.MatchString(string(text)), string(text))
			}
		}
	})
}

func TestDaysAreCountedAsTheCalendarHasThem(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		when := instant(t)
		days := int((when.Unix() - when.Unix()%86400) / 86400)
		if when.Unix()%86400 < 0 {
			days--
		}
		var s stamp
		s.setDays(days)
		require.Equal(t, when.Format(time.DateOnly), string(s.append(nil)))
		require.Equal(t, days, s.days())
		require.Equal(t, (int(when.Weekday())+6)%7+1, s.dayOfWeek())
	})
}

func TestSerialNumbersAreDaysSince1900(t *testing.T) {
	t.Parallel()
	epoch := time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		days, seconds := rapid.IntRange(61, serialLast).Draw(t, "days"), rapid.IntRange(0, 86399).Draw(t, "seconds")
		in := strconv.FormatFloat(float64(days)+float64(seconds)/86400, 'g', 15, 64) // as Excel writes them
		got, why := readSerial([]byte(in))
		require.Equal(t, fine, why)
		layout := "2006-01-02T15:04:05"
		if seconds == 0 {
			layout = time.DateOnly
		}
		want := epoch.AddDate(0, 0, days).Add(time.Duration(seconds) * time.Second)
		require.Equal(t, want.Format(layout), string(got.append(nil)))
	})
}
