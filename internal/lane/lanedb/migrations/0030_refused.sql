-- A delivery that its receiver refuses stops after a while (state: stopped), until a person says what is to become of it.
ALTER TABLE delivery ADD COLUMN refused INTEGER NOT NULL DEFAULT 0;    -- how often, since a person last said to try
ALTER TABLE delivery ADD COLUMN refused_since TEXT NOT NULL DEFAULT ''; -- the day of the first of these
