package pgcodec

// AppendCSVField appends text as one field of COPY (FORMAT csv). alone: it is the only field of its row, where \. would
// read as the end of the data.
//
// A NULL is no text at all: append nothing for it. That is why the empty text is quoted.
func AppendCSVField(dst, text []byte, alone bool) []byte {
	start := len(dst)
	dst = append(dst, text...)
	return quoteCSV(dst, start, alone)
}

// quoteCSV quotes dst[start:] if it needs to be.
func quoteCSV(dst []byte, start int, alone bool) []byte {
	text := dst[start:]
	if len(text) == 0 {
		return append(dst, '"', '"')
	}
	if alone && string(text) == `\.` {
		return quoteTail(dst, start, '"')
	}
	for _, c := range text {
		if csvSpecial[c] {
			return quoteTail(dst, start, '"')
		}
	}
	return dst
}

// csvSpecial marks the bytes that put a field between quotes.
var csvSpecial = [256]bool{',': true, '"': true, '\n': true, '\r': true}
