package httpapi

import (
	"net/url"
	"strconv"
	"time"

	"github.com/google/uuid"
)

const (
	defaultPage      = 50
	defaultImporters = 100 // of the list of importers, which goes by skip and limit
)

// orElse gives the value of an optional parameter, or what its absence means.
func orElse[T any](p *T, absent T) T {
	if p == nil {
		return absent
	}
	return *p
}

// text gives an optional parameter as text, "" if it is absent.
func text[T ~string](p *T) string { return string(orElse(p, "")) }

func idText(id *uuid.UUID) string {
	if id == nil {
		return ""
	}
	return id.String()
}

func timeText(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Format(time.RFC3339Nano)
}

// query collects the parameters that a next page repeats: name, value, name, value …; empty ones are left out.
func query(limit int, pairs ...string) url.Values {
	q := url.Values{"limit": {strconv.Itoa(limit)}}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return q
}

// paged cuts rows, of which limit+1 were asked for, to a page. link leads to the page after it; nil on the last one.
func paged[T any](rows []T, limit int, path string, q url.Values, key func(T) string) (page []T, link *string) {
	if len(rows) <= limit {
		return append([]T{}, rows...), nil // a list, if an empty one
	}
	return rows[:limit], next(path, key(rows[limit-1]), q)
}

// next gives the Link to the page after the row of that key.
func next(path, after string, q url.Values) *string {
	q.Set("after", after)
	link := "<" + path + "?" + q.Encode() + `>; rel="next"`
	return &link
}
