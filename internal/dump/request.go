package dump

import (
	"context"
	"io"

	"wharf/internal/fault"
)

// Request gives the dump of a request's body, {"doc": {…}, "dry_run": false, "verify": false}, the keys in any order.
func Request(r io.Reader, limits Limits) *Wrapped {
	return &Wrapped{jsonSource: *newJSON(r, limits)}
}

// Wrapped is the Source of a request.
type Wrapped struct {
	jsonSource
	dryRun bool
	verify bool
}

// DryRun reports whether the request asks for nothing to be written. It is known once the restore read its source.
func (w *Wrapped) DryRun() bool { return w.dryRun }

func (w *Wrapped) read(ctx context.Context, to *stager) error {
	return w.value(ctx, to, func() error {
		seen := map[string]bool{}
		err := to.scan.object("the body", func(key []byte) error {
			name := string(key)
			switch name {
			case "doc", "dry_run", "verify":
			default:
				to.left.note("the request's %s is unknown: it was left out", clip(key))
				return to.scan.skip()
			}
			if seen[name] {
				return to.scan.invalid("the body has %s twice", name)
			}
			seen[name] = true
			return w.member(to, name)
		})
		if err == nil && !seen["doc"] {
			err = fault.New(fault.Invalid, `the body has no doc: send {"doc": {…}} with the dump in it`)
		}
		return err
	})
}

func (w *Wrapped) member(to *stager, name string) (err error) {
	switch name {
	case "doc":
		return to.document()
	case "dry_run":
		w.dryRun, err = to.scan.boolean(name)
	case "verify":
		w.verify, err = to.scan.boolean(name)
		to.head.verify = w.verify
	}
	return err
}
