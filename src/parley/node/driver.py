"""What turns machines: deliver an input, perform the outputs, keep the timer armed.

`Driver` is for machines whose state may be lost with the process. `JournaledDriver` writes each input to the
journal before the machine sees it, so that a restart replays the same inputs into the same state, and gives
each output a key (machine, run, sequence, number) under which performing it again is harmless.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from parley.errors import PeerError
from parley.ports.clock import Clock
from parley.ports.store import Journal
from parley.primitives.encoding import Reader, encode_uint
from parley.primitives.instants import Instant
from parley.protocol.machine import Machine, drain

__all__ = ["Driver", "JournaledDriver", "OutputKey"]

EventT = TypeVar("EventT")
OutputT = TypeVar("OutputT")

_MS_PER_SECOND = 1_000
_INSTANT_BYTES = 8


class Driver(Generic[EventT, OutputT]):
    """Turns one machine in the running event loop; nothing is kept."""

    def __init__(self, machine: Machine[EventT, OutputT], clock: Clock, perform: Callable[[OutputT], None]) -> None:
        """Take a machine.

        Args:
            machine: to turn.
            clock: gives `now`.
            perform: does one output; must not wait. It may deliver further events.
        """
        self._machine = machine
        self._clock = clock
        self._perform = perform
        self._timer: asyncio.TimerHandle | None = None
        self._is_performing = False

    def deliver(self, event: EventT) -> None:
        """Give the machine one input and perform what it asks for.

        Raises:
            PeerError: the machine refuses the input; its state is unchanged.
        """
        self._machine.receive(event, self._clock.now())
        self.pump()

    def pump(self) -> None:
        """Perform all waiting outputs, then arm the timer."""
        if self._is_performing:
            return
        self._is_performing = True
        try:
            while (output := self._machine.next_output()) is not None:
                self._perform(output)
        finally:
            self._is_performing = False
        self._arm()

    def stop(self) -> None:
        """Disarm the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        self.stop()
        moment = self._machine.next_timeout()
        if moment is not None:
            delay_ms = max(0, moment - self._clock.now())
            self._timer = asyncio.get_running_loop().call_later(delay_ms / _MS_PER_SECOND, self._fire)

    def _fire(self) -> None:
        self._machine.handle_timeout(self._clock.now())
        self.pump()


@dataclass(frozen=True, slots=True)
class OutputKey:
    """Names one output for good: performing it twice under one key must do no harm."""

    machine: str
    run: int
    sequence: int
    number: int


class JournaledDriver(Generic[EventT, OutputT]):
    """Turns one machine whose inputs survive the process.

    An entry is the moment (8 bytes) and the encoded event; an empty event stands for a timeout. Inputs are taken one
    at a time. When `resume` replays the journal, the outputs of the last input are performed once more, as the crash
    may have come before they were.
    """

    def __init__(
        self,
        machine: Machine[EventT, OutputT],
        *,
        name: str,
        run: int,
        clock: Clock,
        journal: Journal,
        encode: Callable[[EventT], bytes],
        parse: Callable[[bytes], EventT],
        perform: Callable[[OutputKey, OutputT], Awaitable[None]],
    ) -> None:
        """Take a machine in its first state; call `resume` before anything else."""
        self._machine = machine
        self._name = name
        self._run = run
        self._clock = clock
        self._journal = journal
        self._encode = encode
        self._parse = parse
        self._perform = perform
        self._sequence = 0
        self._turn = asyncio.Lock()

    async def resume(self) -> None:
        """Bring the machine to where the journal ends."""
        entries = await self._journal.entries(self._name, self._run)
        waiting = drain(self._machine)
        for entry in entries:
            reader = Reader(entry.entry)
            now = Instant(reader.uint(_INSTANT_BYTES))
            with contextlib.suppress(PeerError):
                self._step(entry.entry[_INSTANT_BYTES:], now)
            waiting = drain(self._machine)
            self._sequence = entry.sequence + 1
        await self._do(max(0, self._sequence - 1), waiting)

    async def deliver(self, event: EventT) -> None:
        """Keep one input, give it to the machine, and perform what it asks for.

        Raises:
            PeerError: the machine refuses the input; the state is unchanged, and a replay refuses it again.
            UnavailableError: the journal did not keep the input; the machine has not seen it.
        """
        await self._take(self._encode(event))

    async def handle_timeout(self) -> None:
        """Let time act, if the machine waits for it."""
        moment = self._machine.next_timeout()
        if moment is not None and moment <= self._clock.now():
            await self._take(b"")

    async def _take(self, event: bytes) -> None:
        async with self._turn:
            now = self._clock.now()
            sequence = self._sequence
            await self._journal.append(self._name, self._run, sequence, encode_uint(now, _INSTANT_BYTES) + event)
            self._sequence += 1
            self._step(event, now)
            await self._do(sequence, drain(self._machine))

    def _step(self, event: bytes, now: Instant) -> None:
        if event:
            self._machine.receive(self._parse(event), now)
        else:
            self._machine.handle_timeout(now)

    async def _do(self, sequence: int, outputs: list[OutputT]) -> None:
        for number, output in enumerate(outputs):
            await self._perform(OutputKey(self._name, self._run, sequence, number), output)
