"""Settings of the tests that run contracts."""

from __future__ import annotations

import os

# The machine hashes all day, and its default back end is five times slower. Read when the machine is imported.
os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")
