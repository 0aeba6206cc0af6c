package catalog

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// tagged is an object whose comment is being read.
type tagged struct {
	name   string // as errors and warnings call it: contacts, contacts.email
	table  *Table
	column *Column // nil: the table itself
	tags   []tag
}

// rule is what a tag does. The error says what was expected; it follows the tag's text.
type rule struct {
	onTable, onColumn bool
	repeats           bool // may stand on several lines
	refers            bool // looks at other columns or tables, whose own tags must have been read
	apply             func(b *builder, o tagged, arg string) error
}

func ruleOf(name string) (rule, bool) {
	switch name {
	case "label":
		return rule{onTable: true, onColumn: true, apply: tagLabel}, true
	case "match":
		return rule{onTable: true, repeats: true, refers: true, apply: tagMatch}, true
	case "optional":
		return rule{onTable: true, apply: tagOptional}, true
	case "operational":
		return rule{onTable: true, apply: flag(func(o tagged) { o.table.Operational = true })}, true
	case "redact":
		return rule{onColumn: true, apply: flag(func(o tagged) { o.column.Tags.Redact = true })}, true
	case "user":
		return rule{onColumn: true, apply: flag(func(o tagged) { o.column.Tags.User = true })}, true
	case "readonly":
		return rule{onColumn: true, apply: flag(func(o tagged) { o.column.Tags.Readonly = true })}, true
	case "encrypted":
		return rule{onColumn: true, apply: tagEncrypted}, true
	case "file":
		return rule{onColumn: true, apply: tagFile}, true
	case "hash":
		return rule{onColumn: true, refers: true, apply: tagHash}, true
	case "nested":
		return rule{onColumn: true, refers: true, apply: tagNested}, true
	case "poly":
		return rule{onColumn: true, refers: true, apply: tagPoly}, true
	}
	return rule{}, false
}

// readTags reads the comments of listed tables: first the tags that stand alone, then those that refer to others.
func (b *builder) readTags() {
	objects := b.tagged()
	for _, o := range objects {
		for i, t := range o.tags {
			b.checkTag(o, t, o.tags[:i])
		}
	}
	for _, refers := range []bool{false, true} {
		for _, o := range objects {
			for i, t := range o.tags {
				if r, ok := ruleOf(t.name); ok && r.refers == refers && r.fits(o) && (r.repeats || !stands(t.name, o.tags[:i])) {
					if err := r.apply(b, o, t.arg); err != nil {
						b.fail(o.name, "%s: %s", t, err)
					}
				}
			}
		}
	}
	b.checkNesting()
}

// tagged gives the objects that have comments, by table name and column position, and sets every label and description.
func (b *builder) tagged() []tagged {
	comments := map[*Table]*relation{}
	for _, r := range b.candidates {
		comments[r.table] = r
	}
	var objects []tagged
	for _, t := range b.snapshot.Tables {
		o := tagged{name: t.Name, table: t}
		t.Description, o.tags = splitComment(comments[t].Comment)
		t.Label = titleCase(t.Relation)
		objects = append(objects, o)
		for _, c := range t.Columns {
			o := tagged{name: t.Name + "." + c.Name, table: t, column: c}
			c.Description, o.tags = splitComment(comments[t].comments[c.Name])
			c.Label = titleCase(c.Name)
			objects = append(objects, o)
		}
	}
	return objects
}

// checkTag judges a tag apart from its argument; before are those above it in the same comment.
func (b *builder) checkTag(o tagged, t tag, before []tag) {
	r, known := ruleOf(t.name)
	switch {
	case !known:
		b.warnf("%s: unknown tag @%s", o.name, t.name)
	case !r.fits(o) && o.column == nil:
		b.fail(o.name, "@%s belongs on a column", t.name)
	case !r.fits(o):
		b.fail(o.name, "@%s belongs on a table", t.name)
	case !r.repeats && stands(t.name, before):
		b.fail(o.name, "@%s stands twice", t.name)
	}
}

func (r rule) fits(o tagged) bool {
	if o.column == nil {
		return r.onTable
	}
	return r.onColumn
}

func stands(name string, tags []tag) bool {
	return slices.ContainsFunc(tags, func(t tag) bool { return t.name == name })
}

func flag(set func(o tagged)) func(*builder, tagged, string) error {
	return func(_ *builder, o tagged, arg string) error {
		if arg != "" {
			return errors.New("the tag takes no argument")
		}
		set(o)
		return nil
	}
}

func tagLabel(_ *builder, o tagged, arg string) error {
	switch {
	case arg == "":
		return errors.New("a text is needed, e.g. @label Company name")
	case o.column != nil:
		o.column.Label = arg
	default:
		o.table.Label = arg
	}
	return nil
}

func tagOptional(_ *builder, o tagged, arg string) error {
	if len(strings.Fields(arg)) != 1 {
		return errors.New("one word is needed, by which a dump is asked for the table, e.g. @optional timeline")
	}
	o.table.Optional = arg
	return nil
}

func tagEncrypted(_ *builder, o tagged, arg string) error {
	if o.column.BaseOID != oidBytea {
		return fmt.Errorf("only a bytea can be encrypted, and this is %s", o.column.Type)
	}
	return flag(func(o tagged) { o.column.Tags.Encrypted = true })(nil, o, arg)
}

func tagFile(_ *builder, o tagged, arg string) error {
	if o.column.Kind != KindText {
		return fmt.Errorf("an object's key is a text, and this is %s", o.column.Type)
	}
	return flag(func(o tagged) { o.column.Tags.File = true })(nil, o, arg)
}

func tagHash(_ *builder, o tagged, arg string) error {
	source, ok := o.table.Column(unquoteName(arg))
	switch {
	case !ok || source == o.column:
		return errors.New("the name of another column of the table is needed, e.g. @hash email")
	case source.Kind != KindText && !source.Tags.Encrypted:
		return fmt.Errorf("a text or an @encrypted column can be hashed, and %s is %s", source.Name, source.Type)
	case o.column.Kind != KindText && o.column.Kind != KindBytes:
		return fmt.Errorf("a hash is kept in a text or bytea, and this is %s", o.column.Type)
	}
	o.column.Tags.HashOf = source.Name
	return nil
}

// unquoteName takes a name as it is, or in SQL's double quotes.
func unquoteName(s string) string {
	if strings.HasPrefix(s, `"`) {
		if name, end := quotedFrom(s, 0); end == len(s) {
			return name
		}
	}
	return s
}

// Redacted stands in every export where a @redact column held a secret.
const Redacted = "[redacted on export]"
