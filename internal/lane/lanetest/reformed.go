package lanetest

import (
	"strings"
	"testing"
	"testing/fstest"

	"kua/internal/authority"
	"kua/internal/datafile"
)

// Reformed is the made-up city after a reform: no bazaar and no office of it, other people for
// water, potholes under roads.
func Reformed(t testing.TB) fstest.MapFS {
	t.Helper()
	m := fstest.MapFS{}
	var problems datafile.Problems
	for name, text := range datafile.Folder(authority.Sample(), &problems) {
		s := string(text)
		cut := func(from, to string) {
			before, rest, ok := strings.Cut(s, from)
			_, after, there := strings.Cut(rest, to)
			if !ok || !there {
				t.Fatalf("%s does not go from %q to %q", name, from, to)
			}
			s = before + to + after
		}
		switch name {
		case "areas.geojson":
			cut(",\n{\"type\":\"Feature\",\"properties\":{\"id\":\"bazaar\"", "\n]}")
		case "authorities.yaml":
			s = strings.NewReplacer("id: water", "id: utilities", "Ulgi Water Works", "Ulgi Utilities").Replace(s[:strings.Index(s, "  - id: bazaar-office")])
		case "categories.yaml":
			cut("  - id: pothole", "  - id: manhole")
		case "mandates.csv":
			var kept []string
			for line := range strings.Lines(s) {
				if !strings.Contains(line, "bazaar") {
					kept = append(kept, strings.Replace(line, ",water,2024", ",utilities,2024", 1))
				}
			}
			s = strings.Join(kept, "")
		}
		m[name] = &fstest.MapFile{Data: []byte(s)}
	}
	return m
}
