package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wharf/internal/config"
)

const dsn = "DATABASE_URL=postgres://wharf:hunter2@db/wharf"

func TestLoadGivesDefaultsWithUnits(t *testing.T) {
	t.Parallel()
	cfg, err := config.Load([]string{dsn, "WHARF_MAX_UPLOAD_BYTES=64KiB", "WHARF_LINK_TTL=90s", "WHARF_SCHEMAS=app,billing"})
	require.NoError(t, err)
	require.Equal(t, config.Bytes(64<<10), cfg.Limits.UploadBytes)
	require.Equal(t, config.Bytes(8<<20), cfg.S3.PartBytes)
	require.Equal(t, 90*time.Second, cfg.S3.LinkTTL)
	require.Equal(t, []string{"app", "billing"}, cfg.Tenant.Schemas)
}

func TestLoadNamesTheVariableAndWhatItAccepts(t *testing.T) {
	t.Parallel()
	for setting, want := range map[string]string{
		"WHARF_MAX_UPLOAD_BYTES=lots":     "WHARF_MAX_UPLOAD_BYTES must be a size such as",
		"WHARF_LINK_TTL=5":                "WHARF_LINK_TTL must be a duration such as",
		"WHARF_LINK_TTL=48h":              "WHARF_LINK_TTL is not accepted (rule: max 1h)",
		"WHARF_QUEUE_IMPORT=0":            "WHARF_QUEUE_IMPORT is not accepted (rule: min 1)",
		"WHARF_QUEUE_IMPORT=x":            "WHARF_QUEUE_IMPORT must be a whole number",
		"WHARF_S3_PATH_STYLE=perhaps":     "WHARF_S3_PATH_STYLE must be true or false",
		"WHARF_LOG_LEVEL=loud":            "WHARF_LOG_LEVEL is not accepted (rule: oneof debug info warn error)",
		"WHARF_TRUSTED_PROXIES=somewhere": "WHARF_TRUSTED_PROXIES is not accepted (rule: cidr)",
		"DATABASE_URL=":                   "DATABASE_URL is required",
	} {
		t.Run(setting, func(t *testing.T) {
			t.Parallel()
			_, err := config.Load([]string{dsn, setting})
			require.ErrorContains(t, err, want)
		})
	}
}

func TestSecretsNeverPrint(t *testing.T) {
	t.Parallel()
	cfg, err := config.Load([]string{dsn, "WHARF_S3_SECRET_KEY=hunter2", "WHARF_FIELD_KEYS=hunter2"})
	require.NoError(t, err)
	doc, err := json.Marshal(cfg)
	require.NoError(t, err)
	for _, text := range []string{fmt.Sprint(cfg), fmt.Sprintf("%#v", cfg), fmt.Sprintf("%+v", cfg), string(doc)} {
		require.NotContains(t, text, "hunter2")
	}
	_, err = config.Load([]string{"DATABASE_URL=postgres://wharf:hunter2@db/wharf", "WHARF_LINK_TTL=hunter2"})
	require.NotContains(t, err.Error(), "hunter2")
}

func TestFieldKeysAreReadWithoutADatabase(t *testing.T) {
	t.Parallel()
	fields, err := config.LoadFields([]string{"WHARF_FIELD_KEYS=hunter2"})
	require.NoError(t, err)
	require.Equal(t, "hunter2", fields.Keys.Reveal())
}

func TestUsageListsEverySetting(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, config.Usage(&out))
	for _, name := range []string{"DATABASE_URL", "WHARF_S3_BUCKET", "WHARF_TENANT_COLUMN", "WHARF_LEASE"} {
		require.Contains(t, out.String(), name)
	}
}
