package catalog

import "slices"

// checkList gives the column and the values of a CHECK that Postgres made of column IN (…), as pg_get_expr prints it:
//
//	((status)::text = ANY ((ARRAY['open'::character varying, 'won'::character varying])::text[]))
//	(kind = 'a'::text)
//	((kind IS NULL) OR (kind = ANY (ARRAY['a'::text, 'b'::text])))
//
// and column = 'a' OR column = 'b', which means the same. A domain's column is VALUE. Anything else, a number or a
// case-insensitive text too, is no list.
func checkList(check string) (column string, values []string, ok bool) {
	p := &checkParser{tokens: tokens(check)}
	e := p.or()
	if p.failed || len(p.tokens) > 0 || e.values == nil || e.column == "" {
		return "", nil, false
	}
	return e.column, e.values, true
}

// checkExpr is what was read: a column, a literal or array of literals, or a condition, which has both.
type checkExpr struct {
	column    string
	values    []string
	array     bool
	condition bool
}

type checkParser struct {
	tokens []token
	failed bool
}

// or := comparison { OR comparison }. All sides must speak of one column.
func (p *checkParser) or() checkExpr {
	e := p.comparison()
	for p.takeWord("OR") {
		next := p.comparison()
		if !e.condition || !next.condition || e.column != next.column {
			p.failed = true
		}
		e.values = append(slices.Clone(e.values), next.values...)
	}
	return e
}

// comparison := operand [ IS NULL | = operand | = ANY ( operand ) ]
func (p *checkParser) comparison() checkExpr {
	e := p.operand()
	switch {
	case p.takeWord("IS"):
		p.failed = p.failed || !p.takeWord("NULL") || e.column == "" || e.condition
		return checkExpr{column: e.column, condition: true}
	case p.take("="):
		anyOf := p.takeWord("ANY") // its parentheses are the operand's
		right := p.operand()
		if e.column == "" || e.condition || right.column != "" || right.values == nil || right.array != anyOf {
			p.failed = true
		}
		return checkExpr{column: e.column, values: right.values, condition: true}
	}
	return e
}

// operand := ( ( or ) | word | literal | ARRAY [ operand { , operand } ] ) { :: type }
func (p *checkParser) operand() checkExpr {
	var e checkExpr
	switch t, ok := p.next(); {
	case !ok:
		p.failed = true
	case t.kind == tokenLiteral:
		e.values = []string{t.value}
	case t.kind == tokenWord && t.value == "ARRAY" && !t.quoted:
		e.values, e.array = p.array(), true
	case t.kind == tokenWord:
		e.column = t.value
	case t.value == "(":
		e = p.or()
		p.failed = p.failed || !p.take(")")
	default:
		p.failed = true
	}
	for p.take("::") {
		if p.textType() != e.array { // '{a,b}'::text[] is one literal and several values: left alone
			p.failed = true
		}
	}
	return e
}

func (p *checkParser) array() []string {
	p.failed = p.failed || !p.take("[")
	var values []string
	for more := true; more && !p.failed; more = p.take(",") {
		e := p.operand()
		if e.column != "" || e.condition || e.array || len(e.values) != 1 {
			p.failed = true
		}
		values = append(values, e.values...)
	}
	p.failed = p.failed || !p.take("]")
	return values
}

// textType := ( text | character varying | character | bpchar ) [ ( n ) ] [ [] ]
func (p *checkParser) textType() (array bool) {
	switch {
	case p.takeWord("text"), p.takeWord("bpchar"):
	case p.takeWord("character"):
		p.takeWord("varying")
	default:
		p.failed = true
	}
	if p.take("(") {
		_, ok := p.next()
		p.failed = p.failed || !ok || !p.take(")")
	}
	if array = p.take("["); array {
		p.failed = p.failed || !p.take("]")
	}
	return array
}

func (p *checkParser) next() (token, bool) {
	if len(p.tokens) == 0 {
		return token{}, false
	}
	t := p.tokens[0]
	p.tokens = p.tokens[1:]
	return t, true
}

func (p *checkParser) take(other string) bool {
	if len(p.tokens) == 0 || p.tokens[0].kind != tokenOther || p.tokens[0].value != other {
		return false
	}
	p.tokens = p.tokens[1:]
	return true
}

func (p *checkParser) takeWord(word string) bool {
	if len(p.tokens) == 0 || p.tokens[0].kind != tokenWord || p.tokens[0].quoted || p.tokens[0].value != word {
		return false
	}
	p.tokens = p.tokens[1:]
	return true
}
