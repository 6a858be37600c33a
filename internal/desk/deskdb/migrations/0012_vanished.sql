-- Of an account that was removed its node shows nothing any more: who has its name there
-- now is somebody else, another desk perhaps.
ALTER TABLE channels ADD COLUMN vanished INTEGER NOT NULL DEFAULT 0;
