package exporter

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"syscall"

	"code.dny.dev/ssrf"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"wharf/internal/fault"
	"wharf/internal/fieldcrypt"
	"wharf/internal/objectstore"
	"wharf/internal/tenancy"
)

// Bucket is where a tenant wants its exports.
type Bucket struct {
	Bucket    string `json:"bucket"`
	Prefix    string `json:"prefix"`     // of every key, "backups/"
	Endpoint  string `json:"endpoint"`   // URL of the S3 server; "": AWS, by Region
	Region    string `json:"region"`     // "": us-east-1
	PathStyle *bool  `json:"path_style"` // nil: with an endpoint
}

// DestinationInput is a bucket with the credentials that may write to it. They are told once, and never shown.
type DestinationInput struct {
	Bucket
	Credentials
}

// Credentials are a key pair of S3. They are sealed before they are stored.
type Credentials struct {
	AccessKey string `json:"access_key,omitempty"`
	SecretKey string `json:"secret_key,omitempty"`
}

// String keeps the credentials out of logs.
func (Credentials) String() string { return "[secret]" }

// GoString keeps the credentials out of %#v.
func (Credentials) GoString() string { return "[secret]" }

// Destination is a bucket as the API shows it.
type Destination struct {
	Bucket
	HasCredentials bool `json:"has_credentials"`
}

// ErrNoDestinationKeys means that credentials cannot be kept: there is no key ring to seal them with.
var ErrNoDestinationKeys = fault.New(fault.Conflict, "exports cannot go to a bucket of yours here: its credentials would have to be stored in the clear, "+
	"as WHARF_FIELD_KEYS is not set (`api field-keys new` makes one)")

func (d DestinationInput) withDefaults() DestinationInput {
	if d.Region == "" {
		d.Region = "us-east-1"
	}
	if d.PathStyle == nil {
		own := d.Endpoint != ""
		d.PathStyle = &own
	}
	if d.Prefix != "" && !strings.HasSuffix(d.Prefix, "/") {
		d.Prefix += "/"
	}
	return d
}

// What names may be: they become part of a host and of a path.
var (
	goodBucket = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	goodRegion = regexp.MustCompile(`^[a-z0-9-]{1,40}$`)
	goodPrefix = regexp.MustCompile(`^[A-Za-z0-9!_.*'()/-]{0,512}$`)
)

// check collects what is wrong. keep says that credentials are there already, for this very bucket.
func (d DestinationInput) check(allowPrivate, keep bool) (wrong []fault.Field) {
	add := func(field, message string) {
		wrong = append(wrong, fault.Field{Field: "destination." + field, Message: message})
	}
	if !goodBucket.MatchString(d.Bucket.Bucket) {
		add("bucket", "is no name of a bucket")
	}
	if !goodPrefix.MatchString(d.Prefix) || strings.HasPrefix(d.Prefix, "/") || strings.Contains(d.Prefix, "//") || strings.Contains(d.Prefix, "..") {
		add("prefix", "is a path of plain letters, digits and !_.*'()-, without a slash in front")
	}
	if !goodRegion.MatchString(d.Region) {
		add("region", "is no name of a region")
	}
	if d.Endpoint != "" {
		if why := checkEndpoint(d.Endpoint, allowPrivate); why != "" {
			add("endpoint", why)
		}
	}
	// Without credentials the store would take the machine's own.
	if !keep && (d.AccessKey == "" || d.SecretKey == "") {
		add("access_key", "is needed with secret_key, anew for another bucket, endpoint or region")
	}
	if (d.AccessKey == "") != (d.SecretKey == "") {
		add("secret_key", "goes with access_key")
	}
	return wrong
}

// checkEndpoint says why nothing can be stored there, as far as the URL alone tells. Names are resolved, and the address is checked,
// when it is dialled.
func checkEndpoint(raw string, allowPrivate bool) string {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Hostname() == "" || u.User != nil || (u.Path != "" && u.Path != "/") || u.RawQuery != "" || u.Fragment != "":
		return "is the URL of a server, https://s3.example.com"
	case allowPrivate && (u.Scheme == "http" || u.Scheme == "https"):
		return ""
	case u.Scheme != "https":
		return "must begin with https://"
	}
	if addr, err := netip.ParseAddr(u.Hostname()); err == nil {
		if guard("tcp", net.JoinHostPort(addr.String(), "443"), nil) != nil {
			return "is not a public address, which is not allowed"
		}
	}
	return ""
}

// guard refuses addresses that are not public.
func guard(network, address string, c syscall.RawConn) error {
	return ssrf.New(ssrf.WithAnyPort()).Safe(network, address, c) //nolint:wrapcheck // the store says what was refused
}

const insertDestination = `INSERT INTO wharf.export_destinations (id, tenant_id, schedule_id, config, credentials) VALUES ($1, $2, $3, $4, $5)`

// keepDestination stores a bucket of the schedule's with sealed credentials: the given ones, or those of the destination that it replaces.
func (s *Service) keepDestination(ctx context.Context, tx pgx.Tx, tenant, schedule uuid.UUID, d DestinationInput, former *uuid.UUID) (uuid.UUID, error) {
	id := uuid.Must(uuid.NewV7())
	if d.AccessKey == "" && former != nil {
		_, known, err := s.recallDestination(ctx, tx, tenant, *former)
		if err != nil {
			return uuid.Nil, err
		}
		d.Credentials = known
	}
	plain, err := json.Marshal(d.Credentials)
	if err != nil {
		return uuid.Nil, fmt.Errorf("exporter: encode credentials: %w", err)
	}
	sealed, err := s.cfg.Crypt.Seal(nil, plain, credentialsPlace(tenant, id))
	if err != nil {
		return uuid.Nil, ErrNoDestinationKeys
	}
	config, err := json.Marshal(d.Bucket)
	if err != nil {
		return uuid.Nil, fmt.Errorf("exporter: encode destination: %w", err)
	}
	_, err = exec(ctx, tx, "keep destination", insertDestination, id, tenant, schedule, config, sealed)
	return id, err
}

const selectDestination = `SELECT config, credentials FROM wharf.export_destinations WHERE tenant_id = $1 AND id = $2`

// recallDestination opens the credentials of a bucket. Conflict if they were forgotten.
func (s *Service) recallDestination(ctx context.Context, tx pgx.Tx, tenant, id uuid.UUID) (b Bucket, c Credentials, err error) {
	var config, sealed []byte
	if err := tx.QueryRow(ctx, selectDestination, tenant, id).Scan(&config, &sealed); err != nil {
		return b, c, fmt.Errorf("exporter: read destination: %w", err)
	}
	if err := json.Unmarshal(config, &b); err != nil {
		return b, c, fmt.Errorf("exporter: read destination: %w", err)
	}
	if sealed == nil {
		return b, c, fault.Newf(fault.Conflict, "the export lies in your bucket %s, whose credentials were forgotten with its schedule", b.Bucket)
	}
	plain, err := s.cfg.Crypt.Open(nil, sealed, credentialsPlace(tenant, id))
	if err != nil { // the operator's to mend, and worth trying again then
		return b, c, fault.Wrap(err, fault.Unavailable, "the credentials of the bucket cannot be opened now")
	}
	if err := json.Unmarshal(plain, &c); err != nil {
		return b, c, fmt.Errorf("exporter: read credentials: %w", err)
	}
	return b, c, nil
}

// credentialsPlace is the one destination that sealed credentials open for.
func credentialsPlace(tenant, id uuid.UUID) fieldcrypt.Column {
	return fieldcrypt.Column{Tenant: tenant, Table: "wharf.export_destinations", Column: "credentials " + id.String()}
}

// target is where the object of an export is, or goes. Its holder closes it.
type target struct {
	*objectstore.Store
	own *Bucket // the tenant's; nil: Wharf's
}

// targetOf opens the store of an export.
func (s *Service) targetOf(ctx context.Context, p tenancy.Principal, r row) (target, error) {
	if r.DestinationID == nil {
		return target{Store: s.cfg.Objects}, nil
	}
	var b Bucket
	var c Credentials
	err := tenancy.Tx(ctx, s.cfg.DB, p, func(ctx context.Context, tx pgx.Tx) (err error) {
		b, c, err = s.recallDestination(ctx, tx, p.Tenant, *r.DestinationID)
		return err
	})
	if err != nil {
		return target{}, err
	}
	cfg := objectstore.Config{
		Endpoint: b.Endpoint, Region: b.Region, Bucket: b.Bucket, AccessKey: c.AccessKey, SecretKey: c.SecretKey, PathStyle: *b.PathStyle,
	}
	if !s.cfg.AllowPrivate {
		cfg.Guard = guard
	}
	store, err := objectstore.Open(ctx, cfg)
	if err != nil {
		return target{}, fmt.Errorf("exporter: open the tenant's bucket: %w", err)
	}
	return target{store, &b}, nil
}

// close lets go of what was opened for the export alone.
func (t target) close() {
	if t.own != nil {
		t.Close()
	}
}

// key names a new object. In a tenant's own bucket names sort by time, and no run writes over another's.
func (t target) key(r row, extension string) string {
	if t.own == nil {
		return objectstore.Key(r.TenantID, kindExport, "export"+extension)
	}
	return t.own.Prefix + r.CreatedAt.UTC().Format("2006-01-02T150405Z") + "-" + uuid.NewString() + extension
}

// explain says to the tenant what is wrong with a bucket of its own. What Wharf's bucket answers is none of its business.
func (t target) explain(ctx context.Context, err error) error {
	if err == nil || t.own == nil || ctx.Err() != nil || fault.CodeOf(err) != fault.Internal {
		return err
	}
	return fault.Wrap(err, fault.Forbidden, "your bucket "+t.own.Bucket+" refuses: check its name, its region and what the credentials may")
}
