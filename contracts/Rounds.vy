# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize gas
"""
@title Rounds
@license MIT
@notice Counts rounds of a fixed number of blocks and keeps one block hash per round.
@dev Rounds begin at 1, so that 0 can mean "never". Nobody owns this contract and nothing in it can be changed. A hash
     is stored when somebody initialises the round, hence nobody can name the hash of a round that lies ahead. On a
     chain whose BLOCKHASH is not a commitment of its consensus (Arbitrum), the hash is only as good as the sequencer.
"""

event NewRound:
    round: indexed(uint256)
    blockHash: bytes32

# The length of a round, in blocks.
roundLength: public(immutable(uint256))
# The block in which round 1 began.
startBlock: public(immutable(uint256))
# The newest round whose hash is stored; 0 before the first.
lastInitializedRound: public(uint256)
# The hash of the block before the one that initialised a round; zero for a round that nobody initialised.
blockHashForRound: public(HashMap[uint256, bytes32])


@deploy
def __init__(lengthBlocks: uint256):
    """
    @notice Begin round 1 in this block.
    @param lengthBlocks Blocks in a round, at least 1.
    """
    assert lengthBlocks > 0, "round length is zero"
    roundLength = lengthBlocks
    startBlock = block.number


@internal
@view
def _current() -> uint256:
    return 1 + (block.number - startBlock) // roundLength


@external
def initializeRound():
    """
    @notice Store the newest block hash for the current round. Anyone may call, once per round.
    """
    current: uint256 = self._current()
    assert self.lastInitializedRound < current, "round already initialized"
    roundHash: bytes32 = blockhash(block.number - 1)
    self.lastInitializedRound = current
    self.blockHashForRound[current] = roundHash
    log NewRound(round=current, blockHash=roundHash)


@external
@view
def currentRound() -> uint256:
    """
    @notice The round of this block, initialised or not.
    """
    return self._current()


@external
@view
def currentRoundInitialized() -> bool:
    """
    @notice Whether the hash of the current round is stored.
    """
    return self.lastInitializedRound == self._current()


@external
@view
def currentRoundStartBlock() -> uint256:
    """
    @notice The first block of the current round.
    """
    return startBlock + (self._current() - 1) * roundLength


@external
@view
def roundAndHash(creationRound: uint256) -> (uint256, bytes32):
    """
    @notice The current round and the hash of another, in one call.
    @param creationRound Any number; the hash of a round that was never initialised is zero.
    """
    return self._current(), self.blockHashForRound[creationRound]
