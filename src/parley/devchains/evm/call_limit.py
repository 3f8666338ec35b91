"""How long a call may keep the machine busy, and what looks after it in py-evm: its frames, and the code they run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from eth.abc import MessageAPI, StateAPI, TransactionContextAPI
from eth.vm.code_stream import CodeStream
from eth.vm.forks.cancun.computation import CancunComputation
from eth.vm.forks.cancun.state import CancunState

__all__ = ["CallLimit", "TooLong", "WatchedState"]

_STEPS_UNWATCHED: Final = 1_024
_MS_PER_SECOND: Final = 1_000


@dataclass(slots=True)
class CallLimit:
    """How long the machine is busy with one call or one estimate: nobody else is answered meanwhile.

    Attributes:
        call_ms: milliseconds, >= 1; one instruction more is finished, which takes long for a few precompiled contracts.
    """

    call_ms: int = 5_000

    def watch(self) -> Callable[[], None]:
        """Return what raises from the end of the time on that begins now."""
        ends_s = time.monotonic() + self.call_ms / _MS_PER_SECOND

        def look() -> None:
            if time.monotonic() >= ends_s:
                raise TooLong

        return look


class TooLong(Exception):  # noqa: N818 - what it says is why a call ends
    """A call has taken all its time; the machine knows it not, and passes it on."""


class _WatchedCode(CodeStream):
    """Code that is looked at while it runs: at its beginning, and now and then."""

    def __init__(self, code: bytes, look: Callable[[], None]) -> None:
        super().__init__(code)
        self._look = look

    def __iter__(self) -> Iterator[int]:
        for step, opcode in enumerate(super().__iter__()):
            if step % _STEPS_UNWATCHED == 0:
                self._look()
            yield opcode


class _Computation(CancunComputation):
    """One frame of a call, watched where its state is."""

    def __init__(self, state: StateAPI, message: MessageAPI, transaction_context: TransactionContextAPI) -> None:
        super().__init__(state, message, transaction_context)
        look = getattr(state, "look", None)
        if look is not None:
            self.code = _WatchedCode(message.code, look)


class WatchedState(CancunState):
    """The state as py-evm has it, with what looks after the call that is tried in it, if one is."""

    computation_class = _Computation
    look: Callable[[], None] | None = None
