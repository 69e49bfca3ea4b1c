// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @title Signatures: an EOA's or a contract's, at a bounded price
/// @dev Differs from OpenZeppelin's SignatureChecker in two things: a contract that is asked gets a bounded amount of gas, so that
/// one of a batch cannot use up the gas of all; and a key's own signature counts though its account has code (EIP-7702).
library Signatures {
    /// @dev Enough for a Safe with a dozen owners.
    uint256 internal constant CONTRACT_GAS = 200_000;

    /// @notice Whether `signer` signed `digest`. Never reverts. ECDSA signatures with a high s are refused.
    function signed(address signer, bytes32 digest, bytes calldata signature) internal view returns (bool) {
        (address recovered, ECDSA.RecoverError fault,) = ECDSA.tryRecoverCalldata(digest, signature);
        if (fault == ECDSA.RecoverError.NoError && recovered == signer) return true;
        if (signer.code.length == 0) return false;
        bytes memory question = abi.encodeCall(IERC1271.isValidSignature, (digest, signature));
        bytes32 answer;
        bool answered;
        assembly ("memory-safe") {
            // One word of the answer is read: a long one costs the asker nothing.
            answered := staticcall(CONTRACT_GAS, signer, add(question, 0x20), mload(question), 0, 0x20)
            answered := and(answered, gt(returndatasize(), 0x1f))
            answer := mload(0)
        }
        return answered && answer == bytes32(IERC1271.isValidSignature.selector);
    }
}
