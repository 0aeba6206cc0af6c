package rowprogram

import (
	"fmt"
	"maps"
	"strings"
)

// choice finds the option that a cell of a select means.
type choice struct {
	exact map[string][]byte // option, or key of the value map, as it is spelt
	fold  map[string][]byte // the same in one case; nil where options differ in case alone
}

// find gives the option in its own spelling. The cell is trimmed; scratch takes its folded form.
func (c *choice) find(text, scratch []byte) (option, folded []byte, ok bool) {
	if option, ok = c.exact[string(text)]; ok {
		return option, scratch, true
	}
	folded = appendFold(scratch[:0], text)
	option = c.fold[string(folded)]
	return option, folded, option != nil
}

func newChoice(options []string, valueMap map[string]string) choice {
	c := choice{exact: make(map[string][]byte), fold: make(map[string][]byte)}
	for _, option := range options {
		c.exact[string(trim([]byte(option)))] = []byte(option)
	}
	for _, option := range options {
		key := string(UniqueKey(nil, []byte(option)))
		if _, twice := c.fold[key]; twice {
			c.fold[key] = nil
		} else {
			c.fold[key] = []byte(option)
		}
	}
	c.translate(options, valueMap)
	return c
}

// translate puts the value map before the options: what it names means what it says there, in any case.
func (c *choice) translate(options []string, valueMap map[string]string) {
	exact, fold := make(map[string][]byte, len(valueMap)), make(map[string][]byte, len(valueMap))
	for said, meant := range valueMap {
		if option, _, ok := c.find(trim([]byte(meant)), nil); ok {
			exact[string(trim([]byte(said)))] = option
			fold[string(UniqueKey(nil, []byte(said)))] = option
		}
	}
	for _, option := range options {
		if meant, ok := fold[string(UniqueKey(nil, []byte(option)))]; ok {
			c.exact[string(trim([]byte(option)))] = meant
		}
	}
	maps.Copy(c.exact, exact)
	maps.Copy(c.fold, fold)
}

// optionsText lists options for a message, at most twenty.
func optionsText(options []string) string {
	const most = 20
	if len(options) > most {
		return fmt.Sprintf("%s or %d more", strings.Join(options[:most], ", "), len(options)-most)
	}
	if len(options) == 1 {
		return options[0]
	}
	return strings.Join(options[:len(options)-1], ", ") + " or " + options[len(options)-1]
}
