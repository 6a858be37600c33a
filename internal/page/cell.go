package page

import "strings"

// Cell guards words that people wrote for a table that a spreadsheet opens: a
// cell that begins as a formula would is given an apostrophe in front, which
// spreadsheets show as text (OWASP, CSV Injection).
func Cell(s string) string {
	if first := strings.TrimLeft(s, " \u00a0\n"); first != "" && strings.ContainsAny(first[:1], "=+-@\t\r") || strings.HasPrefix(first, "＝") ||
		strings.HasPrefix(first, "＋") || strings.HasPrefix(first, "－") || strings.HasPrefix(first, "＠") {
		return "'" + s
	}
	return s
}
