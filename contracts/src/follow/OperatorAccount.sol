// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {IAccount, IEntryPoint, PackedUserOperation} from "@openzeppelin/contracts/interfaces/IERC4337.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @title OperatorAccount: the operator as an ERC-4337 account, which can call what the owner listed and nothing else
/// @notice A key signs user operations; the owner (the timelock) names the key and the targets; a guardian can halt at once, only the
/// owner resumes. It holds nobody's money but the coins that pay for its gas.
contract OperatorAccount is IAccount, Ownable2Step {
    uint256 private constant SIGNATURE_FAILED = 1;

    /// @notice The only caller of `execute` (v0.8: the hash that is signed is EIP-712).
    IEntryPoint public immutable ENTRY_POINT;

    /// @notice The key whose signature moves this account.
    address public signer;
    /// @notice Nothing is validated any more, until the owner resumes.
    bool public halted;
    /// @notice What may be called.
    mapping(address => bool) public targets;
    /// @notice Who may halt.
    mapping(address => bool) public guardians;

    event SignerSet(address signer);
    event TargetSet(address indexed target, bool may);
    event GuardianSet(address indexed guardian, bool may);
    event HaltSet(address indexed by, bool halted);

    error NotTheEntryPoint(address caller);
    error NotAGuardian(address caller);
    error NotATarget(address target);
    error AccountHalted();

    modifier onlyEntryPoint() {
        if (msg.sender != address(ENTRY_POINT)) revert NotTheEntryPoint(msg.sender);
        _;
    }

    constructor(IEntryPoint entryPoint, address signer_, address owner_) Ownable(owner_) {
        ENTRY_POINT = entryPoint;
        signer = signer_;
        emit SignerSet(signer_);
    }

    /// @inheritdoc IAccount
    /// @dev Reads its own storage alone (ERC-7562).
    function validateUserOp(PackedUserOperation calldata op, bytes32 opHash, uint256 missingFunds)
        external
        onlyEntryPoint
        returns (uint256 validationData)
    {
        if (halted) revert AccountHalted();
        (address by, ECDSA.RecoverError fault,) = ECDSA.tryRecoverCalldata(opHash, op.signature);
        if (fault != ECDSA.RecoverError.NoError || by != signer) return SIGNATURE_FAILED;
        if (missingFunds != 0) {
            // What was not paid the entry point sees for itself.
            (bool paid,) = msg.sender.call{value: missingFunds}("");
            (paid);
        }
    }

    /// @notice Call a listed target. Its failure is passed on, so the entry point tells of it.
    function execute(address target, bytes calldata data) external onlyEntryPoint {
        if (!targets[target]) revert NotATarget(target);
        Address.functionCall(target, data);
    }

    function setSigner(address signer_) external onlyOwner {
        signer = signer_;
        emit SignerSet(signer_);
    }

    function setTarget(address target, bool may) external onlyOwner {
        targets[target] = may;
        emit TargetSet(target, may);
    }

    function setGuardian(address guardian, bool may) external onlyOwner {
        guardians[guardian] = may;
        emit GuardianSet(guardian, may);
    }

    /// @notice Stop the account at once. For guardians.
    function halt() external {
        if (!guardians[msg.sender]) revert NotAGuardian(msg.sender);
        halted = true;
        emit HaltSet(msg.sender, true);
    }

    function resume() external onlyOwner {
        halted = false;
        emit HaltSet(msg.sender, false);
    }

    /// @notice Take coins for gas back: from the account, then from its deposit at the entry point.
    function withdraw(address payable to, uint256 amount) external onlyOwner {
        uint256 own = address(this).balance < amount ? address(this).balance : amount;
        if (own < amount) ENTRY_POINT.withdrawTo(to, amount - own);
        Address.sendValue(to, own);
    }

    receive() external payable {}
}
