"""Thousands of the same machines under a virtual clock and network, with adversaries, figures and plots."""
