package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"kua/internal/blob"
	"kua/internal/blob/s3"
	"kua/internal/lane"
	"kua/internal/lane/darkroom"
	"kua/internal/lane/laneweb"
)

// sweepEvery is how often pictures of drafts that were not sent are looked for.
const sweepEvery = time.Hour

// laneAt says where the open lane keeps what it has ("" is in the node's folder)
// and under which licence it gives it out.
type laneAt struct {
	db       string // a PostgreSQL database
	pictures string // a bucket, or a folder
	licence  laneweb.Licence
	site     *url.URL // as others reach it; nil: not said
	alerts   bool     // mail can be sent
	textPage bool     // of the sealed lane: the page without scripts
}

// bucket opens a store of pictures that speaks S3.
func (a *app) bucket(ctx context.Context, url string) (blob.Store, error) {
	return s3.Open(ctx, s3.Config{URL: url, Region: a.env("AWS_REGION"), Key: a.env("AWS_ACCESS_KEY_ID"), Secret: a.env("AWS_SECRET_ACCESS_KEY")})
}

// pictures opens a store of pictures and gives how it is called from now on: a
// bucket, or a folder that one node alone has.
func (a *app) pictures(ctx context.Context, at string) (store blob.Store, place string, err error) {
	if strings.Contains(at, "://") {
		store, err = a.bucket(ctx, at)
		return store, at, err
	}
	if place, err = filepath.Abs(at); err != nil {
		return nil, "", err
	}
	store, err = blob.Dir(place)
	return store, place, err
}

// openLane opens an open lane with what it needs to take photos. A machine on
// which they cannot be cleaned takes none, and says why.
func (a *app) openLane(ctx context.Context, cfg lane.Config, at laneAt) (*lane.Lane, error) {
	cfg.URL, cfg.Upgrading = at.db, func(step, of int) { a.say("cli.node.upgrading", step, of) }
	if at.pictures != "" {
		store, _, err := a.pictures(ctx, at.pictures)
		if err != nil {
			return nil, err
		}
		cfg.Pictures = store
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	if room, err := darkroom.New(self, cfg.Dir); err != nil {
		a.say("cli.node.no_pictures", a.words(err))
	} else {
		cfg.Cleaner = room
	}
	return lane.Open(ctx, cfg)
}

// tendLane erases what is due, now and every hour, until ctx ends.
func tendLane(ctx context.Context, l *lane.Lane, failed func(error)) {
	every := time.NewTicker(sweepEvery)
	defer every.Stop()
	for {
		if err := errors.Join(l.SweepPictures(ctx), l.SweepMarks(ctx), l.SweepBudgets(ctx), l.SweepAlerts(ctx), l.SweepAppeals(ctx), l.SweepWords(ctx), l.SweepMove(ctx)); err != nil && ctx.Err() == nil {
			failed(err)
		}
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
	}
}
