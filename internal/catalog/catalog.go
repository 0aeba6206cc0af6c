package catalog

import "slices"

// Snapshot is the tenant tables of a database as of one moment. It is immutable and safe to share.
type Snapshot struct {
	Tables      []*Table // foreign-key order: a table stands after those it refers to, cycles broken at nullable references
	Warnings    []string // unknown tags, tables without RLS, …, each naming its object
	Fingerprint string   // changes when the tables or comments do
	byName      map[string]*Table
	dependents  map[*Table][]Dependent
}

// Table finds a tenant table by its name in the API, e.g. "contacts" or "billing.invoices".
func (s *Snapshot) Table(name string) (*Table, bool) {
	t, ok := s.byName[name]
	return t, ok
}

// Table is a tenant-scoped table.
type Table struct {
	OID         uint32
	Schema      string // as in the database
	Relation    string // as in the database
	Name        string // in the API, dumps and exports: Relation, or Schema.Relation outside the first schema and for reserved names
	Label       string // from @label, else the name in Title Case
	Description string // the comment without its tags
	Columns     []*Column
	PrimaryKey  []string // empty: none
	Uniques     []Unique
	Checks      []Check // those that are no list of values
	ForeignKeys []ForeignKey
	Scope       Scope
	RLS         RLS
	Readable    bool    // the service's role may SELECT
	Matches     []Match // natural keys in the order they are tried
	Polys       []Poly
	Optional    string // group of @optional, "" if always in a dump
	Operational bool   // @operational
	EstRows     int64  // the planner's estimate as of the read, -1 if never analysed; of a partitioned table: all partitions

	expressions map[string]expression // of the indexes, by their text
}

// Column finds a column by name.
func (t *Table) Column(name string) (*Column, bool) {
	i := slices.IndexFunc(t.Columns, func(c *Column) bool { return c.Name == name })
	if i < 0 {
		return nil, false
	}
	return t.Columns[i], true
}

// Column is a column of a tenant table.
type Column struct {
	Name        string
	Num         int16  // attnum
	Type        string // format_type, e.g. "numeric(18,2)", "character varying(64)"
	TypeOID     uint32 // of the column as declared (a domain's own)
	BaseOID     uint32 // the type below domains
	BaseType    string // its format_type; equals Type where there is no domain
	ElementOID  uint32 // of an array's elements, below domains; 0: no array
	ElementKind Kind   // of an array's elements, "" if no array
	Kind        Kind
	MaxLength   int // characters of varchar(n) and char(n); 0: none
	Precision   int // numeric(p,s); 0: none
	Scale       int
	NotNull     bool     // the column's own or its domain's
	Default     string   // expression, the column's own or its domain's; "" if none
	Generated   bool     // GENERATED ALWAYS AS (…)
	Identity    string   // "", "always" or "by default"
	Minted      bool     // left out, Postgres makes a new value each time: identity, nextval(…), gen_random_uuid(), …
	Composite   bool     // a row type: its JSON is an object
	Labels      []string // of an enum, or of CHECK (column IN (…)) on a text; nil: none
	Label       string
	Description string
	Tags        ColumnTags
}

// Kind groups types by how a value is read and written.
type Kind string

// The kinds. Other covers every type that goes through its text form only.
const (
	KindText        Kind = "text" // text, varchar, char, citext, name
	KindInteger     Kind = "integer"
	KindNumeric     Kind = "numeric"
	KindFloat       Kind = "float"
	KindBoolean     Kind = "boolean"
	KindDate        Kind = "date"
	KindTimestamp   Kind = "timestamp"
	KindTimestampTZ Kind = "timestamptz"
	KindUUID        Kind = "uuid"
	KindJSON        Kind = "json" // json and jsonb
	KindBytes       Kind = "bytes"
	KindEnum        Kind = "enum"
	KindArray       Kind = "array"
	KindOther       Kind = "other"
)

// ColumnTags are the tags of a column's comment.
type ColumnTags struct {
	Redact    bool
	Encrypted bool
	HashOf    string // @hash column
	User      bool
	File      bool
	Readonly  bool
}

// Unique is a valid unique index, the primary key's too. Keys are columns, or expressions as pg_get_indexdef prints them.
type Unique struct {
	Name          string
	Keys          []IndexKey
	Predicate     string // WHERE of a partial index, "" if none
	Primary       bool
	NullsDistinct bool
	Deferrable    bool // it may be broken inside a transaction: no natural key comes from it
}

// Check is a CHECK constraint over the columns of one row. Table.Condition writes its expression as SQL. Lists of values
// are not among a table's checks: Column.Labels has them.
type Check struct {
	Name       string
	Expression string   // as Postgres prints it
	Columns    []string // that it reads
}

// IndexKey is one key of an index. Table.Expr writes it as SQL.
type IndexKey struct {
	Column     string   // "" if it is an expression
	Expression string   // "" if it is a column
	Columns    []string // those the key reads
}

// ForeignKey refers to another tenant table, or to a table outside the catalog (Target nil).
type ForeignKey struct {
	Name          string
	Columns       []string
	Target        *Table
	TargetName    string // schema-qualified
	TargetColumns []string
	NotNull       bool   // every column of it that is not the tenant column is NOT NULL
	OnDelete      string // "cascade", "restrict", "set null", "set default", "no action"
	Nested        bool   // @nested
	Deferrable    bool
	Late          bool // Target does not stand before the table: it is the table itself, or a cycle was broken here
}

// Scope says how a row belongs to its tenant: by its own column, or through a NOT NULL foreign key to a table that does.
type Scope struct {
	Column string      // the tenant column, "" if scoped through Parent
	Parent *ForeignKey // nil if Column is set
}

// RLS is the row security of a table.
type RLS struct{ Enabled, Forced bool }

// Match is one natural key: the columns or expressions that name a row across installations.
type Match struct {
	Keys      []IndexKey
	Predicate string // of the unique index on the same keys, e.g. "deleted_at IS NULL"; Table.Condition writes it as SQL
}

// Poly is a polymorphic reference: IDColumn names a row of the table that TypeColumn's value stands for.
type Poly struct {
	IDColumn   string
	TypeColumn string
	Targets    map[string]*Table // value of TypeColumn → table
}
