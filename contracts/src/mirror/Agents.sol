// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {IExecutor} from "../types/Instruction.sol";

/// @title Agents: keys that instruct in a lead's name, until the lead says otherwise
/// @notice An agent signs and commits instructions and can do nothing else: it appoints nobody and holds nothing of the lead's.
/// @dev An agent is a key (ECDSA); a lead is a key or a contract (ERC-1271).
abstract contract Agents is IExecutor, EIP712 {
    /// @param until last second of the appointment; zero: none
    /// @param changes how often it was changed, by the lead or by its signature: what the next signature must name
    struct Appointment {
        uint64 until;
        uint64 changes;
    }

    bytes32 private constant APPOINTMENT =
        keccak256("Appointment(address lead,address agent,uint64 until,uint64 changes,uint256 deadline)");

    mapping(address lead => mapping(address agent => Appointment)) public appointment;

    /// @notice `agent` may instruct for `lead` through `until`; zero: no more.
    event Appointed(address indexed lead, address indexed agent, uint64 until);

    /// @notice Let `agent` instruct for the caller through the second `until`. Outstanding signatures on this appointment die.
    function approveAgent(address agent, uint64 until) external {
        _appoint(msg.sender, agent, until);
    }

    /// @notice End an appointment at once, and with it every outstanding signature on it.
    function revokeAgent(address agent) external {
        _appoint(msg.sender, agent, 0);
    }

    /// @notice The same by the lead's signature, sent by anyone. With `until` zero it ends the appointment.
    /// @param deadline last second in which the signature counts
    function approveAgentBySignature(
        address lead,
        address agent,
        uint64 until,
        uint256 deadline,
        bytes calldata signature
    ) external {
        if (block.timestamp > deadline) revert Expired(deadline);
        bytes32 form =
            keccak256(abi.encode(APPOINTMENT, lead, agent, until, appointment[lead][agent].changes, deadline));
        if (!SignatureChecker.isValidSignatureNowCalldata(lead, _hashTypedDataV4(form), signature)) {
            revert NotTheLead(lead);
        }
        _appoint(lead, agent, until);
    }

    /// @notice Whether `who` may instruct for `lead` now.
    function speaksFor(address who, address lead) public view returns (bool) {
        return who == lead || block.timestamp <= appointment[lead][who].until;
    }

    /// @dev The lead's key and its agents' first: they need no call. High s and recovery to nobody are refused by `tryRecover`.
    function _requireSigned(address lead, bytes32 digest, bytes calldata signature) internal view {
        (address signer, ECDSA.RecoverError failed,) = ECDSA.tryRecoverCalldata(digest, signature);
        if (failed == ECDSA.RecoverError.NoError && speaksFor(signer, lead)) return;
        if (!SignatureChecker.isValidERC1271SignatureNowCalldata(lead, digest, signature)) revert NotTheLead(lead);
    }

    function _appoint(address lead, address agent, uint64 until) private {
        Appointment storage it = appointment[lead][agent];
        (it.until, it.changes) = (until, it.changes + 1);
        emit Appointed(lead, agent, until);
    }
}
