package cron_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"wharf/internal/cron"
)

const layout = "2006-01-02 15:04 MST"

// due gives the next moments after one that a place's clocks show, as they show them.
func due(t *testing.T, expression, zone, after string, n int) (moments []string) {
	t.Helper()
	s, err := cron.Parse(expression, zone)
	require.NoError(t, err)
	place, err := time.LoadLocation(zone)
	require.NoError(t, err)
	at, err := time.ParseInLocation("2006-01-02 15:04", after, place)
	require.NoError(t, err)
	for range n {
		var ok bool
		at, ok = s.Next(at)
		require.True(t, ok)
		moments = append(moments, at.In(place).Format(layout))
	}
	return moments
}

func TestExpressionIsDueWhenItSays(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		expression, after string
		want              []string
	}{
		"a time of day":              {"30 2 * * *", "2026-05-01 02:30", []string{"2026-05-02 02:30 UTC", "2026-05-03 02:30 UTC"}},
		"the moment itself is past":  {"* * * * *", "2026-05-01 02:30", []string{"2026-05-01 02:31 UTC"}},
		"steps":                      {"*/25 22-23 * * *", "2026-05-01 22:25", []string{"2026-05-01 22:50 UTC", "2026-05-01 23:00 UTC"}},
		"a step from a value":        {"0 20/2 * * *", "2026-05-01 20:00", []string{"2026-05-01 22:00 UTC", "2026-05-02 20:00 UTC"}},
		"a list":                     {"0 6,18 * * *", "2026-05-01 07:00", []string{"2026-05-01 18:00 UTC", "2026-05-02 06:00 UTC"}},
		"days of the week":           {"0 9 * * mon-Fri", "2026-05-01 10:00", []string{"2026-05-04 09:00 UTC"}},
		"Sunday is 0":                {"0 9 * * 0", "2026-05-01 10:00", []string{"2026-05-03 09:00 UTC"}},
		"and 7":                      {"0 9 * * 5-7", "2026-05-01 10:00", []string{"2026-05-02 09:00 UTC", "2026-05-03 09:00 UTC", "2026-05-08 09:00 UTC"}},
		"every second weekday":       {"0 0 * * */2", "2026-05-01 10:00", []string{"2026-05-02 00:00 UTC", "2026-05-03 00:00 UTC", "2026-05-05 00:00 UTC"}},
		"one of the days is enough":  {"0 0 13 * fri", "2026-05-02 00:00", []string{"2026-05-08 00:00 UTC", "2026-05-13 00:00 UTC"}},
		"a star asks for both":       {"0 0 */2 * fri", "2026-05-02 00:00", []string{"2026-05-15 00:00 UTC"}},
		"a month by name":            {"0 0 1 JAN *", "2026-05-01 00:00", []string{"2027-01-01 00:00 UTC"}},
		"a day that few months have": {"0 0 31 * *", "2026-05-31 00:00", []string{"2026-07-31 00:00 UTC"}},
		"leap days":                  {"0 0 29 2 *", "2096-03-01 00:00", []string{"2104-02-29 00:00 UTC"}},
		"@hourly":                    {"@hourly", "2026-05-01 10:30", []string{"2026-05-01 11:00 UTC"}},
		"@daily":                     {" @Daily ", "2026-05-01 10:30", []string{"2026-05-02 00:00 UTC"}},
		"@weekly":                    {"@weekly", "2026-05-01 10:30", []string{"2026-05-03 00:00 UTC"}},
		"@monthly":                   {"@monthly", "2026-05-01 10:30", []string{"2026-06-01 00:00 UTC"}},
		"@yearly":                    {"@yearly", "2026-05-01 10:30", []string{"2027-01-01 00:00 UTC"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, due(t, c.expression, "UTC", c.after, len(c.want)))
		})
	}
}

func TestClocksThatAreSet(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		expression, zone, after string
		want                    []string
	}{
		"a time that is skipped is due when clocks are set": {
			"30 2 * * *", "Europe/Zurich", "2026-03-28 12:00",
			[]string{"2026-03-29 03:00 CEST", "2026-03-30 02:30 CEST"},
		},
		"many times that are skipped are due once": {
			"*/10 2 * * *", "America/New_York", "2026-03-08 01:00",
			[]string{"2026-03-08 03:00 EDT", "2026-03-09 02:00 EDT"},
		},
		"a time that is shown twice is due the first time": {
			"30 2 * * *", "Europe/Zurich", "2026-10-24 12:00",
			[]string{"2026-10-25 02:30 CEST", "2026-10-26 02:30 CET"},
		},
		"a time before and one after clocks are set back": {
			"0 1,3 * * *", "America/New_York", "2026-10-31 12:00",
			[]string{"2026-11-01 01:00 EDT", "2026-11-01 03:00 EST"},
		},
		"every hour goes by hours as they pass, back": {
			"0 * * * *", "Europe/Zurich", "2026-10-25 01:00",
			[]string{"2026-10-25 02:00 CEST", "2026-10-25 02:00 CET", "2026-10-25 03:00 CET"},
		},
		"every half hour, back": {
			"*/30 * * * *", "Europe/Zurich", "2026-10-25 01:45",
			[]string{"2026-10-25 02:00 CEST", "2026-10-25 02:30 CEST", "2026-10-25 02:00 CET", "2026-10-25 02:30 CET", "2026-10-25 03:00 CET"},
		},
		"every hour, forward": {
			"30 * * * *", "Europe/Zurich", "2026-03-29 00:45",
			[]string{"2026-03-29 01:30 CET", "2026-03-29 03:30 CEST"},
		},
		"clocks that are set by half an hour": {
			"15 2 * * *", "Australia/Lord_Howe", "2026-10-03 12:00",
			[]string{"2026-10-04 02:30 +11", "2026-10-05 02:15 +11"},
		},
		"a day that begins an hour late": {
			"@daily", "Africa/Cairo", "2026-04-23 12:00",
			[]string{"2026-04-24 01:00 EEST", "2026-04-25 00:00 EEST"},
		},
		"a day that ends twice": {
			"30 23 * * *", "Africa/Cairo", "2026-10-29 12:00",
			[]string{"2026-10-29 23:30 EEST", "2026-10-30 23:30 EET"},
		},
		"a day that a place left out": {
			"0 12 * * *", "Pacific/Apia", "2011-12-29 13:00",
			[]string{"2011-12-31 00:00 +14", "2011-12-31 12:00 +14"},
		},
		"a zone that is never set":     {"30 2 * * *", "Asia/Kolkata", "2026-03-28 12:00", []string{"2026-03-29 02:30 IST"}},
		"years of summer and winter":   {"0 0 29 2 *", "Europe/Zurich", "2024-03-01 00:00", []string{"2028-02-29 00:00 CET"}},
		"midnight in a southern place": {"@daily", "America/Santiago", "2026-09-05 12:00", []string{"2026-09-06 01:00 -03", "2026-09-07 00:00 -03"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, due(t, c.expression, c.zone, c.after, len(c.want)))
		})
	}
}

func TestMistakesAreToldInWords(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]string{
		"":                  "has five fields",
		"* * * *":           "has five fields",
		"* * * * * *":       "has five fields",
		"@every 1h":         "has five fields",
		"@reboot":           "has five fields",
		"TZ=UTC * * * * *":  "has five fields",
		"60 * * * *":        `minute: "60" is not from 0 to 59`,
		"* 24 * * *":        `hour: "24" is not from 0 to 23`,
		"* * 0 * *":         `day of month: "0" is not from 1 to 31`,
		"* * * 13 *":        `month: "13" is not from 1 to 12`,
		"* * * * 8":         `day of week: "8" is not from 0 to 7`,
		"* * * * fry":       `day of week: "fry" is not`,
		"-5 * * * *":        `minute: "" is not`,
		"+5 * * * *":        `minute: "+5" is not`,
		"5-1 * * * *":       "runs backwards",
		"*/0 * * * *":       `"0" is no step`,
		"*/x * * * *":       `"x" is no step`,
		"1,,2 * * * *":      `minute: "" is not`,
		"0 0 31 2 *":        "never due",
		"0 0 31 4,6,9,11 *": "never due",
	} {
		_, err := cron.Parse(expression, "UTC")
		require.ErrorContains(t, err, want, expression)
	}
	for _, zone := range []string{"", "Local", "Mars/Olympus", "../etc/passwd", "UTC+1"} {
		_, err := cron.Parse("@daily", zone)
		require.ErrorContains(t, err, "is no time zone", zone)
	}
	_, ok := cron.Schedule{}.Next(time.Unix(0, 0))
	require.False(t, ok)
}

// Between two moments no minute is one at which clocks show what the expression says, but where they are set.
func TestNoMinuteIsMissedWhereClocksStand(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		expression := rapid.StringMatching(`([0-5]?[0-9]|\*/(7|15)|5,35) ([01]?[0-9]|\*|\*/5|9-17) (\*|[1-9]|1-7) (\*|[1-9]|\*/3) (\*|[0-7]|mon-wed)`).Draw(t, "expression")
		zone := rapid.SampledFrom([]string{"UTC", "Asia/Kolkata", "Asia/Kathmandu"}).Draw(t, "zone")
		from := time.Unix(rapid.Int64Range(1_600_000_000, 1_900_000_000).Draw(t, "from"), 0)
		s, err := cron.Parse(expression, zone)
		require.NoError(t, err)
		next, ok := s.Next(from)
		require.True(t, ok)
		require.True(t, next.After(from))
		require.Zero(t, next.Second())
		early, ok := s.Next(next.Add(-time.Minute))
		require.True(t, ok)
		require.True(t, early.Equal(next), "it is due at that very minute")
		between := time.Unix(from.Unix()+rapid.Int64Range(0, next.Unix()-from.Unix()-1).Draw(t, "between"), 0)
		again, ok := s.Next(between)
		require.True(t, ok)
		require.True(t, again.Equal(next), "and at none before: %s, %s", between, again)
	})
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"* * * * *", "@daily", "*/5 1-3 1,2 jan sun", "0 0 29 2 *"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, expression string) {
		s, err := cron.Parse(expression, "Europe/Zurich")
		if err != nil {
			return
		}
		now := time.Unix(1_700_000_000, 0)
		next, ok := s.Next(now)
		require.True(t, ok)
		require.True(t, next.After(now))
	})
}
