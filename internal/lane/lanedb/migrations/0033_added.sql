-- Photos that came with words which wait to be looked at: hashes, with a space between. They are kept as long as the words wait.
ALTER TABLE addition ADD COLUMN pictures TEXT NOT NULL DEFAULT '';
