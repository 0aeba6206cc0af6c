package objectstore

import (
	"strings"

	"github.com/google/uuid"
)

const (
	maxNameBytes      = 100
	maxExtensionBytes = 16 // with its dot; what is longer is no extension
)

// Key gives a new key for an object of the tenant: <tenant>/<kind>/<random uuid>/<name>. kind is a constant of the
// caller, e.g. "uploads"; name is any file name and arrives sanitised: PresignGet carries the real one.
func Key(tenant uuid.UUID, kind, name string) string {
	return TenantPrefix(tenant) + kind + "/" + uuid.NewString() + "/" + sanitise(name)
}

// TenantPrefix is what all keys of the tenant begin with.
func TenantPrefix(tenant uuid.UUID) string { return tenant.String() + "/" }

// sanitise keeps what every S3 server, shell and file system takes as it is: ASCII letters, digits, '.', '_', '-'.
// It keeps the extension of a long name, and never gives an empty or a hidden one.
func sanitise(name string) string {
	var b strings.Builder
	for _, r := range name[strings.LastIndexAny(name, `/\`)+1:] {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '.', r == '_':
			b.WriteRune(r)
		case !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	stem, ext := strings.TrimRight(b.String(), ".-"), ""
	if dot := strings.LastIndexByte(stem, '.'); dot >= 0 && len(stem)-dot <= maxExtensionBytes {
		stem, ext = stem[:dot], stem[dot:]
	}
	stem = strings.TrimLeft(stem, ".-")
	stem = strings.TrimRight(stem[:min(len(stem), maxNameBytes-len(ext))], ".-")
	if stem == "" {
		stem = "file"
	}
	return stem + ext
}
