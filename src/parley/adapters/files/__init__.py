"""Ports filled by files in the data directory."""
