// Package config is the only reader of the environment: every setting, typed, with its default and unit, checked once at
// start. A wrong value names the variable and what it accepts; a secret is never printed.
package config

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/caarlos0/env/v11"
	"github.com/go-playground/validator/v10"
)

// Config is all settings of both binaries. Each reads what it needs.
type Config struct {
	Database Database
	HTTP     HTTP
	S3       S3
	Tenant   Tenant
	Limits   Limits
	Rates    Rates
	Jobs     Jobs
	Webhooks Webhooks
	Exports  Exports
	Restores Restores
	Fields   Fields
	Log      Log
}

// Database says where Postgres is.
type Database struct {
	URL      Secret `env:"DATABASE_URL" help:"database, as the service's role: owns no product table, cannot bypass row security" validate:"required"`
	OwnerURL Secret `env:"WHARF_OWNER_DATABASE_URL" help:"database, as the owner's role; only migrate, tenant and key commands use it"`
	MaxConns int32  `env:"WHARF_DATABASE_MAX_CONNS" envDefault:"20" help:"connections a process keeps at most" validate:"min=4,max=1000"`
}

// HTTP says how the servers listen.
type HTTP struct {
	Listen         string        `env:"WHARF_LISTEN" envDefault:"127.0.0.1:8080" help:"address of the api" validate:"hostname_port"`
	WorkerListen   string        `env:"WHARF_WORKER_LISTEN" envDefault:"127.0.0.1:8081" help:"address of the worker's health and metrics" validate:"hostname_port"`
	TrustProxies   []string      `env:"WHARF_TRUSTED_PROXIES" help:"networks whose X-Forwarded-For is believed, e.g. 10.0.0.0/8,192.168.1.0/24" validate:"dive,cidr"`
	HeaderTimeout  time.Duration `env:"WHARF_HEADER_TIMEOUT" envDefault:"10s" help:"to read a request's header" validate:"min=1s"`
	IdleTimeout    time.Duration `env:"WHARF_IDLE_TIMEOUT" envDefault:"2m" help:"an idle connection is kept" validate:"min=1s"`
	StallTimeout   time.Duration `env:"WHARF_STALL_TIMEOUT" envDefault:"60s" help:"a body may stand still before the connection is closed; a slow one that moves is not" validate:"min=1s"`
	IdempotencyTTL time.Duration `env:"WHARF_IDEMPOTENCY_TTL" envDefault:"24h" help:"an Idempotency-Key and its answer are kept" validate:"min=1m"`
	DrainTimeout   time.Duration `env:"WHARF_DRAIN_TIMEOUT" envDefault:"30s" help:"running requests and jobs get to end after SIGTERM" validate:"min=1s"`
}

// S3 says where objects are kept.
type S3 struct {
	Endpoint       string        `env:"WHARF_S3_ENDPOINT" help:"URL of the S3 server; empty: AWS" validate:"omitempty,url"`
	PublicEndpoint string        `env:"WHARF_S3_PUBLIC_ENDPOINT" help:"URL that signed links use, if people reach S3 by another name" validate:"omitempty,url"`
	Region         string        `env:"WHARF_S3_REGION" envDefault:"us-east-1" help:"region" validate:"required"`
	Bucket         string        `env:"WHARF_S3_BUCKET" envDefault:"wharf" help:"bucket" validate:"min=3,max=63"`
	AccessKey      Secret        `env:"WHARF_S3_ACCESS_KEY" help:"access key; empty: the SDK's own chain"`
	SecretKey      Secret        `env:"WHARF_S3_SECRET_KEY" help:"secret key"`
	PathStyle      bool          `env:"WHARF_S3_PATH_STYLE" envDefault:"false" help:"bucket in the path, as most servers other than AWS need"`
	PartBytes      Bytes         `env:"WHARF_S3_PART_BYTES" envDefault:"8MiB" help:"size of an upload's parts; two are in memory at a time" validate:"min=5242880"`
	LinkTTL        time.Duration `env:"WHARF_LINK_TTL" envDefault:"5m" help:"a signed link lives" validate:"min=10s,max=1h"`
}

// Tenant fits Wharf to a product.
type Tenant struct {
	Schemas []string `env:"WHARF_SCHEMAS" envDefault:"public" help:"schemas of the product; the first one's tables go by their bare name" validate:"min=1,dive,required"`
	Column  string   `env:"WHARF_TENANT_COLUMN" envDefault:"tenant_id" help:"column that says whose a row is" validate:"required"`
	Setting string   `env:"WHARF_TENANT_SETTING" envDefault:"app.tenant_id" help:"setting that the product's row security reads" validate:"required,contains=."`
	Role    string   `env:"WHARF_TENANT_ROLE" help:"role assumed for tenant statements, e.g. authenticated (Supabase); empty: none"`
	Table   string   `env:"WHARF_TENANT_TABLE" envDefault:"wharf.tenants" help:"table of tenants: id, name, slug" validate:"required,contains=."`
}

// Limits bound what callers may ask for.
type Limits struct {
	UploadBytes       Bytes         `env:"WHARF_MAX_UPLOAD_BYTES" envDefault:"5GiB" help:"an uploaded file" validate:"min=1"`
	UploadTTL         time.Duration `env:"WHARF_UPLOAD_TTL" envDefault:"24h" help:"a file sent ahead waits for its import or restore" validate:"min=1h"`
	DecompressedBytes Bytes         `env:"WHARF_MAX_DECOMPRESSED_BYTES" envDefault:"50GiB" help:"a file after decompression" validate:"min=1"`
	Ratio             int64         `env:"WHARF_MAX_COMPRESSION_RATIO" envDefault:"200" help:"decompressed bytes for one stored byte" validate:"min=2"`
	Rows              int64         `env:"WHARF_MAX_ROWS" envDefault:"50000000" help:"rows of a file" validate:"min=1"`
	Columns           int           `env:"WHARF_MAX_COLUMNS" envDefault:"16384" help:"columns of a file" validate:"min=1,max=16384"`
	CellBytes         Bytes         `env:"WHARF_MAX_CELL_BYTES" envDefault:"1MiB" help:"one cell" validate:"min=1"`
	BodyBytes         Bytes         `env:"WHARF_MAX_BODY_BYTES" envDefault:"1MiB" help:"a JSON request body" validate:"min=1024"`
	FileTTL           time.Duration `env:"WHARF_FILE_TTL" envDefault:"720h" help:"the file of an import or a restore is kept after its end" validate:"min=1m"`
	ReportTTL         time.Duration `env:"WHARF_REPORT_TTL" envDefault:"720h" help:"error reports and results are kept" validate:"min=1m"`
	ReviewTTL         time.Duration `env:"WHARF_REVIEW_TTL" envDefault:"168h" help:"an import waits for its review" validate:"min=1m"`
	UndoTTL           time.Duration `env:"WHARF_UNDO_TTL" envDefault:"168h" help:"an import or a restore can be reverted" validate:"min=1m"`
	ExportTTL         time.Duration `env:"WHARF_EXPORT_TTL" envDefault:"168h" help:"an export is kept" validate:"min=1m"`
	PhoneRegion       string        `env:"WHARF_PHONE_REGION" envDefault:"US" help:"region of phone numbers without a country code" validate:"len=2,uppercase"`
}

// Rates say how often callers may ask, over all processes. Operators may set others for one tenant.
type Rates struct {
	ExportStarts  int `env:"WHARF_EXPORT_STARTS_PER_MINUTE" envDefault:"3" help:"exports that a tenant may start, in a minute" validate:"min=1,max=1000000"`
	ImportStarts  int `env:"WHARF_IMPORT_STARTS_PER_MINUTE" envDefault:"1200" help:"imports that a tenant may start, in a minute" validate:"min=1,max=1000000"`
	RestoreStarts int `env:"WHARF_RESTORE_STARTS_PER_MINUTE" envDefault:"30" help:"restores that a tenant may start, in a minute" validate:"min=1,max=1000000"`
	UploadStarts  int `env:"WHARF_UPLOAD_STARTS_PER_MINUTE" envDefault:"1200" help:"uploads and previews that a tenant may start, in a minute" validate:"min=1,max=1000000"`
	Requests      int `env:"WHARF_REQUESTS_PER_MINUTE" envDefault:"60000" help:"requests with one API key, in a minute" validate:"min=1,max=1000000"`
	Failures      int `env:"WHARF_FAILED_CREDENTIALS_PER_MINUTE" envDefault:"600" help:"credentials from one address that are not good, in a minute" validate:"min=1,max=1000000"`
}

// Jobs says how work is done.
type Jobs struct {
	Import        int           `env:"WHARF_QUEUE_IMPORT" envDefault:"4" help:"imports a worker runs at once" validate:"min=1,max=1000"`
	Export        int           `env:"WHARF_QUEUE_EXPORT" envDefault:"4" help:"exports a worker runs at once" validate:"min=1,max=1000"`
	ExportReaders int           `env:"WHARF_EXPORT_READERS" envDefault:"2" help:"connections that read one export at a time, all of one snapshot; less if the pool has none free" validate:"min=1,max=16"`
	Restore       int           `env:"WHARF_QUEUE_RESTORE" envDefault:"2" help:"restores a worker runs at once" validate:"min=1,max=1000"`
	Webhook       int           `env:"WHARF_QUEUE_WEBHOOK" envDefault:"10" help:"webhook deliveries a worker runs at once" validate:"min=1,max=1000"`
	Maintenance   int           `env:"WHARF_QUEUE_MAINTENANCE" envDefault:"1" help:"maintenance jobs a worker runs at once" validate:"min=1,max=1000"`
	PerTenant     int           `env:"WHARF_TENANT_CONCURRENCY" envDefault:"2" help:"jobs of one tenant that run at once in a queue; the rest wait" validate:"min=1,max=1000"`
	Timeout       time.Duration `env:"WHARF_JOB_TIMEOUT" envDefault:"6h" help:"an import, export or restore may take" validate:"min=1m"`
	MaxAttempts   int           `env:"WHARF_JOB_MAX_ATTEMPTS" envDefault:"5" help:"tries before a job counts as failed" validate:"min=1,max=100"`
	Heartbeat     time.Duration `env:"WHARF_HEARTBEAT" envDefault:"5s" help:"a worker renews its lease" validate:"min=100ms"`
	Lease         time.Duration `env:"WHARF_LEASE" envDefault:"25s" help:"after that without a heartbeat a worker's jobs run again elsewhere" validate:"min=1s,gtfield=Heartbeat"`
	GCPercent     int           `env:"WHARF_GC_PERCENT" envDefault:"30" help:"a worker's heap grows by this much before it is collected, in percent of what is in use: less memory for a little more CPU" validate:"min=10,max=1000"`
	MergeMemory   Bytes         `env:"WHARF_MERGE_MEMORY" envDefault:"128MiB" help:"one sort or hash of a merge may take in Postgres (work_mem)" validate:"min=1048576"`
	FetchCooldown time.Duration `env:"WHARF_FETCH_COOLDOWN" envDefault:"10ms" help:"between two fetches of jobs" validate:"min=1ms"`
	PollOnly      bool          `env:"WHARF_POLL_ONLY" envDefault:"false" help:"no LISTEN: for a database behind a transaction-mode pooler"`
}

// Webhooks says where deliveries may go and how long they are known.
type Webhooks struct {
	AllowPrivate   bool          `env:"WHARF_WEBHOOK_ALLOW_PRIVATE" envDefault:"false" help:"webhooks may go to local and private addresses and by plain http: for development"`
	ReceiverWithin time.Duration `env:"WHARF_WEBHOOK_TIMEOUT" envDefault:"15s" help:"a receiver gets to answer a webhook" validate:"min=1s,max=50s"`
	DeliveryTTL    time.Duration `env:"WHARF_WEBHOOK_TTL" envDefault:"720h" help:"the log keeps a delivery" validate:"min=48h"`
}

// Exports say where exports may go.
type Exports struct {
	AllowPrivate bool `env:"WHARF_EXPORT_ALLOW_PRIVATE" envDefault:"false" help:"buckets of tenants' own may be at local and private addresses and reached by plain http: for development"`
}

// Restores bound what documents and bundles may ask for.
type Restores struct {
	DocumentBytes Bytes         `env:"WHARF_RESTORE_DOCUMENT_BYTES" envDefault:"64MiB" help:"a document that comes with POST /import" validate:"min=1024"`
	DocumentTime  time.Duration `env:"WHARF_RESTORE_DOCUMENT_TIME" envDefault:"10m" help:"a document of POST /import may take, its way here included" validate:"min=1s"`
	Documents     int           `env:"WHARF_RESTORE_DOCUMENTS" envDefault:"4" help:"documents of POST /import that an api merges at once; each holds a connection to the database" validate:"min=1,max=1000"`
	UnpackedBytes Bytes         `env:"WHARF_RESTORE_UNPACKED_BYTES" envDefault:"50GiB" help:"a document, or the parts of a bundle together, after decompression" validate:"min=1024"`
	RowBytes      Bytes         `env:"WHARF_RESTORE_ROW_BYTES" envDefault:"16MiB" help:"one row of a document, rows inside it left out" validate:"min=1024,max=1073741824"`
}

// Fields says how encrypted columns are kept.
type Fields struct {
	Keys Secret `env:"WHARF_FIELD_KEYS" help:"key ring of encrypted columns and their hashes (api field-keys new); empty: there are none"`
}

// Log says what is logged.
type Log struct {
	Level  string `env:"WHARF_LOG_LEVEL" envDefault:"info" help:"debug, info, warn or error" validate:"oneof=debug info warn error"`
	Format string `env:"WHARF_LOG_FORMAT" envDefault:"json" help:"json or text" validate:"oneof=json text"`
}

// Secret is text that never prints itself.
type Secret string

// String hides the secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "[secret]"
}

// GoString hides the secret from %#v.
func (s Secret) GoString() string { return s.String() }

// MarshalText hides the secret from encoders and from slog.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Reveal gives the secret itself.
func (s Secret) Reveal() string { return string(s) }

// UnmarshalText takes the secret as it is.
func (s *Secret) UnmarshalText(b []byte) error {
	*s = Secret(b)
	return nil
}

// Bytes is a size: "512", "64KiB", "5GiB", "10MB".
type Bytes int64

var units = []struct {
	suffix string
	factor int64
}{
	{"KiB", 1 << 10},
	{"MiB", 1 << 20},
	{"GiB", 1 << 30},
	{"TiB", 1 << 40},
	{"kB", 1e3},
	{"KB", 1e3},
	{"MB", 1e6},
	{"GB", 1e9},
	{"TB", 1e12},
	{"B", 1},
}

// UnmarshalText reads a size with or without a unit.
func (b *Bytes) UnmarshalText(text []byte) error {
	s, factor := strings.TrimSpace(string(text)), int64(1)
	for _, u := range units {
		if rest, ok := strings.CutSuffix(s, u.suffix); ok {
			s, factor = strings.TrimSpace(rest), u.factor
			break
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || n > (1<<62)/factor {
		return errors.New("a size such as 512, 64KiB or 5GiB")
	}
	*b = Bytes(n * factor)
	return nil
}

// Load reads and checks the settings from environ, as os.Environ gives it. The error names every variable that is wrong
// and what it accepts.
func Load(environ []string) (Config, error) {
	var cfg Config
	err := env.ParseWithOptions(&cfg, env.Options{Environment: env.ToMap(environ)})
	if err != nil {
		return Config{}, explain(err)
	}
	if err := check(cfg); err != nil {
		return Config{}, err
	}
	return cfg, nil
}

// LoadFields reads the settings of encrypted columns alone, for commands that need no database.
func LoadFields(environ []string) (Fields, error) {
	var f Fields
	if err := env.ParseWithOptions(&f, env.Options{Environment: env.ToMap(environ)}); err != nil {
		return Fields{}, explain(err)
	}
	return f, nil
}

// explain names the variable behind each of the parser's errors, and keeps values (which may be secrets) out.
func explain(err error) error {
	var agg env.AggregateError
	if !errors.As(err, &agg) {
		return errors.New("config: the environment cannot be read")
	}
	settings := settingsByField()
	var out []error
	for _, e := range agg.Errors {
		var pe env.ParseError
		if errors.As(e, &pe) {
			s := settings[pe.Name]
			out = append(out, fmt.Errorf("config: %s must be %s (%s)", s.name, accepts(pe.Type), s.help))
			continue
		}
		out = append(out, errors.New("config: the environment cannot be read"))
	}
	return errors.Join(out...)
}

func accepts(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return "a duration such as 30s, 5m or 1h30m"
	case t == reflect.TypeFor[Bytes]():
		return "a size such as 512, 64KiB or 5GiB"
	case t.Kind() == reflect.Bool:
		return "true or false"
	default:
		return "a whole number"
	}
}

func check(cfg Config) error {
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterTagNameFunc(func(f reflect.StructField) string { return f.Tag.Get("env") })
	err := v.Struct(cfg)
	var wrong validator.ValidationErrors
	if err == nil {
		return nil
	}
	if !errors.As(err, &wrong) {
		return fmt.Errorf("config: check: %w", err)
	}
	helps := settingsByVariable()
	var out []error
	for _, w := range wrong {
		name, _, _ := strings.Cut(w.Field(), "[")
		if w.Tag() == "required" {
			out = append(out, fmt.Errorf("config: %s is required: %s", name, helps[name].help))
			continue
		}
		rule := strings.TrimSuffix(w.Tag()+" "+w.Param(), " ")
		out = append(out, fmt.Errorf("config: %s is not accepted (rule: %s): %s", name, rule, helps[name].help))
	}
	return errors.Join(out...)
}

type setting struct{ field, name, def, help string }

func settings() []setting {
	var out []setting
	for section := range reflect.TypeFor[Config]().Fields() {
		for f := range section.Type.Fields() {
			out = append(out, setting{f.Name, f.Tag.Get("env"), f.Tag.Get("envDefault"), f.Tag.Get("help")})
		}
	}
	return out
}

func settingsByField() map[string]setting {
	m := map[string]setting{}
	for _, s := range settings() {
		m[s.field] = s
	}
	return m
}

func settingsByVariable() map[string]setting {
	m := map[string]setting{}
	for _, s := range settings() {
		m[s.name] = s
	}
	return m
}

// Usage writes the table of settings: variable, default, meaning.
func Usage(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if _, err := fmt.Fprintln(tw, "VARIABLE\tDEFAULT\tMEANING"); err != nil {
		return fmt.Errorf("config: usage: %w", err)
	}
	for _, s := range settings() {
		if _, err := fmt.Fprintf(tw, "%s\t%s\t%s\n", s.name, s.def, s.help); err != nil {
			return fmt.Errorf("config: usage: %w", err)
		}
	}
	if err := tw.Flush(); err != nil {
		return fmt.Errorf("config: usage: %w", err)
	}
	return nil
}

// User gives the role's name in a database URL, "" if there is none.
func User(u Secret) string {
	parsed, err := url.Parse(u.Reveal())
	if err != nil || parsed.User == nil {
		return ""
	}
	return parsed.User.Username()
}
