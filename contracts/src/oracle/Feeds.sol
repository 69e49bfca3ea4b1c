// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Feeds: reading a Chainlink-like feed, or a Uniswap v3 pool's counters, that may fail in any way
/// @dev Not plain calls: those would copy all that comes back, and revert where it is not what was expected.
library Feeds {
    /// @dev A real feed takes about 15,000, a pool with the longest memory 60,000. One that burns all it is given must not take the
    /// caller's whole transaction with it.
    uint256 internal constant GAS = 200_000;

    /// @notice The last round of `feed`. Never reverts, whatever the feed does.
    /// @return complete whether it answered, with the answer of this very round
    function latest(address feed)
        internal
        view
        returns (bool complete, int256 answer, uint256 startedAt, uint256 updatedAt)
    {
        uint256 round;
        uint256 answeredIn;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, shl(224, 0xfeaf968c)) // latestRoundData()
            complete := staticcall(GAS, feed, free, 4, free, 160)
            complete := and(complete, gt(returndatasize(), 159))
            if complete {
                round := mload(free)
                answer := mload(add(free, 32))
                startedAt := mload(add(free, 64))
                updatedAt := mload(add(free, 96))
                answeredIn := mload(add(free, 128))
            }
        }
        complete = complete && answeredIn >= round && updatedAt != 0;
    }

    /// @notice A pool's counter, the sum of its tick in every second of its life, now and `ago` seconds before. Never reverts, whatever
    /// the pool does. The counter wraps at 56 bits; a difference is right if taken as int56.
    /// @param ago zero: only the present one is asked for, which costs the least
    /// @return known whether the pool reaches back that far
    function counters(address pool, uint256 ago) internal view returns (bool known, int256 present, int256 earlier) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            let count := add(1, iszero(iszero(ago)))
            mstore(free, shl(224, 0x883bdbfd)) // observe(uint32[])
            mstore(add(free, 4), 32)
            mstore(add(free, 36), count)
            mstore(add(free, 68), 0)
            mstore(add(free, 100), ago)
            known := staticcall(GAS, pool, free, add(68, mul(32, count)), free, 160)
            // Two arrays; the first, of the counters, begins at byte 64.
            known := and(known, gt(returndatasize(), add(127, mul(64, count))))
            known := and(known, and(eq(mload(free), 64), eq(mload(add(free, 64)), count)))
            present := mload(add(free, 96))
            earlier := mload(add(free, 128))
        }
    }
}
