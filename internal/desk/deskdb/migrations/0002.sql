-- Which edition's anchor holds a parcel's filing; 0 while none does.
ALTER TABLE parcels ADD COLUMN anchored INTEGER NOT NULL DEFAULT 0;
CREATE INDEX parcels_anchored ON parcels (anchored, number) WHERE anchored = 0;
