-- How often a look at an original ended by the machine's slowness in a row: that
-- says nothing of the file, and is tried again at the next starts.
ALTER TABLE originals ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;
UPDATE originals SET tries = 1 WHERE fault IN ('media.too_slow', 'media.stalled');
