# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize gas
"""
@title TicketBroker
@license MIT
@notice Holds what senders of lottery tickets put up, and pays winning tickets to the fee pools of their recipients.
@dev A sender has a deposit, which pays any recipient, and a reserve, which is committed in equal parts to the
     recipients registered in the current round. A winner larger than the deposit takes what is left of it and freezes
     the reserve: from then on each recipient of that round may claim up to its part, and no more.

     A sender is in one of four states, each a function of what is stored and of the round:
       unlocked   nothing was ever put up, or an unlock or a freeze has run its time: `withdraw` pays everything out
       locked     funds are up
       unlocking  `unlock` was called; after `unlockPeriod` rounds the sender is unlocked
       frozen     a winner exceeded the deposit; after `freezePeriod` rounds the sender is unlocked
     Funding locks, but a frozen sender cannot fund. Winners are paid in every state as long as something is left.

     What holds always: the balance is the sum of all deposits and remaining reserves; a ticket is paid at most once;
     no recipient gets more of a reserve than its part; no sender takes anything out while a ticket can be redeemed
     that was made before its unlock or its freeze. Nobody owns this contract and nothing in it can be changed.
"""

interface Rounds:
    def currentRound() -> uint256: view
    def roundAndHash(creationRound: uint256) -> (uint256, bytes32): view

interface Recipients:
    def isRegistered(recipient: address, round: uint256) -> bool: view
    def recipientCount() -> uint256: view
    def creditFees(recipient: address, round: uint256): payable

event DepositFunded:
    sender: indexed(address)
    amount: uint256

event ReserveFunded:
    reserveHolder: indexed(address)
    amount: uint256

event ReserveFrozen:
    reserveHolder: indexed(address)
    freezeRound: uint256
    recipientsInFreezeRound: uint256

event ReserveClaimed:
    reserveHolder: indexed(address)
    claimant: address
    amount: uint256

event WinningTicketTransfer:
    sender: indexed(address)
    recipient: indexed(address)
    amount: uint256

event WinningTicketRedeemed:
    sender: indexed(address)
    recipient: indexed(address)
    faceValue: uint256
    winProb: uint256
    senderNonce: uint256
    recipientRand: uint256
    auxData: Bytes[64]

event TicketRefused:
    ticketHash: indexed(bytes32)
    reason: String[64]

event SignerApproved:
    sender: indexed(address)
    signer: indexed(address)

event SignerRevoked:
    sender: indexed(address)
    signer: indexed(address)
    lastRound: uint256

event Unlock:
    sender: indexed(address)
    startRound: uint256
    endRound: uint256

event UnlockCancelled:
    sender: indexed(address)

event Withdrawal:
    sender: indexed(address)
    deposit: uint256
    reserve: uint256

struct Ticket:
    recipient: address
    sender: address
    faceValue: uint256
    winProb: uint256
    senderNonce: uint256
    recipientRandHash: bytes32
    creationRound: uint256
    creationRoundHash: bytes32

struct Sender:
    deposit: uint256
    withdrawRound: uint256

struct Reserve:
    fundsAtCreation: uint256
    fundsRemaining: uint256
    freezeRound: uint256
    recipientsInFreezeRound: uint256

flag State:
    UNLOCKED
    LOCKED
    UNLOCKING
    FROZEN

MAX_BATCH: constant(uint256) = 32
# Half the order of secp256k1, rounded down: a signature with a larger s has a twin with a smaller one.
MAX_S: constant(uint256) = 57896044618658097711785492504343953926418782139537452191302581570759080747168

rounds: public(immutable(address))
recipients: public(immutable(address))
# How many rounds a sender waits between `unlock` and `withdraw`.
unlockPeriod: public(immutable(uint256))
# How many rounds a sender waits after its reserve is frozen until it may fund or withdraw.
freezePeriod: public(immutable(uint256))
# How many rounds a ticket can be redeemed in, the round of its creation included.
ticketValidityPeriod: public(immutable(uint256))

senders: HashMap[address, Sender]
reserves: HashMap[address, Reserve]
# reserve holder -> round of the freeze -> claimant -> wei. A holder's freezes have different rounds, see __init__.
claimed: HashMap[address, HashMap[uint256, HashMap[address, uint256]]]
# sender -> signer -> the last creation round whose tickets it may sign; 0: never approved
signers: HashMap[address, HashMap[address, uint256]]
# ticket hash -> whether it was redeemed
usedTickets: public(HashMap[bytes32, bool])


@deploy
def __init__(
    roundsAddress: address,
    recipientsAddress: address,
    unlockRounds: uint256,
    freezeRounds: uint256,
    ticketValidityRounds: uint256,
):
    """
    @notice Set what can never change.
    @param roundsAddress Which round it is, and the hash of each.
    @param recipientsAddress Who is registered in a round, and the fee pools.
    @param unlockRounds See `unlockPeriod`. At least as long as tickets can be redeemed: what was signed before an
           unlock is paid before the sender can withdraw.
    @param freezeRounds See `freezePeriod`. At least as long as tickets can be redeemed, for the same reason; so it is
           not zero, and two freezes of one sender never share a round.
    @param ticketValidityRounds See `ticketValidityPeriod`. Below 2, a ticket made late in a round hardly lives.
    """
    assert roundsAddress != empty(address), "rounds is null address"
    assert recipientsAddress != empty(address), "recipients is null address"
    assert ticketValidityRounds > 0, "ticketValidityPeriod is zero"
    assert unlockRounds >= ticketValidityRounds, "unlockPeriod is below ticketValidityPeriod"
    assert freezeRounds >= ticketValidityRounds, "freezePeriod is below ticketValidityPeriod"
    rounds = roundsAddress
    recipients = recipientsAddress
    unlockPeriod = unlockRounds
    freezePeriod = freezeRounds
    ticketValidityPeriod = ticketValidityRounds


# -- what a sender is ---------------------------------------------------------------------------------------------------


@internal
@view
def _current() -> uint256:
    return staticcall Rounds(rounds).currentRound()


@internal
@view
def _state(sender: address, current: uint256) -> State:
    freezeRound: uint256 = self.reserves[sender].freezeRound
    if freezeRound != 0:
        if current < freezeRound + freezePeriod:
            return State.FROZEN
        return State.UNLOCKED
    withdrawRound: uint256 = self.senders[sender].withdrawRound
    if withdrawRound != 0:
        if current < withdrawRound:
            return State.UNLOCKING
        return State.UNLOCKED
    if self.senders[sender].deposit == 0 and self.reserves[sender].fundsRemaining == 0:
        return State.UNLOCKED
    return State.LOCKED


@internal
@view
def _is_empty(sender: address) -> bool:
    return self.senders[sender].deposit == 0 and self.reserves[sender].fundsRemaining == 0


# -- funding and withdrawing --------------------------------------------------------------------------------------------


@internal
def _lock(sender: address):
    # Funding cancels an unlock, and turns what an old freeze left over into a new reserve.
    assert self._state(sender, self._current()) != State.FROZEN, "reserve is frozen"
    if self.senders[sender].withdrawRound != 0:
        self.senders[sender].withdrawRound = 0
        log UnlockCancelled(sender=sender)
    if self.reserves[sender].freezeRound != 0:
        remaining: uint256 = self.reserves[sender].fundsRemaining
        self.reserves[sender] = Reserve(
            fundsAtCreation=remaining, fundsRemaining=remaining, freezeRound=0, recipientsInFreezeRound=0
        )


@internal
def _add_deposit(sender: address, amount: uint256):
    self.senders[sender].deposit += amount
    log DepositFunded(sender=sender, amount=amount)


@internal
def _add_reserve(sender: address, amount: uint256):
    # Only a frozen reserve is claimed from, so both amounts are equal here and stay so.
    self.reserves[sender].fundsAtCreation += amount
    self.reserves[sender].fundsRemaining += amount
    log ReserveFunded(reserveHolder=sender, amount=amount)


@external
@payable
def fundDeposit():
    """
    @notice Add the value sent to the caller's deposit, and cancel its unlock if one is under way.
    """
    self._lock(msg.sender)
    self._add_deposit(msg.sender, msg.value)


@external
@payable
def fundReserve():
    """
    @notice Add the value sent to the caller's reserve, and cancel its unlock if one is under way.
    """
    self._lock(msg.sender)
    self._add_reserve(msg.sender, msg.value)


@external
@payable
def fundDepositAndReserve(depositFunds: uint256, reserveFunds: uint256):
    """
    @notice Add to the caller's deposit and reserve in one step.
    @param depositFunds Wei for the deposit.
    @param reserveFunds Wei for the reserve; both together are the value sent.
    """
    assert msg.value == depositFunds + reserveFunds, "value is not deposit plus reserve"
    self._lock(msg.sender)
    self._add_deposit(msg.sender, depositFunds)
    self._add_reserve(msg.sender, reserveFunds)


@external
def unlock():
    """
    @notice Begin the caller's unlock period.
    """
    assert not self._is_empty(msg.sender), "deposit and reserve are empty"
    current: uint256 = self._current()
    state: State = self._state(msg.sender, current)
    assert state != State.UNLOCKING, "unlock already initiated"
    assert state != State.UNLOCKED, "funds already unlocked"
    assert state != State.FROZEN, "reserve is frozen"
    self.senders[msg.sender].withdrawRound = current + unlockPeriod
    log Unlock(sender=msg.sender, startRound=current, endRound=current + unlockPeriod)


@external
def cancelUnlock():
    """
    @notice End the caller's unlock period without unlocking.
    """
    state: State = self._state(msg.sender, self._current())
    assert state != State.FROZEN, "reserve is frozen"
    assert state == State.UNLOCKING, "not in the unlock period"
    self.senders[msg.sender].withdrawRound = 0
    log UnlockCancelled(sender=msg.sender)


@external
@nonreentrant
def withdraw():
    """
    @notice Pay the caller's deposit and what remains of its reserve out to it.
    """
    assert not self._is_empty(msg.sender), "deposit and reserve are empty"
    assert self._state(msg.sender, self._current()) == State.UNLOCKED, "funds are not unlocked"
    deposit: uint256 = self.senders[msg.sender].deposit
    remaining: uint256 = self.reserves[msg.sender].fundsRemaining
    self.senders[msg.sender] = empty(Sender)
    self.reserves[msg.sender] = empty(Reserve)
    log Withdrawal(sender=msg.sender, deposit=deposit, reserve=remaining)
    raw_call(msg.sender, b"", value=deposit + remaining)


# -- signers ------------------------------------------------------------------------------------------------------------


@external
def approveSigner(signer: address):
    """
    @notice Let another key sign the caller's tickets.
    """
    assert signer != empty(address), "signer is null address"
    self.signers[msg.sender][signer] = max_value(uint256)
    log SignerApproved(sender=msg.sender, signer=signer)


@external
def revokeSigner(signer: address):
    """
    @notice Let a key sign no tickets of rounds to come. Those created up to the current round stay good.
    @dev A revocation that hit earlier tickets would be a way to take winners back.
    """
    assert self.signers[msg.sender][signer] == max_value(uint256), "signer is not approved"
    current: uint256 = self._current()
    self.signers[msg.sender][signer] = current
    log SignerRevoked(sender=msg.sender, signer=signer, lastRound=current)


@internal
@view
def _may_sign(sender: address, signer: address, creationRound: uint256) -> bool:
    if signer == sender:
        return True
    lastRound: uint256 = self.signers[sender][signer]
    return lastRound != 0 and creationRound <= lastRound


# -- tickets ------------------------------------------------------------------------------------------------------------


@internal
@pure
def _hash(ticket: Ticket) -> bytes32:
    return keccak256(
        concat(
            convert(ticket.recipient, bytes20),
            convert(ticket.sender, bytes20),
            convert(ticket.faceValue, bytes32),
            convert(ticket.winProb, bytes32),
            convert(ticket.senderNonce, bytes32),
            ticket.recipientRandHash,
            convert(ticket.creationRound, bytes32),
            ticket.creationRoundHash,
        )
    )


@internal
@view
def _signer(ticketHash: bytes32, signature: Bytes[65]) -> address:
    # The signature decides the draw, so each has exactly one encoding: 65 bytes, low s, v of 27 or 28.
    if len(signature) != 65:
        return empty(address)
    r: uint256 = convert(slice(signature, 0, 32), uint256)
    s: uint256 = convert(slice(signature, 32, 32), uint256)
    v: uint256 = convert(slice(signature, 64, 1), uint256)
    if s > MAX_S or (v != 27 and v != 28):
        return empty(address)
    digest: bytes32 = keccak256(concat(b"\x19Ethereum Signed Message:\n32", ticketHash))
    return ecrecover(digest, v, r, s)


@internal
@view
def _claimable(holder: address, claimant: address, current: uint256) -> uint256:
    freezeRound: uint256 = self.reserves[holder].freezeRound
    count: uint256 = 0
    if freezeRound == 0:
        freezeRound = current
        count = staticcall Recipients(recipients).recipientCount()
    else:
        count = self.reserves[holder].recipientsInFreezeRound
    if count == 0 or not staticcall Recipients(recipients).isRegistered(claimant, freezeRound):
        return 0
    return self.reserves[holder].fundsAtCreation // count - self.claimed[holder][freezeRound][claimant]


@internal
def _claim(holder: address, claimant: address, amount: uint256, current: uint256):
    freezeRound: uint256 = self.reserves[holder].freezeRound
    if freezeRound == 0:
        freezeRound = current
        count: uint256 = staticcall Recipients(recipients).recipientCount()
        self.reserves[holder].freezeRound = current
        self.reserves[holder].recipientsInFreezeRound = count
        log ReserveFrozen(reserveHolder=holder, freezeRound=current, recipientsInFreezeRound=count)
    if amount > 0:
        self.claimed[holder][freezeRound][claimant] += amount
        self.reserves[holder].fundsRemaining -= amount
        log ReserveClaimed(reserveHolder=holder, claimant=claimant, amount=amount)


@internal
def _redeem(ticket: Ticket, signature: Bytes[65], recipientRand: uint256, ticketHash: bytes32) -> String[64]:
    # Returns why not, and then nothing was changed; or the empty text.
    if ticket.recipient == empty(address):
        return "ticket recipient is null address"
    if ticket.sender == empty(address):
        return "ticket sender is null address"
    if keccak256(convert(recipientRand, bytes32)) != ticket.recipientRandHash:
        return "recipientRand does not match recipientRandHash"
    current: uint256 = 0
    roundHash: bytes32 = empty(bytes32)
    current, roundHash = staticcall Rounds(rounds).roundAndHash(ticket.creationRound)
    if roundHash == empty(bytes32) or roundHash != ticket.creationRoundHash:
        return "creationRoundHash is not that of creationRound"
    if ticket.creationRound + ticketValidityPeriod <= current:
        return "ticket is expired"
    if self.usedTickets[ticketHash]:
        return "ticket is used"
    signer: address = self._signer(ticketHash, signature)
    if signer == empty(address) or not self._may_sign(ticket.sender, signer, ticket.creationRound):
        return "invalid signature over ticket hash"
    draw: uint256 = convert(keccak256(concat(signature, convert(recipientRand, bytes32))), uint256)
    if draw >= ticket.winProb:
        return "ticket did not win"

    amount: uint256 = ticket.faceValue
    deposit: uint256 = self.senders[ticket.sender].deposit
    if amount <= deposit:
        self.usedTickets[ticketHash] = True
        if amount > 0:
            self.senders[ticket.sender].deposit = deposit - amount
    else:
        if deposit == 0 and not staticcall Recipients(recipients).isRegistered(ticket.recipient, current):
            return "deposit is empty and recipient not registered"
        fromReserve: uint256 = min(amount - deposit, self._claimable(ticket.sender, ticket.recipient, current))
        amount = deposit + fromReserve
        if amount == 0:
            # A winner that would be paid nothing is not used up: it may be paid yet, if funds return in time.
            return "deposit is empty and nothing is claimable"
        self.usedTickets[ticketHash] = True
        self.senders[ticket.sender].deposit = 0
        self._claim(ticket.sender, ticket.recipient, fromReserve, current)

    if amount > 0:
        extcall Recipients(recipients).creditFees(ticket.recipient, ticket.creationRound, value=amount)
        log WinningTicketTransfer(sender=ticket.sender, recipient=ticket.recipient, amount=amount)
    log WinningTicketRedeemed(
        sender=ticket.sender,
        recipient=ticket.recipient,
        faceValue=ticket.faceValue,
        winProb=ticket.winProb,
        senderNonce=ticket.senderNonce,
        recipientRand=recipientRand,
        auxData=concat(convert(ticket.creationRound, bytes32), ticket.creationRoundHash),
    )
    return ""


@external
@nonreentrant
def redeemWinningTicket(ticket: Ticket, signature: Bytes[65], recipientRand: uint256):
    """
    @notice Pay a winning ticket into the fee pool of its recipient for the round of its creation. Anyone may call.
    @param ticket What was signed.
    @param signature 65 bytes r, s, v over the EIP-191 message of the ticket hash, by the sender or a signer of its.
    @param recipientRand The preimage of `recipientRandHash`.
    """
    refusal: String[64] = self._redeem(ticket, signature, recipientRand, self._hash(ticket))
    assert len(refusal) == 0, refusal


@external
@nonreentrant
def batchRedeemWinningTickets(
    tickets: DynArray[Ticket, MAX_BATCH],
    signatures: DynArray[Bytes[65], MAX_BATCH],
    recipientRands: DynArray[uint256, MAX_BATCH],
):
    """
    @notice Redeem up to 32 tickets. One that cannot be redeemed changes nothing and is named in `TicketRefused`.
    """
    count: uint256 = len(tickets)
    assert count == len(signatures) and count == len(recipientRands), "arrays differ in length"
    for i: uint256 in range(count, bound=MAX_BATCH):
        ticketHash: bytes32 = self._hash(tickets[i])
        refusal: String[64] = self._redeem(tickets[i], signatures[i], recipientRands[i], ticketHash)
        if len(refusal) > 0:
            log TicketRefused(ticketHash=ticketHash, reason=refusal)


# -- views --------------------------------------------------------------------------------------------------------------


@external
@pure
def getTicketHash(ticket: Ticket) -> bytes32:
    """
    @notice The Keccak-256 of the ticket's 232 packed bytes.
    """
    return self._hash(ticket)


@external
@view
def getSenderInfo(sender: address) -> (Sender, Reserve):
    """
    @notice A sender's deposit and reserve, in wei, with the rounds that bind them.
    """
    return self.senders[sender], self.reserves[sender]


@external
@view
def senderState(sender: address) -> State:
    """
    @notice 1 unlocked, 2 locked, 4 unlocking, 8 frozen.
    """
    return self._state(sender, self._current())


@external
@view
def isUnlockInProgress(sender: address) -> bool:
    """
    @notice Whether the sender is in the unlock period.
    """
    return self._state(sender, self._current()) == State.UNLOCKING


@external
@view
def isApprovedSigner(sender: address, signer: address, creationRound: uint256) -> bool:
    """
    @notice Whether the signer may sign tickets of the sender that were created in a round.
    """
    return self._may_sign(sender, signer, creationRound)


@external
@view
def claimableReserve(reserveHolder: address, claimant: address) -> uint256:
    """
    @notice What a claimant could still get from a reserve now, in wei.
    """
    return self._claimable(reserveHolder, claimant, self._current())


@external
@view
def claimedReserve(reserveHolder: address, claimant: address) -> uint256:
    """
    @notice What a claimant has got from a reserve since it was frozen, in wei.
    """
    return self.claimed[reserveHolder][self.reserves[reserveHolder].freezeRound][claimant]
