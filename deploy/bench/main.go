// Command bench measures a running installation and prints each figure beside its baseline, taken in the same run.
// `make bench` calls it with .wharf/env in its environment.
//
// Every figure is the median of several rounds. Ratios hold from machine to machine, seconds do not.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) (err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	rows := flags.Int("rows", 1_000_000, "rows of the files")
	rounds := flags.Int("rounds", 3, "rounds; the median counts")
	only := flags.String("only", "", "what to measure, of imports, exports, crowd, workbook, restores, memory, restorememory; all but the last two if empty")
	large := flags.Int("memory", 0, "rows of a further file, for the worker's memory; 0: none")
	dir := flags.String("dir", ".wharf/bench", "where generated files are kept")
	results := flags.String("results", "bench/results.json", "where the figures are appended, a JSON line each")
	if err := flags.Parse(args); err != nil {
		return err
	}
	b, err := newBench(ctx, *rows, *rounds, *dir)
	if err != nil {
		return err
	}
	b.large = *large
	defer func() { err = errors.Join(err, b.clean(context.WithoutCancel(ctx))) }()
	for _, part := range []struct {
		name    string
		measure func(context.Context) error
		asked   bool
	}{
		{"memory", b.memory, *large > 0}, // first: what the worker did before stays in its memory for a while
		{"imports", b.imports, true},
		{"exports", b.exports, true},
		{"crowd", b.crowd, true},
		{"workbook", b.workbook, true},
		{"restores", b.restores, true},
		{"restorememory", b.restoreMemory, *large > 0},
	} {
		if !part.asked || *only != "" && !slices.Contains(strings.Split(*only, ","), part.name) {
			continue
		}
		if err := part.measure(ctx); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	if err := b.print(out); err != nil {
		return err
	}
	return b.append(*results)
}

// figure is one measurement beside its baseline.
type figure struct {
	Name     string  `json:"name"`
	Rows     int     `json:"rows"`
	Seconds  float64 `json:"seconds"`
	Baseline string  `json:"baseline"`
	Base     float64 `json:"baseline_seconds"`
	Ratio    float64 `json:"ratio"`
	PeakMiB  float64 `json:"worker_peak_mib"`
	Rounds   int     `json:"rounds"`
}

func (b *bench) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(w, "figure\trows\tseconds\tbaseline\tseconds\tratio\tworker's peak MiB\t")
	for _, f := range b.figures {
		_, _ = fmt.Fprintf(w, "%s\t%d\t%.3g\t%s\t%.3g\t%.2f ×\t%.0f\t\n", f.Name, f.Rows, f.Seconds, f.Baseline, f.Base, f.Ratio, f.PeakMiB)
	}
	return w.Flush()
}

func (b *bench) append(path string) (err error) {
	if err := os.MkdirAll("bench", 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	enc := json.NewEncoder(f)
	for _, fig := range b.figures {
		if err := enc.Encode(fig); err != nil {
			return err
		}
	}
	return nil
}

// sample collects one figure's rounds.
type sampled struct{ own, base, peak []float64 }

func (s *sampled) add(own, base, peak float64) {
	s.own, s.base, s.peak = append(s.own, own), append(s.base, base), append(s.peak, peak)
}

func (b *bench) report(name, baseline string, rows int, s sampled) {
	f := figure{
		Name: name, Rows: rows, Seconds: median(s.own), Baseline: baseline, Base: median(s.base), Rounds: len(s.own),
		PeakMiB: slices.Max(s.peak),
	}
	f.Ratio = f.Seconds / f.Base
	b.figures = append(b.figures, f)
}

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	return s[len(s)/2]
}

// percentile gives the value that p of a hundred do not exceed.
func percentile(v []float64, p int) float64 {
	s := slices.Sorted(slices.Values(v))
	return s[min(len(s)*p/100, len(s)-1)]
}
