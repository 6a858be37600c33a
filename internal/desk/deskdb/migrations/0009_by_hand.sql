-- Whether a person said where a post stands: such a word may be wrong.
ALTER TABLE posts ADD COLUMN by_hand INTEGER NOT NULL DEFAULT 0;
