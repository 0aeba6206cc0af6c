package dump_test

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// How a random table's rows are told apart by the database, beside the tenant.
const (
	keyUUID     = "uuid"     // id uuid DEFAULT gen_random_uuid()
	keyBare     = "bare"     // id uuid, which the product mints
	keyPrisma   = "prisma"   // (tenant_id, id)
	keyIdentity = "identity" // id bigint GENERATED … AS IDENTITY
	keySerial   = "serial"   // id bigserial
	keyText     = "text"     // (tenant_id, code)
	keyPair     = "pair"     // two references
	keyNone     = "none"
)

// How its rows are known in another installation.
const (
	byNothing = "nothing"
	byCode    = "code"    // unique (tenant_id, code), code NOT NULL
	byMaybe   = "maybe"   // unique (tenant_id, code), code may be NULL
	byLive    = "live"    // the same among live rows
	byLower   = "lower"   // unique (tenant_id, lower(code))
	byTag     = "tag"     // @match label, which repeats
	byTwo     = "two"     // @match code, then @match lower(label)
	byParent  = "parent"  // unique (first reference, pos)
	byPoly    = "poly"    // @match poly_type, poly_id, pos
	byKey     = "own key" // of keyText and keyPair
)

// randomSchema is tables with all that a catalog can say of them.
type randomSchema struct {
	name   string
	tables []*randomTable
}

type randomTable struct {
	schema    *randomSchema
	n         int
	name      string // in the API
	key       string
	child     bool // belongs to the tenant through its first reference
	nested    bool // in its first reference's row
	natural   string
	soft      bool
	generated bool
	refs      []randomRef
	poly      *randomPoly
	columns   []randomColumn
	rows      []map[string]string // by column, a literal; "" is null
}

type randomRef struct {
	to       *randomTable
	column   string
	notNull  bool
	byTenant bool // the foreign key carries the tenant
}

type randomPoly struct {
	targets []*randomTable
	notNull bool
}

type randomColumn struct {
	name    string
	notNull bool
	kind    randomKind
}

// randomKind is a type and literals of it, of which no two are equal.
type randomKind struct {
	sql    string
	values []string
}

var randomKinds = []randomKind{
	{"text", []string{`'x'`, `''`, `E'a\nb\t"c"\\'`, `'ünï 😀'`, `'null'`}},
	{"varchar(10)", []string{`'0123456789'`, `' '`}},
	{"char(3)", []string{`'a'`, `'abc'`}},
	{"numeric", []string{`1.5`, `-12345678901234567890.123456789`, `0.000000000000000000000000000001`, `'NaN'`, `1e30`}},
	{"numeric(12,3)", []string{`0`, `123456789.125`, `-0.001`}},
	{"smallint", []string{`0`, `-32768`}},
	{"integer", []string{`7`, `2147483647`}},
	{"bigint", []string{`9007199254740993`, `-9223372036854775808`}},
	{"real", []string{`0.1`, `'Infinity'`, `1e-30`}},
	{"double precision", []string{`0.1`, `1.7976931348623157e308`, `'NaN'`}},
	{"boolean", []string{`true`, `false`}},
	{"date", []string{`'2024-02-29'`, `'infinity'`, `'0044-03-15 BC'`}},
	{"timestamp", []string{`'2024-02-29 23:59:59.999999'`, `'-infinity'`}},
	{"timestamptz", []string{`'2024-02-29 23:59:59.999999+05:45'`, `'infinity'`, `'0001-01-01 00:00:00+00 BC'`}},
	{"time", []string{`'24:00:00'`, `'01:02:03.000004'`}},
	{"timetz", []string{`'12:00:00+05:30'`, `'12:00:00-08'`}},
	{"interval", []string{`'1 mon'`, `'-1 days +02:03:04.5'`, `'178000000 years'`}},
	{"jsonb", []string{`'{"a": [1.50, null, "x"], "b": {"c": 12345678901234567890123}}'`, `'"text"'`, `'[]'`}},
	{"json", []string{`'{"b":1,  "a":2, "b":3}'`, `'"{}"'`}},
	{"bytea", []string{`'\x00ff5c'`, `''`}},
	{"text[]", []string{`'{a,NULL,"null","with \"quotes\", and {braces}"}'`, `'{}'`, `'{{a,b},{c,d}}'`}},
	{"numeric[]", []string{`'{1.50,NaN}'`, `'{{1,2},{3,NULL}}'`}},
	{"timestamptz[]", []string{`'{"2024-02-29 12:00:00+01"}'`}},
	{"jsonb[]", []string{`array['{"a": 1}'::jsonb, '"x"']`, `array['[1]'::jsonb, NULL]`}},
	{"inet", []string{`'10.0.0.1/8'`, `'2001:db8::1'`}},
	{"cidr", []string{`'10.0.0.0/8'`}},
	{"macaddr", []string{`'08:00:2b:01:02:03'`}},
	{"uuid", []string{`'8a1e8b3a-9b0a-4a62-9f0b-0d6d3e0e0f01'`}},
	{"tstzrange", []string{`'["2024-01-01 00:00:00+01",)'`, `'empty'`}},
	{"int4range", []string{`'[1,5)'`}},
	{"int4multirange", []string{`'{[1,2),[4,6)}'`, `'{}'`}},
	{"bit(4)", []string{`'0101'`}},
	{"varbit", []string{`'01011'`, `''`}},
	{"point", []string{`'(1.5,-2)'`}},
	{"xml", []string{`'<a b="c">d</a>'`}},
	{"tsvector", []string{`'cat:3 fat:2A'`}},
	{"mood", []string{`'fine'`, `'so so'`, `'it''s bad'`}},
	{"mood[]", []string{`'{fine,"so so"}'`}},
	{"share", []string{`99.50`, `0`}},
	{"pair", []string{`'(1,"a ""b"", c")'`, `'(,)'`}},
}

const randomTypes = `
CREATE TYPE mood AS ENUM ('fine', 'so so', 'it''s bad');
CREATE DOMAIN share AS numeric(5,2) CHECK (VALUE BETWEEN 0 AND 100);
CREATE TYPE pair AS (a integer, b text);`

// drawSchema draws tables. allKeyed asks for such whose rows are known in every installation.
func drawSchema(t *rapid.T, allKeyed bool) *randomSchema {
	s := &randomSchema{name: "s" + strings.ReplaceAll(uuid.NewString(), "-", "")[:12]}
	for n := range rapid.IntRange(2, 5).Draw(t, "tables") {
		s.tables = append(s.tables, &randomTable{schema: s, n: n, name: rapid.SampledFrom([]string{"t%d", "Odd Table %d"}).Draw(t, "name")})
		s.tables[n].name = fmt.Sprintf(s.tables[n].name, n)
	}
	for _, table := range s.tables {
		table.drawKey(t)
	}
	for _, table := range s.tables {
		table.drawRefs(t)
		table.drawNatural(t, allKeyed)
		table.drawColumns(t)
	}
	return s
}

// named reports whether one column, id, names the table's rows.
func (r *randomTable) named() bool {
	return !slices.Contains([]string{keyText, keyPair, keyNone}, r.key)
}

// known reports whether one of its rows can be told from another.
func (r *randomTable) known() bool { return r.key != keyNone || r.natural == byCode }

// before gives the earlier tables that have an id.
func (r *randomTable) before() []*randomTable {
	return slices.DeleteFunc(slices.Clone(r.schema.tables[:r.n]), func(o *randomTable) bool { return !o.named() })
}

func (r *randomTable) drawKey(t *rapid.T) {
	keys := []string{keyUUID, keyUUID, keyBare, keyPrisma, keyIdentity, keySerial, keyText, keyNone}
	if len(r.before()) > 0 {
		keys = append(keys, keyPair)
		r.child = rapid.IntRange(0, 2).Draw(t, "child") == 0
	}
	r.key = rapid.SampledFrom(keys).Draw(t, "key")
	if r.child && slices.Contains([]string{keyPrisma, keyText, keyNone}, r.key) {
		r.key = keyUUID
	}
}

func (r *randomTable) drawRefs(t *rapid.T) {
	add := func(to *randomTable, notNull bool) {
		byTenant := !r.child && !to.child && rapid.Bool().Draw(t, "by tenant")
		r.refs = append(r.refs, randomRef{to: to, column: fmt.Sprintf("ref%d", len(r.refs)), notNull: notNull, byTenant: byTenant || to.key == keyPrisma || to.key == keyText})
	}
	if r.child || r.key == keyPair {
		parents := r.before()
		if r.child { // its foreign key cannot carry a tenant that it has not
			parents = slices.DeleteFunc(parents, func(o *randomTable) bool { return o.key == keyPrisma })
		}
		if len(parents) == 0 {
			r.child, r.key = false, keyUUID
		} else {
			add(rapid.SampledFrom(parents).Draw(t, "parent"), true)
			if r.key == keyPair {
				add(rapid.SampledFrom(parents).Draw(t, "second parent"), true)
			}
		}
	}
	for range rapid.IntRange(0, 3).Draw(t, "refs") {
		to := rapid.SampledFrom(r.schema.tables).Draw(t, "to")
		if to.key == keyPair || to.key == keyNone || r.child && (to.key == keyPrisma || to.key == keyText) {
			continue
		}
		add(to, to.n < r.n && rapid.Bool().Draw(t, "not null"))
	}
	r.nested = len(r.refs) > 0 && r.refs[0].notNull && rapid.IntRange(0, 2).Draw(t, "nested") == 0
	if rapid.IntRange(0, 2).Draw(t, "poly") == 0 {
		p := &randomPoly{notNull: rapid.Bool().Draw(t, "poly not null")}
		for _, to := range r.schema.tables {
			if slices.Contains([]string{keyUUID, keyBare, keyPrisma}, to.key) && rapid.Bool().Draw(t, "poly target") {
				p.targets = append(p.targets, to)
			}
		}
		if len(p.targets) > 0 {
			// A row that must refer to one of its own table, or of a later one, may have none to refer to.
			p.notNull = p.notNull && slices.ContainsFunc(p.targets, func(o *randomTable) bool { return o.n < r.n })
			r.poly = p
		}
	}
}

func (r *randomTable) drawNatural(t *rapid.T, allKeyed bool) {
	r.soft = rapid.IntRange(0, 2).Draw(t, "soft") == 0
	switch {
	case r.key == keyText || r.key == keyPair:
		r.natural = byKey
		return
	case r.key == keyNone && allKeyed: // its rows are met by what tells them apart
		r.natural = byCode
		return
	case r.key == keyNone:
		r.natural = rapid.SampledFrom([]string{byCode, byNothing}).Draw(t, "natural")
		return
	}
	ways := []string{byTag}
	if !r.child {
		ways = append(ways, byCode, byLower, byTwo)
		if r.soft {
			ways = append(ways, byLive)
		}
	}
	if len(r.refs) > 0 && r.refs[0].notNull {
		ways = append(ways, byParent, byParent)
	}
	if r.poly != nil && r.poly.notNull {
		ways = append(ways, byPoly)
	}
	if !allKeyed {
		ways = append(ways, byNothing)
		if !r.child {
			ways = append(ways, byMaybe)
		}
	}
	r.natural = rapid.SampledFrom(ways).Draw(t, "natural")
}

func (r *randomTable) drawColumns(t *rapid.T) {
	r.generated = rapid.IntRange(0, 3).Draw(t, "generated") == 0
	for n := range rapid.IntRange(0, 5).Draw(t, "columns") {
		name := fmt.Sprintf(rapid.SampledFrom([]string{"c%d", "Col %d", "order%d"}).Draw(t, "column"), n)
		r.columns = append(r.columns, randomColumn{name, rapid.Bool().Draw(t, "column not null"), rapid.SampledFrom(randomKinds).Draw(t, "kind")})
	}
}
