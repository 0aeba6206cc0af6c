package pgcodec

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestDaysAreThoseOfTheCalendar(t *testing.T) {
	t.Parallel()
	epoch := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		days := rapid.Int64Range(firstDay, endDay).Draw(t, "days")
		year, month, day := civil(days)
		want := epoch.AddDate(0, 0, int(days))
		require.Equal(t, [3]int{want.Year(), int(want.Month()), want.Day()}, [3]int{int(year), month, day})
		require.Equal(t, days, daysOf(year, month, day))
	})
}

func TestInfiniteIntervalsHaveAName(t *testing.T) {
	t.Parallel()
	for text, raw := range map[string]string{
		"infinity":  "\x7f\xff\xff\xff\xff\xff\xff\xff\x7f\xff\xff\xff\x7f\xff\xff\xff",
		"-infinity": "\x80\x00\x00\x00\x00\x00\x00\x00\x80\x00\x00\x00\x80\x00\x00\x00",
	} {
		out, err := appendInterval(nil, []byte(raw))
		require.NoError(t, err)
		require.Equal(t, text, string(out))
	}
}

func TestTimesOutsideTheDayAreCorrupt(t *testing.T) {
	t.Parallel()
	for _, micros := range []int64{-1, microsPerDay + 1} {
		_, err := appendTime(nil, binary.BigEndian.AppendUint64(nil, uint64(micros)))
		require.ErrorIs(t, err, ErrCorrupt)
	}
}
