# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize gas
"""
@title Recipients
@license MIT
@notice The registered recipients of each round, who stakes towards them, and the fees that belong to both.
@dev Every change of stake, commission or registration takes effect with the next round, so the set and the shares of
     a round that has begun are fixed. Fees are credited to the round in which a ticket was made and are shared among
     those who were staked in that round: the recipient takes its commission, the rest goes by stake. A share is rounded
     down; what rounding leaves (less than one wei per staker and round) stays here. Nobody owns this contract.
"""

interface Rounds:
    def currentRound() -> uint256: view

event RecipientRegistered:
    recipient: indexed(address)
    fromRound: uint256
    commission: uint256

event RecipientResigned:
    recipient: indexed(address)
    fromRound: uint256

event CommissionChanged:
    recipient: indexed(address)
    fromRound: uint256
    commission: uint256

event Bonded:
    recipient: indexed(address)
    delegator: indexed(address)
    amount: uint256

event Unbonded:
    recipient: indexed(address)
    delegator: indexed(address)
    amount: uint256
    releaseRound: uint256

event StakeWithdrawn:
    delegator: indexed(address)
    amount: uint256

event FeesCredited:
    recipient: indexed(address)
    round: indexed(uint256)
    amount: uint256

event FeesClaimed:
    recipient: indexed(address)
    delegator: indexed(address)
    amount: uint256

# How a recipient stands from a round on, until the next entry of its history.
struct Standing:
    fromRound: uint256
    stake: uint256
    commission: uint256
    registered: bool

# What a delegator has staked from a round on, until the next entry of its history.
struct Stake:
    fromRound: uint256
    amount: uint256

MILLION: constant(uint256) = 1_000_000
MAX_ROUNDS_PER_CLAIM: constant(uint256) = 64

rounds: public(immutable(address))
# What a recipient must have staked of its own, in wei.
minimumStake: public(immutable(uint256))
# How many recipients a round can have.
maximumRecipients: public(immutable(uint256))

standings: HashMap[address, HashMap[uint256, Standing]]
standingCount: HashMap[address, uint256]
stakes: HashMap[address, HashMap[address, HashMap[uint256, Stake]]]
stakeCount: HashMap[address, HashMap[address, uint256]]
# delegator -> round -> wei that may be taken out from that round on
releases: public(HashMap[address, HashMap[uint256, uint256]])
# recipient -> round -> wei
feePool: public(HashMap[address, HashMap[uint256, uint256]])
# recipient -> round -> delegator -> wei taken already
feesTaken: HashMap[address, HashMap[uint256, HashMap[address, uint256]]]

# The number of recipients in every round up to `countedRound`'s end, and in the rounds after it.
countedRound: uint256
countNow: uint256
countNext: uint256


@deploy
def __init__(roundsAddress: address, minimumStakeWei: uint256, maximumCount: uint256):
    """
    @notice Set what can never change.
    @param roundsAddress The clock.
    @param minimumStakeWei A recipient's own stake, at least this.
    @param maximumCount Recipients in a round, at most this.
    """
    assert roundsAddress != empty(address), "rounds is null address"
    assert maximumCount > 0, "no recipients allowed"
    rounds = roundsAddress
    minimumStake = minimumStakeWei
    maximumRecipients = maximumCount


@internal
@view
def _current() -> uint256:
    return staticcall Rounds(rounds).currentRound()


@internal
@view
def _standing(recipient: address, round: uint256) -> Standing:
    # binary search for the last entry that had begun by `round`; nothing before the first entry
    low: uint256 = 0
    high: uint256 = self.standingCount[recipient]
    for _: uint256 in range(256):
        if low == high:
            break
        middle: uint256 = (low + high) // 2
        if self.standings[recipient][middle].fromRound <= round:
            low = middle + 1
        else:
            high = middle
    if low == 0:
        return empty(Standing)
    return self.standings[recipient][low - 1]


@internal
@view
def _stake(delegator: address, recipient: address, round: uint256) -> uint256:
    low: uint256 = 0
    high: uint256 = self.stakeCount[delegator][recipient]
    for _: uint256 in range(256):
        if low == high:
            break
        middle: uint256 = (low + high) // 2
        if self.stakes[delegator][recipient][middle].fromRound <= round:
            low = middle + 1
        else:
            high = middle
    if low == 0:
        return 0
    return self.stakes[delegator][recipient][low - 1].amount


@internal
def _write_standing(recipient: address, standing: Standing):
    count: uint256 = self.standingCount[recipient]
    if count > 0 and self.standings[recipient][count - 1].fromRound == standing.fromRound:
        self.standings[recipient][count - 1] = standing
    else:
        self.standings[recipient][count] = standing
        self.standingCount[recipient] = count + 1


@internal
def _write_stake(delegator: address, recipient: address, stake: Stake):
    count: uint256 = self.stakeCount[delegator][recipient]
    if count > 0 and self.stakes[delegator][recipient][count - 1].fromRound == stake.fromRound:
        self.stakes[delegator][recipient][count - 1] = stake
    else:
        self.stakes[delegator][recipient][count] = stake
        self.stakeCount[delegator][recipient] = count + 1


@internal
def _turn_count(current: uint256):
    if self.countedRound < current:
        self.countedRound = current
        self.countNow = self.countNext


@internal
def _bond(delegator: address, recipient: address, amount: uint256, standing: Standing):
    nextRound: uint256 = standing.fromRound
    staked: uint256 = self._stake(delegator, recipient, nextRound)
    self._write_stake(delegator, recipient, Stake(fromRound=nextRound, amount=staked + amount))
    self._write_standing(recipient, standing)
    if amount > 0:
        log Bonded(recipient=recipient, delegator=delegator, amount=amount)


@external
@payable
def register(commission: uint256):
    """
    @notice Be a recipient from the next round on; value sent is added to the caller's own stake.
    @param commission Parts per million of the fees that the caller keeps before the rest is shared by stake.
    """
    assert commission <= MILLION, "commission above one million"
    current: uint256 = self._current()
    standing: Standing = self._standing(msg.sender, current + 1)
    assert not standing.registered, "already registered"
    own: uint256 = self._stake(msg.sender, msg.sender, current + 1) + msg.value
    assert own >= minimumStake, "stake below minimum"
    self._turn_count(current)
    assert self.countNext < maximumRecipients, "no place free"
    self.countNext += 1
    self._bond(
        msg.sender,
        msg.sender,
        msg.value,
        Standing(fromRound=current + 1, stake=standing.stake + msg.value, commission=commission, registered=True),
    )
    log RecipientRegistered(recipient=msg.sender, fromRound=current + 1, commission=commission)


@external
def resign():
    """
    @notice Be no recipient any more from the next round on. Stake stays until it is unbonded.
    """
    current: uint256 = self._current()
    standing: Standing = self._standing(msg.sender, current + 1)
    assert standing.registered, "not registered"
    self._turn_count(current)
    self.countNext -= 1
    standing.fromRound = current + 1
    standing.registered = False
    self._write_standing(msg.sender, standing)
    log RecipientResigned(recipient=msg.sender, fromRound=current + 1)


@external
def setCommission(commission: uint256):
    """
    @notice Change the caller's commission from the next round on.
    @param commission Parts per million.
    """
    assert commission <= MILLION, "commission above one million"
    nextRound: uint256 = self._current() + 1
    standing: Standing = self._standing(msg.sender, nextRound)
    assert standing.registered, "not registered"
    standing.fromRound = nextRound
    standing.commission = commission
    self._write_standing(msg.sender, standing)
    log CommissionChanged(recipient=msg.sender, fromRound=nextRound, commission=commission)


@external
@payable
def bond(recipient: address):
    """
    @notice Stake the value sent towards a registered recipient, from the next round on.
    """
    assert msg.value > 0, "nothing to bond"
    nextRound: uint256 = self._current() + 1
    standing: Standing = self._standing(recipient, nextRound)
    assert standing.registered, "not registered"
    standing.fromRound = nextRound
    standing.stake += msg.value
    self._bond(msg.sender, recipient, msg.value, standing)


@external
def unbond(recipient: address, amount: uint256):
    """
    @notice Take stake back: it counts until the end of this round and can be withdrawn from the next.
    @dev A registered recipient keeps its minimum; it resigns first if it wants that too.
    """
    nextRound: uint256 = self._current() + 1
    staked: uint256 = self._stake(msg.sender, recipient, nextRound)
    assert amount > 0 and amount <= staked, "more than is staked"
    standing: Standing = self._standing(recipient, nextRound)
    if msg.sender == recipient and standing.registered:
        assert staked - amount >= minimumStake, "stake below minimum"
    standing.fromRound = nextRound
    standing.stake -= amount
    self._write_stake(msg.sender, recipient, Stake(fromRound=nextRound, amount=staked - amount))
    self._write_standing(recipient, standing)
    self.releases[msg.sender][nextRound] += amount
    log Unbonded(recipient=recipient, delegator=msg.sender, amount=amount, releaseRound=nextRound)


@external
@nonreentrant
def withdrawStake(releaseRound: uint256):
    """
    @notice Pay out what the caller unbonded for a round that has begun.
    """
    assert releaseRound <= self._current(), "not released yet"
    amount: uint256 = self.releases[msg.sender][releaseRound]
    assert amount > 0, "nothing to withdraw"
    self.releases[msg.sender][releaseRound] = 0
    log StakeWithdrawn(delegator=msg.sender, amount=amount)
    raw_call(msg.sender, b"", value=amount)


@external
@payable
def creditFees(recipient: address, round: uint256):
    """
    @notice Add the value sent to the fees of a recipient for a round. The broker calls this; a gift from others is one.
    """
    self.feePool[recipient][round] += msg.value
    log FeesCredited(recipient=recipient, round=round, amount=msg.value)


@internal
@view
def _claimable(delegator: address, recipient: address, round: uint256) -> uint256:
    fees: uint256 = self.feePool[recipient][round]
    if fees == 0:
        return 0
    standing: Standing = self._standing(recipient, round)
    earned: uint256 = 0
    if standing.stake == 0:
        # nobody was staked, so the fees are the recipient's own
        if delegator == recipient:
            earned = fees
    else:
        shared: uint256 = fees * (MILLION - standing.commission) // MILLION
        earned = shared * self._stake(delegator, recipient, round) // standing.stake
        if delegator == recipient:
            earned += fees - shared
    return earned - self.feesTaken[recipient][round][delegator]


@external
@nonreentrant
def claimFees(recipient: address, claimRounds: DynArray[uint256, MAX_ROUNDS_PER_CLAIM]):
    """
    @notice Pay out the caller's share of a recipient's fees. Fees that arrive later can be claimed later.
    @param claimRounds Rounds that have begun, each at most once of use.
    """
    current: uint256 = self._current()
    total: uint256 = 0
    for round: uint256 in claimRounds:
        assert round <= current, "round lies ahead"
        amount: uint256 = self._claimable(msg.sender, recipient, round)
        self.feesTaken[recipient][round][msg.sender] += amount
        total += amount
    assert total > 0, "nothing to claim"
    log FeesClaimed(recipient=recipient, delegator=msg.sender, amount=total)
    raw_call(msg.sender, b"", value=total)


@external
@view
def claimableFees(delegator: address, recipient: address, round: uint256) -> uint256:
    """
    @notice What `claimFees` would pay the delegator for one round, in wei.
    """
    return self._claimable(delegator, recipient, round)


@external
@view
def isRegistered(recipient: address, round: uint256) -> bool:
    """
    @notice Whether the recipient belongs to the set of a round; of a round ahead, as things stand now.
    """
    return self._standing(recipient, round).registered


@external
@view
def standingInRound(recipient: address, round: uint256) -> Standing:
    """
    @notice Stake, commission and registration of a recipient in a round.
    """
    return self._standing(recipient, round)


@external
@view
def stakeInRound(delegator: address, recipient: address, round: uint256) -> uint256:
    """
    @notice What a delegator has staked towards a recipient in a round, in wei.
    """
    return self._stake(delegator, recipient, round)


@external
@view
def recipientCount() -> uint256:
    """
    @notice How many recipients the current round has.
    """
    if self.countedRound < self._current():
        return self.countNext
    return self.countNow
