package dump

import (
	"github.com/google/uuid"

	"wharf/internal/catalog"
)

// head is what a document says of itself.
type head struct {
	version   int              // schema_version, one of Supported
	workspace uuid.UUID        // the tenant it comes from; zero: not said
	foreign   bool             // it is NakatomiCRM's
	verify    bool             // the request asks for Spec.Verify
	counts    map[string]int64 // rows by table, as the document says; of the catalog's tables only
}

// staged is a table of the document as it stands in staging, whose columns are
//
//	n      bigint NOT NULL  1, 2, …: the row's place among the table's rows of the document
//	up     bigint           n of the parent's row that it came inside of (@nested); else NULL
//	id     uuid             the new id, if the key is minted by us: UUIDv7 in order of n
//	absent int2[]           Nums of the columns that the row does not give; NULL: exactly those of base
//	c<Num> …                a cell each column of the table, but the tenant's and generated ones
//
// A cell has the type that load.Encode says; @user and @file columns are text. An encrypted one is sealed, its @hash column
// computed.
type staged struct {
	table   *catalog.Table
	name    string              // quoted, with its schema
	rows    int64               // in staging
	given   []*catalog.Column   // those that some row gives, by Num: computed hashes are among them, the tenant's and generated columns are not
	partial map[int16]bool      // of these, the ones that some row does not give
	base    []int16             // see absent
	mint    *catalog.Column     // the key that id holds new values of; nil: none
	nested  *catalog.ForeignKey // the @nested foreign key, if any row has up; nil: none has
	hidden  map[int16]bool      // @redact columns that held the marker in some row
}
