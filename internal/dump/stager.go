package dump

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// stager fills the staging tables of one restore.
type stager struct {
	tx   pgx.Tx
	spec Spec
	head head
}

// stage reads all of src into staging tables, which are the transaction's own. The tables that the document has come back in
// the catalog's order, with what people should know of what was left out.
func stage(ctx context.Context, tx pgx.Tx, spec Spec, src Source) (head, []*staged, []string, error) {
	s := &stager{tx: tx, spec: spec}
	if err := src.read(ctx, s); err != nil {
		return head{}, nil, nil, err
	}
	return s.head, nil, nil, nil
}
