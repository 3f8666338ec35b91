"""Ports fulfilled inside the process: nothing survives it. For tests, simulations and short visits."""

from parley.adapters.memory.entropy import SeededEntropy
from parley.adapters.memory.store import MemoryStore
from parley.adapters.memory.transport import MemoryTransport

__all__ = ["MemoryStore", "MemoryTransport", "SeededEntropy"]
