"""How upload tickets look from outside: HTTP forms, tokens of accounts, envelopes."""
