package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// watchPeak resets the kernel's note of a process's peak memory (proc(5), clear_refs), and gives a func that reads it, in
// MiB. Where there is no /proc it reads 0.
func watchPeak(pid int) (func() (float64, error), error) {
	dir := fmt.Sprintf("/proc/%d/", pid)
	if _, err := os.Stat("/proc/self/status"); errors.Is(err, os.ErrNotExist) {
		return func() (float64, error) { return 0, nil }, nil
	}
	if err := os.WriteFile(dir+"clear_refs", []byte("5"), 0); err != nil {
		return nil, fmt.Errorf("watch the worker's memory: %w", err)
	}
	return func() (float64, error) {
		status, err := os.ReadFile(dir + "status")
		if err != nil {
			return 0, err
		}
		for line := range strings.Lines(string(status)) {
			if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
				kb, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
				return kb / 1024, err
			}
		}
		return 0, errors.New("the worker's memory is not in /proc")
	}, nil
}
