"""Values and mathematics: amounts, ids, instants, canonical encoding, hashing, Schnorr, one-shot secrets."""
