// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {BPS} from "../types/Wad.sol";
import {IInsurancePool} from "../types/IInsurancePool.sol";

/// @title InsurancePool: a fifth of every copy fee, paid out in the order of the claims and within their bounds
/// @notice A claim is granted at most a share of what the pool holds when it is put in, and a book's claims in all at most what that
/// book itself has put in. So nobody gains by losing on purpose: the most to be had is one's own book's fees. It also follows that the
/// pool never owes more than it holds. There is no way to take anything out but a granted claim, for the owner neither.
/// @dev Amounts are base units of the asset, and only those that came by `contribute` count: what is sent here otherwise stays.
contract InsurancePool is IInsurancePool, Ownable2Step, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;

    /// @param listed whether it may contribute
    /// @param contributed by it or for it, ever
    /// @param granted to its claims, ever
    struct Book {
        bool listed;
        uint120 contributed;
        uint128 granted;
    }

    /// @param amount still to be paid
    struct Claim {
        address beneficiary;
        uint96 amount;
    }

    /// @dev Ids begin at 1; those from `head` up to `tail` wait, `tail` is the next one's.
    struct Queue {
        uint48 head;
        uint48 tail;
        uint16 claimBps;
        uint16 bookBps;
        uint128 aside;
    }

    /// @notice The most that the owner can let one claim have of what the pool holds. Bps.
    uint256 public constant CLAIM_BPS_MAX = 5_000;

    address public immutable asset;
    /// @notice What each book has put in and been granted.
    mapping(address book => Book) public books;
    /// @notice Who may put in claims.
    mapping(address claimant => bool) public claimants;
    /// @notice Everything that ever arrived, and everything that was ever paid or set aside.
    uint128 public contributed;
    uint128 public paid;
    /// @notice The queue's ends, the bounds and what is set aside.
    Queue public queue;
    mapping(uint256 id => Claim) public claims;
    /// @notice Paid, but the transfer failed: `collect` it.
    mapping(address beneficiary => uint256) public setAside;

    event BookSet(address indexed book, bool listed);
    event ClaimantSet(address indexed claimant, bool listed);
    event BoundsSet(uint256 claimBps, uint256 bookBps);
    event Contributed(address indexed book, uint256 amount);
    /// @notice `granted` of `asked`; the id is zero where nothing was.
    event Claimed(uint256 indexed id, address indexed book, address indexed beneficiary, uint256 asked, uint256 granted);
    /// @notice `left` is what the claim still waits for.
    event Paid(uint256 indexed id, address indexed beneficiary, uint256 amount, uint256 left);
    event SetAside(uint256 indexed id, address indexed beneficiary, uint256 amount);
    event Collected(address indexed beneficiary, address to, uint256 amount);

    error NotABook(address book);
    error NotAClaimant(address caller);
    /// @notice Only the beneficiary itself sends what was set aside elsewhere.
    error NotTheBeneficiary(address caller);
    error NothingSetAside(address beneficiary);
    /// @notice A setting is outside what is sound.
    error OutOfBounds(bytes32 setting, uint256 value);

    /// @dev A claim is granted at most a fifth of the pool, and a book in all at most what it put in, until the owner sets less.
    constructor(address owner_, address asset_) Ownable(owner_) {
        asset = asset_;
        queue = Queue({head: 1, tail: 1, claimBps: 2_000, bookBps: uint16(BPS), aside: 0});
        emit BoundsSet(2_000, BPS);
    }

    /// @inheritdoc IInsurancePool
    /// @dev What arrived counts, not what was asked for: a token may keep a fee on the way.
    function contribute(address book, uint256 amount) external nonReentrant {
        if (!books[msg.sender].listed) revert NotABook(msg.sender);
        if (!books[book].listed) revert NotABook(book);
        uint256 before = _balance();
        IERC20(asset).safeTransferFrom(msg.sender, address(this), amount);
        uint256 arrived = _balance() - before;
        books[book].contributed += arrived.toUint120();
        contributed += arrived.toUint128();
        emit Contributed(book, arrived);
    }

    /// @inheritdoc IInsurancePool
    /// @return id zero where the bounds leave nothing to grant; never a reason to revert
    function claim(address book, address beneficiary, uint256 amount) external nonReentrant returns (uint256 id) {
        if (!claimants[msg.sender]) revert NotAClaimant(msg.sender);
        uint256 granted = Math.min(amount, grantable(book));
        if (granted != 0) {
            id = queue.tail++;
            claims[id] = Claim(beneficiary, granted.toUint96());
            books[book].granted += granted.toUint128();
        }
        emit Claimed(id, book, beneficiary, amount, granted);
    }

    /// @notice Pay up to `claimsMax` claims from the head. For anybody. A claim that the pool cannot pay whole keeps its place, and the
    /// rest of it waits there. A beneficiary that cannot take the money does not hold up the others: its claim is set aside.
    function pay(uint256 claimsMax) external nonReentrant returns (uint256 claimsPaid) {
        (uint256 id, uint256 tail) = (queue.head, queue.tail);
        bool short;
        for (; claimsPaid < claimsMax && id < tail && !short; ++claimsPaid) {
            short = !_pay(id);
            if (!short) ++id;
        }
    }

    /// @notice Send what was set aside for `beneficiary`. Anybody may have it sent to the beneficiary, which itself may name another.
    function collect(address beneficiary, address to) external nonReentrant {
        if (to != beneficiary && msg.sender != beneficiary) revert NotTheBeneficiary(msg.sender);
        uint256 amount = setAside[beneficiary];
        if (amount == 0) revert NothingSetAside(beneficiary);
        setAside[beneficiary] = 0;
        queue.aside -= amount.toUint128();
        emit Collected(beneficiary, to, amount);
        IERC20(asset).safeTransfer(to, amount);
    }

    /// @param claimBps the most that one claim is granted of what the pool holds, bps
    /// @param bookBps the most that a book's claims are granted in all of what it has put in, bps
    function setBounds(uint256 claimBps, uint256 bookBps) external onlyOwner {
        if (claimBps == 0 || claimBps > CLAIM_BPS_MAX) revert OutOfBounds("claim", claimBps);
        if (bookBps > BPS) revert OutOfBounds("book", bookBps);
        (queue.claimBps, queue.bookBps) = (claimBps.toUint16(), bookBps.toUint16());
        emit BoundsSet(claimBps, bookBps);
    }

    function setBook(address book, bool listed) external onlyOwner {
        books[book].listed = listed;
        emit BookSet(book, listed);
    }

    function setClaimant(address claimant, bool listed) external onlyOwner {
        claimants[claimant] = listed;
        emit ClaimantSet(claimant, listed);
    }

    /// @notice What a claim for `book` would be granted at most.
    function grantable(address book) public view returns (uint256) {
        Book memory b = books[book];
        uint256 inAll = uint256(b.contributed) * queue.bookBps / BPS;
        uint256 ofPool = uint256(contributed - paid) * queue.claimBps / BPS;
        return Math.min(Math.min(inAll > b.granted ? inAll - b.granted : 0, ofPool), type(uint96).max);
    }

    /// @dev Pays the head, wholly (true) or as far as the money goes (false). The pool owes no more than arrived, so the money falls
    /// short only where the asset itself took some away.
    function _pay(uint256 id) private returns (bool whole) {
        Claim memory c = claims[id];
        uint256 amount = Math.min(c.amount, _balance() - Math.min(_balance(), queue.aside));
        whole = amount == c.amount;
        paid += amount.toUint128();
        if (whole) {
            delete claims[id];
            queue.head = (id + 1).toUint48();
        } else {
            claims[id].amount = (c.amount - amount).toUint96();
            if (amount == 0) return false;
        }
        if (IERC20(asset).trySafeTransfer(c.beneficiary, amount)) {
            emit Paid(id, c.beneficiary, amount, c.amount - amount);
        } else {
            setAside[c.beneficiary] += amount;
            queue.aside += amount.toUint128();
            emit SetAside(id, c.beneficiary, amount);
        }
    }

    function _balance() private view returns (uint256) {
        return IERC20(asset).balanceOf(address(this));
    }
}
