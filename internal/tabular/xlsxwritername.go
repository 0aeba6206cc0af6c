package tabular

import (
	"strconv"
	"strings"
	"unicode/utf16"
)

// mostNameUnits is how long a sheet's name may be, in UTF-16 units.
const mostNameUnits = 31

// sheetNames makes names that Excel takes: without the characters it refuses, short, and different in more than case.
type sheetNames struct{ used map[string]bool }

// free gives wanted, or what is nearest to it and free, and takes it.
func (s *sheetNames) free(wanted string) string {
	if s.used == nil {
		s.used = map[string]bool{"history": true} // which Excel keeps for itself
	}
	clean := cleanSheetName(wanted)
	name := cutUnits(clean, mostNameUnits)
	for n := 2; s.used[foldName(name)]; n++ {
		suffix := " (" + strconv.Itoa(n) + ")"
		name = cutUnits(clean, mostNameUnits-len(suffix)) + suffix
	}
	s.used[foldName(name)] = true
	return name
}

func foldName(name string) string { return strings.ToLower(strings.ToUpper(name)) }

// cleanSheetName puts underscores for what a name must not hold.
func cleanSheetName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0xfffe || r == 0xffff || strings.ContainsRune(`:\/?*[]`, r) {
			return '_'
		}
		return r
	}, strings.ToValidUTF8(name, "\uFFFD"))
	name = strings.TrimSpace(name)
	if strings.HasPrefix(name, "'") {
		name = "_" + name[1:]
	}
	if strings.HasSuffix(name, "'") {
		name = name[:len(name)-1] + "_"
	}
	if name == "" {
		return "Sheet"
	}
	return name
}

// cutUnits gives as much of name as room, in UTF-16 units, holds; it does not end in a blank or an apostrophe.
func cutUnits(name string, room int) string {
	for i, r := range name {
		if room -= utf16.RuneLen(r); room < 0 {
			return strings.TrimRight(name[:i], " '")
		}
	}
	return name
}
