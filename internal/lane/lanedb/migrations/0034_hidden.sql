-- What nobody may see is in no index by which lists are read, and in none of words: however many reports wait in a row,
-- none of them is passed over. It follows from the visibility and the parts, and every event writes it anew; whether
-- a report may be seen is still asked of these.

ALTER TABLE request ADD COLUMN hidden INTEGER NOT NULL DEFAULT 0;
UPDATE request SET hidden = 1 WHERE visibility = 'held'
    AND NOT EXISTS (SELECT 1 FROM assignment a WHERE a.request = request.id AND a.state NOT IN ('awaiting_check', 'withdrawn', 'merged'));
DELETE FROM request_words WHERE rowid IN (SELECT id FROM request WHERE hidden = 1);

DROP INDEX request_near; -- nothing has gone by it since the map has one of its own
DROP INDEX request_list;
DROP INDEX request_area;
DROP INDEX request_spot;
DROP INDEX request_category;
DROP INDEX request_state;
DROP INDEX request_kind;
CREATE INDEX request_list ON request (area, id) WHERE hidden = 0;
CREATE INDEX request_area ON request (category, open, area, id) WHERE hidden = 0;
CREATE INDEX request_spot ON request (area, open, id) WHERE hidden = 0;
CREATE INDEX request_category ON request (category, open, id, lat, lon) WHERE hidden = 0; -- with the place: a map passes over what lies elsewhere
CREATE INDEX request_state ON request (open, id, lat, lon) WHERE hidden = 0;
CREATE INDEX request_kind ON request (kind, id) WHERE kind <> '' AND hidden = 0;

-- The rows behind the number of an area or a category are found as those of an authority are.
ALTER TABLE assignment ADD COLUMN area     TEXT NOT NULL DEFAULT ''; -- of its request, which stay
ALTER TABLE assignment ADD COLUMN category TEXT NOT NULL DEFAULT '';
UPDATE assignment SET area = (SELECT r.area FROM request r WHERE r.id = assignment.request), category = (SELECT r.category FROM request r WHERE r.id = assignment.request);
CREATE INDEX assignment_area ON assignment (area, standing, request);
CREATE INDEX assignment_category ON assignment (category, standing, request);

CREATE VIRTUAL TABLE request_words_left USING fts5vocab(request_words, row); -- what a blacking out leaves
