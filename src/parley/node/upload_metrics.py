"""What the ticket service counts. Labels are kinds of work and reasons, from closed lists; never ids or addresses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from parley.errors import ErrorCode

__all__ = ["GRANTED", "NO_METHOD", "UploadMetrics"]

GRANTED: Final = "granted"
"""Stands for the kind of work where a ticket costs none."""

NO_METHOD: Final = "none"
"""Stands for the kind of work where a refusal came before it was known."""

_SOLVE_SECONDS: Final = (0.1, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_200, 1_800)
_VERIFY_SECONDS: Final = (0.000_01, 0.000_1, 0.001, 0.005, 0.02, 0.1, 0.5, 2)
_MS_PER_SECOND: Final = 1_000


class UploadMetrics:
    """Counters of tickets and of what becomes of them."""

    def __init__(
        self,
        *,
        counter: Callable[..., Counter],
        gauge: Callable[[str, str], Gauge],
        histogram: Callable[..., Histogram],
    ) -> None:
        """Begin at zero.

        Args:
            counter: makes a counter from its name, its text and the names of its labels.
            gauge: makes a gauge from its name and its text.
            histogram: makes a histogram from its name, its text, its bounds and the names of its labels.
        """
        self.issued = counter("upload_tickets_issued", "Tickets issued, by kind of work.", "method")
        self.earned = counter("upload_tickets_earned", "Tickets that became valid, by kind of work.", "method")
        self.refused = counter(
            "upload_tickets_refused", "Requests and results refused, by kind of work and reason.", "method", "reason"
        )
        self.ended = counter("upload_tickets_ended", "Valid tickets that ended, by how.", "end")
        self.parts = counter("upload_parts", "Parts of messages taken.")
        self.price = gauge("upload_price_units", "Price of a ticket now, in units of work, without surcharge.")
        self.solve_seconds = histogram(
            "upload_solve_seconds", "Time from issue to a good result, on this node's clock.", _SOLVE_SECONDS, "method"
        )
        self.verify_seconds = histogram(
            "upload_verify_seconds", "Time that judging a result took.", _VERIFY_SECONDS, "method"
        )

    def note_refusal(self, code: ErrorCode, method: str = NO_METHOD) -> None:
        """Count a refusal.

        Args:
            code: why.
            method: a kind of work that this node knows, never text from outside.
        """
        self.refused.labels(method, code.name.lower()).inc()

    def note_upload(self, outcome: str) -> None:
        """Count what an upload came to: "part", "complete", "delete" or "lapse"."""
        if outcome == "part":
            self.parts.inc()
        else:
            self.ended.labels(outcome).inc()

    def note_solved(self, method: str, elapsed_ms: int) -> None:
        """Count a ticket that was earned by work, and how long that took."""
        self.earned.labels(method).inc()
        self.solve_seconds.labels(method).observe(max(0, elapsed_ms) / _MS_PER_SECOND)
