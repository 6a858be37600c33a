-- What was said of requests before steps 0023 and 0028 is not found by the search: those up to one are read anew, once. The line goes with the last.
CREATE TABLE reword (
    job  INTEGER PRIMARY KEY,
    done INTEGER NOT NULL,   -- up to this request it is done
    upto INTEGER NOT NULL    -- the newest that there was
) STRICT;
INSERT INTO reword (job, done, upto) SELECT 1, 0, id FROM request ORDER BY id DESC LIMIT 1; -- an empty lane has nothing to read, and a move wants its target empty
