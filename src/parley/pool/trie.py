"""A trie of key paths over entries, compressed: an entry sits at the shallowest place where it is alone.

Each node is a plain dict from key to a deeper dict or to an entry, so a lone record costs one slot and a
prefix of 100 records is read in one walk. Paths end with the author's bytes, which no text key equals.
"""

from __future__ import annotations

from collections.abc import Iterator

from parley.pool.entries import Entry

__all__ = ["Path", "Trie"]

Node = dict[str | bytes, "Node | Entry"]
Path = tuple[str | bytes, ...]
"""The keys of an address, then the author's public key."""


class Trie:
    """Entries by path; at most one entry per path."""

    __slots__ = ("_root",)

    def __init__(self) -> None:
        """Begin empty."""
        self._root: Node = {}

    def find(self, path: Path) -> Entry | None:
        """Return the entry at exactly this path, or None."""
        _, _, met = self.locate(path)
        return met if met is not None and met.path() == path else None

    def locate(self, path: Path) -> tuple[Node, int, Entry | None]:
        """Follow a path as far as there are nodes.

        Returns:
            The last node, how many steps lead to it, and the entry that is met there: the one at this path, or one at
            another that is alone below the same keys so far, or None.
        """
        node, depth = self._root, 0
        while isinstance(child := node.get(path[depth]), dict):
            node, depth = child, depth + 1
        return node, depth, child

    def insert(self, path: Path, entry: Entry) -> None:
        """Put an entry at a path that holds none."""
        node, depth, met = self.locate(path)
        if met is not None:
            other = met.path()
            while path[depth] == other[depth]:
                deeper: Node = {}
                node[path[depth]] = deeper
                node, depth = deeper, depth + 1
            node[other[depth]] = met
        node[path[depth]] = entry

    def remove(self, path: Path) -> None:
        """Take the entry at this path out; there is one."""
        walked = [self._root]
        while isinstance(child := walked[-1][path[len(walked) - 1]], dict):
            walked.append(child)
        while walked:
            node = walked.pop()
            del node[path[len(walked)]]
            if node:
                return

    def under(self, prefix: tuple[str, ...]) -> list[Entry]:
        """Return all entries whose keys begin with the prefix, tombstones included, in no order."""
        node = self._root
        for key in prefix:
            child = node.get(key)
            if child is None:
                return []
            if isinstance(child, Entry):
                return [child] if child.keys()[: len(prefix)] == prefix else []
            node = child
        return _gather(node)

    def children(self, prefix: tuple[str, ...]) -> Iterator[tuple[str, list[Entry]]]:
        """Yield each key that follows the prefix, with the entries under it."""
        depth = len(prefix)
        by_key: dict[str, list[Entry]] = {}
        for entry in self.under(prefix):
            keys = entry.keys()
            if len(keys) > depth:
                by_key.setdefault(keys[depth], []).append(entry)
        yield from by_key.items()


def _gather(node: Node) -> list[Entry]:
    found: list[Entry] = []
    waiting = [node]
    while waiting:
        for child in waiting.pop().values():
            if type(child) is dict:
                waiting.append(child)
            else:
                found.append(child)  # type: ignore[arg-type]  # what is no node is an entry
    return found
