package jobs

import (
	"slices"

	"github.com/google/uuid"
	"github.com/riverqueue/river"
)

// The kinds of jobs. Each has the queue of its own name.
const (
	KindImport      = "import"
	KindExport      = "export"
	KindRestore     = "restore"
	KindWebhook     = "webhook"
	KindMaintenance = "maintenance"
)

// Kinds lists every kind, and so every queue.
func Kinds() []string {
	return []string{KindImport, KindExport, KindRestore, KindWebhook, KindMaintenance}
}

func isKind(name string) bool { return slices.Contains(Kinds(), name) }

// target names the row a job works on. It is all that a job's arguments hold.
type target struct {
	Tenant uuid.UUID `json:"tenant_id"`
	ID     uuid.UUID `json:"id"`
}

// River tells kinds apart by the Go type of their arguments.
type (
	importArgs  struct{ target }
	exportArgs  struct{ target }
	restoreArgs struct{ target }
	webhookArgs struct{ target }
)

func (importArgs) Kind() string  { return KindImport }
func (exportArgs) Kind() string  { return KindExport }
func (restoreArgs) Kind() string { return KindRestore }
func (webhookArgs) Kind() string { return KindWebhook }

func (t target) row() target { return t }

type targetArgs interface {
	river.JobArgs
	row() target
}

// argsOf gives the arguments of a kind that works on a row; false for another kind.
func argsOf(kind string, t target) (river.JobArgs, bool) {
	switch kind {
	case KindImport:
		return importArgs{t}, true
	case KindExport:
		return exportArgs{t}, true
	case KindRestore:
		return restoreArgs{t}, true
	case KindWebhook:
		return webhookArgs{t}, true
	}
	return nil, false
}

// maintenanceArgs name a function given to Periodic. They hold no tenant.
type maintenanceArgs struct {
	Name string `json:"name" river:"unique"`
}

func (maintenanceArgs) Kind() string { return KindMaintenance }
