package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"wharf/deploy/client"
	"wharf/internal/sample"
)

// The crowd: many small imports at once, against one of as many rows.
const (
	crowdFiles = 200
	crowdRows  = 500 // a file
	idlePolls  = 200
	pollEvery  = 20 * time.Millisecond
)

// crowd measures how long files of new rows take that come at once, from the first byte sent to the end of the last, into
// the table with all rows of the imports; and how long a poll of one takes meanwhile. The baseline is one file with the same
// rows, measured the same way.
func (b *bench) crowd(ctx context.Context) error {
	if err := b.empty(ctx); err != nil {
		return err
	}
	if _, _, err := b.importFile(ctx, b.file, client.Status{NumCreated: int64(b.rows)}); err != nil {
		return err
	}
	header, rows, err := crowdLines()
	if err != nil {
		return err
	}
	var took, polls sampled
	for round := range b.rounds {
		base, _, err := b.together(ctx, [][]byte{named(header, rows, fmt.Sprintf("ONE%d-", round))})
		if err != nil {
			return err
		}
		files := make([][]byte, 0, crowdFiles)
		for part := range slices.Chunk(rows, crowdRows) {
			files = append(files, named(header, part, fmt.Sprintf("MANY%d-", round)))
		}
		peakOf, err := watchPeak(b.worker)
		if err != nil {
			return err
		}
		own, seen, err := b.together(ctx, files)
		if err != nil {
			return err
		}
		peak, err := peakOf()
		if err != nil {
			return err
		}
		idle, err := b.pollIdle(ctx)
		if err != nil {
			return err
		}
		took.add(own, base, peak)
		polls.add(percentile(seen, 99), percentile(idle, 99), peak)
	}
	b.report(fmt.Sprintf("import, %d × %d at once", crowdFiles, crowdRows), fmt.Sprintf("one of %d", len(rows)), len(rows), took)
	b.report("poll of an import meanwhile, p99", "nothing running", len(rows), polls)
	return nil
}

// crowdLines gives a header and the rows that the crowd shares, each with its end of line.
func crowdLines() (header []byte, rows [][]byte, err error) {
	var csv bytes.Buffer
	if err := sample.Wide(&csv, crowdFiles*crowdRows, fileSeed); err != nil {
		return nil, nil, err
	}
	lines := bytes.SplitAfter(csv.Bytes(), []byte("\n"))
	return lines[0], lines[1 : len(lines)-1], nil
}

// named gives a file of the rows with keys of their own.
func named(header []byte, rows [][]byte, prefix string) []byte {
	file := bytes.Clone(header)
	for _, row := range rows {
		file = append(append(file, prefix...), bytes.TrimPrefix(row, []byte("EXT-"))...)
	}
	return file
}

// together imports the files at once. It gives the seconds until the last has ended, and those of each poll.
func (b *bench) together(ctx context.Context, files [][]byte) (seconds float64, polls []float64, err error) {
	start, last := time.Now(), time.Time{}
	started := make(chan string, len(files))
	g, ctx := errgroup.WithContext(ctx)
	for _, file := range files {
		g.Go(func() error {
			s, err := b.client.Import(ctx, "crowd.csv", bytes.NewReader(file), map[string]string{"table": sample.BenchTable})
			started <- s.ID
			return err
		})
	}
	g.Go(func() error {
		for range files {
			b.polled = "/api/v1/imports/" + <-started
			done, err := b.follow(ctx, &polls)
			if err != nil {
				return err
			}
			if done.CompletedAt.After(last) {
				last = *done.CompletedAt
			}
		}
		return nil
	})
	err = g.Wait()
	return last.Sub(start).Seconds(), polls, err
}

// follow polls an import until it has ended, and notes how long each poll took.
func (b *bench) follow(ctx context.Context, polls *[]float64) (s client.Status, err error) {
	for {
		if s, err = b.poll(ctx, polls); err != nil || s.Status == "completed" {
			return s, err
		}
		if s.CompletedAt != nil {
			return s, fmt.Errorf("the import is %s with %d errors: %v", s.Status, s.NumErrors, s.Errors)
		}
		select {
		case <-ctx.Done():
			return s, ctx.Err()
		case <-time.After(pollEvery):
		}
	}
}

func (b *bench) poll(ctx context.Context, polls *[]float64) (s client.Status, err error) {
	at := time.Now()
	err = b.client.Do(ctx, http.MethodGet, b.polled, nil, &s)
	*polls = append(*polls, time.Since(at).Seconds())
	return s, err
}

// pollIdle gives how long polls of an import take while nothing runs.
func (b *bench) pollIdle(ctx context.Context) (polls []float64, err error) {
	for range idlePolls {
		if _, err := b.poll(ctx, &polls); err != nil {
			return nil, err
		}
	}
	return polls, nil
}
