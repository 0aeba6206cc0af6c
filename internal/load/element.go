package load

import (
	"context"
	"strings"

	"wharf/internal/catalog"
)

// checkElements marks lists with an element that its type would round or cut, which a cast does without a word. It comes after
// the casts were tried: rows that are still good can be cast.
func (m *merge) checkElements(ctx context.Context) error {
	var rules []rule
	for i := range m.plan.cols {
		c := &m.plan.cols[i]
		limited, unlimited := elementType(c.target)
		if c.cast == "" || limited == "" {
			continue
		}
		rules = append(rules, rule{
			name: "type", field: c.Name, message: literal(c.label() + " has an element that does not fit " + limited),
			broken: c.s() + "::" + limited + "[] IS DISTINCT FROM " + c.s() + "::" + unlimited + "[]",
		})
	}
	return m.judge(ctx, "FROM "+m.staging+" s WHERE s.errors IS NULL", "s.line", rules)
}

// elementType gives the type of a list's elements with its limits and without, where a cast keeps to the limits in silence;
// else "".
func elementType(c *catalog.Column) (limited, unlimited string) {
	if c == nil || c.Kind != catalog.KindArray {
		return "", ""
	}
	limited = strings.TrimSuffix(c.BaseType, "[]")
	unlimited, _, _ = strings.Cut(limited, "(")
	if unlimited != limited && (unlimited == "numeric" || unlimited == "character varying") {
		return limited, unlimited
	}
	return "", ""
}
