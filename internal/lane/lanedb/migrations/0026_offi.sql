-- Words that wait are not only those that a holder adds: also what people say with a verdict, and what answers an authority's question.

ALTER TABLE addition ADD COLUMN actor      TEXT    NOT NULL DEFAULT 'holder';
ALTER TABLE addition ADD COLUMN person     TEXT    NOT NULL DEFAULT '';  -- hash of their code; '' for words from before this step
ALTER TABLE addition ADD COLUMN assignment INTEGER NOT NULL DEFAULT 0;   -- the part to whose question they answer, or whose answer they judge; 0: neither
ALTER TABLE addition ADD COLUMN answer     INTEGER NOT NULL DEFAULT 0;   -- of a verdict: the number of the event that it judges
