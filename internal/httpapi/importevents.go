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
	eventsEvery = 500 * time.Millisecond // what is followed is looked at
	eventsAlive = 15 * time.Second       // something is sent, so that proxies keep the connection
)

// StreamImport follows an import until it has ended.
func (h *handlers) StreamImport(ctx context.Context, req StreamImportRequestObject) (StreamImportResponseObject, error) {
	s, changed, err := follow(ctx, "import", text(req.Params.LastEventID), func() (any, bool, error) {
		i, err := h.cfg.Importers.Show(ctx, caller(ctx), req.Id)
		return i, importer.Final(i.Status) && !i.Reverting(), err
	})
	if err != nil {
		return nil, err
	}
	if s.ended && !changed {
		return StreamImport204Response{}, nil
	}
	return StreamImport200TexteventStreamResponse{Body: s}, nil
}

// follow begins a stream of what show gives, which says whether it has come to its end. sent is the id of the event that the
// client knows; changed says whether there is another by now.
func follow(ctx context.Context, name, sent string, show func() (doc any, ended bool, err error)) (s *eventStream, changed bool, err error) {
	s = &eventStream{ctx: ctx, name: name, show: show, sent: sent}
	changed, err = s.look()
	return s, changed, err
}

// eventStream is an import or a restore as server-sent events: Read waits for the next. It is not safe for concurrent use.
type eventStream struct {
	ctx   context.Context //nolint:containedctx // an io.Reader over one request
	name  string          // of its events
	show  func() (doc any, ended bool, err error)
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

// look adds an event if what is shown is another than the client knows. An event's id is its hash.
func (s *eventStream) look() (changed bool, err error) {
	shown, ended, err := s.show()
	if err != nil {
		return false, err
	}
	s.ended = ended
	doc, err := json.Marshal(shown)
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
	fmt.Fprintf(&s.next, "event: %s\nid: %s\ndata: %s\n\n", s.name, id, doc)
	return true, nil
}
