package importer

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"wharf/internal/auth"
	"wharf/internal/fault"
	"wharf/internal/tenancy"
)

// EmbedToken is a short-lived token that may do nothing but import through one importer. It is shown once.
type EmbedToken struct {
	ID          uuid.UUID `json:"id"`
	Token       string    `json:"token"`
	ImporterID  uuid.UUID `json:"importer_id"`
	ImporterKey uuid.UUID `json:"importer_key"`
	ExpiresAt   time.Time `json:"expires_at"`
}

// EmbedRequest asks for an embed token.
type EmbedRequest struct {
	TTLSeconds int    `json:"ttl_seconds"` // 0: defaultEmbedTTL
	User       string `json:"user"`        // on whose behalf; for people
}

const defaultEmbedTTL = 15 * time.Minute

// MintEmbedToken makes a token for the importer. ErrImporterNotFound.
func (s *Service) MintEmbedToken(ctx context.Context, p tenancy.Principal, importer uuid.UUID, req EmbedRequest) (EmbedToken, error) {
	spec := auth.EmbedSpec{Tenant: p.Tenant, Importer: importer, Name: req.User, TTL: time.Duration(req.TTLSeconds) * time.Second}
	if spec.TTL == 0 {
		spec.TTL = defaultEmbedTTL
	}
	if spec.Name == "" {
		spec.Name = "embed"
	}
	var out EmbedToken
	err := tenancy.Tx(ctx, s.cfg.DB, p, func(ctx context.Context, tx pgx.Tx) error {
		i, err := findImporter(ctx, tx, importerFilter{tenant: p.Tenant, id: &importer, only: p.Importer})
		if err != nil {
			return err
		}
		out = EmbedToken{ImporterID: i.ID, ImporterKey: i.Key}
		out.ID, out.Token, out.ExpiresAt, err = auth.CreateEmbedToken(ctx, tx, spec)
		return err
	})
	return out, err
}

// RevokeEmbedTokens ends every token of the importer. ErrImporterNotFound.
func (s *Service) RevokeEmbedTokens(ctx context.Context, p tenancy.Principal, importer uuid.UUID) error {
	return tenancy.Tx(ctx, s.cfg.DB, p, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := findImporter(ctx, tx, importerFilter{tenant: p.Tenant, id: &importer, only: p.Importer}); err != nil {
			return err
		}
		_, err := auth.RevokeEmbedTokens(ctx, tx, p.Tenant, importer)
		return err
	})
}

// mayAsk returns Forbidden, with the fields, if the caller is bound to an importer and asks for more than its user may decide: how
// the file is read, and which column is which field. Where rows go and what becomes of them is the importer's.
func mayAsk(p tenancy.Principal, req Request) error {
	if p.Importer == nil {
		return nil
	}
	var wrong []fault.Field
	for _, f := range []struct {
		name  string
		given bool
	}{
		{"table", req.Table != ""},
		{"mode", req.Mode != "" && req.Mode != "commit" && req.Mode != "review"},
		{"write", req.Write != ""},
		{"match", req.Match != nil},
		{"blank", req.Blank != ""},
		{"on_duplicate", req.Duplicate != ""},
		{"filter_invalid_rows", req.Filter != nil},
		{"disable_on_invalid_rows", req.Disable != nil},
	} {
		if f.given {
			wrong = append(wrong, fault.Field{Field: f.name, Message: "is not for an embed token to decide"})
		}
	}
	if wrong == nil {
		return nil
	}
	return fault.New(fault.Forbidden, "an embed token imports as its importer says").WithFields(wrong...)
}
