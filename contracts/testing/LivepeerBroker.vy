# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize gas
"""
@title LivepeerBroker
@license MIT
@notice For tests only: the ABI, the rules and the revert texts of the Livepeer ticket broker on Arbitrum One.
@dev `RULES` chooses between the build of 2023 (a redemption needs any funds) and that of July 2026 (deposit and reserve
     must cover the face value). What differs from the deployed one: `auxData` above 96 bytes and signatures above 96
     bytes revert without a text, and so do checked subtractions and indices out of bounds, which there are panics.
"""

interface Protocol:
    def owner() -> address: view
    def paused() -> bool: view
    def getContract(id: bytes32) -> address: view
    def currentRound() -> uint256: view
    def currentRoundInitialized() -> bool: view
    def blockHashForRound(round: uint256) -> bytes32: view
    def getTranscoderPoolSize() -> uint256: view
    def isActiveTranscoder(transcoder: address) -> bool: view
    def updateTranscoderWithFees(transcoder: address, fees: uint256, round: uint256): nonpayable
    def depositETH() -> bool: payable
    def trustedWithdrawETH(to: address, amount: uint256): nonpayable

event DepositFunded:
    sender: indexed(address)
    amount: uint256

event ReserveFunded:
    reserveHolder: indexed(address)
    amount: uint256

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
    auxData: Bytes[96]

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

event ParameterUpdate:
    param: String[32]

struct Ticket:
    recipient: address
    sender: address
    faceValue: uint256
    winProb: uint256
    senderNonce: uint256
    recipientRandHash: bytes32
    auxData: Bytes[96]

struct Sender:
    deposit: uint256
    withdrawRound: uint256

struct ReserveInfo:
    fundsRemaining: uint256
    claimedInCurrentRound: uint256

MAX_BATCH: constant(uint256) = 16
MAX_S: constant(uint256) = 57896044618658097711785492504343953926418782139537452191302581570759080747168
BONDING_MANAGER: constant(bytes32) = keccak256("BondingManager")
MINTER: constant(bytes32) = keccak256("Minter")
ROUNDS_MANAGER: constant(bytes32) = keccak256("RoundsManager")
REDEEM: constant(bytes4) = method_id(
    "redeemWinningTicket((address,address,uint256,uint256,uint256,bytes32,bytes),bytes,uint256)", output_type=bytes4
)

RULES: public(immutable(uint256))
controller: public(address)
unlockPeriod: public(uint256)
ticketValidityPeriod: public(uint256)
senders: HashMap[address, Sender]
funds: HashMap[address, uint256]
claimedForRound: HashMap[address, HashMap[uint256, uint256]]
claimedByAddress: HashMap[address, HashMap[uint256, HashMap[address, uint256]]]
usedTickets: public(HashMap[bytes32, bool])


@deploy
def __init__(controllerAddress: address, unlockRounds: uint256, validityRounds: uint256, rules: uint256):
    """
    @notice Choose the neighbours, the periods in rounds, and the year of the rules: 2023 or 2026.
    """
    assert rules == 2023 or rules == 2026, "unknown rules"
    RULES = rules
    self.controller = controllerAddress
    self.unlockPeriod = unlockRounds
    self.ticketValidityPeriod = validityRounds


@internal
@view
def _rounds() -> Protocol:
    return Protocol(staticcall Protocol(self.controller).getContract(ROUNDS_MANAGER))


@internal
@view
def _bonding() -> Protocol:
    return Protocol(staticcall Protocol(self.controller).getContract(BONDING_MANAGER))


@internal
@view
def _minter() -> Protocol:
    return Protocol(staticcall Protocol(self.controller).getContract(MINTER))


@internal
@view
def _require_running():
    assert not staticcall Protocol(self.controller).paused(), "system is paused"


@internal
@view
def _require_owner():
    assert msg.sender == staticcall Protocol(self.controller).owner(), "caller must be Controller owner"


@external
def setUnlockPeriod(rounds: uint256):
    """
    @notice Change the unlock period.
    """
    self._require_owner()
    self.unlockPeriod = rounds
    log ParameterUpdate(param="unlockPeriod")


@external
def setTicketValidityPeriod(rounds: uint256):
    """
    @notice Change the validity period of tickets.
    """
    self._require_owner()
    assert rounds > 0, "ticketValidityPeriod must be greater than 0"
    self.ticketValidityPeriod = rounds
    log ParameterUpdate(param="ticketValidityPeriod")


@internal
@payable
def _fund(holder: address, deposit: uint256, reserve: uint256):
    self.senders[holder].deposit += deposit
    self.funds[holder] += reserve
    if msg.sender == holder and self.senders[holder].withdrawRound > 0:
        self.senders[holder].withdrawRound = 0
        log UnlockCancelled(sender=holder)
    extcall self._minter().depositETH(value=msg.value)


@external
@payable
def fundDeposit():
    """
    @notice Add the value sent to the caller's deposit.
    """
    self._require_running()
    self._fund(msg.sender, msg.value, 0)
    log DepositFunded(sender=msg.sender, amount=msg.value)


@external
@payable
def fundReserve():
    """
    @notice Add the value sent to the caller's reserve.
    """
    self._require_running()
    self._fund(msg.sender, 0, msg.value)
    log ReserveFunded(reserveHolder=msg.sender, amount=msg.value)


@internal
@payable
def _fund_both(holder: address, deposit: uint256, reserve: uint256):
    self._require_running()
    assert msg.value == deposit + reserve, "msg.value does not equal sum of deposit amount and reserve amount"
    self._fund(holder, deposit, reserve)
    log ReserveFunded(reserveHolder=holder, amount=reserve)
    log DepositFunded(sender=holder, amount=deposit)


@external
@payable
def fundDepositAndReserve(depositAmount: uint256, reserveAmount: uint256):
    """
    @notice Add to the caller's deposit and reserve.
    """
    self._fund_both(msg.sender, depositAmount, reserveAmount)


@external
@payable
def fundDepositAndReserveFor(holder: address, depositAmount: uint256, reserveAmount: uint256):
    """
    @notice Add to another's deposit and reserve; its unlock goes on.
    """
    self._fund_both(holder, depositAmount, reserveAmount)


@external
def unlock():
    """
    @notice Begin the caller's unlock period.
    """
    self._require_running()
    sender: Sender = self.senders[msg.sender]
    assert sender.deposit > 0 or self.funds[msg.sender] > 0, "sender deposit and reserve are zero"
    assert sender.withdrawRound == 0, "unlock already initiated"
    current: uint256 = staticcall self._rounds().currentRound()
    self.senders[msg.sender].withdrawRound = current + self.unlockPeriod
    log Unlock(sender=msg.sender, startRound=current, endRound=current + self.unlockPeriod)


@external
def cancelUnlock():
    """
    @notice End the caller's unlock, under way or complete.
    """
    self._require_running()
    assert self.senders[msg.sender].withdrawRound > 0, "no unlock request in progress"
    self.senders[msg.sender].withdrawRound = 0
    log UnlockCancelled(sender=msg.sender)


@external
def withdraw():
    """
    @notice Pay out the caller's deposit and reserve. The sender stays unlocked.
    """
    self._require_running()
    sender: Sender = self.senders[msg.sender]
    reserve: uint256 = self.funds[msg.sender]
    assert sender.deposit > 0 or reserve > 0, "sender deposit and reserve are zero"
    assert sender.withdrawRound > 0, "no unlock request in progress"
    assert staticcall self._rounds().currentRound() >= sender.withdrawRound, "account is locked"
    self.senders[msg.sender].deposit = 0
    self.funds[msg.sender] = 0
    extcall self._minter().trustedWithdrawETH(msg.sender, sender.deposit + reserve)
    log Withdrawal(sender=msg.sender, deposit=sender.deposit, reserve=reserve)


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
            ticket.auxData,
        )
    )


@internal
@view
def _check_creation(auxData: Bytes[96]):
    assert len(auxData) == 64, "invalid length for ticket auxData: must be 64 bytes"
    creationRound: uint256 = convert(slice(auxData, 0, 32), uint256)
    creationHash: bytes32 = convert(slice(auxData, 32, 32), bytes32)
    roundHash: bytes32 = staticcall self._rounds().blockHashForRound(creationRound)
    assert roundHash != empty(bytes32), "ticket creationRound does not have a block hash"
    assert roundHash == creationHash, "ticket creationRoundBlockHash invalid for creationRound"
    current: uint256 = staticcall self._rounds().currentRound()
    assert creationRound + self.ticketValidityPeriod > current, "ticket is expired"


@internal
@view
def _check_signature(ticketHash: bytes32, sig: Bytes[96], sender: address):
    assert len(sig) == 65, "INVALID_SIGNATURE_LENGTH"
    r: uint256 = convert(slice(sig, 0, 32), uint256)
    s: uint256 = convert(slice(sig, 32, 32), uint256)
    v: uint256 = convert(slice(sig, 64, 1), uint256)
    assert s <= MAX_S, "ECDSA: invalid signature 's' value"
    if RULES == 2023:
        assert v == 27 or v == 28, "ECDSA: invalid signature 'v' value"
    digest: bytes32 = keccak256(concat(b"\x19Ethereum Signed Message:\n32", ticketHash))
    signer: address = empty(address)
    if v == 27 or v == 28:
        signer = ecrecover(digest, v, r, s)
    assert signer != empty(address), "ECDSA: invalid signature"
    assert signer == sender, "invalid signature over ticket hash"


@internal
@view
def _claimable(holder: address, claimant: address) -> uint256:
    poolSize: uint256 = staticcall self._bonding().getTranscoderPoolSize()
    if poolSize == 0 or not staticcall self._bonding().isActiveTranscoder(claimant):
        return 0
    current: uint256 = staticcall self._rounds().currentRound()
    total: uint256 = self.funds[holder] + self.claimedForRound[holder][current]
    return total // poolSize - self.claimedByAddress[holder][current][claimant]


@internal
def _claim(holder: address, claimant: address, owed: uint256) -> uint256:
    amount: uint256 = min(owed, self._claimable(holder, claimant))
    if amount > 0:
        current: uint256 = staticcall self._rounds().currentRound()
        self.claimedForRound[holder][current] += amount
        self.claimedByAddress[holder][current][claimant] += amount
        self.funds[holder] -= amount
        log ReserveClaimed(reserveHolder=holder, claimant=claimant, amount=amount)
    return amount


@external
def redeemWinningTicket(ticket: Ticket, sig: Bytes[96], recipientRand: uint256):
    """
    @notice Pay a winning ticket to its recipient. Anyone may call.
    """
    self._require_running()
    assert staticcall self._rounds().currentRoundInitialized(), "current round is not initialized"
    assert ticket.recipient != empty(address), "ticket recipient is null address"
    assert ticket.sender != empty(address), "ticket sender is null address"
    self._check_creation(ticket.auxData)
    randHash: bytes32 = keccak256(convert(recipientRand, bytes32))
    assert randHash == ticket.recipientRandHash, "recipientRand does not match recipientRandHash"
    ticketHash: bytes32 = self._hash(ticket)
    assert not self.usedTickets[ticketHash], "ticket is used"
    self._check_signature(ticketHash, sig, ticket.sender)
    draw: uint256 = convert(keccak256(concat(sig, convert(recipientRand, bytes32))), uint256)
    assert draw < ticket.winProb, "ticket did not win"
    current: uint256 = staticcall self._rounds().currentRound()
    sender: Sender = self.senders[ticket.sender]
    assert sender.withdrawRound == 0 or current < sender.withdrawRound, "sender is unlocked"
    reserve: uint256 = self.funds[ticket.sender]
    if RULES == 2023:
        assert sender.deposit > 0 or reserve > 0, "sender deposit and reserve are zero"
    else:
        # compared without a sum, which could overflow
        covered: bool = ticket.faceValue <= sender.deposit or ticket.faceValue - sender.deposit <= reserve
        assert covered, "sender deposit and reserve insufficient to cover ticket face value"
    self.usedTickets[ticketHash] = True
    amount: uint256 = ticket.faceValue
    if amount > sender.deposit:
        amount = sender.deposit + self._claim(ticket.sender, ticket.recipient, amount - sender.deposit)
        self.senders[ticket.sender].deposit = 0
    else:
        self.senders[ticket.sender].deposit = sender.deposit - amount
    if amount > 0:
        creationRound: uint256 = convert(slice(ticket.auxData, 0, 32), uint256)
        extcall self._bonding().updateTranscoderWithFees(ticket.recipient, amount, creationRound)
        log WinningTicketTransfer(sender=ticket.sender, recipient=ticket.recipient, amount=amount)
    log WinningTicketRedeemed(
        sender=ticket.sender,
        recipient=ticket.recipient,
        faceValue=ticket.faceValue,
        winProb=ticket.winProb,
        senderNonce=ticket.senderNonce,
        recipientRand=recipientRand,
        auxData=ticket.auxData,
    )


@external
def batchRedeemWinningTickets(
    tickets: DynArray[Ticket, MAX_BATCH],
    sigs: DynArray[Bytes[96], MAX_BATCH],
    recipientRands: DynArray[uint256, MAX_BATCH],
):
    """
    @notice Redeem several tickets; those that cannot be redeemed leave no trace.
    """
    self._require_running()
    assert staticcall self._rounds().currentRoundInitialized(), "current round is not initialized"
    for i: uint256 in range(len(tickets), bound=MAX_BATCH):
        # whether it worked is left to the events, as there
        success: bool = raw_call(
            self,
            abi_encode(tickets[i], sigs[i], recipientRands[i], method_id=REDEEM),
            revert_on_failure=False,
        )


@external
@pure
def getTicketHash(ticket: Ticket) -> bytes32:
    """
    @notice The Keccak-256 of the ticket's packed bytes, 168 and those of `auxData`.
    """
    return self._hash(ticket)


@external
@view
def isUnlockInProgress(sender: address) -> bool:
    """
    @notice Whether `unlock` was called, complete or not.
    """
    return self.senders[sender].withdrawRound > 0


@internal
@view
def _reserve_info(holder: address) -> ReserveInfo:
    current: uint256 = staticcall self._rounds().currentRound()
    return ReserveInfo(
        fundsRemaining=self.funds[holder], claimedInCurrentRound=self.claimedForRound[holder][current]
    )


@external
@view
def getReserveInfo(reserveHolder: address) -> ReserveInfo:
    """
    @notice What remains of a reserve, and what the current round took, in wei.
    """
    return self._reserve_info(reserveHolder)


@external
@view
def getSenderInfo(sender: address) -> (Sender, ReserveInfo):
    """
    @notice Deposit and reserve of a sender.
    """
    return self.senders[sender], self._reserve_info(sender)


@external
@view
def claimableReserve(reserveHolder: address, claimant: address) -> uint256:
    """
    @notice What a claimant could get from a reserve in the current round, in wei.
    """
    return self._claimable(reserveHolder, claimant)


@external
@view
def claimedReserve(reserveHolder: address, claimant: address) -> uint256:
    """
    @notice What a claimant got from a reserve in the current round, in wei.
    """
    return self.claimedByAddress[reserveHolder][staticcall self._rounds().currentRound()][claimant]
