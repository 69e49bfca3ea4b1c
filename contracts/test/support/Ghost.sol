// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {vm} from "./Vm.sol";

/// @title Ghost: what a handler saw that must not be; it stays when later calls revert
abstract contract Ghost {
    string public broken;

    /// @dev The system refused, as it had to.
    error Refused();

    function hold(bool condition, string memory what) internal {
        if (!condition && bytes(broken).length == 0) broken = what;
    }

    /// @dev A refusal that was due reverts, so that forge counts it apart from what succeeded.
    function refused(bool due, string memory what) internal {
        hold(due, what);
        if (due) revert Refused();
    }

    function pick(uint256 seed, uint256 min, uint256 max) internal pure returns (uint256) {
        return min + seed % (max - min + 1);
    }
}

/// @title Watched: a suite whose handlers are called at random, and after every call the invariants are
abstract contract Watched {
    address[] private handlers;

    function watch(Ghost handler) internal {
        handlers.push(address(handler));
    }

    function targetContracts() external view returns (address[] memory) {
        return handlers;
    }

    function invariant_everything_holds_and_nothing_happened_that_may_not() external view {
        _always();
        for (uint256 i; i < handlers.length; ++i) {
            string memory broken = Ghost(handlers[i]).broken();
            vm.assertTrue(bytes(broken).length == 0, broken);
        }
    }

    /// @dev What must be so after every call.
    function _always() internal view virtual;
}
