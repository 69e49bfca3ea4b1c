// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Feeds: reading a Chainlink-like feed that may fail in any way
library Feeds {
    /// @dev A real feed takes about 15,000. One that burns all it is given must not take the caller's whole transaction with it.
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
        // Not a plain call: it would copy all that the feed returns, and revert where it is not what was expected.
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
}
