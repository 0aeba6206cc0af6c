package load_test

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"wharf/internal/load"
)

// modelTables are what the reference implementation below knows.
const modelTables = `
CREATE TABLE public.places (
	id uuid PRIMARY KEY, tenant_id uuid NOT NULL, code text, deleted_at timestamptz, UNIQUE (tenant_id, id));
CREATE UNIQUE INDEX places_code ON public.places (tenant_id, code) WHERE deleted_at IS NULL;
CREATE TABLE public.items (
	id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL, ext text, email text, name text NOT NULL,
	qty integer NOT NULL DEFAULT 7 CHECK (qty <> 13), tag text, place_id uuid, parent_id uuid, deleted_at timestamptz,
	updated_at timestamptz NOT NULL DEFAULT now(),
	UNIQUE (tenant_id, id), UNIQUE (tenant_id, tag),
	FOREIGN KEY (tenant_id, place_id) REFERENCES public.places (tenant_id, id),
	FOREIGN KEY (tenant_id, parent_id) REFERENCES public.items (tenant_id, id));
CREATE UNIQUE INDEX items_ext ON public.items (tenant_id, ext) WHERE deleted_at IS NULL;
COMMENT ON TABLE public.items IS '@match ext
@match lower(email)';`

// values are a row's by column; a column without one is NULL, or blank in a file.
type values map[string]string

// item is a row of the table.
type item struct {
	id      string // of a new one: "new" and its line
	deleted bool
	values
}

// model is a merge as one would do it by hand: row by row, every row compared with every other.
type model struct {
	spec    load.Spec
	columns []string
	items   []*item
	places  []*item
	lines   []*line

	counts load.Counts
	errors map[string]int // "row field rule"
}

// line is a row of the file on its way.
type line struct {
	n       int
	cells   values
	bad     bool
	skipped bool // another takes its place
	refs    values
	needs   *line // a row of the file that must be written too
	found   *item
	way     int    // of the keys, the one that found it
	swaps   []swap // what others must give up
}

// swap is a value that another row of the file gives up.
type swap struct {
	field string
	from  *line
}

func (l *line) good() bool { return !l.bad && !l.skipped }

func (m *model) fail(l *line, field, rule string) {
	l.bad = true
	m.errors[fmt.Sprintf("%d %s %s", l.n, field, rule)]++
	m.counts.Errors++
}

// failAll marks rows after all of them have been judged.
func (m *model) failAll(wrong []*line, field, rule string) {
	for _, l := range wrong {
		m.fail(l, field, rule)
	}
}

func (m *model) maps(column string) bool { return slices.Contains(m.columns, column) }

// keys are "id", "ext" and "email", as far as they are mapped.
func (m *model) keys() []string {
	var keys []string
	if m.maps("id") {
		keys = append(keys, "id")
	}
	matches := m.spec.Match
	if matches == nil {
		matches = []string{"ext", "lower(email)"}
	}
	for _, match := range matches {
		if key := strings.TrimSuffix(strings.TrimPrefix(match, "lower("), ")"); m.maps(key) {
			keys = append(keys, key)
		}
	}
	return keys
}

// key gives a key of values, "" if it is blank.
func key(name string, v values) string {
	if name == "email" {
		return strings.ToLower(v[name])
	}
	return v[name]
}

func (i *item) key(name string) string {
	if name == "id" {
		return i.id
	}
	return key(name, i.values)
}

// find gives the rows of the table that the line is, and the place of the key that says so.
func (m *model) find(l *line) ([]*item, int) {
	keys := m.keys()
	for n, name := range keys {
		var hits []*item
		for _, i := range m.items {
			same := !i.deleted && key(name, l.cells) != "" && key(name, l.cells) == i.key(name)
			for _, earlier := range keys[:n] {
				same = same && (key(earlier, l.cells) == "" || i.key(earlier) == "")
			}
			if same {
				hits = append(hits, i)
			}
		}
		if len(hits) > 0 {
			return hits, n
		}
	}
	return nil, 0
}

// refer gives the one row that a text names: by id, else by the first natural key that hits.
func refer(text string, among []*item, keys ...string) (id string, hits int) {
	for _, i := range among {
		if i.id == text {
			return i.id, 1
		}
	}
	for _, name := range keys {
		for _, i := range among {
			if !i.deleted && i.key(name) != "" && i.key(name) == key(name, values{name: text}) {
				id, hits = i.id, hits+1
			}
		}
		if hits > 0 {
			return id, hits
		}
	}
	return "", 0
}

// referInFile is refer among the rows of the file.
func (m *model) referInFile(text string) (to *line, hits int) {
	for _, name := range []string{"ext", "email"} {
		var named []*line
		for _, l := range m.lines {
			if l.good() && m.maps(name) && key(name, l.cells) != "" && key(name, l.cells) == key(name, values{name: text}) {
				named = append(named, l)
			}
		}
		if len(named) == 0 {
			continue
		}
		if name != m.keys()[0] {
			return named[0], len(named)
		}
		if m.spec.LastWins {
			return named[len(named)-1], 1
		}
		return named[0], 1
	}
	return nil, 0
}

func (m *model) merge() {
	m.errors = map[string]int{}
	m.checkTypes()
	m.lookUp()
	m.findRows()
	m.checkRows()
	m.findRepeats()
	m.findCollisions()
	m.cascade()
	m.write()
}

func (m *model) checkTypes() {
	for _, l := range m.lines {
		if whole, decimal := strings.CutSuffix(l.cells["qty"], ".0"); decimal {
			l.cells["qty"] = whole
		}
		if _, err := strconv.Atoi(l.cells["qty"]); l.cells["qty"] != "" && err != nil {
			m.fail(l, "qty", "type")
		}
	}
}

func (m *model) lookUp() {
	type broken struct {
		l     *line
		field string
	}
	var wrong []broken
	for _, l := range m.lines {
		l.refs = values{}
		if text := l.cells["place_id"]; text != "" {
			id, hits := refer(text, m.places, "code")
			if l.refs["place_id"] = id; hits != 1 {
				wrong = append(wrong, broken{l, "place_id"})
			}
		}
		text := l.cells["parent_id"]
		if text == "" {
			continue
		}
		id, hits := refer(text, m.items, "ext", "email")
		if hits == 0 && len(m.keys()) > 0 {
			var to *line
			if to, hits = m.referInFile(text); hits == 1 {
				if found, _ := m.find(to); len(found) > 0 {
					id, hits = found[0].id, len(found)
				} else {
					id, l.needs = fmt.Sprint("new", to.n), to
				}
			}
		}
		if l.refs["parent_id"] = id; hits != 1 {
			wrong = append(wrong, broken{l, "parent_id"})
		}
	}
	for _, b := range wrong {
		m.fail(b.l, b.field, "reference")
	}
}

func (m *model) findRows() {
	for _, l := range m.lines {
		if !l.good() {
			continue
		}
		hits, way := m.find(l)
		if len(hits) > 1 {
			m.fail(l, m.keys()[way], "ambiguous")
			continue
		}
		if len(hits) == 1 {
			l.found, l.way = hits[0], way
		}
		switch {
		case l.found == nil && m.spec.Write == load.Update:
			filled := slices.DeleteFunc(m.keys(), func(k string) bool { return key(k, l.cells) == "" })
			m.fail(l, append(filled, m.keys()[0])[0], "missing")
		case l.found == nil && l.cells["id"] != "":
			m.fail(l, "id", "missing")
		case l.found != nil && m.spec.Write == load.Insert:
			m.fail(l, m.keys()[way], "exists")
		}
	}
}

// outcome gives what the row will hold.
func (m *model) outcome(l *line) values {
	out := values{}
	if l.found != nil {
		maps.Copy(out, l.found.values)
	} else if l.cells["qty"] == "" {
		out["qty"] = "7"
	}
	for _, c := range m.columns {
		v := l.cells[c]
		if c == "place_id" || c == "parent_id" {
			v = l.refs[c]
		}
		switch {
		case c == "id":
		case v != "":
			out[c] = v
		case m.spec.Clear && l.found != nil:
			delete(out, c)
		}
	}
	return out
}

func (m *model) writes(l *line) bool {
	return l.good() && (l.found == nil || !maps.Equal(m.outcome(l), l.found.values))
}

func (m *model) checkRows() {
	for _, l := range m.lines {
		if !m.writes(l) {
			continue
		}
		out := m.outcome(l)
		for _, c := range []string{"name", "qty"} {
			if out[c] == "" {
				m.fail(l, c, "required")
			}
		}
		if out["qty"] == "13" && l.good() {
			field := ""
			if m.maps("qty") {
				field = "qty"
			}
			m.fail(l, field, "check")
		}
	}
}

// drop takes out rows that another one is: as errors, or silently where the last one wins.
func (m *model) drop(gone []*line, field string) {
	for _, l := range gone {
		if m.spec.LastWins {
			l.skipped = true
		} else {
			m.fail(l, field, "duplicate")
		}
	}
}

func (m *model) findRepeats() {
	ordered := slices.Clone(m.lines)
	if m.spec.LastWins {
		slices.Reverse(ordered)
	}
	keys := m.keys()
	for n, name := range keys {
		undecided := func(l *line) bool { // an earlier key tells it apart
			return slices.ContainsFunc(keys[:n], func(k string) bool { return key(k, l.cells) != "" })
		}
		var kept, gone []*line
		for _, l := range ordered {
			if !l.good() || key(name, l.cells) == "" {
				continue
			}
			if slices.ContainsFunc(kept, func(k *line) bool {
				return key(name, k.cells) == key(name, l.cells) && (!undecided(k) || !undecided(l))
			}) {
				gone = append(gone, l)
			} else {
				kept = append(kept, l)
			}
		}
		m.drop(gone, name)
	}
	if len(keys) < 2 {
		return
	}
	seen, gone := map[*item]bool{}, []*line(nil)
	for _, l := range ordered {
		if l.good() && l.found != nil {
			if seen[l.found] {
				gone = append(gone, l)
			}
			seen[l.found] = true
		}
	}
	for _, l := range gone {
		m.drop([]*line{l}, keys[l.way])
	}
}

func (m *model) findCollisions() {
	for _, name := range []string{"ext", "tag"} { // by the names of the indexes
		field := ""
		if m.maps(name) {
			field = name
		}
		holds := func(i *item) bool { return name == "tag" || !i.deleted }
		var wrong []*line
		for _, l := range m.lines {
			if !m.writes(l) || m.outcome(l)[name] == "" {
				continue
			}
			for _, i := range m.items {
				if i == l.found || !holds(i) || i.values[name] != m.outcome(l)[name] {
					continue
				}
				// Another row of the file may give the value up.
				giver := slices.IndexFunc(m.lines, func(g *line) bool {
					return g.found == i && m.maps(name) && m.writes(g) && m.outcome(g)[name] != i.values[name]
				})
				if giver < 0 {
					wrong = append(wrong, l)
				} else {
					l.swaps = append(l.swaps, swap{name, m.lines[giver]})
				}
			}
		}
		m.failAll(wrong, field, "unique")
		wrong = nil
		seen := map[string]bool{}
		for _, l := range m.lines {
			if v := m.outcome(l)[name]; m.writes(l) && v != "" {
				if seen[v] {
					wrong = append(wrong, l)
				}
				seen[v] = true
			}
		}
		m.failAll(wrong, field, "unique")
	}
}

// cascade fails what needs a row that cannot be written: each row for the first thing it needs.
func (m *model) cascade() {
	why := map[*line][2]string{}
	bad := func(l *line) bool { return !l.good() || why[l] != [2]string{} }
	for again := true; again; {
		again = false
		for _, l := range m.lines {
			if bad(l) {
				continue
			}
			for _, s := range slices.Backward(l.swaps) {
				if bad(s.from) {
					why[l] = [2]string{s.field, "unique"}
				}
			}
			if l.needs != nil && bad(l.needs) {
				why[l] = [2]string{"parent_id", "reference"}
			}
			again = again || bad(l)
		}
	}
	for l := range why { // the last word: of all that it needs, what comes first
		for _, s := range slices.Backward(l.swaps) {
			if bad(s.from) {
				why[l] = [2]string{s.field, "unique"}
			}
		}
		if l.needs != nil && bad(l.needs) {
			why[l] = [2]string{"parent_id", "reference"}
		}
	}
	for l, reason := range why {
		m.fail(l, reason[0], reason[1])
	}
}

func (m *model) write() {
	for _, l := range m.lines {
		switch {
		case !l.good():
			m.counts.Skipped++
		case l.found == nil:
			m.counts.Created++
			m.items = append(m.items, &item{id: fmt.Sprint("new", l.n), values: m.outcome(l)})
		case m.writes(l):
			m.counts.Updated++
			l.found.values = m.outcome(l)
		default:
			m.counts.Unchanged++
		}
	}
}
