// Package importer brings files in: importers (what a file must hold), imports (one file each), and the run from the
// stored object to merged rows.
//
// A run goes one way: the stored file → tabular (batches of rows) → rowprogram (transform and check; a bad row is
// marked, never dropped) → load.Stage (COPY) → load.Merge (set-based, under the tenant). Rows, counts and the job's
// end commit together, so a run may be repeated or die at any line: the outcome is that of one run.
package importer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/go-playground/validator/v10"
	"github.com/google/uuid"

	"wharf/internal/catalog"
	"wharf/internal/fault"
	"wharf/internal/load"
	"wharf/internal/rowprogram"
)

// Errors that callers meet.
var (
	ErrImporterNotFound = fault.New(fault.NotFound, "importer not found")
	ErrImportNotFound   = fault.New(fault.NotFound, "import not found")
)

// Definition is what a file must hold and where its rows go. An import keeps a copy of the one it began with.
type Definition struct {
	Fields                []rowprogram.Field `json:"fields"`
	Destination           Destination        `json:"destination"`
	WebhookURL            *string            `json:"webhook_url" validate:"omitempty,http_url"`
	WebhookEnabled        bool               `json:"webhook_enabled"`
	IncludeDataInWebhook  bool               `json:"include_data_in_webhook"`
	WebhookDataSampleSize *int               `json:"webhook_data_sample_size" validate:"omitempty,min=0"`
	IncludeUnmatched      bool               `json:"include_unmatched_columns"`
	FilterInvalid         bool               `json:"filter_invalid_rows"`
	DisableOnInvalid      bool               `json:"disable_on_invalid_rows"`
	DarkMode              bool               `json:"dark_mode"`
}

// Destination says where rows go and how they meet those that are there.
type Destination struct {
	Kind        string   `json:"kind" validate:"oneof=file table webhook"`
	Table       string   `json:"table,omitempty" validate:"required_if=Kind table"`
	Match       []string `json:"match,omitempty" validate:"dive,required"`
	Write       string   `json:"write,omitempty" validate:"omitempty,oneof=upsert insert update"`
	Blank       string   `json:"blank,omitempty" validate:"omitempty,oneof=keep clear"`
	OnDuplicate string   `json:"on_duplicate,omitempty" validate:"omitempty,oneof=error last"`
}

// Kinds of destination.
const (
	ToFile    = "file"
	ToTable   = "table"
	ToWebhook = "webhook"
)

// Importer is a reusable definition.
type Importer struct {
	ID          uuid.UUID `json:"id"`
	Key         uuid.UUID `json:"key"`
	Name        string    `json:"name"`
	Description string    `json:"description"`
	Definition
	CreatedAt     time.Time `json:"created_at"`
	UpdatedAt     time.Time `json:"updated_at"`
	WebhookSecret string    `json:"webhook_secret,omitempty"` // in the answer that made it, and never again
}

// Embedded is what a page that embeds an importer may know of it.
type Embedded struct {
	Key              uuid.UUID          `json:"key"`
	Name             string             `json:"name"`
	Description      string             `json:"description"`
	Fields           []rowprogram.Field `json:"fields"`
	IncludeUnmatched bool               `json:"include_unmatched_columns"`
	FilterInvalid    bool               `json:"filter_invalid_rows"`
	DisableOnInvalid bool               `json:"disable_on_invalid_rows"`
	DarkMode         bool               `json:"dark_mode"`
}

// Embed gives the part of i that an embedding page may know.
func (i Importer) Embed() Embedded {
	return Embedded{
		Key: i.Key, Name: i.Name, Description: i.Description, Fields: i.Fields, IncludeUnmatched: i.IncludeUnmatched,
		FilterInvalid: i.FilterInvalid, DisableOnInvalid: i.DisableOnInvalid, DarkMode: i.DarkMode,
	}
}

// Input is any subset of an importer's fields: all of them optional, so that a change leaves the others alone.
type Input struct {
	Name                  *string             `json:"name"`
	Description           *string             `json:"description"`
	Fields                *[]rowprogram.Field `json:"fields"`
	Destination           *Destination        `json:"destination"`
	WebhookURL            optional[string]    `json:"webhook_url"`
	WebhookEnabled        *bool               `json:"webhook_enabled"`
	IncludeDataInWebhook  *bool               `json:"include_data_in_webhook"`
	WebhookDataSampleSize optional[int]       `json:"webhook_data_sample_size"`
	IncludeUnmatched      *bool               `json:"include_unmatched_columns"`
	FilterInvalid         *bool               `json:"filter_invalid_rows"`
	DisableOnInvalid      *bool               `json:"disable_on_invalid_rows"`
	DarkMode              *bool               `json:"dark_mode"`

	// What only an answer says, so that an answer can be sent back.
	ID        readOnly `json:"id"`
	Key       readOnly `json:"key"`
	CreatedAt readOnly `json:"created_at"`
	UpdatedAt readOnly `json:"updated_at"`
}

// UnmarshalJSON returns fault.Invalid for a null where an importer must have something: it says neither what there shall be
// nor that it shall stay. Members that are not known are an error too.
func (in *Input) UnmarshalJSON(b []byte) error {
	var needed struct {
		Fields      json.RawMessage `json:"fields"`
		Destination json.RawMessage `json:"destination"`
	}
	if err := json.Unmarshal(b, &needed); err != nil {
		return err //nolint:wrapcheck // the decoder that called adds the place
	}
	var wrong []fault.Field
	for _, member := range []struct {
		name string
		raw  json.RawMessage
	}{{"fields", needed.Fields}, {"destination", needed.Destination}} {
		if string(member.raw) == "null" {
			wrong = append(wrong, fault.Field{Field: member.name, Message: "must not be null"})
		}
	}
	if len(wrong) > 0 {
		return fault.New(fault.Invalid, "the importer does not fit").WithFields(wrong...)
	}
	type plain Input // has no UnmarshalJSON
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	return dec.Decode((*plain)(in)) //nolint:wrapcheck // as above
}

// readOnly is a member of a body that is read and forgotten.
type readOnly struct{}

// UnmarshalJSON takes anything.
func (*readOnly) UnmarshalJSON([]byte) error { return nil }

// optional tells a field that is absent from one that is null.
type optional[T any] struct {
	set   bool
	value *T
}

// UnmarshalJSON notes that the field was there.
func (o *optional[T]) UnmarshalJSON(b []byte) error {
	o.set = true
	return json.Unmarshal(b, &o.value) //nolint:wrapcheck // the decoder that called adds the place
}

// apply puts the fields that in names over i.
func (in Input) apply(i *Importer) {
	put(&i.Name, in.Name)
	put(&i.Description, in.Description)
	put(&i.Fields, in.Fields)
	put(&i.Destination, in.Destination)
	put(&i.WebhookEnabled, in.WebhookEnabled)
	put(&i.IncludeDataInWebhook, in.IncludeDataInWebhook)
	put(&i.IncludeUnmatched, in.IncludeUnmatched)
	put(&i.FilterInvalid, in.FilterInvalid)
	put(&i.DisableOnInvalid, in.DisableOnInvalid)
	put(&i.DarkMode, in.DarkMode)
	if in.WebhookURL.set {
		i.WebhookURL = in.WebhookURL.value
	}
	if in.WebhookDataSampleSize.set {
		i.WebhookDataSampleSize = in.WebhookDataSampleSize.value
	}
}

func put[T any](dst *T, src *T) {
	if src != nil {
		*dst = *src
	}
}

// withDefaults names what an empty destination means.
func (d Destination) withDefaults() Destination {
	def := func(s *string, v string) {
		if *s == "" {
			*s = v
		}
	}
	def(&d.Kind, ToFile)
	def(&d.Write, "upsert")
	def(&d.Blank, "keep")
	def(&d.OnDuplicate, "error")
	return d
}

// check returns one fault.Invalid that names every place of the importer that is wrong.
func (i *Importer) check(snap *catalog.Snapshot, cfg rowprogram.Config, hooks Webhooks) error {
	var wrong []fault.Field
	if strings.TrimSpace(i.Name) == "" {
		wrong = append(wrong, fault.Field{Field: "name", Message: "is required"})
	}
	if _, err := rowprogram.Compile(i.Fields, cfg); err != nil {
		e, coded := fault.As(err)
		if !coded {
			return fmt.Errorf("importer: compile: %w", err)
		}
		wrong = append(wrong, e.Fields...)
	}
	wrong = append(wrong, tagErrors(i.Definition)...)
	if i.Destination.Kind == ToTable && i.Destination.Table != "" {
		wrong = append(wrong, checkTable(i.Definition, snap)...)
	}
	switch {
	case slices.ContainsFunc(wrong, func(f fault.Field) bool { return f.Field == "webhook_url" }): // said once
	case i.WebhookURL != nil:
		if err := hooks.CheckURL(*i.WebhookURL); err != nil {
			wrong = append(wrong, fault.Field{Field: "webhook_url", Message: err.Error()})
		}
	case i.Destination.Kind == ToWebhook, i.WebhookEnabled:
		wrong = append(wrong, fault.Field{Field: "webhook_url", Message: "is required: that is where the rows are sent"})
	}
	if len(wrong) > 0 {
		return fault.New(fault.Invalid, "the importer cannot work as it is defined").WithFields(wrong...)
	}
	return nil
}

var structRules = func() *validator.Validate {
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterTagNameFunc(func(f reflect.StructField) string {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		return name
	})
	return v
}()

func tagErrors(d Definition) []fault.Field {
	var found validator.ValidationErrors
	if !errors.As(structRules.Struct(d), &found) {
		return nil
	}
	var out []fault.Field
	for _, f := range found {
		_, path, _ := strings.Cut(f.Namespace(), ".")
		out = append(out, fault.Field{Field: path, Message: ruleMessage(f)})
	}
	return out
}

func ruleMessage(f validator.FieldError) string {
	switch f.Tag() {
	case "oneof":
		return "must be one of " + strings.ReplaceAll(f.Param(), " ", ", ")
	case "required", "required_if":
		return "is required"
	case "http_url":
		return "must be an http or https URL"
	case "min":
		return "must be at least " + f.Param()
	default:
		return "is not accepted (" + f.Tag() + ")"
	}
}

// checkTable finds what would keep the fields from going into the destination's table.
func checkTable(d Definition, snap *catalog.Snapshot) []fault.Field {
	table, ok := snap.Table(d.Destination.Table)
	if !ok {
		return []fault.Field{{Field: "destination.table", Message: fmt.Sprintf("no table %q belongs to tenants", d.Destination.Table)}}
	}
	var wrong []fault.Field
	for n, f := range d.Fields {
		if why := notWritable(table, f.Name); why != "" {
			wrong = append(wrong, fault.Field{Field: fmt.Sprintf("fields[%d].name", n), Message: why})
		}
	}
	names := make([]string, 0, len(d.Fields))
	for _, f := range d.Fields {
		names = append(names, f.Name)
	}
	for n, text := range d.Destination.Match {
		m, err := load.ParseMatch(table, text)
		if err != nil {
			wrong = append(wrong, fault.Field{Field: fmt.Sprintf("destination.match[%d]", n), Message: err.Error()})
			continue
		}
		for _, key := range m.Keys {
			for _, c := range key.Columns {
				if !slices.Contains(names, load.GivenBy(table, c)) {
					wrong = append(wrong, fault.Field{
						Field: fmt.Sprintf("destination.match[%d]", n), Message: fmt.Sprintf("no field is named %q", c),
					})
				}
			}
		}
	}
	return wrong
}

// notWritable says why the column cannot be imported into, "" if it can.
func notWritable(t *catalog.Table, name string) string {
	c, ok := t.Column(name)
	if !ok {
		return fmt.Sprintf("%s has no column %q", t.Name, name)
	}
	why := t.Unwritable(c)
	if why == "" || c.Name == t.Scope.Column {
		return why
	}
	return t.Name + "." + why
}
