// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice What a lead orders, signed once (EIP-712) by the lead or by an agent that it appointed, for one book.
/// @dev A fraction instead of an amount: it fits a book of any size and cannot overspend one.
/// @param lead whose order it is
/// @param book the vault or the desk that is to carry it out
/// @param tokenIn what is sold
/// @param tokenOut what is bought
/// @param fraction share of what the book (or each wallet) may spend of tokenIn, times 1e18; an exit of everything is 1e18
/// @param limit least tokenOut base units per tokenIn base unit, times 1e36, that the lead takes; zero is none
/// @param deadline last second in which it may be carried out
/// @param nonce a number that the lead has not used before; for a desk it must also rise from order to order
struct Instruction {
    address lead;
    address book;
    address tokenIn;
    address tokenOut;
    uint256 fraction;
    uint256 limit;
    uint256 deadline;
    uint256 nonce;
}

/// @title IBook: whatever carries out instructions: a pooled vault or a desk of separate wallets
interface IBook {
    /// @notice The lead whose instructions this book takes.
    function lead() external view returns (address);

    /// @notice Carry out an instruction that the executor has checked: the signature, the deadline, the nonce.
    /// Only the executor may call. Opening trades ask the breaker; trades into the book's asset (exits) do not.
    /// @param route for the swap venue
    /// @return amountIn what was sold
    /// @return amountOut what was bought
    function mirror(Instruction calldata instruction, bytes calldata route)
        external
        returns (uint256 amountIn, uint256 amountOut);
}

/// @title IExecutor: checks who ordered what, once
interface IExecutor {
    /// @notice The instruction's deadline has passed.
    error Expired(uint256 deadline);
    /// @notice Neither the lead nor a current agent of it signed this.
    error NotTheLead(address lead);

    /// @notice Whether lead or agent signed; does not use up the nonce (a desk keeps each wallet's last one). Reverts where not.
    /// @return digest EIP-712 digest of the instruction
    function check(Instruction calldata instruction, bytes calldata signature) external view returns (bytes32 digest);
}
