package pgcodec

import (
	"encoding/binary"
	"strconv"
)

func appendBoolText(dst, raw []byte) ([]byte, error) {
	if len(raw) != 1 {
		return dst, ErrCorrupt
	}
	if raw[0] != 0 {
		return append(dst, 't'), nil
	}
	return append(dst, 'f'), nil
}

func appendBoolJSON(dst, raw []byte) ([]byte, error) {
	if len(raw) != 1 {
		return dst, ErrCorrupt
	}
	return strconv.AppendBool(dst, raw[0] != 0), nil
}

func appendInt2(dst, raw []byte) ([]byte, error) {
	if len(raw) != 2 {
		return dst, ErrCorrupt
	}
	return strconv.AppendInt(dst, int64(int16(binary.BigEndian.Uint16(raw))), 10), nil
}

func appendInt4(dst, raw []byte) ([]byte, error) {
	if len(raw) != 4 {
		return dst, ErrCorrupt
	}
	return strconv.AppendInt(dst, int64(int32(binary.BigEndian.Uint32(raw))), 10), nil
}

func appendInt8(dst, raw []byte) ([]byte, error) {
	if len(raw) != 8 {
		return dst, ErrCorrupt
	}
	return strconv.AppendInt(dst, int64(binary.BigEndian.Uint64(raw)), 10), nil
}

func appendOID(dst, raw []byte) ([]byte, error) {
	if len(raw) != 4 {
		return dst, ErrCorrupt
	}
	return strconv.AppendUint(dst, uint64(binary.BigEndian.Uint32(raw)), 10), nil
}

func appendInt(dst []byte, n int64) []byte { return strconv.AppendInt(dst, n, 10) }

func appendUint(dst []byte, n uint64) []byte { return strconv.AppendUint(dst, n, 10) }
