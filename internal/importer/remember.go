package importer

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"wharf/internal/mapping"
	"wharf/internal/rowprogram"
)

// memory is what is remembered of a file, for the next one with the same headers: the mapping that a person confirmed, or
// how the file was read whose error report this is.
type memory struct {
	Mapping   map[string]string     `json:"mapping"`             // header → field; "" for a column that is not taken
	Decisions []rowprogram.Decision `json:"decisions,omitempty"` // of a report: its few rows may decide otherwise
	Report    []string              `json:"report,omitempty"`    // of a report: the headers of the columns that it added
}

const (
	selectMapping = `SELECT mapping FROM wharf.mappings WHERE tenant_id = $1 AND target = $2 AND headers = $3`

	rememberMapping = `INSERT INTO wharf.mappings (tenant_id, target, headers, mapping) VALUES ($1, $2, $3, $4)
ON CONFLICT (tenant_id, target, headers) DO UPDATE SET mapping = excluded.mapping, updated_at = now()`
)

// target names what a mapping is for.
func (r *run) target() string {
	if r.row.ImporterID != nil {
		return "importer:" + r.row.ImporterID.String()
	}
	return "table:" + r.def.Destination.Table
}

// reportTarget names whose error reports these are: another person's file is another matter.
func (r *run) reportTarget() string { return r.target() + " " + r.row.RequestedBy }

// headerSet names a set of headers, in whatever order they stand.
func headerSet(header []string) []byte {
	sorted := slices.Sorted(slices.Values(header))
	sum := sha256.Sum256([]byte(strings.Join(sorted, "\x00")))
	return sum[:]
}

// match finds the file's columns for the fields: as asked, else as they were in the file that this is the error report of,
// else as a person confirmed for a file with these headers, else by names and values.
func (r *run) match(ctx context.Context, tx pgx.Tx, f *feed) (mapping.Columns, error) {
	var err error
	if r.memory, err = r.recall(ctx, tx, r.reportTarget()); err != nil {
		return nil, err
	}
	if r.memory != nil {
		r.decide(r.memory.Decisions)
	}
	if r.asked != nil {
		return mapping.Apply(r.asked, r.header, r.def.Fields) //nolint:wrapcheck // names the headers
	}
	if r.memory == nil {
		if r.memory, err = r.recall(ctx, tx, r.target()); err != nil {
			return nil, err
		}
	}
	if columns := r.remembered(); columns != nil {
		return columns, nil
	}
	proposal := r.propose(f)
	r.proposal = &proposal
	return proposal.Columns, nil
}

// recall gives what is remembered of a file with these headers, nil if nothing is.
func (r *run) recall(ctx context.Context, tx pgx.Tx, target string) (*memory, error) {
	var doc []byte
	err := tx.QueryRow(ctx, selectMapping, r.p.Tenant, target, headerSet(r.header)).Scan(&doc)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil //nolint:nilnil // said above
	}
	if err != nil {
		return nil, fmt.Errorf("importer: recall mapping: %w", err)
	}
	var known memory
	if err := json.Unmarshal(doc, &known); err != nil {
		return nil, fmt.Errorf("importer: recall mapping: %w", err)
	}
	return &known, nil
}

// remembered gives the columns of what is remembered, nil if it does not fit any more.
func (r *run) remembered() mapping.Columns {
	if r.memory == nil {
		return nil
	}
	known := map[string]string{}
	for header, field := range r.memory.Mapping {
		if field == "" || slices.ContainsFunc(r.def.Fields, func(f rowprogram.Field) bool { return f.Name == field }) {
			known[header] = field // the importer may have changed since
		}
	}
	columns, err := mapping.Apply(known, r.header, r.def.Fields)
	if err != nil {
		return nil
	}
	return columns
}

// decide has columns read as they were decided to be read, unless the importer says how.
func (r *run) decide(decisions []rowprogram.Decision) {
	r.decided = append(r.decided, decisions...)
	for _, d := range decisions {
		i := slices.IndexFunc(r.def.Fields, func(f rowprogram.Field) bool { return f.Name == d.Field })
		switch {
		case i < 0:
		case d.What == "date_order" && r.def.Fields[i].DateOrder == "":
			r.def.Fields[i].DateOrder = d.Value
		case d.What == "decimal" && r.def.Fields[i].Decimal == "":
			r.def.Fields[i].Decimal = d.Value
		}
	}
}

// rememberConfirmed keeps a mapping that came with a file that went through. What the user of an embed token chose is theirs.
func (r *run) rememberConfirmed(ctx context.Context, tx pgx.Tx, out outcome) error {
	if r.asked == nil || out.status != Completed || r.row.Mode == ModeDryRun || strings.HasPrefix(r.row.RequestedBy, "embed:") {
		return nil
	}
	return remember(ctx, tx, r.p.Tenant, r.target(), r.header, memory{Mapping: r.names()})
}

// rememberReport keeps how the rows of an error report are to be read when it comes back.
func (r *run) rememberReport(ctx context.Context, tx pgx.Tx, header, added []string) error {
	m := memory{Mapping: r.names(), Report: added}
	for _, name := range added {
		m.Mapping[name] = ""
	}
	for _, d := range append(slices.Clone(r.decided), r.found.Decisions...) {
		if d.Value != "" {
			m.Decisions = append(m.Decisions, d)
		}
	}
	return remember(ctx, tx, r.p.Tenant, r.reportTarget(), header, m)
}

func remember(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, target string, header []string, m memory) error {
	doc, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("importer: encode mapping: %w", err)
	}
	_, err = exec(ctx, tx, "remember mapping", rememberMapping, tenant, target, headerSet(header), doc)
	return err
}
