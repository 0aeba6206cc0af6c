// Command demo shows Wharf's main job on a running installation: a messy file comes in, everything goes out, and a job
// that failed runs again. `make demo` calls it with .wharf/env in its environment.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"sort"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"wharf/deploy/client"
	"wharf/internal/sample"
)

const (
	messyRows = 20_000
	messySeed = 7
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	d := demo{
		out:   os.Stdout,
		tty:   terminal(os.Stdout),
		owner: client.Client{URL: os.Getenv("WHARF_URL"), Key: os.Getenv("WHARF_OWNER_KEY")},
		ops:   client.Client{URL: os.Getenv("WHARF_URL"), Key: os.Getenv("WHARF_OPS_KEY")},
		admin: os.Getenv("WHARF_ADMIN_DATABASE_URL"),
	}
	if err := d.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

type demo struct {
	out        io.Writer
	tty        bool // out is a terminal: a line can be rewritten
	owner, ops client.Client
	admin      string // database URL of the superuser
}

func (d demo) say(format string, args ...any) { _, _ = fmt.Fprintf(d.out, format+"\n", args...) }

func (d demo) run(ctx context.Context) error {
	if d.owner.URL == "" || d.owner.Key == "" {
		return errors.New("WHARF_URL and WHARF_OWNER_KEY are not set; run it by `make demo`")
	}
	for _, step := range []func(context.Context) error{d.bringIn, d.takeOut, d.runAgain} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	d.say("\nWharf keeps running at %s. Its keys are in .wharf/env; `make down` stops it.", d.owner.URL)
	d.say("  . .wharf/env && curl -H \"Authorization: Bearer $WHARF_OWNER_KEY\" $WHARF_URL/api/v1/me")
	return nil
}

// bringIn uploads the generator's messy contacts through an importer.
func (d demo) bringIn(ctx context.Context) error {
	d.say("\n1. Bring in %d messy contacts", messyRows)
	var file bytes.Buffer
	if err := sample.MessyContacts(&file, messyRows, messySeed); err != nil {
		return err
	}
	var importer struct {
		ID string `json:"id"`
	}
	if err := d.owner.Do(ctx, http.MethodPost, "/api/v1/importers", json.RawMessage(sample.MessyContactsImporter), &importer); err != nil {
		return err
	}
	started, err := d.owner.Import(ctx, "contacts.csv", &file, map[string]string{"importer_id": importer.ID})
	if err != nil {
		return err
	}
	done, err := d.owner.Wait(ctx, "/api/v1/imports/"+started.ID, 100*time.Millisecond, d.progress())
	if err != nil {
		return err
	}
	if done.Status != "completed" {
		return fmt.Errorf("the import is %s: %s", done.Status, orNone(done.Error))
	}
	d.say("   %d rows in %s: %d created, %d updated, %d unchanged, %d left out with %d errors", done.NumRows,
		done.Took().Round(time.Millisecond), done.NumCreated, done.NumUpdated, done.NumUnchanged, done.NumSkipped, done.NumErrors)
	for i, e := range done.Errors {
		if i == 5 {
			break
		}
		d.say("   row %d: %s (%q)", e.Row, e.Message, e.Value)
	}
	return nil
}

// progress gives a func that rewrites one line on a terminal, and elsewhere prints a line for each phase.
func (d demo) progress() func(client.Status) {
	phase := ""
	return func(s client.Status) {
		ended := s.Status != "pending" && s.Status != "processing"
		switch {
		case d.tty && ended:
			_, _ = fmt.Fprint(d.out, "\r\033[K")
		case d.tty:
			_, _ = fmt.Fprintf(d.out, "\r   %s %s %.0f %%, %d rows\033[K", s.Status, s.Progress.Phase, s.Progress.Percent, s.Progress.Rows)
		case !ended && s.Status+s.Progress.Phase != phase:
			phase = s.Status + s.Progress.Phase
			d.say("   %s %s %.0f %%, %d rows", s.Status, s.Progress.Phase, s.Progress.Percent, s.Progress.Rows)
		}
	}
}

func terminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// takeOut exports everything and follows the signed link.
func (d demo) takeOut(ctx context.Context) error {
	d.say("\n2. Take everything out")
	var started client.Status
	if err := d.owner.Do(ctx, http.MethodPost, "/api/v1/exports", nil, &started); err != nil {
		return err
	}
	done, err := d.owner.Wait(ctx, "/api/v1/exports/"+started.ID, 100*time.Millisecond, d.progress())
	if err != nil {
		return err
	}
	if done.Status != "completed" {
		return fmt.Errorf("the export is %s: %s", done.Status, orNone(done.Error))
	}
	sum := sha256.New()
	count := &counter{w: sum}
	name, err := d.owner.Download(ctx, "/api/v1/exports/"+done.ID+"/download", count)
	if err != nil {
		return err
	}
	d.say("   %d tables, %d rows, %d bytes in %s: %s", len(done.Tables), done.NumRows, done.Bytes, done.Took().Round(time.Millisecond), fileName(name))
	d.say("   the largest: %s", largest(done.Tables))
	got := hex.EncodeToString(sum.Sum(nil))
	if got != done.SHA256 || count.n != done.Bytes {
		return fmt.Errorf("the download has %d bytes and checksum %s; the export says %d and %s", count.n, got, done.Bytes, done.SHA256)
	}
	d.say("   sha256 %s, as the download has it", got)
	return nil
}

// runAgain makes an export fail, as it must when a table may not be read, mends the cause and lets operators retry it.
func (d demo) runAgain(ctx context.Context) error {
	d.say("\n3. Run a failed job again")
	conn, err := pgx.Connect(ctx, d.admin)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	drop := func(ctx context.Context) error {
		_, err := conn.Exec(ctx, `DROP TABLE IF EXISTS public.demo_unreadable`)
		return err
	}
	if err := drop(ctx); err != nil { // of a demo that was interrupted
		return err
	}
	defer func() { _ = drop(context.WithoutCancel(ctx)) }()
	_, err = conn.Exec(ctx, `CREATE TABLE public.demo_unreadable (id uuid PRIMARY KEY, tenant_id uuid NOT NULL);
		REVOKE ALL ON public.demo_unreadable FROM wharf_service`)
	if err != nil {
		return err
	}
	var started client.Status
	if err := d.owner.Do(ctx, http.MethodPost, "/api/v1/exports", nil, &started); err != nil {
		return err
	}
	path := "/api/v1/exports/" + started.ID
	failed, err := d.owner.Wait(ctx, path, 100*time.Millisecond, d.progress())
	if err != nil {
		return err
	}
	if failed.Status != "failed" {
		return fmt.Errorf("an export that may not read a table is %s instead of failed", failed.Status)
	}
	d.say("   an export failed: %s", orNone(failed.Error))
	if _, err := conn.Exec(ctx, `GRANT SELECT ON public.demo_unreadable TO wharf_service`); err != nil {
		return err
	}
	job, err := d.jobOf(ctx, started.ID)
	if err != nil {
		return err
	}
	if err := d.ops.Do(ctx, http.MethodPost, fmt.Sprintf("/api/v1/jobs/%d/retry", job), nil, nil); err != nil {
		return err
	}
	done, err := d.owner.Wait(ctx, path, 100*time.Millisecond, d.progress())
	if err != nil {
		return err
	}
	if done.Status != "completed" {
		return fmt.Errorf("the retried export is %s: %s", done.Status, orNone(done.Error))
	}
	d.say("   the right was granted and job %d retried: %s, %d rows", job, done.Status, done.NumRows)
	return nil
}

// jobOf finds the job behind an export among the newest.
func (d demo) jobOf(ctx context.Context, export string) (int64, error) {
	var jobs []struct {
		ID    int64  `json:"id"`
		RefID string `json:"ref_id"`
	}
	if err := d.ops.Do(ctx, http.MethodGet, "/api/v1/jobs?kind=export", nil, &jobs); err != nil {
		return 0, err
	}
	for _, j := range jobs {
		if j.RefID == export {
			return j.ID, nil
		}
	}
	return 0, fmt.Errorf("no job runs export %s", export)
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

func orNone(s *string) string {
	if s == nil {
		return "no reason given"
	}
	return *s
}

func fileName(disposition string) string {
	_, name, _ := strings.Cut(disposition, "filename=")
	name, _, _ = strings.Cut(name, ";")
	return strings.Trim(name, `"`)
}

func largest(tables map[string]int64) string {
	names := make([]string, 0, len(tables))
	for name := range tables {
		names = append(names, name)
	}
	sort.Slice(names, func(i, j int) bool { return tables[names[i]] > tables[names[j]] })
	var parts []string
	for _, name := range names[:min(4, len(names))] {
		parts = append(parts, fmt.Sprintf("%s %d", name, tables[name]))
	}
	return strings.Join(parts, ", ")
}
