// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title Tokens: a transfer that may fail without taking anything else with it
library Tokens {
    /// @dev Several times what any real token needs.
    uint256 internal constant TRANSFER_GAS = 150_000;

    /// @notice Send `amount`, with a bounded amount of gas; false where the token reverts or says no.
    function tryTransfer(address token, address to, uint256 amount) internal returns (bool done) {
        bytes4 selector = IERC20.transfer.selector;
        assembly ("memory-safe") {
            let words := mload(0x40)
            mstore(words, selector)
            mstore(add(words, 0x04), to)
            mstore(add(words, 0x24), amount)
            done := call(TRANSFER_GAS, token, 0, words, 0x44, 0, 0x20)
            // Says true, or says nothing and is a contract.
            done := and(
                done,
                or(and(eq(mload(0), 1), gt(returndatasize(), 0x1f)), and(iszero(returndatasize()), gt(extcodesize(token), 0)))
            )
        }
    }
}
