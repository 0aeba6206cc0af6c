package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"wharf/internal/sample"
)

// outcome is what POST /import answers.
type outcome struct {
	Created  map[string]int64 `json:"created"`
	Updated  map[string]int64 `json:"updated"`
	Skipped  map[string]int64 `json:"skipped"`
	Warnings []string         `json:"warnings"`
	DryRun   bool             `json:"dry_run"`
}

// TestAWorkspaceWalksFromOneInstallationToAnother takes a tenant's dump out over HTTP and brings it into another database.
func TestAWorkspaceWalksFromOneInstallationToAnother(t *testing.T) {
	t.Parallel()
	from, to := newStack(t), newStack(t)
	for _, s := range []*stack{from, to} {
		s.member(t, "ada@acme.example")
	}
	from.fill(t, 30)
	dumped, name := from.dump(t)
	require.Regexp(t, regexp.MustCompile(`^attachment; filename="wharf-acme-\d{4}-\d{2}-\d{2}\.json"$`), name)
	var doc struct {
		Counts map[string]int64 `json:"counts"`
	}
	require.NoError(t, json.Unmarshal(dumped, &doc))
	require.Greater(t, len(doc.Counts), 40)

	rehearsed := to.bring(t, dumped, true)
	require.True(t, rehearsed.DryRun)
	require.Empty(t, to.rows(t, `SELECT id::text FROM contacts`), "a dry run wrote")
	brought := to.bring(t, dumped, false)
	rehearsed.DryRun = false
	require.Equal(t, rehearsed, brought)
	for table, rows := range doc.Counts {
		require.Equal(t, rows, brought.Created[table], table)
		require.Zero(t, brought.Updated[table]+brought.Skipped[table], table)
	}
	const deals = `SELECT d.name || p.slug || s.slug || d.amount || coalesce(c.email, '') || coalesce(u.email, '') FROM deals d JOIN pipelines p ON p.id = d.pipeline_id
		JOIN stages s ON s.id = d.stage_id LEFT JOIN contacts c ON c.id = d.primary_contact_id LEFT JOIN wharf.users u ON u.id = d.owner_user_id WHERE d.amount IS NOT NULL ORDER BY 1`
	require.NotEmpty(t, from.rows(t, deals))
	require.Equal(t, from.rows(t, deals), to.rows(t, deals))
	for table, column := range map[string]string{"contacts": "id", "deals": "owner_user_id", "inventory": "id"} {
		ids := fmt.Sprintf(`SELECT %s::text FROM %s WHERE %s IS NOT NULL`, column, table, column)
		for _, id := range from.rows(t, ids) {
			require.NotContains(t, to.rows(t, ids), id, table)
		}
	}

	back, _ := to.dump(t)
	require.NoError(t, json.Unmarshal(back, &doc))
	for table, rows := range brought.Created {
		require.Equal(t, rows, doc.Counts[table], table)
	}
	home := from.bring(t, dumped, false)
	for table := range doc.Counts {
		require.Zero(t, home.Created[table]+home.Updated[table], table)
	}
}

// member makes a user of the tenant.
func (s *stack) member(t *testing.T, email string) {
	t.Helper()
	_, err := s.Admin.Exec(t.Context(), `WITH u AS (INSERT INTO wharf.users (email) VALUES ($2) RETURNING id)
		INSERT INTO wharf.memberships (tenant_id, user_id, role) SELECT $1, id, 'member' FROM u`, s.Tenant, email)
	require.NoError(t, err)
}

// fill gives the tenant rows in every table of the sample product.
func (s *stack) fill(t *testing.T, rows int) {
	t.Helper()
	var users []uuid.UUID
	for _, id := range s.rows(t, `SELECT id::text FROM wharf.users`) {
		users = append(users, uuid.MustParse(id))
	}
	conn, err := s.Admin.Acquire(t.Context())
	require.NoError(t, err)
	defer conn.Release()
	_, err = sample.Seed(t.Context(), conn.Conn(), sample.Config{
		TenantID: s.Tenant, Rows: rows, Seed: 7, Users: users, Now: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC),
	})
	require.NoError(t, err)
}

// rows gives the one column of what the query selects, in any tenant.
func (s *stack) rows(t *testing.T, sql string) []string {
	t.Helper()
	rows, err := s.Admin.Query(t.Context(), sql)
	require.NoError(t, err)
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return all
}

// dump fetches the tenant's document, and what it is to be saved as.
func (s *stack) dump(t *testing.T) (doc json.RawMessage, disposition string) {
	t.Helper()
	res := s.call(t, s.Owner, http.MethodGet, "/export?include_timeline=true", nil, "", &doc)
	require.Equal(t, http.StatusOK, res.StatusCode)
	return doc, res.Header.Get("Content-Disposition")
}

// bring merges a document into the tenant.
func (s *stack) bring(t *testing.T, doc json.RawMessage, dryRun bool) (o outcome) {
	t.Helper()
	s.post(t, "/import", map[string]any{"doc": doc, "dry_run": dryRun}, http.StatusOK, &o)
	return o
}
