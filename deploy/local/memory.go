package main

import (
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

const (
	mostBuffers  = 1 << 30
	leastBuffers = 128 << 20
)

// sharedBuffers is what PostgreSQL keeps in memory, in bytes: a quarter of what there is, at most 1 GB.
func sharedBuffers() int64 {
	return max(leastBuffers, min(mostBuffers, memory()/4))
}

// memory is the machine's, or less if a container limits it, in bytes; zero if nobody tells.
func memory() int64 {
	if runtime.GOOS == "darwin" {
		out, err := exec.Command("sysctl", "-n", "hw.memsize").Output() //nolint:noctx // over at once
		if err != nil {
			return 0
		}
		return number(string(out))
	}
	total := int64(0)
	if raw, err := os.ReadFile("/proc/meminfo"); err == nil {
		_, rest, _ := strings.Cut(string(raw), "MemTotal:")
		line, _, _ := strings.Cut(rest, "kB")
		total = number(line) << 10
	}
	for _, file := range []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		if raw, err := os.ReadFile(file); err == nil {
			if limit := number(string(raw)); limit > 0 && (total == 0 || limit < total) {
				total = limit
			}
		}
	}
	return total
}

// number reads a whole number; zero where there is none, such as "max".
func number(s string) int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// scarceSharedMemory reports the small /dev/shm that containers are given: parallel joins would not find room in it.
func scarceSharedMemory() bool {
	if runtime.GOOS != "linux" {
		return false
	}
	var fs syscall.Statfs_t
	if err := syscall.Statfs("/dev/shm", &fs); err != nil {
		return true
	}
	return uint64(fs.Blocks)*uint64(fs.Bsize) < 1<<30 //nolint:unconvert // the types differ by system
}
