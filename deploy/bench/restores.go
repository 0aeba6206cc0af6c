package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"wharf/deploy/client"
	"wharf/internal/auth"
	"wharf/internal/tenancy"
)

// part is a table of the document that restores are measured with, and the SELECT that makes its rows: $1 of them.
type part struct {
	table string
	share int // of 20 parts of all rows
	rows  string
}

// Ids are made from numbers, so that rows can refer to each other without being looked up.
const (
	madeID    = `('%s0000-0000-4000-8000-' || lpad(to_hex(%s), 12, '0'))::uuid`
	constants = `'[]'::jsonb AS tags, jsonb_build_object('n', i) AS data, '2024-03-01 09:00Z'::timestamptz + i * interval '1 second' AS created_at,
	'2024-04-01 09:00Z'::timestamptz + i * interval '1 second' AS updated_at, NULL::timestamptz AS deleted_at`
)

func made(kind, number string) string { return fmt.Sprintf(madeID, kind, number) }

// parts are in foreign-key order. A document has them the other way round: the worst for whoever must know ids before they are used.
func parts() []part {
	untagged := strings.Replace(constants, "'[]'::jsonb AS tags, ", "", 1)
	return []part{
		{"pipelines", 0, `SELECT ` + made("00aa", "1") + ` AS id, 'Sales' AS name, 'bench-sales' AS slug, false AS is_default, ` + untagged + ` FROM generate_series(1, 1) i`},
		{"stages", 0, `SELECT ` + made("00bb", "i") + ` AS id, ` + made("00aa", "1") + ` AS pipeline_id, 'Stage ' || i AS name, 'stage-' || i AS slug, i::int AS position,
			10.5 * i AS probability, false AS is_won, false AS is_lost, ` + untagged[strings.Index(untagged, "'2024-03"):] + ` FROM generate_series(1, 5) i`},
		{"companies", 1, `SELECT ` + made("00cc", "i") + ` AS id, 'CO-' || i AS external_id, 'Company ' || md5(i::text) AS name, 'company' || i || '.example.com' AS domain,
			(i % 5000)::int AS employee_count, (i * 1234.56)::numeric(18,2) AS annual_revenue, ` + constants + ` FROM generate_series(1, $1::bigint) i`},
		{"contacts", 4, `SELECT ` + made("00dd", "i") + ` AS id, 'CT-' || i AS external_id, 'First ' || (i % 977) AS first_name, 'Last ' || (i % 7919) AS last_name,
			'person' || i || '@example.com' AS email, '+1 212 555 ' || lpad((i % 10000)::text, 4, '0') AS phone, ` + made("00cc", "1 + i % $2::bigint") + ` AS company_id, ` + constants + ` FROM generate_series(1, $1::bigint) i`},
		{"deals", 2, `SELECT ` + made("00ee", "i") + ` AS id, 'DL-' || i AS external_id, 'Deal ' || i AS name, ` + made("00aa", "1") + ` AS pipeline_id, ` + made("00bb", "1 + i % 5") + ` AS stage_id,
			'open' AS status, (i * 7.25)::numeric(18,2) AS amount, 'USD' AS currency, ` + made("00dd", "1 + i % $2::bigint") + ` AS primary_contact_id, ` + made("00cc", "1 + i % $2::bigint") + ` AS company_id, ` + constants + ` FROM generate_series(1, $1::bigint) i`},
		{"notes", 5, `SELECT ` + made("00ff", "i") + ` AS id, 'contact' AS entity_type, ` + made("00dd", "1 + i % $2::bigint") + ` AS entity_id,
			'Called about the offer ' || i || ': ' || md5(i::text) || ' ' || md5((i * 7)::text) AS body, ` + untagged + ` FROM generate_series(1, $1::bigint) i`},
		{"activities", 5, `SELECT ` + made("0100", "i") + ` AS id, 'AC-' || i AS external_id, 'call' AS kind, 'Call ' || i AS subject, md5(i::text) || md5((i * 3)::text) AS body,
			'2024-05-01 10:00Z'::timestamptz + i * interval '1 minute' AS occurred_at, 'deal' AS entity_type, ` + made("00ee", "1 + i % $2::bigint") + ` AS entity_id, ` + untagged + ` FROM generate_series(1, $1::bigint) i`},
	}
}

// restores measures a document into an empty tenant, and once more when nothing has changed, against psql's \copy of the same
// rows into the same tables; and beside it the way that takes a look and a write a row.
func (b *bench) restores(ctx context.Context) error {
	doc, files, rows, err := b.document(ctx, b.rows)
	if err != nil {
		return err
	}
	var fresh, again, single sampled
	for range b.rounds {
		base, err := b.copyParts(ctx, files)
		if err != nil {
			return err
		}
		slow, err := b.rowByRow(ctx, rows)
		if err != nil {
			return err
		}
		err = b.inTenant(ctx, func(c client.Client) error {
			for _, into := range []*sampled{&fresh, &again} {
				own, peak, err := b.restoreOnce(ctx, c, doc)
				if err != nil {
					return err
				}
				into.add(own, base, peak)
				if into == &fresh {
					single.add(slow, own, 0)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	b.report("restore, all rows new", `psql \copy`, rows, fresh)
	b.report("restore, nothing changed", `psql \copy`, rows, again)
	b.report("a look and a write a row", "restore, all rows new", rows, single)
	return nil
}

// document makes the document and a file for each \copy.
func (b *bench) document(ctx context.Context, rows int) (doc string, files map[string]string, all int, err error) {
	files = map[string]string{}
	counts := map[string]int{}
	for _, p := range parts() {
		n := max(1, rows*p.share/20)
		refers := max(1, rows/20) // every row refers to one of so many
		query := strings.ReplaceAll(strings.ReplaceAll(p.rows, "$1::bigint", fmt.Sprint(n)), "$2::bigint", fmt.Sprint(refers))
		if p.share == 0 {
			n = 5
		}
		all += n
		counts[p.table] = n
		files[p.table], err = b.keep(fmt.Sprintf("restore-%d-%s.csv", rows, p.table), func(w io.Writer) error {
			_, err := b.conn.PgConn().CopyTo(ctx, w, `COPY (`+query+`) TO STDOUT (FORMAT csv, HEADER)`)
			return err
		})
		if err != nil {
			return "", nil, 0, err
		}
	}
	doc, err = b.keep(fmt.Sprintf("restore-%d.json", rows), func(w io.Writer) error { return b.writeDocument(ctx, w, rows) })
	return doc, files, all, err
}

func (b *bench) writeDocument(ctx context.Context, w io.Writer, rows int) error {
	out := bufio.NewWriterSize(w, 1<<20)
	_, _ = out.WriteString(`{"workspace":{"id":"` + uuid.NewString() + `","name":"Bench"}`)
	all := parts()
	for i := len(all) - 1; i >= 0; i-- {
		p := all[i]
		query := strings.ReplaceAll(strings.ReplaceAll(p.rows, "$1::bigint", fmt.Sprint(max(1, rows*p.share/20))), "$2::bigint", fmt.Sprint(max(1, rows/20)))
		found, err := b.conn.Query(ctx, `SELECT row_to_json(x)::text FROM (`+query+`) x`, pgx.QueryExecModeExec)
		if err != nil {
			return err
		}
		sep := `,"` + p.table + `":[` + "\n"
		for found.Next() {
			_, _ = out.WriteString(sep)
			_, _ = out.Write(found.RawValues()[0])
			sep = ",\n"
		}
		if err := found.Err(); err != nil {
			return err
		}
		_, _ = out.WriteString("]")
	}
	_, _ = out.WriteString(`,"schema_version":1}` + "\n") // the worst place for it, too
	return out.Flush()
}

// copyParts gives how long psql takes for all files, into tables that hold the sample tenants' rows. What it wrote is removed.
func (b *bench) copyParts(ctx context.Context, files map[string]string) (seconds float64, err error) {
	tenant := uuid.New()
	var commands []string
	for _, p := range parts() {
		header, err := headerOf(files[p.table])
		if err != nil {
			return 0, err
		}
		if p.table != "stages" {
			if _, err := b.conn.Exec(ctx, fmt.Sprintf(`ALTER TABLE public.%s ALTER tenant_id SET DEFAULT '%s'`, p.table, tenant)); err != nil {
				return 0, err
			}
		}
		commands = append(commands, fmt.Sprintf(`\copy public.%s (%s) FROM '%s' CSV HEADER`, p.table, header, files[p.table]))
	}
	defer func() { err = errors.Join(err, b.forget(context.WithoutCancel(ctx), tenant)) }()
	if _, err := b.conn.Exec(ctx, `CHECKPOINT`); err != nil {
		return 0, err
	}
	return b.runPsql(ctx, b.admin, commands...)
}

// forget removes a tenant's rows of the tables, and lets the database settle.
func (b *bench) forget(ctx context.Context, tenant uuid.UUID) error {
	all := parts()
	for i := len(all) - 1; i >= 0; i-- {
		p := all[i]
		if p.table != "stages" { // they go with their pipelines
			_, err := b.conn.Exec(ctx, fmt.Sprintf(`ALTER TABLE public.%[1]s ALTER tenant_id DROP DEFAULT; DELETE FROM public.%[1]s WHERE tenant_id = '%[2]s'`, p.table, tenant))
			if err != nil {
				return err
			}
		}
		if _, err := b.conn.Exec(ctx, `VACUUM ANALYZE public.`+p.table); err != nil {
			return err
		}
	}
	_, err := b.conn.Exec(ctx, `CHECKPOINT`)
	return err
}

// inTenant runs fn with the key of a tenant's owner. Its rows are removed afterwards.
func (b *bench) inTenant(ctx context.Context, fn func(c client.Client) error) (err error) {
	tenant := uuid.New()
	c := b.client
	err = pgx.BeginFunc(ctx, b.conn, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO wharf.tenants (id, slug, name) VALUES ($1, $2, 'Bench')`, tenant, "bench-"+tenant.String()[:8])
		if err != nil {
			return err
		}
		_, c.Key, err = auth.CreateKey(ctx, tx, auth.KeySpec{Tenant: tenant, Name: "bench", Role: tenancy.Owner})
		return err
	})
	if err != nil {
		return err
	}
	return errors.Join(fn(c), b.forget(context.WithoutCancel(ctx), tenant))
}

// restoreOnce gives seconds from start to completion of the job, and the worker's peak memory meanwhile.
func (b *bench) restoreOnce(ctx context.Context, c client.Client, path string) (seconds, peak float64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = f.Close() }() // read only
	peakOf, err := watchPeak(b.worker)
	if err != nil {
		return 0, 0, err
	}
	started, err := c.Upload(ctx, "/api/v1/restores", filepath.Base(path), f, nil)
	if err != nil {
		return 0, 0, err
	}
	done, err := c.Wait(ctx, "/api/v1/restores/"+started.ID, 100*time.Millisecond, func(client.Status) {})
	if err != nil {
		return 0, 0, err
	}
	if done.Status != "completed" {
		why := ""
		if done.Error != nil {
			why = *done.Error
		}
		return 0, 0, fmt.Errorf("the restore of %s is %s %s", filepath.Base(path), done.Status, why)
	}
	peak, err = peakOf()
	return done.Took().Seconds(), peak, err
}

const lookedAt = 10_000 // rows that are written one by one; the rest is reckoned from them

// rowByRow gives how long a restore of so many rows takes that looks for each row and writes it, as the service.
func (b *bench) rowByRow(ctx context.Context, rows int) (seconds float64, err error) {
	tenant := uuid.New()
	conn, err := pgx.Connect(ctx, b.service)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx), b.forget(context.WithoutCancel(ctx), tenant)) }()
	if _, err := conn.Exec(ctx, `SELECT set_config('app.tenant_id', $1, false)`, tenant.String()); err != nil {
		return 0, err
	}
	tx, err := conn.Begin(ctx)
	if err != nil {
		return 0, err
	}
	start := time.Now()
	for i := range lookedAt {
		id, key := uuid.New(), fmt.Sprintf("CO-%d", i)
		var found bool
		if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM public.companies WHERE tenant_id = $1 AND external_id = $2 AND deleted_at IS NULL)`, tenant, key).Scan(&found); err != nil {
			return 0, err
		}
		_, err := tx.Exec(ctx, `INSERT INTO public.companies (id, tenant_id, external_id, name, domain) VALUES ($1, $2, $3, $4, $5)`,
			id, tenant, key, "Company "+key, key+".example.com")
		if err != nil {
			return 0, err
		}
	}
	if err := tx.Commit(ctx); err != nil {
		return 0, err
	}
	return time.Since(start).Seconds() * float64(rows) / lookedAt, nil
}

// restoreMemory measures the worker's peak for a large document beside that for the one of all figures, MiB in the place of seconds.
func (b *bench) restoreMemory(ctx context.Context) error {
	const times = 4
	var peaks [2]float64
	var all int
	for i, rows := range []int{b.rows, times * b.rows} {
		doc, _, n, err := b.document(ctx, rows)
		if err != nil {
			return err
		}
		all = n
		err = b.inTenant(ctx, func(c client.Client) (err error) {
			_, peaks[i], err = b.restoreOnce(ctx, c, doc)
			return err
		})
		if err != nil {
			return err
		}
	}
	var s sampled
	s.add(peaks[1], peaks[0], peaks[1])
	b.report("worker's peak in a restore, MiB", "that of a quarter of the rows", all, s)
	return nil
}
