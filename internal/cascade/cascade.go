// Package cascade reads the boosted cascades that OpenCV trains and Debian ships
// in opencv-data, Haar and LBP, and finds with them what looks like a face or a
// number plate. It says where something of a kind may be and never who or which:
// it recognises nobody, keeps nothing and compares no two faces.
//
// It is a suggester: at its best it misses one face in ten, and small, turned,
// dark or hidden faces much more often. It is used inside the media box.
package cascade

import (
	"bytes"
	"encoding/xml"
	"io"
	"math"
	"strconv"
	"strings"

	"kua/internal/fault"
)

// Bounds of a cascade. The largest of opencv-data is 3 MB with 25 stages of up
// to 213 trees.
const (
	maxFile   = 8 << 20
	maxStages = 100
	maxTrees  = 2000 // of a stage
	maxNodes  = 64   // of a tree
	maxWindow = 256
)

// Cascade finds one kind of thing. It is safe for use by several goroutines.
type Cascade struct {
	w, h     int // of the window it was trained on
	lbp      bool
	tilted   bool
	stages   []stage
	features []feature
}

type stage struct {
	least float32
	trees []tree
}

type tree struct {
	nodes  []node
	leaves []float32
}

// node goes left or right by one feature. A child above 0 is a node further
// down the tree, one of 0 or below the leaf of that number.
type node struct {
	left, right int
	feature     int
	threshold   float32
	set         [8]uint32 // LBP: the codes that go left
}

// feature is up to three weighted rectangles, or for LBP the first of nine.
type feature struct {
	n      int
	rects  [3]rect
	tilted bool
}

type rect struct {
	x, y, w, h int
	weight     float32
}

type document struct {
	Cascade struct {
		Type   string `xml:"featureType"`
		Boost  string `xml:"stageType"`
		Width  int    `xml:"width"`
		Height int    `xml:"height"`
		Codes  int    `xml:"featureParams>maxCatCount"`
		Stages []struct {
			Least string `xml:"stageThreshold"`
			Trees []struct {
				Nodes  string `xml:"internalNodes"`
				Leaves string `xml:"leafValues"`
			} `xml:"weakClassifiers>_"`
		} `xml:"stages>_"`
		Features []struct {
			Rects  []string `xml:"rects>_"`
			Rect   string   `xml:"rect"`
			Tilted string   `xml:"tilted"`
		} `xml:"features>_"`
	} `xml:"cascade"`
}

// Read reads a cascade in the format that OpenCV has written since 2.0, or in
// the one before it. What is no such cascade, or would not end, is the fault
// cascade.unreadable.
func Read(r io.Reader) (*Cascade, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil || len(b) > maxFile {
		return nil, fault.Invalid("cascade.unreadable").Because(err)
	}
	var d document
	if err := xml.NewDecoder(bytes.NewReader(b)).Decode(&d); err != nil {
		return nil, fault.Invalid("cascade.unreadable").Because(err)
	}
	if d.Cascade.Boost == "" {
		var old oldDocument
		if err := xml.NewDecoder(bytes.NewReader(b)).Decode(&old); err != nil {
			return nil, fault.Invalid("cascade.unreadable").Because(err)
		}
		if c, ok := old.read(); ok {
			return c, nil
		}
		return nil, fault.Invalid("cascade.unreadable")
	}
	c := &Cascade{w: d.Cascade.Width, h: d.Cascade.Height, lbp: d.Cascade.Type == "LBP"}
	if d.Cascade.Boost != "BOOST" || !c.lbp && d.Cascade.Type != "HAAR" || c.lbp != (d.Cascade.Codes == 256) || !c.lbp && d.Cascade.Codes != 0 ||
		!c.windowFits() || len(d.Cascade.Stages) == 0 || len(d.Cascade.Stages) > maxStages {
		return nil, fault.Invalid("cascade.unreadable")
	}
	for _, f := range d.Cascade.Features {
		if !c.addFeature(f.Rects, f.Rect, strings.TrimSpace(f.Tilted) == "1") {
			return nil, fault.Invalid("cascade.unreadable")
		}
	}
	for _, s := range d.Cascade.Stages {
		st, ok := newStage(s.Least)
		if !ok || len(s.Trees) == 0 || len(s.Trees) > maxTrees {
			return nil, fault.Invalid("cascade.unreadable")
		}
		for _, t := range s.Trees {
			tr, ok := c.readTree(t.Nodes, t.Leaves)
			if !ok {
				return nil, fault.Invalid("cascade.unreadable")
			}
			st.trees = append(st.trees, tr)
		}
		c.stages = append(c.stages, st)
	}
	return c, nil
}

func (c *Cascade) windowFits() bool {
	return c.w >= 8 && c.h >= 8 && c.w <= maxWindow && c.h <= maxWindow
}

func newStage(least string) (stage, bool) {
	v, ok := numbers(least)
	if !ok || len(v) != 1 {
		return stage{}, false
	}
	return stage{least: float32(v[0]) - 1e-5}, true
}

func numbers(s string) ([]float64, bool) {
	words := strings.Fields(s)
	if len(words) > 16*maxNodes {
		return nil, false
	}
	out := make([]float64, len(words))
	for i, w := range words {
		v, err := strconv.ParseFloat(w, 64)
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, false
		}
		out[i] = v
	}
	return out, true
}

func (c *Cascade) addFeature(rects []string, single string, tilted bool) bool {
	if c.lbp {
		rects = []string{single}
	}
	if len(rects) == 0 || len(rects) > 3 || c.lbp && tilted {
		return false
	}
	f := feature{n: len(rects), tilted: tilted}
	for i, text := range rects {
		v, ok := numbers(text)
		if !ok || c.lbp && len(v) != 4 || !c.lbp && len(v) != 5 {
			return false
		}
		for _, n := range v[:4] {
			if n < 0 || n > maxWindow || n != math.Trunc(n) {
				return false
			}
		}
		r := rect{x: int(v[0]), y: int(v[1]), w: int(v[2]), h: int(v[3])}
		if !c.lbp {
			r.weight = float32(v[4])
		}
		if r.w < 1 || r.h < 1 || !c.fits(r, tilted) {
			return false
		}
		f.rects[i] = r
	}
	c.tilted = c.tilted || tilted
	c.features = append(c.features, f)
	return true
}

// fits holds a feature inside the window: what is read beyond it would be
// another place of the picture, or none.
func (c *Cascade) fits(r rect, tilted bool) bool {
	switch {
	case c.lbp:
		return r.x+3*r.w <= c.w && r.y+3*r.h <= c.h
	case tilted:
		return r.x-r.h >= 0 && r.x+r.w <= c.w && r.y+r.w+r.h <= c.h
	}
	return r.x+r.w <= c.w && r.y+r.h <= c.h
}

func (c *Cascade) readTree(nodes, leaves string) (tree, bool) {
	v, ok := numbers(nodes)
	l, fine := numbers(leaves)
	each := 4
	if c.lbp {
		each = 11
	}
	n := len(v) / each
	if !ok || !fine || n == 0 || n > maxNodes || len(v)%each != 0 || len(l) != n+1 {
		return tree{}, false
	}
	var t tree
	for _, leaf := range l {
		t.leaves = append(t.leaves, float32(leaf))
	}
	for i := range n {
		at := v[i*each : (i+1)*each]
		for _, child := range at[:2] {
			// Only downwards, so that a walk ends.
			if child != math.Trunc(child) || child < -float64(n) || child > 0 && (child <= float64(i) || child >= float64(n)) {
				return tree{}, false
			}
		}
		if at[2] != math.Trunc(at[2]) || at[2] < 0 || at[2] >= float64(len(c.features)) {
			return tree{}, false
		}
		nd := node{left: int(at[0]), right: int(at[1]), feature: int(at[2])}
		if !c.lbp {
			nd.threshold = float32(at[3])
		}
		for j := 3; c.lbp && j < each; j++ {
			if at[j] < math.MinInt32 || at[j] > math.MaxUint32 {
				return tree{}, false
			}
			nd.set[j-3] = uint32(int64(at[j]))
		}
		t.nodes = append(t.nodes, nd)
	}
	return t, true
}
