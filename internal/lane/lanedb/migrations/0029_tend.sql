-- What is late or silent was counted otherwise: the sweep works all formal appeals out anew.
UPDATE appeal_with SET directory = 0;

-- Only appeals of reports that everybody may see are in the numbers.
ALTER TABLE appeal_with ADD COLUMN counted INTEGER NOT NULL DEFAULT 0; -- whether its stays are in the tally
UPDATE appeal_with SET counted = 1;                                    -- as they are until now
