package load

import (
	"regexp"
	"strings"
)

// sentence puts a rule of the database into words: "Quantity must be at least 1 and at most 10". expr is a condition as
// Postgres prints it, label names the columns that it reads for people. "" if the rule is not of a simple kind.
//
// It understands comparisons of a column, or of its length, with a constant or another column, joined by AND; that a
// column may be NULL instead is left out, since a blank cell is not judged by the rule then.
func sentence(expr string, label func(column string) (string, bool)) string {
	var out strings.Builder
	last := ""
	for _, part := range split(expr, " AND ") {
		subject, must := predicate(part, label)
		if must == "" {
			return ""
		}
		switch {
		case out.Len() == 0:
			out.WriteString(subject + " must " + must)
		case subject == last:
			out.WriteString(" and " + strings.TrimPrefix(must, "be "))
		default:
			out.WriteString(", and " + subject + " must " + must)
		}
		last = subject
	}
	return out.String()
}

// predicate reads one comparison: what it is about, and what that must.
func predicate(expr string, label func(string) (string, bool)) (subject, must string) {
	if either := split(expr, " OR "); len(either) == 2 && strings.HasSuffix(unwrap(either[0]), " IS NULL") {
		expr = either[1]
	}
	expr = unwrap(expr)
	if column, ok := strings.CutSuffix(expr, " IS NOT NULL"); ok {
		if subject, ok = label(operand(column)); ok {
			return subject, "have a value"
		}
	}
	for _, op := range operators {
		parts := split(expr, " "+op.sign+" ")
		if len(parts) != 2 {
			continue
		}
		left, right := operand(parts[0]), operand(parts[1])
		if call := calls.FindStringSubmatch(left); call != nil {
			return measured(call[1], operand(call[2]), op, right, label)
		}
		subject, ok := label(left)
		value, known := constant(right)
		if other, isColumn := label(right); isColumn {
			value, known = other, true
		}
		switch {
		case !ok || !known:
			return "", ""
		case value == "" && op.sign == "<>":
			return subject, "not be empty"
		}
		return subject, strings.Replace(op.words, "%", value, 1)
	}
	return "", ""
}

// operator is a sign between two operands; % stands for the right one. What no words are given for cannot be said of a length.
type operator struct{ sign, words, length string }

// operators are tried in this order.
var operators = []operator{
	{">=", "be at least %", "have at least % characters"},
	{"<=", "be at most %", "have at most % characters"},
	{"<>", "not be %", ""},
	{"!~", "not match the pattern %", ""},
	{"~*", "match the pattern %", ""},
	{"~~", "be like %", ""},
	{"~", "match the pattern %", ""},
	{">", "be more than %", "have more than % characters"},
	{"<", "be less than %", "have less than % characters"},
	{"= ANY", "be one of %", ""},
	{"=", "be %", "have % characters"},
}

var calls = regexp.MustCompile(`^(\w+)\((.*)\)$`)

// measured reads a comparison of a function of a column.
func measured(function, column string, op operator, right string, label func(string) (string, bool)) (subject, must string) {
	subject, ok := label(column)
	if !ok {
		return "", ""
	}
	switch function {
	case "length", "char_length", "character_length":
		value, known := constant(right)
		if !known || op.length == "" {
			break
		}
		if op.sign == ">" && value == "0" {
			return subject, "not be empty"
		}
		return subject, strings.Replace(op.length, "%", value, 1)
	case "btrim":
		if value, known := constant(right); known && value == "" && op.sign == "<>" {
			return subject, "not be empty"
		}
	case "lower", "upper":
		if op.sign == "=" && right == column {
			return subject, "be in " + function + " case"
		}
	}
	return "", ""
}

var (
	cast   = regexp.MustCompile(`::("[^"]+"|[a-z_][a-z0-9_.]*( (varying|precision|with(out)? time zone))?)(\([0-9, ]+\))?(\[\])?$`)
	number = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)
	quoted = regexp.MustCompile(`^'(?:[^']|'')*'$`)
)

// operand takes casts and brackets off.
func operand(expr string) string {
	for {
		bare := unwrap(strings.TrimSpace(expr))
		if at := cast.FindStringIndex(bare); at != nil && closed(bare[:at[0]]) {
			bare = bare[:at[0]]
		}
		if bare == expr {
			return expr
		}
		expr = bare
	}
}

// constant gives what a number, a text or a list of them says.
func constant(expr string) (string, bool) {
	switch {
	case number.MatchString(expr):
		return expr, true
	case quoted.MatchString(expr):
		return strings.ReplaceAll(expr[1:len(expr)-1], "''", "'"), true
	case strings.HasPrefix(expr, "ARRAY[") && strings.HasSuffix(expr, "]"):
		var all []string
		for _, part := range split(expr[len("ARRAY["):len(expr)-1], ", ") {
			value, ok := constant(operand(part))
			if !ok {
				return "", false
			}
			all = append(all, value)
		}
		return strings.Join(all, ", "), true
	}
	return "", false
}

// unwrap takes the brackets off that hold the whole of expr.
func unwrap(expr string) string {
	for strings.HasPrefix(expr, "(") && strings.HasSuffix(expr, ")") && closed(expr[1:len(expr)-1]) {
		expr = expr[1 : len(expr)-1]
	}
	return expr
}

// closed reports whether every bracket and quote that opens in expr closes there.
func closed(expr string) bool {
	depth := 0
	for at := 0; at < len(expr); at++ {
		switch expr[at] {
		case '\'', '"':
			end := strings.IndexByte(expr[at+1:], expr[at])
			if end < 0 {
				return false
			}
			at += end + 1
		case '(', '[':
			depth++
		case ')', ']':
			if depth--; depth < 0 {
				return false
			}
		}
	}
	return depth == 0
}

// split cuts expr, its outer brackets off, at each sep that stands in no brackets or quotes.
func split(expr, sep string) []string {
	expr = unwrap(strings.TrimSpace(expr))
	var parts []string
	from := 0
	for at := 0; at+len(sep) <= len(expr); at++ {
		if expr[at:at+len(sep)] == sep && closed(expr[from:at]) {
			parts = append(parts, expr[from:at])
			at += len(sep) - 1
			from = at + 1
		}
	}
	return append(parts, expr[from:])
}
