// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title IPriceGuard: prices that were checked, or none
/// @notice A price is of one base unit of a token in base units of the quote asset, times 1e36 (as in Morpho):
/// `assets = amount * price / 1e36`. Every call reverts rather than answer with a price that is stale, deviates from the market's
/// own average or comes while the chain's sequencer was down.
interface IPriceGuard {
    /// @notice There is no feed for the token.
    error NoFeed(address token);
    /// @notice The feed's last answer is older than its heartbeat, or is no price.
    error StalePrice(address token, uint256 updatedAt);
    /// @notice The oracle and the pool's time-weighted average differ by more than the token's line.
    error DeviatingPrice(address token, uint256 oracle, uint256 average);
    /// @notice The sequencer is down, or was until less than the grace period ago.
    error SequencerDown(uint256 since);

    /// @notice What all prices are in.
    function quote() external view returns (address);

    /// @notice The oracle's price, checked. The quote asset's own is 1e36.
    function price(address token) external view returns (uint256);

    /// @notice The lower and the higher of the oracle and the time-weighted average, checked: sell by the one, buy by the other.
    function bounds(address token) external view returns (uint256 low, uint256 high);
}
