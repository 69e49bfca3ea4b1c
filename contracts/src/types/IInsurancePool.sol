// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title IInsurancePool: a fifth of every copy fee, paid out in order and within bounds
interface IInsurancePool {
    /// @notice The pool's asset, in which everything is counted.
    function asset() external view returns (address);

    /// @notice Take `amount` from the caller by its allowance; it counts for `book`.
    function contribute(address book, uint256 amount) external;

    /// @notice Put a claim at the end of the queue. For registered claimants.
    /// @return id its place
    function claim(address book, address beneficiary, uint256 amount) external returns (uint256 id);
}
