package main

import (
	"context"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// childProgram is this test binary in one of its parts. It is ready when its log says so.
func childProgram(s *site, part string, args ...string) program {
	return program{
		name: "child", path: os.Args[0], args: args, env: []string{"CHILD=" + part},
		stop: []syscall.Signal{syscall.SIGTERM}, patience: 10 * time.Second, startup: 10 * time.Second,
		ready: func(context.Context) error {
			if info, err := os.Stat(s.path("log", "child.log")); err != nil || info.Size() == 0 {
				return errNotReady
			}
			return nil
		},
	}
}

func ended(t *testing.T, s *site) {
	t.Helper()
	require.ErrorIs(t, await(t.Context(), 10*time.Second, s.gone("child"), never), errGone)
}

func TestOnlyWhatIsDeadOrChangedIsStartedAgain(t *testing.T) {
	t.Parallel()
	s := testSite(t)
	p := childProgram(s, "serves")
	t.Cleanup(func() { require.NoError(t, s.end(context.Background(), p)) })
	require.NoError(t, s.ensure(t.Context(), p))
	first := s.pid("child")
	require.NoError(t, syscall.Kill(first, 0), "it is the process itself, not a shell around it")

	require.NoError(t, s.ensure(t.Context(), p))
	require.Equal(t, first, s.pid("child"), "alive: left alone")

	require.NoError(t, syscall.Kill(first, syscall.SIGKILL))
	ended(t, s)
	require.NoError(t, s.ensure(t.Context(), p))
	second := s.pid("child")
	require.NotEqual(t, first, second, "dead: started")

	require.NoError(t, s.ensure(t.Context(), childProgram(s, "serves", "another")))
	third := s.pid("child")
	require.NotEqual(t, second, third, "changed: started anew")
	require.ErrorIs(t, syscall.Kill(second, 0), syscall.ESRCH)

	require.NoError(t, s.end(t.Context(), p))
	require.NoError(t, s.end(t.Context(), p), "there is nothing left to stop")
	alive, err := s.alive("child")
	require.NoError(t, err)
	require.False(t, alive)
}

func TestAPidThatPassedToSomebodyElseIsNotTrusted(t *testing.T) {
	t.Parallel()
	s := testSite(t)
	lock := s.path("run", "child.lock") // as after a power cut: the number is there, the lock is not
	require.NoError(t, os.WriteFile(lock, []byte(strconv.Itoa(os.Getpid())), 0o600))
	alive, err := s.alive("child")
	require.NoError(t, err)
	require.False(t, alive)
	require.NoError(t, s.end(t.Context(), childProgram(s, "serves")), "or this test would have ended")
}

func TestAProgramThatFailsShowsWhy(t *testing.T) {
	t.Parallel()
	s := testSite(t)
	p := childProgram(s, "fails")
	p.ready = never
	err := s.ensure(t.Context(), p)
	require.ErrorIs(t, err, errGone)
	require.ErrorContains(t, err, "child: fails", "the end of its log")
}

func TestAProgramThatDoesNotStopIsKilled(t *testing.T) {
	t.Parallel()
	s := testSite(t)
	p := childProgram(s, "deaf")
	p.patience = 100 * time.Millisecond
	require.NoError(t, s.ensure(t.Context(), p))
	require.NoError(t, s.end(t.Context(), p))
	require.Contains(t, s.log.(*transcript).String(), "did not stop within 100ms")
}

func TestAProgramThatDoesNotAnswerIsRestarted(t *testing.T) {
	t.Parallel()
	s := testSite(t)
	p := childProgram(s, "serves")
	t.Cleanup(func() { require.NoError(t, s.end(context.Background(), p)) })
	require.NoError(t, s.ensure(t.Context(), p))
	first := s.pid("child")
	p.answering = 100 * time.Millisecond
	p.ready = func(context.Context) error {
		if pid := s.pid("child"); pid == first || pid == 0 {
			return errNotReady
		}
		return nil
	}
	require.NoError(t, s.ensure(t.Context(), p))
	require.NotEqual(t, first, s.pid("child"))
}

func TestAnInterruptedWaitSaysSo(t *testing.T) {
	t.Parallel()
	s := testSite(t)
	p := childProgram(s, "serves")
	t.Cleanup(func() { require.NoError(t, s.end(context.Background(), p)) })
	ctx, cancel := context.WithCancel(t.Context())
	p.ready = func(context.Context) error {
		cancel()
		return errNotReady
	}
	err := s.ensure(ctx, p)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "the next run goes on")
	for range 100 { // whichever way a select falls
		require.ErrorIs(t, pause(ctx, 0), context.Canceled)
	}
}

func TestALongLogIsPutAside(t *testing.T) {
	t.Parallel()
	s := testSite(t)
	path := s.path("log", "child.log")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o600))
	require.NoError(t, os.Truncate(path, logLimit+1))
	f, err := s.openLog("child")
	require.NoError(t, err)
	require.NoError(t, f.Close())
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Zero(t, info.Size())
	require.FileExists(t, path+".1")
}
