// Copyright (c) The terraform-provider-backfill authors
// SPDX-License-Identifier: MPL-2.0

package watch

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestWorkThatHangsIsLeftBehind(t *testing.T) {
	defer func(wait, processor time.Duration) { maxWait, maxProcessor = wait, processor }(maxWait, maxProcessor)
	maxWait, maxProcessor = 0, -1
	hangs, left := make(chan struct{}), make(chan struct{})
	if err := Run(context.Background(), func(ctx context.Context) {
		<-ctx.Done()
		<-hangs
		close(left)
	}); !errors.Is(err, ErrLeft) {
		t.Errorf("got %v", err)
	}
	close(hangs)
	<-left
}

func TestWorkIsLeftBehindAfterASignal(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	hangs := make(chan struct{})
	defer close(hangs)
	if err := Run(ctx, func(context.Context) { <-hangs }); !errors.Is(err, ErrLeft) {
		t.Errorf("got %v", err)
	}
}

func TestWorkThatTakesNoProcessorTimeMayWait(t *testing.T) {
	defer func(wait time.Duration) { maxWait = wait }(maxWait)
	maxWait = 0
	ended := false
	if err := Run(context.Background(), func(context.Context) {
		time.Sleep(1500 * time.Millisecond) // longer than a tick
		ended = true
	}); err != nil || !ended {
		t.Errorf("got %v", err)
	}
}

func TestAPanicReachesTheCaller(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	if err := Run(context.Background(), func(context.Context) { panic("x") }); err != nil {
		t.Error(err)
	}
}
