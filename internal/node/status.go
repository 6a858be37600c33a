package node

import (
	"fmt"
	"math"
	"net/http"
	"time"
)

// Status serves /healthz and /metrics. Neither counts calls, pieces, parcels or
// bytes, and the disk's room is cut to tenths: whoever reads them every second,
// or reads a monitoring system's memory later, must not see when a report came,
// how big it was, or that somebody fetched replies. What a keeper needs to know
// is there: does it take parcels, is the disk getting full, what is published.
func (n *Node) Status() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", n.healthz)
	mux.HandleFunc("GET /metrics", n.metrics)
	return mux
}

// Metric is a number of /metrics, in Prometheus' words. Nothing may be told in one
// from which a report's arrival or anybody's address could be read.
type Metric struct {
	Name, Help string
	Value      any
	Rises      bool // a counter: it begins at 0 with the process
}

func (n *Node) healthz(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if _, err := n.db.Setting(r.Context(), "health"); err != nil {
		n.cfg.Diary.Error("the database does not answer", "fault", err)
		http.Error(w, "database", http.StatusServiceUnavailable)
		return
	}
	if n.roomFor(pieceBytes) != nil {
		http.Error(w, "disk full", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}

func (n *Node) metrics(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	accepting := 1
	if n.roomFor(pieceBytes) != nil {
		accepting = 0
	}
	number, made := n.Edition()
	var madeAt int64
	if t, err := time.Parse(time.RFC3339, made); err == nil {
		madeAt = t.Unix()
	}
	c, _ := n.Charter()
	all := []Metric{
		{"kua_accepting", "1 while the node takes new pieces", accepting, false},
		{"kua_disk_free_ratio", "free part of the disk, cut to tenths", n.freeTenths(), false},
		{"kua_edition_number", "number of the published edition, 0 for none", number, false},
		{"kua_edition_made_seconds", "when it was made, cut to the hour, Unix time", madeAt, false},
		{"kua_charter_version", "version of the newest charter the node believes", c.Version, false},
	}
	if n.cfg.Metrics != nil {
		all = append(all, n.cfg.Metrics()...)
	}
	for _, m := range all {
		kind := "gauge"
		if m.Rises {
			kind = "counter"
		}
		fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n%s %v\n", m.Name, m.Help, m.Name, kind, m.Name, m.Value)
	}
	fmt.Fprintf(w, "# HELP kua_build_info the program's version\n# TYPE kua_build_info gauge\nkua_build_info{version=%q} 1\n", n.cfg.Version)
}

func (n *Node) freeTenths() float64 {
	d, err := n.cfg.FreeDisk(n.cfg.Dir)
	if err != nil || d.Total == 0 {
		return 0
	}
	return math.Floor(10*float64(d.Free)/float64(d.Total)) / 10
}
