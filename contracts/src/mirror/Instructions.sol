// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Instruction} from "../types/Instruction.sol";

/// @title Instructions: the two hashes that are made of an instruction
library Instructions {
    bytes32 internal constant TYPEHASH = keccak256(
        "Instruction(address lead,address book,address tokenIn,address tokenOut,uint256 fraction,uint256 limit,uint256 deadline,uint256 nonce)"
    );
    bytes32 private constant COMMITMENT = keccak256("Commitment(bytes32 digest,bytes32 salt,bytes32 routeHash)");

    /// @notice The struct hash of EIP-712.
    function hash(Instruction calldata instruction) internal pure returns (bytes32) {
        return keccak256(abi.encode(TYPEHASH, instruction));
    }

    /// @notice What is committed to an instruction that nobody may see yet.
    /// @param digest EIP-712 digest: it binds lead, book, chain and executor along with the order itself
    /// @param salt 32 random bytes: without them, an order could be found by trying the likely ones
    /// @param route bound too: a lead that could choose it later could make its own settlement fail, and so not settle for free
    function commitment(bytes32 digest, bytes32 salt, bytes calldata route) internal pure returns (bytes32) {
        return keccak256(abi.encode(COMMITMENT, digest, salt, keccak256(route)));
    }
}
