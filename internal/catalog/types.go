package catalog

import "slices"

// Type numbers that Postgres fixes (src/include/catalog/pg_type.dat).
const (
	oidBool, oidBytea, oidName         = 16, 17, 19
	oidInt8, oidInt2, oidInt4, oidText = 20, 21, 23, 25
	oidJSON, oidFloat4, oidFloat8      = 114, 700, 701
	oidBPChar, oidVarchar, oidDate     = 1042, 1043, 1082
	oidTimestamp, oidTimestampTZ       = 1114, 1184
	oidNumeric, oidUUID, oidJSONB      = 1700, 2950, 3802
)

type types map[uint32]typeRow

func newTypes(all []typeRow) types {
	byOID := make(types, len(all))
	for _, t := range all {
		byOID[t.OID] = t
	}
	return byOID
}

// column describes a column with its domains resolved: the innermost type decides kind and size, and every domain on the
// way adds its NOT NULL, its CHECKs and, where none stands before it, its default.
func (ts types) column(row columnRow) *Column {
	c := &Column{
		Name: row.Name, Num: row.Num, Type: row.Type, TypeOID: row.TypeOID, BaseType: row.Type, NotNull: row.NotNull,
		Generated: row.Generated, Identity: map[string]string{"a": "always", "d": "by default"}[row.Identity],
	}
	if !row.Generated {
		c.Default, c.Minted = row.Default, row.Volatile
	}
	c.Minted = c.Minted || c.Identity != ""
	typ, typmod := ts[row.TypeOID], row.Typmod
	var checks []string
	for typ.Kind == "d" {
		c.NotNull = c.NotNull || typ.NotNull
		if c.Default == "" && !c.Generated && c.Identity == "" {
			c.Default, c.Minted = typ.Default, typ.Volatile
		}
		checks = append(checks, typ.Checks...)
		c.BaseType, typmod = typ.BaseFormat, typ.BaseTypmod
		typ = ts[typ.Base]
	}
	c.BaseOID, c.Kind, c.Composite = typ.OID, kindOf(typ), typ.Kind == "c"
	if c.Kind == KindArray {
		element := ts.base(typ.Element)
		c.ElementOID, c.ElementKind = element.OID, kindOf(element)
	}
	if c.Kind == KindEnum {
		c.Labels = typ.Labels
	}
	c.measure(typmod)
	for _, check := range checks {
		if _, labels, ok := checkList(check); ok {
			c.narrow(labels)
		}
	}
	return c
}

func (ts types) base(oid uint32) typeRow {
	t := ts[oid]
	for t.Kind == "d" {
		t = ts[t.Base]
	}
	return t
}

// measure reads a type modifier. Layouts: varchar and bpchar hold n + 4; numeric holds p in the high half and s, an
// eleven-bit signed number, in the low one, + 4 (src/backend/utils/adt/numeric.c).
func (c *Column) measure(typmod int32) {
	if typmod < 4 {
		return
	}
	switch c.BaseOID {
	case oidVarchar, oidBPChar:
		c.MaxLength = int(typmod - 4)
	case oidNumeric:
		c.Precision = int((typmod - 4) >> 16 & 0xffff)
		c.Scale = int(((typmod-4)&0x7ff)^1024) - 1024
	}
}

// narrow keeps those labels that a further list of a text allows too.
func (c *Column) narrow(labels []string) {
	if c.Kind != KindText {
		return
	}
	if c.Labels == nil {
		c.Labels = labels
		return
	}
	c.Labels = slices.DeleteFunc(slices.Clone(c.Labels), func(l string) bool { return !slices.Contains(labels, l) })
}

func kindOf(t typeRow) Kind {
	switch {
	case t.Kind == "e":
		return KindEnum
	case t.Element != 0:
		return KindArray
	case t.Name == "citext":
		return KindText
	}
	switch t.OID {
	case oidText, oidVarchar, oidBPChar, oidName:
		return KindText
	case oidInt2, oidInt4, oidInt8:
		return KindInteger
	case oidNumeric:
		return KindNumeric
	case oidFloat4, oidFloat8:
		return KindFloat
	case oidBool:
		return KindBoolean
	case oidDate:
		return KindDate
	case oidTimestamp:
		return KindTimestamp
	case oidTimestampTZ:
		return KindTimestampTZ
	case oidUUID:
		return KindUUID
	case oidJSON, oidJSONB:
		return KindJSON
	case oidBytea:
		return KindBytes
	}
	return KindOther
}
