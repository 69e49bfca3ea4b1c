// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IInsurancePool} from "../types/IInsurancePool.sol";
import {IBook, Instruction} from "../types/Instruction.sol";
import {Agents} from "./Agents.sol";
import {Instructions} from "./Instructions.sol";
import {NonceBitmap} from "./NonceBitmap.sol";

/// @title CommitReveal: an order that nobody can read before it is settled
/// @notice A lead or its agent commits to an instruction and its route, with a bond; no sooner than 120 s later, and before the
/// window closes, it reveals them, and the same call settles. Who does not reveal loses the bond to the insurance pool.
/// @dev Without the bond a commitment would be a free option: commit, wait, reveal only if the price came right.
abstract contract CommitReveal is Agents, NonceBitmap, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @param book whose order it is
    /// @param since second in which it was committed; zero: never
    /// @param spent revealed or forfeited: the same commitment never counts again
    /// @param payer whose the bond is
    /// @param bond base units of the bond's asset
    struct Commitment {
        address book;
        uint40 since;
        bool spent;
        address payer;
        uint96 bond;
    }

    /// @notice Least time between commitment and reveal, s.
    uint256 public constant REVEAL_DELAY = 120;
    /// @notice How long after that a reveal still counts, s.
    uint256 public constant REVEAL_WINDOW = 600;

    IERC20 public immutable bondAsset;
    IInsurancePool public immutable pool;

    mapping(address lead => mapping(bytes32 commitment => Commitment)) public commitments;

    /// @notice Until when a book of the lead takes nothing but revealed instructions, in seconds; all ones: until it is switched off.
    mapping(address lead => mapping(address book => uint256 until)) public revealOnlyUntil;

    event RevealOnly(address indexed lead, address indexed book, uint256 until);
    event Committed(
        address indexed lead, address indexed book, bytes32 indexed commitment, address payer, uint256 bond
    );
    event Revealed(address indexed lead, address indexed book, bytes32 indexed commitment, bytes32 digest);
    /// @notice The book refused a revealed instruction, which is used up all the same. `reason` is the book's error.
    event NotSettled(bytes32 indexed digest, address indexed book, bytes reason);
    event Forfeited(address indexed lead, address indexed book, bytes32 indexed commitment, uint256 bond);

    /// @notice The lead has this book take revealed instructions only.
    error MustBeRevealed(address book, uint256 until);
    error CommittedAlready(address lead, bytes32 commitment);
    /// @notice Nothing was committed to this instruction, salt and route for this book, or it is spent.
    error NotCommitted(address lead, bytes32 commitment);
    error RevealTooEarly(uint256 from);
    error RevealTooLate(uint256 until);
    error ForfeitTooEarly(uint256 from);
    /// @notice The settlement failed after it had used nearly all gas there was: send it with more.
    error TooLittleGas();
    /// @notice The bond's asset took a fee: such an asset cannot be a bond.
    error BondShort(uint256 received, uint256 bond);

    constructor(IInsurancePool pool_) {
        pool = pool_;
        bondAsset = IERC20(pool_.asset());
        bondAsset.forceApprove(address(pool_), type(uint256).max);
    }

    /// @notice Have the caller's `book` take revealed instructions only, from now on; or no longer, once whatever is committed now
    /// has been revealed or is lost.
    function setRevealOnly(address book, bool on) external {
        uint256 until = on ? type(uint256).max : block.timestamp + REVEAL_DELAY + REVEAL_WINDOW;
        if (!on && revealOnlyUntil[msg.sender][book] < until) return; // off, or on its way
        revealOnlyUntil[msg.sender][book] = until;
        emit RevealOnly(msg.sender, book, until);
    }

    /// @notice Post a bond for an order to come. For the book's lead and its agents; the bond is the caller's.
    /// @param commitment as `commitmentOf` makes it
    function commit(address book, bytes32 commitment) external nonReentrant {
        address lead = IBook(book).lead();
        if (!speaksFor(msg.sender, lead)) revert NotTheLead(lead);
        Commitment storage it = commitments[lead][commitment];
        if (it.since != 0) revert CommittedAlready(lead, commitment);
        uint96 bond = _bond();
        (it.book, it.since, it.payer, it.bond) = (book, uint40(block.timestamp), msg.sender, bond);
        emit Committed(lead, book, commitment, msg.sender, bond);
        uint256 before = bondAsset.balanceOf(address(this));
        bondAsset.safeTransferFrom(msg.sender, address(this), bond);
        uint256 received = bondAsset.balanceOf(address(this)) - before;
        if (received != bond) revert BondShort(received, bond);
    }

    /// @notice Show what was committed and settle it, in one call, so that nobody stands between the two. The bond goes back even
    /// if the book refuses (`NotSettled` says why): to reveal was the duty. For the lead and its current agents.
    /// @return settled whether the book carried it out
    function reveal(Instruction calldata instruction, bytes32 salt, bytes calldata route)
        external
        nonReentrant
        returns (bool settled)
    {
        (address lead, address book) = (instruction.lead, instruction.book);
        if (!speaksFor(msg.sender, lead)) revert NotTheLead(lead);
        if (block.timestamp > instruction.deadline) revert Expired(instruction.deadline);
        bytes32 digest = digestOf(instruction);
        bytes32 commitment = Instructions.commitment(digest, salt, route);
        Commitment storage it = _unspent(lead, commitment);
        if (it.book != book) revert NotCommitted(lead, commitment);
        uint256 from = it.since + REVEAL_DELAY;
        if (block.timestamp < from) revert RevealTooEarly(from);
        if (block.timestamp > from + REVEAL_WINDOW) revert RevealTooLate(from + REVEAL_WINDOW);

        it.spent = true;
        _use(lead, instruction.nonce);
        emit Revealed(lead, book, commitment, digest);
        bondAsset.safeTransfer(it.payer, it.bond);
        settled = _trySettle(digest, instruction, route);
    }

    /// @notice Give the bond of a commitment that was not revealed in time to the insurance pool. For anyone. It counts for the book,
    /// or for this executor where the pool does not know the book: a bond is never stuck.
    function forfeit(address lead, bytes32 commitment) external nonReentrant {
        Commitment storage it = _unspent(lead, commitment);
        uint256 from = it.since + REVEAL_DELAY + REVEAL_WINDOW + 1;
        if (block.timestamp < from) revert ForfeitTooEarly(from);
        it.spent = true;
        emit Forfeited(lead, it.book, commitment, it.bond);
        try pool.contribute(it.book, it.bond) {}
        catch {
            pool.contribute(address(this), it.bond);
        }
    }

    /// @notice What to commit for this instruction, salt and route.
    function commitmentOf(Instruction calldata instruction, bytes32 salt, bytes calldata route)
        external
        view
        returns (bytes32)
    {
        return Instructions.commitment(digestOf(instruction), salt, route);
    }

    /// @notice The EIP-712 digest that lead or agent signs.
    function digestOf(Instruction calldata instruction) public view returns (bytes32) {
        return _hashTypedDataV4(Instructions.hash(instruction));
    }

    function _requireDirect(address lead, address book) internal view {
        uint256 until = revealOnlyUntil[lead][book];
        if (block.timestamp <= until) revert MustBeRevealed(book, until);
    }

    /// @dev A refusal counts only if it was not want of gas: whoever sends the call could otherwise use an order up by sending
    /// little, and a wallet's estimate, which looks for the least gas that does not revert, would do so by itself.
    function _trySettle(bytes32 digest, Instruction calldata instruction, bytes calldata route) private returns (bool) {
        uint256 before = gasleft();
        try this.settleRevealed(digest, instruction, route) {
            return true;
        } catch (bytes memory reason) {
            if (gasleft() < before / 8) revert TooLittleGas();
            emit NotSettled(digest, instruction.book, reason);
            return false;
        }
    }

    /// @dev Only `reveal` calls it, so that whatever the book does wrong can be caught.
    function settleRevealed(bytes32 digest, Instruction calldata instruction, bytes calldata route) external {
        if (msg.sender != address(this)) revert NotTheLead(instruction.lead);
        _settle(digest, instruction, route);
    }

    function _unspent(address lead, bytes32 commitment) private view returns (Commitment storage it) {
        it = commitments[lead][commitment];
        if (it.since == 0 || it.spent) revert NotCommitted(lead, commitment);
    }

    /// @dev Base units that a commitment posts now.
    function _bond() internal view virtual returns (uint96);

    /// @dev Have the book carry out what has been checked.
    function _settle(bytes32 digest, Instruction calldata instruction, bytes calldata route)
        internal
        virtual
        returns (uint256 amountIn, uint256 amountOut);
}
