package catalog_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"wharf/internal/catalog"
	"wharf/internal/testenv"
)

var update = flag.Bool("update", false, "write the golden file anew")

const goldenFile = "testdata/sample.golden"

func TestSampleProductReadsAsTheGoldenFileSays(t *testing.T) {
	t.Parallel()
	p := &product{service: testenv.Sample(t).Service(t)}
	got := describe(p.read(t, config()))
	if *update {
		require.NoError(t, os.WriteFile(goldenFile, []byte(got), 0o600))
	}
	want, err := os.ReadFile(goldenFile)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(string(want), got), "if it is meant, run the test with -update")
}

// describe writes a snapshot as text: everything but numbers that another database would choose otherwise.
func describe(s *catalog.Snapshot) string {
	var b strings.Builder
	for _, w := range s.Warnings {
		fmt.Fprintf(&b, "warning: %s\n", w)
	}
	for _, t := range s.Tables {
		describeTable(&b, s, t)
	}
	return b.String()
}

func describeTable(b *strings.Builder, s *catalog.Snapshot, t *catalog.Table) {
	fmt.Fprintf(b, "\n%s  %s  (%s)%s\n", t.Name, t.Ident(), t.Label, words(
		when(t.Optional != "", "optional="+t.Optional), when(t.Operational, "operational"),
		when(!t.RLS.Enabled, "no-rls"), when(t.RLS.Enabled && !t.RLS.Forced, "rls-not-forced"), when(!t.Readable, "unreadable")))
	if t.Description != "" {
		fmt.Fprintf(b, "  about    %s\n", strings.ReplaceAll(t.Description, "\n", `\n`))
	}
	if t.Scope.Column == "" {
		fmt.Fprintf(b, "  scope    %s\n", t.TenantPredicate("t", "$1"))
	}
	for _, c := range t.Columns {
		describeColumn(b, c)
	}
	fmt.Fprintf(b, "  key      %s\n", strings.Join(t.PrimaryKey, ", "))
	for _, u := range t.Uniques {
		fmt.Fprintf(b, "  unique   %s%s%s\n", keys(u.Keys), where(u.Predicate), words(
			when(u.Primary, "primary"), when(!u.NullsDistinct, "nulls-not-distinct"), when(u.Deferrable, "deferrable")))
	}
	for _, c := range t.Checks {
		fmt.Fprintf(b, "  check    %s (%s)\n", t.Condition(c.Expression, "t"), strings.Join(c.Columns, ", "))
	}
	for _, k := range t.ForeignKeys {
		fmt.Fprintf(b, "  refers   %s -> %s (%s) on delete %s%s\n", strings.Join(k.Columns, ", "), k.TargetName,
			strings.Join(k.TargetColumns, ", "), k.OnDelete, words(when(k.Target == nil, "outside"), when(k.NotNull, "not-null"),
				when(k.Nested, "nested"), when(k.Deferrable, "deferrable"), when(k.Late, "late")))
	}
	for _, p := range t.Polys {
		fmt.Fprintf(b, "  poly     %s, %s:", p.TypeColumn, p.IDColumn)
		for _, value := range slices.Sorted(maps.Keys(p.Targets)) {
			fmt.Fprintf(b, " %s=%s", value, p.Targets[value].Name)
		}
		b.WriteByte('\n')
	}
	for _, m := range t.Matches {
		fmt.Fprintf(b, "  match    %s%s\n", keys(m.Keys), where(m.Predicate))
	}
	if all := s.Dependents(t); len(all) > 0 {
		b.WriteString("  used by ")
		for _, d := range all {
			if d.Key != nil {
				fmt.Fprintf(b, " %s.%s", d.Table.Name, strings.Join(d.Key.Columns, "+"))
			} else {
				fmt.Fprintf(b, " %s.%s=%s", d.Table.Name, d.Poly.TypeColumn, d.Value)
			}
		}
		b.WriteByte('\n')
	}
}

func describeColumn(b *strings.Builder, c *catalog.Column) {
	fmt.Fprintf(b, "  column   %s  %s  %s%s\n", c.Name, c.Type, c.Kind, words(
		when(c.BaseType != c.Type, "base="+c.BaseType), when(c.ElementKind != "", "of="+string(c.ElementKind)),
		when(c.MaxLength > 0, fmt.Sprintf("max=%d", c.MaxLength)), when(c.Precision > 0, fmt.Sprintf("digits=%d,%d", c.Precision, c.Scale)),
		when(c.NotNull, "not-null"), when(c.Generated, "generated"), when(c.Identity != "", "identity="+c.Identity),
		when(c.Minted, "minted"), when(c.Default != "", "default="+c.Default), when(c.Labels != nil, "labels="+strings.Join(c.Labels, "|")),
		when(c.Tags.Redact, "@redact"), when(c.Tags.Encrypted, "@encrypted"), when(c.Tags.HashOf != "", "@hash="+c.Tags.HashOf),
		when(c.Tags.User, "@user"), when(c.Tags.File, "@file"), when(c.Tags.Readonly, "@readonly"),
		when(c.Label != "", "("+c.Label+")"), when(c.Description != "", `"`+c.Description+`"`)))
}

func keys(all []catalog.IndexKey) string {
	said := make([]string, len(all))
	for i, k := range all {
		if said[i] = k.Column; k.Expression != "" {
			said[i] = fmt.Sprintf("%s [%s]", k.Expression, strings.Join(k.Columns, ", "))
		}
	}
	return "(" + strings.Join(said, ", ") + ")"
}

func where(predicate string) string { return when(predicate != "", " where "+predicate) }

func when(is bool, s string) string {
	if is {
		return s
	}
	return ""
}

func words(all ...string) string {
	var b strings.Builder
	for _, w := range all {
		if w != "" {
			b.WriteString("  " + w)
		}
	}
	return b.String()
}
