// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title LocalFeed: a stand-in for a Chainlink aggregator on a local chain; anybody sets its answer
/// @dev Also stands in for a sequencer uptime feed: answer 0 is up, 1 is down, `startedAt` is since when.
contract LocalFeed {
    uint8 public immutable decimals;
    int256 private answer;
    uint256 private startedAt;
    uint256 private updatedAt;
    uint80 private round;

    constructor(uint8 decimals_, int256 answer_) {
        decimals = decimals_;
        set(answer_, block.timestamp);
    }

    function set(int256 answer_, uint256 stamp) public {
        (answer, startedAt, updatedAt, round) = (answer_, stamp, stamp, round + 1);
    }

    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        return (round, answer, startedAt, updatedAt, round);
    }
}
