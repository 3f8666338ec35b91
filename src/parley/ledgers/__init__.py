"""The formats and rules of each chain as pure functions, one package per kind of chain."""
