// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title ICoupons: who pays less
interface ICoupons {
    /// @notice How much less `holder` pays of every fee, in bps of the fee: 1,000 with a valid coupon, else 0. Never reverts.
    function discountBps(address holder) external view returns (uint256);
}
