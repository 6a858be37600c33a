-- Formal appeals are counted per area and per category too. What stands in the numbers of authorities is taken into these as it is; what the
-- sweep has still to work out, and what a newer directory changes, is counted in all three by it.
INSERT INTO tally (kind, track, month, id, standing, slot, n)
    SELECT 'area', 'appeal', l.month, r.area, l.standing || CASE l.due WHEN '' THEN '' ELSE ' ' || l.due END, l.request % 8, count(*)
    FROM appeal_leg l JOIN appeal_with w ON w.request = l.request JOIN request r ON r.id = l.request WHERE w.counted = 1 GROUP BY 3, 4, 5, 6;
INSERT INTO tally (kind, track, month, id, standing, slot, n)
    SELECT 'category', 'appeal', l.month, r.category, l.standing || CASE l.due WHEN '' THEN '' ELSE ' ' || l.due END, l.request % 8, count(*)
    FROM appeal_leg l JOIN appeal_with w ON w.request = l.request JOIN request r ON r.id = l.request WHERE w.counted = 1 GROUP BY 3, 4, 5, 6;
CREATE INDEX appeal_leg_month ON appeal_leg (month, request); -- behind the numbers of areas and categories
