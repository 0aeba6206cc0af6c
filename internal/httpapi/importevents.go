package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"strconv"
	"time"

	"wharf/internal/importer"
)

const (
	eventsEvery = 500 * time.Millisecond // an import is looked at
	eventsAlive = 15 * time.Second       // something is sent, so that proxies keep the connection
)

// StreamImport follows an import until it has ended.
func (h *handlers) StreamImport(ctx context.Context, req StreamImportRequestObject) (StreamImportResponseObject, error) {
	s := &eventStream{
		ctx: ctx, show: func() (importer.Import, error) { return h.cfg.Importers.Show(ctx, caller(ctx), req.Id) },
		sent: text(req.Params.LastEventID),
	}
	changed, err := s.look()
	if err != nil {
		return nil, err
	}
	if s.ended && !changed {
		return StreamImport204Response{}, nil
	}
	return StreamImport200TexteventStreamResponse{Body: s}, nil
}

// eventStream is an import as server-sent events: Read waits for the next. It is not safe for concurrent use.
type eventStream struct {
	ctx   context.Context //nolint:containedctx // an io.Reader over one request
	show  func() (importer.Import, error)
	sent  string // id of the event the client knows
	ended bool   // nothing will change any more
	next  bytes.Buffer
}

// Read gives what there is of an event, after waiting for one to come. io.EOF after the last.
func (s *eventStream) Read(p []byte) (int, error) {
	for quiet := time.Duration(0); s.next.Len() == 0; quiet += eventsEvery {
		if s.ended {
			return 0, io.EOF
		}
		if quiet >= eventsAlive {
			s.next.WriteString(": still here\n\n")
			break
		}
		select {
		case <-s.ctx.Done():
			return 0, s.ctx.Err() //nolint:wrapcheck // the client left
		case <-time.After(eventsEvery):
		}
		if _, err := s.look(); err != nil {
			return 0, err
		}
	}
	return s.next.Read(p) //nolint:wrapcheck // a buffer
}

// look adds an event if the import is another than the client knows. An event's id is the import's hash.
func (s *eventStream) look() (changed bool, err error) {
	i, err := s.show()
	if err != nil {
		return false, err
	}
	s.ended = importer.Final(i.Status) && !i.Reverting()
	doc, err := json.Marshal(i)
	if err != nil {
		return false, fmt.Errorf("httpapi: encode event: %w", err)
	}
	sum := fnv.New64a()
	_, _ = sum.Write(doc)
	id := strconv.FormatUint(sum.Sum64(), 36)
	if id == s.sent {
		return false, nil
	}
	s.sent = id
	fmt.Fprintf(&s.next, "event: import\nid: %s\ndata: %s\n\n", id, doc)
	return true, nil
}
