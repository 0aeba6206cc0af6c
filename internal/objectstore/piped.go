package objectstore

import (
	"errors"
	"io"
)

var errPutEnded = errors.New("objectstore: the upload ended first")

// Piped puts what write gives: put reads one end of a pipe while write fills the other. write's error comes before put's;
// both come back as they are, and nothing of either runs on.
func Piped(write func(w io.Writer) error, put func(r io.Reader) (Object, error)) (Object, error) {
	pr, pw := io.Pipe()
	wrote := make(chan error, 1)
	go func() {
		err := write(pw)
		pw.CloseWithError(err) // nil reads as io.EOF
		wrote <- err
	}()
	obj, err := put(pr)
	pr.CloseWithError(errPutEnded) // frees write
	if writeErr := <-wrote; writeErr != nil && !errors.Is(writeErr, errPutEnded) {
		return Object{}, writeErr
	}
	if err != nil {
		return Object{}, err
	}
	return obj, nil
}
