package tabular

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"os"
)

const (
	// entryBytes is the size of an entry of the index on disk, flawShift where its flaws begin.
	entryBytes = 8
	flawShift  = 48
	// flawShift32 is where the flaws of an entry in memory begin; below it there is room for the offset.
	flawShift32 = 30
)

// sharedTexts holds the texts that the cells of a workbook refer to by number. They are in memory up to a bound, beyond it
// in temporary files, of which the parts that are in use are in memory.
type sharedTexts struct {
	most  int // bytes in memory
	dir   string
	text  []byte   // one text behind the other
	index []uint32 // where each begins, and its flaws
	count int

	spilled    bool
	texts      pagedFile
	offsets    pagedFile
	size       int64 // of texts
	writeTexts *bufio.Writer
	writeIndex *bufio.Writer
}

// add appends a text.
func (s *sharedTexts) add(text []byte, flaws textFlaws) error {
	if !s.spilled && len(s.text)+len(text)+4*len(s.index) > s.most {
		if err := s.spill(); err != nil {
			return err
		}
	}
	s.count++
	if s.spilled {
		return s.write(text, flaws)
	}
	s.index = append(s.index, uint32(len(s.text))|uint32(flaws)<<flawShift32) //nolint:gosec // most is far below
	s.text = append(s.text, text...)
	return nil
}

// spill moves the texts from memory into temporary files.
func (s *sharedTexts) spill() error {
	for _, p := range []*pagedFile{&s.texts, &s.offsets} {
		f, err := tempFile(s.dir)
		if err != nil {
			return err
		}
		p.file = f
	}
	s.writeTexts, s.writeIndex = bufio.NewWriterSize(s.texts.file, 64<<10), bufio.NewWriterSize(s.offsets.file, 64<<10)
	s.spilled = true
	for i := range s.index {
		text, flaws := s.inMemory(i)
		if err := s.write(text, flaws); err != nil {
			return err
		}
	}
	s.text, s.index = nil, nil
	return nil
}

func (s *sharedTexts) write(text []byte, flaws textFlaws) error {
	var entry [entryBytes]byte
	binary.LittleEndian.PutUint64(entry[:], uint64(s.size)|uint64(flaws)<<flawShift) //nolint:gosec // not negative
	s.size += int64(len(text))
	_, err := s.writeIndex.Write(entry[:])
	if err == nil {
		_, err = s.writeTexts.Write(text)
	}
	if err != nil {
		return fmt.Errorf("tabular: write a temporary file: %w", err)
	}
	return nil
}

// finish makes what was added readable.
func (s *sharedTexts) finish() error {
	if !s.spilled {
		return nil
	}
	if err := s.write(nil, 0); err != nil { // the end of the last text
		return err
	}
	for _, w := range []*bufio.Writer{s.writeTexts, s.writeIndex} {
		if err := w.Flush(); err != nil {
			return fmt.Errorf("tabular: write a temporary file: %w", err)
		}
	}
	s.writeTexts, s.writeIndex = nil, nil
	return nil
}

func (s *sharedTexts) inMemory(i int) ([]byte, textFlaws) {
	const offset = 1<<flawShift32 - 1
	start, end := int(s.index[i]&offset), len(s.text)
	if i+1 < len(s.index) {
		end = int(s.index[i+1] & offset)
	}
	return s.text[start:end:end], textFlaws(s.index[i] >> flawShift32)
}

// get gives text i, which is below count. It points into memory that stays as it is, or else is appended to scratch.
func (s *sharedTexts) get(scratch []byte, i int) (text []byte, flaws textFlaws, rest []byte, err error) {
	if !s.spilled {
		text, flaws = s.inMemory(i)
		return text, flaws, scratch, nil
	}
	var entries [2 * entryBytes]byte
	buf, err := s.offsets.append(entries[:0], int64(i)*entryBytes, len(entries))
	if err != nil {
		return nil, 0, scratch, err
	}
	const offset = 1<<flawShift - 1
	entry := binary.LittleEndian.Uint64(buf)
	start, end := entry&offset, binary.LittleEndian.Uint64(buf[entryBytes:])&offset
	from := len(scratch)
	scratch, err = s.texts.append(scratch, int64(start), int(end-start))                        //nolint:gosec // as written
	return scratch[from:len(scratch):len(scratch)], textFlaws(entry >> flawShift), scratch, err //nolint:gosec // two bits
}

func (s *sharedTexts) close() {
	s.texts.close()
	s.offsets.close()
	s.text, s.index = nil, nil
}

const (
	pageBytes = 8 << 10
	pageSlots = 1024
)

// pagedFile reads a file at any offset, and keeps the pages that were read last.
type pagedFile struct {
	file  *os.File
	pages [][]byte
	held  []int64 // the page in each slot, from 1
}

// append appends n bytes at offset.
func (p *pagedFile) append(dst []byte, offset int64, n int) ([]byte, error) {
	if p.pages == nil {
		p.pages, p.held = make([][]byte, pageSlots), make([]int64, pageSlots)
	}
	for n > 0 {
		page, at := offset/pageBytes, int(offset%pageBytes)
		slot := page % pageSlots
		if p.held[slot] != page+1 {
			if p.pages[slot] == nil {
				p.pages[slot] = make([]byte, pageBytes)
			}
			p.held[slot] = 0
			if got, err := p.file.ReadAt(p.pages[slot], page*pageBytes); err != nil && got < at+min(n, pageBytes-at) {
				return dst, fmt.Errorf("tabular: read a temporary file: %w", err)
			}
			p.held[slot] = page + 1
		}
		part := p.pages[slot][at:min(at+n, pageBytes)]
		dst = append(dst, part...)
		n -= len(part)
		offset += int64(len(part))
	}
	return dst, nil
}

func (p *pagedFile) close() {
	if p.file != nil {
		_ = p.file.Close() // it has no name: nothing of it is left
		p.file, p.pages, p.held = nil, nil, nil
	}
}
