// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";

/// @title Timelock: the one owner of every contract
/// @notice The Safe proposes and may cancel; after the delay anyone executes. Nobody administers it but itself, so that even the delay
/// and the Safe are changed only after the delay.
contract Timelock is TimelockController {
    error NoProposer();

    /// @param minDelay s between proposal and execution
    /// @param safe the Safe that proposes
    constructor(uint256 minDelay, address safe)
        TimelockController(minDelay, _only(safe), _only(address(0)), address(0))
    {
        if (safe == address(0)) revert NoProposer();
    }

    function _only(address who) private pure returns (address[] memory list) {
        list = new address[](1);
        list[0] = who;
    }
}
