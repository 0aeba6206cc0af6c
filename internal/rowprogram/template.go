package rowprogram

import (
	"fmt"
	"regexp"
	"strings"
)

// template is the replacement of a regular expression: literal text, and groups of the match.
type template []piece

// piece is literal text, or a group if group ≥ 0.
type piece struct {
	literal string
	group   int
}

// parseTemplate reads $1 to $99, $& (the whole match), ${name} and $$. Unlike in Go, $1x is the first group and an x.
func parseTemplate(text string, pattern *regexp.Regexp) (template, error) {
	var t template
	for {
		dollar := strings.IndexByte(text, '$')
		if dollar < 0 || dollar == len(text)-1 {
			return t.literal(text), nil
		}
		t, text = t.literal(text[:dollar]), text[dollar+1:]
		group, size := 0, 1
		switch c := text[0]; {
		case c == '$':
			t = t.literal("$")
			text = text[1:]
			continue
		case c == '&':
		case '0' <= c && c <= '9':
			group = int(c - '0')
			if len(text) > 1 && '0' <= text[1] && text[1] <= '9' {
				if two := group*10 + int(text[1]-'0'); two <= pattern.NumSubexp() {
					group, size = two, 2
				}
			}
		case c == '{' && strings.Contains(text, "}"):
			size = strings.IndexByte(text, '}') + 1
			if group = groupNamed(text[1:size-1], pattern); group < 0 {
				group = pattern.NumSubexp() + 1
			}
		default:
			t = t.literal("$")
			continue
		}
		if group > pattern.NumSubexp() {
			return nil, fmt.Errorf("$%s is a group the pattern does not have", text[:size])
		}
		t, text = append(t, piece{group: group}), text[size:]
	}
}

func groupNamed(name string, pattern *regexp.Regexp) int {
	var number int
	if _, err := fmt.Sscanf(name, "%d", &number); err == nil && fmt.Sprint(number) == name {
		return number
	}
	return pattern.SubexpIndex(name)
}

func (t template) literal(text string) template {
	if text == "" {
		return t
	}
	return append(t, piece{literal: text, group: -1})
}

// append writes the replacement of one match of cell, given as FindSubmatchIndex has it.
func (t template) append(dst, cell []byte, match []int) []byte {
	for _, p := range t {
		if p.group < 0 {
			dst = append(dst, p.literal...)
		} else if from := match[2*p.group]; from >= 0 {
			dst = append(dst, cell[from:match[2*p.group+1]]...)
		}
	}
	return dst
}

func regexReplaceOp(pattern *regexp.Regexp, with template) func(*work, []byte) []byte {
	return func(w *work, cell []byte) []byte {
		if !pattern.Match(cell) {
			return cell
		}
		start, from := len(w.arena), 0
		for _, match := range pattern.FindAllSubmatchIndex(cell, -1) {
			w.arena = append(w.arena, cell[from:match[0]]...)
			w.arena = with.append(w.arena, cell, match)
			from = match[1]
			if len(w.arena)-start > maxCell {
				w.arena = w.arena[:start]
				return w.tooLong(cell)
			}
		}
		w.arena = append(w.arena, cell[from:]...)
		return w.since(start, cell)
	}
}
