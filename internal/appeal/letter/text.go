package letter

import "strings"

// Text gives the letter as plain text in UTF-8: parts with a blank line between
// them, heads and the items of a list on lines of their own. Lines are not
// broken; whoever shows them does.
func (l Letter) Text() string {
	var b strings.Builder
	for i, p := range l.Parts {
		if i > 0 {
			b.WriteByte('\n')
			if last := l.Parts[i-1].Style; last != p.Style || p.Style == Paragraph {
				b.WriteByte('\n')
			}
		}
		b.WriteString(p.Text)
	}
	b.WriteByte('\n')
	return b.String()
}
