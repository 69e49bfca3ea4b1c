// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IInsurancePool} from "../types/IInsurancePool.sol";
import {IBook, Instruction} from "../types/Instruction.sol";
import {CommitReveal} from "./CommitReveal.sol";

/// @title MirrorExecutor: a lead's signed instruction, carried out once
/// @notice Anyone may bring an instruction; it counts if the lead or a current agent of it signed it for this executor on this chain,
/// its deadline has not passed and its nonce is fresh. What may be traded, and at what price, the book decides.
/// @dev The owner (a timelock) sets the bond of commitments within bounds that are fixed for ever, and nothing else.
contract MirrorExecutor is CommitReveal, Ownable2Step {
    /// @notice Bounds of the bond, base units of its asset.
    uint96 public immutable bondMin;
    uint96 public immutable bondMax;
    /// @notice What a commitment posts, base units of its asset.
    uint96 public bond;

    event Mirrored(
        bytes32 indexed digest, address indexed lead, address indexed book, uint256 amountIn, uint256 amountOut
    );
    event BondSet(uint96 bond);

    error BondOutOfBounds(uint96 bond, uint96 min, uint96 max);
    /// @notice The book takes another lead's instructions.
    error NotTheBooksLead(address book, address lead);

    /// @param pool_ whose asset the bonds are in, and who gets those that are forfeited
    constructor(address owner, IInsurancePool pool_, uint96 bondMin_, uint96 bondMax_)
        CommitReveal(pool_)
        EIP712("Pilotfish", "1")
        Ownable(owner)
    {
        if (bondMin_ == 0 || bondMin_ > bondMax_) revert BondOutOfBounds(bondMin_, 1, bondMax_);
        (bondMin, bondMax) = (bondMin_, bondMax_);
        _setBond(bondMin_);
    }

    /// @notice Carry out a signed instruction. Reverts, with the nonce unused, where it may not or the book refuses.
    /// @param signature 65 bytes by lead or agent, or whatever the lead's contract takes (ERC-1271)
    /// @param route for the book's swap venue
    function mirror(Instruction calldata instruction, bytes calldata signature, bytes calldata route)
        external
        returns (uint256 amountIn, uint256 amountOut)
    {
        bytes32 digest = _requireOrdered(instruction, signature);
        _use(instruction.lead, instruction.nonce);
        return _settle(digest, instruction, route);
    }

    /// @notice For a desk, which carries out in parts: as `mirror` checks it, without using the nonce up. The caller must hold
    /// `instruction.book` against itself and the nonce against its own record.
    function check(Instruction calldata instruction, bytes calldata signature) external view returns (bytes32 digest) {
        digest = _requireOrdered(instruction, signature);
        _requireUnused(instruction.lead, instruction.nonce);
    }

    /// @notice Set the bond of commitments to come.
    function setBond(uint96 bond_) external onlyOwner {
        _setBond(bond_);
    }

    function _requireOrdered(Instruction calldata instruction, bytes calldata signature)
        private
        view
        returns (bytes32 digest)
    {
        if (block.timestamp > instruction.deadline) revert Expired(instruction.deadline);
        _requireDirect(instruction.lead, instruction.book);
        digest = digestOf(instruction);
        _requireSigned(instruction.lead, digest, signature);
    }

    function _settle(bytes32 digest, Instruction calldata instruction, bytes calldata route)
        internal
        override
        returns (uint256 amountIn, uint256 amountOut)
    {
        IBook book = IBook(instruction.book);
        if (book.lead() != instruction.lead) revert NotTheBooksLead(address(book), instruction.lead);
        (amountIn, amountOut) = book.mirror(instruction, route);
        emit Mirrored(digest, instruction.lead, address(book), amountIn, amountOut);
    }

    function _setBond(uint96 bond_) private {
        if (bond_ < bondMin || bond_ > bondMax) revert BondOutOfBounds(bond_, bondMin, bondMax);
        bond = bond_;
        emit BondSet(bond_);
    }

    function _bond() internal view override returns (uint96) {
        return bond;
    }
}
