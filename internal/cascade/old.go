package cascade

import (
	"fmt"
	"strconv"
	"strings"
)

// oldDocument is a cascade as OpenCV wrote it before 2.0: the features stand
// inside the trees, and stages name the one they follow.
type oldDocument struct {
	Cascade struct {
		Size   string `xml:"size"`
		Stages []struct {
			Trees []struct {
				Nodes []struct {
					Feature struct {
						Rects  []string `xml:"rects>_"`
						Tilted string   `xml:"tilted"`
					} `xml:"feature"`
					Threshold string `xml:"threshold"`
					Left      string `xml:"left_val"`
					Right     string `xml:"right_val"`
				} `xml:"_"`
			} `xml:"trees>_"`
			Least  string `xml:"stage_threshold"`
			Parent string `xml:"parent"`
			Next   string `xml:"next"`
		} `xml:"stages>_"`
	} `xml:",any"`
}

// read takes what the cascades of this format in Debian are made of: stages in
// a row, each tree one feature with a value on either side. Anything else is
// refused.
func (d oldDocument) read() (*Cascade, bool) {
	size, ok := numbers(d.Cascade.Size)
	if !ok || len(size) != 2 || len(d.Cascade.Stages) > maxStages {
		return nil, false
	}
	c := &Cascade{w: int(size[0]), h: int(size[1])}
	if !c.windowFits() || len(d.Cascade.Stages) == 0 {
		return nil, false
	}
	for i, s := range d.Cascade.Stages {
		if strings.TrimSpace(s.Parent) != strconv.Itoa(i-1) || strings.TrimSpace(s.Next) != "-1" || len(s.Trees) == 0 || len(s.Trees) > maxTrees {
			return nil, false
		}
		st, ok := newStage(s.Least)
		if !ok {
			return nil, false
		}
		for _, t := range s.Trees {
			if len(t.Nodes) != 1 {
				return nil, false
			}
			n := t.Nodes[0]
			if !c.addFeature(n.Feature.Rects, "", strings.TrimSpace(n.Feature.Tilted) == "1") {
				return nil, false
			}
			tr, ok := c.readTree(fmt.Sprintf("0 -1 %d %s", len(c.features)-1, n.Threshold), n.Left+" "+n.Right)
			if !ok {
				return nil, false
			}
			st.trees = append(st.trees, tr)
		}
		c.stages = append(c.stages, st)
	}
	return c, true
}
