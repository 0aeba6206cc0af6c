package catalog

import (
	"slices"
	"strings"
)

// call is one column under functions, outermost first: lower(btrim(email)).
type call struct {
	functions []string
	column    string
}

// String writes the call in one way only.
func (c call) String() string {
	return strings.Join(c.functions, "(") + "(" + quote(c.column) + strings.Repeat(")", len(c.functions))
}

// parseCall reads lower(email) and its like, as people write it and as Postgres prints it: lower(email::text),
// TRIM(BOTH FROM email). A column alone is no call.
func parseCall(text string) (call, bool) {
	p := &checkParser{tokens: tokens(text)}
	c := p.call()
	return c, !p.failed && len(p.tokens) == 0 && len(c.functions) > 0
}

// call := ( function ( [ BOTH FROM ] call ) | ( call ) | column ) { :: type }
func (p *checkParser) call() call {
	var c call
	t, ok := p.next()
	switch name := strings.ToLower(t.value); {
	case !ok:
		p.failed = true
	case t.kind == tokenOther && t.value == "(":
		c = p.call()
		p.failed = p.failed || !p.take(")")
	case t.kind != tokenWord:
		p.failed = true
	case !t.quoted && slices.Contains([]string{"lower", "upper", "trim", "btrim"}, name) && p.take("("):
		if name == "trim" {
			name = "btrim"
		}
		if p.takeWord("BOTH") {
			p.failed = p.failed || !p.takeWord("FROM")
		}
		inner := p.call()
		c = call{functions: append([]string{name}, inner.functions...), column: inner.column}
		p.failed = p.failed || !p.take(")")
	default:
		c.column = t.value
	}
	for p.take("::") {
		p.failed = p.textType() || p.failed
	}
	return c
}

// learnCall makes a key of a call of the table's column.
func (t *Table) learnCall(c call) IndexKey {
	open := strings.Join(c.functions, "(") + "("
	shut := strings.Repeat(")", len(c.functions))
	k := IndexKey{Expression: open + plainName(c.column) + shut, Columns: []string{c.column}}
	if t.expressions == nil {
		t.expressions = map[string]expression{}
	}
	t.expressions[k.Expression] = expression{
		text: open + quote(c.column) + shut, columns: k.Columns,
		parts: []part{{text: open}, {text: c.column, column: true}, {text: shut}},
	}
	return k
}

// plainName quotes a name only where it could be read otherwise. Keywords are not told apart.
func plainName(name string) string {
	plain := name != "" && (name[0] < '0' || name[0] > '9') && !strings.ContainsFunc(name, func(r rune) bool {
		return r != '_' && (r < 'a' || r > 'z') && (r < '0' || r > '9')
	})
	if plain {
		return name
	}
	return quote(name)
}
