// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title IBreaker: whether anything may be opened
/// @notice A halt stops what opens or adds. Exits, claims, closings and revocations never ask.
interface IBreaker {
    /// @notice The platform, or this book of it, is halted.
    error Halted(address book);

    /// @notice Reverts with `Halted` while `book` or the whole platform may not open anything.
    function requireOpen(address book) external view;

    /// @notice A liquidator closed an account of `book`; too many in the window halt the platform in the same call.
    function liquidated(address book) external;
}
