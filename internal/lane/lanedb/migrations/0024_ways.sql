-- Indexes in the order in which pages list reports, so that whatever a reader chooses, only what is shown is read.

CREATE INDEX request_spot ON request (area, open, id);
CREATE INDEX request_category ON request (category, open, id, lat, lon); -- with the place: a map passes over what lies elsewhere
CREATE INDEX request_state ON request (open, id, lat, lon);

DROP INDEX assignment_standing;
CREATE INDEX assignment_rows ON assignment (authority, standing, request); -- behind the numbers of a scoreboard

-- Every word that a report has: FTS5 gives the reports of a whole word newest first without gathering them all, but not
-- those of its beginning. By its name it belongs to request_words, and is not moved to another engine.
CREATE TABLE request_words_known (
    word TEXT NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE VIRTUAL TABLE request_words_counted USING fts5vocab(request_words, row);
INSERT INTO request_words_known SELECT term FROM request_words_counted;
DROP TABLE request_words_counted;
