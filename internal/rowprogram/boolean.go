package rowprogram

var (
	trueText  = []byte("true")
	falseText = []byte("false")
)

// readBoolean reads a trimmed cell, in any case.
func readBoolean(text []byte) ([]byte, reason) {
	var lower [5]byte
	if len(text) == 0 || len(text) > len(lower) {
		return nil, notBoolean
	}
	for i, c := range text {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		lower[i] = c
	}
	switch string(lower[:len(text)]) {
	case "true", "t", "yes", "y", "on", "1":
		return trueText, fine
	case "false", "f", "no", "n", "off", "0":
		return falseText, fine
	}
	return nil, notBoolean
}
