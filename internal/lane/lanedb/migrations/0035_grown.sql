-- What was looked for among all of something is found by an index of its own.

-- The rows behind the number of formal appeals of an area or a category, as those of an authority are.
ALTER TABLE appeal_leg ADD COLUMN area     TEXT NOT NULL DEFAULT ''; -- of its request, which stay
ALTER TABLE appeal_leg ADD COLUMN category TEXT NOT NULL DEFAULT '';
UPDATE appeal_leg SET area = (SELECT r.area FROM request r WHERE r.id = appeal_leg.request), category = (SELECT r.category FROM request r WHERE r.id = appeal_leg.request);
DROP INDEX appeal_leg_month;
CREATE INDEX appeal_leg_area ON appeal_leg (area, month, request);
CREATE INDEX appeal_leg_category ON appeal_leg (category, month, request);

-- Whether words that wait hold on to a picture which nothing else shows.
CREATE TABLE addition_picture (
    hash     TEXT    NOT NULL,
    addition INTEGER NOT NULL REFERENCES addition (number) ON DELETE CASCADE,
    PRIMARY KEY (hash, addition)
) STRICT, WITHOUT ROWID;
CREATE INDEX addition_picture_addition ON addition_picture (addition);
-- Hashes of 64 letters each, with spaces between them.
INSERT INTO addition_picture (hash, addition)
    WITH RECURSIVE place (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM place WHERE n < 99)
    SELECT DISTINCT substr(replace(a.pictures, ' ', ''), 1 + 64 * n, 64), a.number FROM addition a JOIN place ON 64 * n < length(replace(a.pictures, ' ', '')) WHERE a.pictures <> '';

-- The search's index is written over into one that knows short beginnings, a little at a time while the node answers from the one
-- before (lanedb/reshape.go). A lane that is empty has the new one at once.
CREATE VIRTUAL TABLE request_words_new USING fts5 (words, content='', contentless_delete=1, prefix='1 2 3 4');
INSERT INTO reword (job, done, upto) SELECT 2, 0, COALESCE(max(id), 0) FROM request;
