-- What is late or silent was counted otherwise: the sweep works all formal appeals out anew.
UPDATE appeal_with SET directory = 0;
