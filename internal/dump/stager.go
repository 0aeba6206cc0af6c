package dump

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"wharf/internal/load"
)

// stager fills the staging tables of one restore. Its source tells it what comes; it reads the rows by its scanner, and
// gathers the tuples of each table until there are enough of them to be sent, which goes on while more are read.
type stager struct {
	spec   *Spec
	head   head
	scan   *scanner // of what is being read
	tables map[string]*stagingTable
	order  []*stagingTable // as the catalog's
	listed map[string]bool // keys that stood at the top of the document
	users  stagingUsers
	send   *sender

	stack []*row // of the rows being read, each inside of the one before; those behind deep are spare
	deep  int
	held  int    // bytes of their cells
	place string // what is being read while no row is; "": nothing worth saying
	rows  int64  // of all tables
	read  int64  // bytes of what was read before scan
	left  leftOut
}

// stage reads all of src into staging tables, which are the transaction's own. The tables that the document has come back in
// the catalog's order, with what people should know of what was left out. Errors: fault.Invalid and fault.TooLarge, which
// name table, row and column.
func stage(ctx context.Context, tx pgx.Tx, spec Spec, src Source) (head, []*staged, []string, error) {
	s := newStager(&spec)
	s.send = newSender(ctx, into(tx))
	err := src.read(ctx, s)
	if err == nil {
		err = s.finish()
	}
	if sent := s.send.close(); sent != nil { // what reading met then comes of it
		err = sent
	}
	if err != nil {
		return head{}, nil, nil, err
	}
	var all []*staged
	var analyze []string
	for _, t := range s.order {
		if t.started {
			all = append(all, t.staged())
			analyze = append(analyze, t.analyze())
		}
	}
	if s.users.started {
		analyze = append(analyze, "ANALYZE "+s.users.name)
	}
	// What the merge joins on needs few statistics: how many rows and how many different values.
	analyze = append([]string{"SET LOCAL default_statistics_target = 20"}, analyze...)
	if _, err := tx.Exec(ctx, strings.Join(analyze, "; ")); err != nil {
		return head{}, nil, nil, fmt.Errorf("dump: analyze staging: %w", err)
	}
	return s.head, all, s.warnings(), nil
}

func newStager(spec *Spec) *stager {
	s := &stager{spec: spec, tables: map[string]*stagingTable{}, listed: map[string]bool{}, left: newLeftOut()}
	s.head.counts = map[string]int64{}
	s.users.name = usersTable(spec)
	for i, t := range spec.Catalog.Tables {
		st := newStagingTable(spec, t, ident(load.StagingSchema, fmt.Sprintf("%s_%d", spec.Prefix, i)))
		s.order = append(s.order, st)
		s.tables[t.Name] = st
	}
	for _, t := range s.order {
		if t.nested == nil {
			continue
		}
		if parent := s.tables[t.nested.Target.Name]; parent != nil {
			parent.add(member{key: t.Name, col: -1, child: t})
		}
	}
	return s
}

// readFrom makes sc what is read, for Progress and errors too. What was read before is read no more.
func (s *stager) readFrom(sc *scanner) {
	if s.scan != nil {
		s.read += s.scan.at()
		if sc.buf == nil {
			sc.buf = s.scan.buf
		}
	}
	s.scan = sc
}

// finish ends reading.
func (s *stager) finish() error {
	if s.head.version == 0 {
		return errNoVersion
	}
	if s.users.tuples == nil {
		return nil
	}
	return s.users.flush(s.send)
}

// warnings gives what people should know of what was read.
func (s *stager) warnings() []string {
	all := s.left.warnings(s.head.foreign)
	for _, t := range s.order {
		if said, ok := s.head.counts[t.Name]; ok && said != t.rows && !t.Operational {
			all = append(all, fmt.Sprintf("%s: the document says that it has %d rows, and has %d", t.Name, said, t.rows))
		}
	}
	return all
}
