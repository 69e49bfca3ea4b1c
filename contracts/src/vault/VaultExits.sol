// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {BPS, PRICE_SCALE} from "../types/Wad.sol";
import {IERC7540Operator, IERC7540Redeem} from "./IERC7540.sol";
import {VaultFees} from "./VaultFees.sol";

/// @title VaultExits: a queue of exits that costs the same however many wait in it (ERC-7540)
/// @notice A request covers a piece of the line of all shares ever requested; a settlement moves the line's served end on at one
/// price, and a claim reads the prices of its own piece. Nobody ever walks the queue.
abstract contract VaultExits is VaultFees, IERC7540Operator, IERC7540Redeem {
    using SafeERC20 for IERC20;

    /// @param from where on the line its unclaimed part begins
    /// @param to where on the line it ends
    /// @param discountBps of the performance fee, as the owner had it then
    /// @param mark of its shares
    struct Request {
        uint120 from;
        uint120 to;
        uint16 discountBps;
        uint128 mark;
    }

    /// @param next index of the first request that is not collected whole
    /// @param shares collected and not yet claimed
    /// @param assets what these are worth after fees
    struct Claims {
        uint128 shares;
        uint128 assets;
        uint256 next;
        Request[] requests;
    }

    /// @param upTo where on the line it ends
    /// @param price per share, times 1e36
    struct Settlement {
        uint128 upTo;
        uint128 price;
    }

    /// @dev Pieces of requests and prices that one call goes through.
    uint256 internal constant PIECES_MAX = 32;
    /// @dev One whole share: requests and settlements are not smaller, unless nothing is left after them.
    uint256 internal immutable LEAST_SHARES;

    /// @dev The line: how many shares were ever requested, and how many of them served.
    uint120 private _requested;
    uint120 private _settled;
    Settlement[] private _settlements;
    mapping(address => Claims) private _claims;
    mapping(address => mapping(address => bool)) public isOperator;

    /// @notice The head of the queue was served.
    event Settled(uint256 upTo, uint256 price, uint256 shares, uint256 assets);
    /// @notice Settled shares became `assets` that the controller may claim; `fee` was kept back.
    event Collected(address indexed controller, uint256 shares, uint256 assets, uint256 fee);

    /// @notice Exits are requested first and claimed later: there is nothing to preview (ERC-7540).
    error Asynchronous();
    /// @notice A request must be for at least this many shares, or for all there are.
    error TooFewShares(uint256 least);
    /// @notice No exit waits, or idle cash does not pay for `LEAST_SHARES` of it.
    error NothingToSettle();
    /// @notice More than `maxRedeem` or `maxWithdraw`.
    error MoreThanClaimable(uint256 asked, uint256 most);

    constructor() {
        LEAST_SHARES = 10 ** decimals();
    }

    /// @inheritdoc IERC7540Operator
    function setOperator(address operator, bool approved) external returns (bool) {
        isOperator[msg.sender][operator] = approved;
        emit OperatorSet(msg.sender, operator, approved);
        return true;
    }

    /// @inheritdoc IERC7540Redeem
    /// @dev Depends on no cash and no oracle. Of a subscription taken in the same call, what is left is requested.
    function requestRedeem(uint256 shares, address controller, address owner) external nonReentrant returns (uint256) {
        if (msg.sender != owner && !isOperator[owner][msg.sender]) _spendAllowance(owner, msg.sender, shares);
        if (controller != owner) _requireActsFor(controller);
        if (controller == address(0)) revert NotAllowed(controller);
        uint256 held = balanceOf(owner);
        _touch(owner);
        if (shares <= held) shares = Math.min(shares, balanceOf(owner));
        if (shares == 0 || (shares < LEAST_SHARES && shares < balanceOf(owner))) revert TooFewShares(LEAST_SHARES);
        uint128 mark = _leave(owner, shares);
        uint120 from = _requested;
        _requested = from + uint120(shares);
        _state.waiting += uint120(shares);
        uint16 discountBps = uint16(coupons.discountBps(owner));
        _claims[controller].requests.push(Request(from, _requested, discountBps, mark));
        emit RedeemRequest(controller, owner, 0, msg.sender, shares);
        return 0;
    }

    /// @notice Serve the head of the queue from idle cash at the price of now. Anybody may.
    function settle() external nonReentrant returns (uint256 shares, uint256 assets) {
        uint256 queued = _state.waiting;
        uint256 price = _priceNow();
        (shares, assets) = _affordable(queued, price);
        if (shares == 0 || (shares < queued && shares < LEAST_SHARES)) revert NothingToSettle();
        _settled += uint120(shares);
        _state.waiting -= uint120(shares);
        _state.reserved += uint120(assets);
        _settlements.push(Settlement(_settled, uint128(price)));
        emit Settled(_settled, price, shares, assets);
        _burn(address(this), shares);
    }

    /// @notice Pay a controller what is settled for it. Anybody may, so that nothing set aside is left behind.
    function claim(address controller) external nonReentrant returns (uint256 assets) {
        _collect(controller);
        Claims storage c = _claims[controller];
        assets = c.assets;
        _pay(c, c.shares, assets, controller, controller);
    }

    /// @notice Claim by shares (ERC-7540). For the controller or its operators.
    function redeem(uint256 shares, address receiver, address controller)
        public
        override
        nonReentrant
        returns (uint256 assets)
    {
        _requireActsFor(controller);
        _collect(controller);
        Claims storage c = _claims[controller];
        if (shares > c.shares) revert MoreThanClaimable(shares, c.shares);
        assets = shares == c.shares ? c.assets : uint256(c.assets) * shares / c.shares;
        _pay(c, shares, assets, receiver, controller);
    }

    /// @notice Claim by assets (ERC-7540). For the controller or its operators.
    function withdraw(uint256 assets, address receiver, address controller)
        public
        override
        nonReentrant
        returns (uint256 shares)
    {
        _requireActsFor(controller);
        _collect(controller);
        Claims storage c = _claims[controller];
        if (assets > c.assets) revert MoreThanClaimable(assets, c.assets);
        shares = assets == c.assets ? c.shares : Math.ceilDiv(uint256(c.shares) * assets, c.assets);
        _pay(c, shares, assets, receiver, controller);
    }

    /// @inheritdoc IERC7540Redeem
    function pendingRedeemRequest(uint256, address controller) external view returns (uint256 shares) {
        Claims storage c = _claims[controller];
        uint256 count = c.requests.length;
        for (uint256 i = c.next; i < count; ++i) {
            Request storage r = c.requests[i];
            shares += Math.saturatingSub(r.to, Math.max(r.from, _settled));
        }
    }

    /// @inheritdoc IERC7540Redeem
    function claimableRedeemRequest(uint256, address controller) external view returns (uint256 shares) {
        return maxRedeem(controller);
    }

    /// @notice Shares that one call claims for the controller.
    function maxRedeem(address controller) public view override returns (uint256) {
        (Collection memory got,) = _collectable(_claims[controller]);
        return _claims[controller].shares + got.shares;
    }

    /// @notice Assets that one call claims for the controller, after fees.
    function maxWithdraw(address controller) public view override returns (uint256) {
        (Collection memory got,) = _collectable(_claims[controller]);
        return _claims[controller].assets + got.paid - got.fee;
    }

    function previewRedeem(uint256) public pure override returns (uint256) {
        revert Asynchronous();
    }

    function previewWithdraw(uint256) public pure override returns (uint256) {
        revert Asynchronous();
    }

    /// @dev What a controller's settled pieces come to. `paid` is before the fee; both in base units of the asset.
    struct Collection {
        uint256 shares;
        uint256 paid;
        uint256 fee;
    }

    function _requireActsFor(address controller) internal view {
        if (msg.sender != controller && !isOperator[controller][msg.sender]) revert NotAllowed(msg.sender);
    }

    /// @return got the sums
    /// @return head index of the first request not collected whole, and where its rest begins
    function _collectable(Claims storage c) private view returns (Collection memory got, uint256[2] memory head) {
        uint256 i = c.next;
        uint256 count = c.requests.length;
        if (i == count) return (got, [i, 0]);
        uint256 from = c.requests[i].from;
        uint256 s = from < _settled ? _settlementAfter(from) : 0;
        for (uint256 pieces; from < _settled && pieces < PIECES_MAX; ++pieces) {
            Request storage r = c.requests[i];
            uint256 end = Math.min(r.to, _settlements[s].upTo);
            _piece(got, r, end - from, _settlements[s].price);
            from = end;
            if (from == _settlements[s].upTo) ++s;
            if (from == r.to) {
                if (++i == count) break;
                if (c.requests[i].from != from) {
                    from = c.requests[i].from;
                    if (from < _settled) s = _settlementAfter(from);
                }
            }
        }
        return (got, [i, from]);
    }

    function _piece(Collection memory got, Request storage r, uint256 shares, uint256 price) private view {
        uint256 paid = shares * price / PRICE_SCALE;
        got.shares += shares;
        got.paid += paid;
        uint256 basis = Math.ceilDiv(shares * r.mark, PRICE_SCALE);
        got.fee += schedule.performanceDown(paid, basis, r.discountBps);
    }

    /// @dev Index of the settlement that serves the share right after `from`.
    function _settlementAfter(uint256 from) private view returns (uint256 low) {
        uint256 high = _settlements.length;
        while (low < high) {
            uint256 middle = (low + high) / 2;
            if (_settlements[middle].upTo > from) high = middle;
            else low = middle + 1;
        }
    }

    function _collect(address controller) private {
        Claims storage c = _claims[controller];
        (Collection memory got, uint256[2] memory head) = _collectable(c);
        if (got.shares == 0) return;
        c.next = head[0];
        if (head[0] < c.requests.length) c.requests[head[0]].from = uint120(head[1]);
        _exitFees += uint128(got.fee);
        c.shares += uint128(got.shares);
        c.assets += uint128(got.paid - got.fee);
        emit Collected(controller, got.shares, got.paid - got.fee, got.fee);
    }

    function _pay(Claims storage c, uint256 shares, uint256 assets, address receiver, address controller) private {
        c.shares -= uint128(shares);
        c.assets -= uint128(assets);
        _state.reserved -= uint120(assets);
        emit Withdraw(msg.sender, receiver, controller, assets, shares);
        IERC20(asset).safeTransfer(receiver, assets);
    }
}
