package catalog

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"wharf/internal/pg"
)

// facts is what the database says, before any of it is judged.
type facts struct {
	fingerprint string
	schemas     []string // those of the configured ones that exist
	relations   []relationRow
	columns     []columnRow
	types       []typeRow
	constraints []constraintRow
	indexes     []indexRow
}

// Read reads the catalog in tx with an emptied search_path, which it puts back, and gives the tenant tables.
//
// Privileges and row security are judged for tx's current role. Errors: Invalid, whose Fields name every comment tag that
// cannot be followed and every tenant column that is no uuid; Unavailable.
func Read(ctx context.Context, tx pgx.Tx, cfg Config) (*Snapshot, error) {
	if err := cfg.verify(); err != nil {
		return nil, err
	}
	f, err := readFacts(ctx, tx, cfg)
	if err != nil {
		return nil, pg.Translate(fmt.Errorf("catalog: %w", err))
	}
	return build(cfg, f)
}

// readFacts leaves search_path empty if it fails: the transaction is aborted then, and its end, or that of the savepoint
// around it, restores the setting.
func readFacts(ctx context.Context, tx pgx.Tx, cfg Config) (*facts, error) {
	f := &facts{}
	var path, jit string
	if err := tx.QueryRow(ctx, enterSQL, cfg.Schemas).Scan(&path, &jit, &f.schemas, nil, nil); err != nil {
		return nil, fmt.Errorf("empty search_path: %w", err)
	}
	// The fingerprint comes first: where others change tables between two statements, it is the older of the two, and the
	// next check notices.
	var err error
	if f.fingerprint, err = fingerprint(ctx, tx, cfg.Schemas); err != nil {
		return nil, err
	}
	if f.relations, err = rows[relationRow](ctx, tx, "relations", relationsSQL, cfg.Schemas); err != nil {
		return nil, err
	}
	oids := f.described()
	if f.columns, err = rows[columnRow](ctx, tx, "columns", columnsSQL, oids); err != nil {
		return nil, err
	}
	if f.types, err = rows[typeRow](ctx, tx, "types", typesSQL, f.columnTypes()); err != nil {
		return nil, err
	}
	if f.constraints, err = rows[constraintRow](ctx, tx, "constraints", constraintsSQL, oids); err != nil {
		return nil, err
	}
	if f.indexes, err = rows[indexRow](ctx, tx, "indexes", indexesSQL, oids); err != nil {
		return nil, err
	}
	if _, err := tx.Exec(ctx, leaveSQL, path, jit); err != nil {
		return nil, fmt.Errorf("restore search_path: %w", err)
	}
	return f, nil
}

// described gives the relations whose columns matter: a partition has those of its root, of which it may have thousands.
func (f *facts) described() []uint32 {
	known := make(map[uint32]bool, len(f.relations))
	for _, r := range f.relations {
		known[r.OID] = true
	}
	oids := make([]uint32, 0, len(f.relations))
	for _, r := range f.relations {
		if !r.IsPartition || !anyOf(r.Ancestors, known) {
			oids = append(oids, r.OID)
		}
	}
	return oids
}

func (f *facts) columnTypes() []uint32 {
	oids := make([]uint32, len(f.columns))
	for i, c := range f.columns {
		oids[i] = c.TypeOID
	}
	slices.Sort(oids)
	return slices.Compact(oids)
}

func anyOf(oids []uint32, set map[uint32]bool) bool {
	for _, o := range oids {
		if set[o] {
			return true
		}
	}
	return false
}

func rows[T any](ctx context.Context, tx pgx.Tx, what, sql string, arg any) ([]T, error) {
	r, err := tx.Query(ctx, sql, arg)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", what, err)
	}
	all, err := pgx.CollectRows(r, pgx.RowToStructByName[T])
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", what, err)
	}
	return all, nil
}
