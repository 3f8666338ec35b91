# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize gas
"""
@title LivepeerProtocol
@license MIT
@notice For tests only: the neighbours that the deployed Livepeer broker asks, in one contract that obeys whoever calls.
@dev Stands in for Controller, RoundsManager, BondingManager and Minter: the part of each that the broker and a client
     touch, under their selectors. Rounds, hashes and the active set are set by the test.
"""

event NewRound:
    round: indexed(uint256)
    blockHash: bytes32

event TranscoderFeesUpdated:
    transcoder: indexed(address)
    fees: uint256
    round: uint256

# Controller
owner: public(address)
paused: public(bool)
contracts: HashMap[bytes32, address]

# RoundsManager
currentRound: public(uint256)
lastInitializedRound: public(uint256)
blockHashForRound: public(HashMap[uint256, bytes32])
roundLength: public(uint256)
currentRoundStartBlock: public(uint256)

# BondingManager
isActiveTranscoder: public(HashMap[address, bool])
getTranscoderPoolSize: public(uint256)
isRegisteredTranscoder: public(HashMap[address, bool])
feesOf: public(HashMap[address, uint256])
# The rules of 2026 pay active recipients only, those of 2023 registered ones.
feesNeedActive: public(immutable(bool))


@deploy
def __init__(needActive: bool):
    """
    @notice Begin in round 0, with an empty active set.
    @param needActive Whether fees for a recipient that is not active revert.
    """
    self.owner = msg.sender
    self.roundLength = 5760
    feesNeedActive = needActive


@external
def setContract(id: bytes32, target: address):
    """
    @notice Name a contract other than this one; every other id resolves to this contract.
    """
    self.contracts[id] = target


@external
@view
def getContract(id: bytes32) -> address:
    """
    @notice Resolve the Keccak-256 of a contract's name.
    """
    target: address = self.contracts[id]
    if target == empty(address):
        return self
    return target


@external
def setPaused(isPaused: bool):
    """
    @notice Stop the system, or let it run.
    """
    self.paused = isPaused


@external
def setRound(round: uint256, roundHash: bytes32, initialized: bool):
    """
    @notice Make a round the current one.
    """
    self.currentRound = round
    self.currentRoundStartBlock = block.number
    self.blockHashForRound[round] = roundHash
    if initialized:
        self.lastInitializedRound = round
        log NewRound(round=round, blockHash=roundHash)


@external
@view
def currentRoundInitialized() -> bool:
    """
    @notice Whether the current round was initialised.
    """
    return self.lastInitializedRound == self.currentRound


@external
def setTranscoder(transcoder: address, registered: bool, active: bool):
    """
    @notice Say what an address is.
    """
    self.isRegisteredTranscoder[transcoder] = registered
    self.isActiveTranscoder[transcoder] = active


@external
def setPoolSize(size: uint256):
    """
    @notice Say how large the pool of the next round is.
    """
    self.getTranscoderPoolSize = size


@external
def updateTranscoderWithFees(transcoder: address, fees: uint256, round: uint256):
    """
    @notice Book fees for a recipient.
    """
    if feesNeedActive:
        assert self.isActiveTranscoder[transcoder], "transcoder must be active"
    else:
        assert self.isRegisteredTranscoder[transcoder], "transcoder must be registered"
    self.feesOf[transcoder] += fees
    log TranscoderFeesUpdated(transcoder=transcoder, fees=fees, round=round)


@external
@payable
def depositETH() -> bool:
    """
    @notice Keep the value sent.
    """
    return True


@external
def trustedWithdrawETH(to: address, amount: uint256):
    """
    @notice Pay out.
    """
    raw_call(to, b"", value=amount)
