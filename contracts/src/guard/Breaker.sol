// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IBreaker} from "../types/IBreaker.sol";

/// @title Breaker: stops what opens, at once; what is stopped only the owner lets go on
/// @notice A guardian halts the platform or one book of it. More liquidations than the limit within the window halt the platform in the
/// same call as the one too many. Only the owner, a timelock, resumes. Exits, claims, closings and revocations never ask here.
contract Breaker is IBreaker, Ownable2Step {
    using SafeCast for uint256;

    /// @dev One slot: what is asked on every mirrored trade.
    /// @param halted the platform
    /// @param booksHalted how many books are, so that a book's own slot is read only where any is
    /// @param limit liquidations within `window` that the platform bears; one more halts it
    /// @param window seconds
    /// @param recorded liquidations so far
    struct State {
        bool halted;
        uint32 booksHalted;
        uint8 limit;
        uint32 window;
        uint64 recorded;
    }

    /// @notice The highest limit: as many times are kept.
    uint256 public constant LIMIT_MAX = 32;
    uint256 public constant WINDOW_MIN = 1 minutes;
    uint256 public constant WINDOW_MAX = 1 days;

    /// @notice Everything that is asked often.
    State public state;
    /// @notice Books halted on their own.
    mapping(address book => bool) public bookHalted;
    /// @notice Who may halt.
    mapping(address guardian => bool) public guardian;
    /// @notice Who may tell of liquidations.
    mapping(address reporter => bool) public reporter;
    /// @dev When the last liquidations were, in seconds; the k-th is at k % LIMIT_MAX. Eight a slot.
    uint32[LIMIT_MAX] private times;

    /// @notice `book` may open nothing more; zero is the whole platform.
    event HaltedBy(address indexed book, address indexed by, bytes32 reason);
    event Resumed(address indexed book);
    event LiquidationRecorded(address indexed book, uint256 number);
    event GuardianSet(address indexed guardian, bool listed);
    event ReporterSet(address indexed reporter, bool listed);
    event LimitSet(uint256 limit, uint256 window);

    error NotAGuardian(address caller);
    error NotAReporter(address caller);
    /// @notice A setting is outside what is sound.
    error OutOfBounds(bytes32 setting, uint256 value);

    /// @dev Five liquidations in 300 s are borne until the owner sets something else.
    constructor(address owner_) Ownable(owner_) {
        (state.limit, state.window) = (5, 5 minutes);
        emit LimitSet(5, 5 minutes);
    }

    /// @inheritdoc IBreaker
    function requireOpen(address book) external view {
        State memory s = state;
        if (s.halted || (s.booksHalted != 0 && bookHalted[book])) revert Halted(book);
    }

    /// @notice Stop the whole platform. For guardians. Doing it twice does nothing more.
    function halt(bytes32 reason) external {
        _requireGuardian();
        _halt(reason);
    }

    /// @notice Stop one book. For guardians. Doing it twice does nothing more.
    function haltBook(address book, bytes32 reason) external {
        _requireGuardian();
        if (bookHalted[book]) return;
        bookHalted[book] = true;
        ++state.booksHalted;
        emit HaltedBy(book, msg.sender, reason);
    }

    /// @notice Let the platform go on; books halted on their own stay so.
    function resume() external onlyOwner {
        state.halted = false;
        emit Resumed(address(0));
    }

    /// @notice Let one book go on.
    function resumeBook(address book) external onlyOwner {
        if (!bookHalted[book]) return;
        bookHalted[book] = false;
        --state.booksHalted;
        emit Resumed(book);
    }

    /// @inheritdoc IBreaker
    /// @dev The window slides: what counts is whether the liquidation `limit` before this one is younger than `window`.
    function liquidated(address book) external {
        if (!reporter[msg.sender]) revert NotAReporter(msg.sender);
        State memory s = state;
        uint256 earlier = s.recorded >= s.limit ? times[(s.recorded - s.limit) % LIMIT_MAX] : 0;
        times[s.recorded % LIMIT_MAX] = block.timestamp.toUint32();
        state.recorded = s.recorded + 1;
        emit LiquidationRecorded(book, s.recorded + 1);
        if (block.timestamp - earlier < s.window) _halt("liquidations");
    }

    /// @notice How many liquidations the platform bears, in how many seconds.
    function setLimit(uint256 limit, uint256 window) external onlyOwner {
        if (limit == 0 || limit > LIMIT_MAX) revert OutOfBounds("limit", limit);
        if (window < WINDOW_MIN || window > WINDOW_MAX) revert OutOfBounds("window", window);
        (state.limit, state.window) = (limit.toUint8(), window.toUint32());
        emit LimitSet(limit, window);
    }

    function setGuardian(address who, bool listed) external onlyOwner {
        guardian[who] = listed;
        emit GuardianSet(who, listed);
    }

    function setReporter(address who, bool listed) external onlyOwner {
        reporter[who] = listed;
        emit ReporterSet(who, listed);
    }

    function _halt(bytes32 reason) private {
        if (state.halted) return;
        state.halted = true;
        emit HaltedBy(address(0), msg.sender, reason);
    }

    function _requireGuardian() private view {
        if (!guardian[msg.sender] && msg.sender != owner()) revert NotAGuardian(msg.sender);
    }
}
