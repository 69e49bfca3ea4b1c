// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {BPS, PRICE_SCALE} from "../types/Wad.sol";
import {FeeLib} from "./FeeLib.sol";
import {FeeSchedule} from "./FeeSchedule.sol";
import {VaultBase} from "./VaultBase.sol";

/// @title VaultFees: what each account pays, and where it goes
/// @notice Fees are taken in shares, which the vault itself then holds, and from exits in assets. `distributeFees` turns all into
/// assets: a fifth to the insurance pool, the rest to the recipient. Nothing here looks at more than one account.
abstract contract VaultFees is VaultBase {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;

    /// @param mark high-water mark per share, times 1e36; travels with transferred shares, blended by weight
    /// @param paid the subscription's sum up to which the account has paid
    /// @param lockedUntil when the shares may move again
    /// @param chargedAt when the performance fee was last charged, or the account became a holder
    struct Account {
        uint128 mark;
        uint64 paid;
        uint32 lockedUntil;
        uint32 chargedAt;
    }

    uint256 internal constant PERIOD = 30 days;
    uint256 private constant YEAR = 365 days;
    uint256 private constant MILLION = 1e6;

    /// @notice What is charged.
    FeeSchedule public immutable schedule;

    /// @dev The management fee's sum up to which it was taken.
    uint128 private _managementPaid;
    /// @dev Fees of exits, in assets; part of what is set aside.
    uint128 internal _exitFees;
    mapping(address => Account) private _accounts;

    /// @notice `shares` of the account went to its subscription.
    event Subscription(address indexed account, uint256 shares);
    /// @notice `shares` of the account went to its performance fee, reckoned at `price` per share.
    event PerformanceFee(address indexed account, uint256 shares, uint256 price);
    /// @notice Fees left the vault, in base units of the asset.
    event FeesDistributed(uint256 toRecipient, uint256 toInsurance);

    /// @notice The account's shares may not move before `until`.
    error Locked(address account, uint256 until);
    /// @notice The account was charged less than a period ago.
    error ChargedAlready(uint256 next);
    /// @notice Exits come first.
    error ExitsWait(uint256 shares);
    /// @notice The vault holds shares for exits and fees only; none are given to it.
    error NotAHolder();

    constructor(FeeSchedule schedule_) {
        schedule = schedule_;
        (uint256 management,) = schedule_.accrued();
        _managementPaid = uint128(management);
        // The pool is immutable code that takes what its caller contributes, from its caller alone.
        IERC20(asset).forceApprove(address(pool), type(uint256).max);
    }

    /// @notice An account's mark, lock and stamps.
    function account(address holder) external view returns (Account memory) {
        return _accounts[holder];
    }

    /// @notice Shares that fees have taken and nobody has been paid for yet.
    function feeShares() public view returns (uint256) {
        return balanceOf(address(this)) - _state.waiting;
    }

    /// @notice Bring one account's subscription up to date and charge its performance fee, once a period at most. Anybody may.
    /// @return shares what the performance fee took
    function crystallise(address holder) external nonReentrant returns (uint256 shares) {
        _touch(holder);
        Account storage a = _accounts[holder];
        if (block.timestamp < a.chargedAt + PERIOD) revert ChargedAlready(a.chargedAt + PERIOD);
        uint256 price = _priceNow();
        uint256 held = balanceOf(holder);
        uint256 basis = Math.ceilDiv(held * a.mark, PRICE_SCALE);
        uint256 fee = schedule.performanceDown(held * price / PRICE_SCALE, basis, coupons.discountBps(holder));
        shares = fee * PRICE_SCALE / price;
        if (shares == 0) return 0;
        (a.mark, a.chargedAt) = (price.toUint128(), uint32(block.timestamp));
        emit PerformanceFee(holder, shares, price);
        _take(holder, shares);
    }

    /// @notice Turn fees into assets, as far as idle cash goes, and pay them out. Not while an exit waits.
    function distributeFees() external nonReentrant returns (uint256 toRecipient, uint256 toInsurance) {
        if (_state.waiting != 0) revert ExitsWait(_state.waiting);
        uint256 price = _priceNow();
        (uint256 shares, uint256 assets) = _affordable(balanceOf(address(this)), price);
        _burn(address(this), shares);
        _state.reserved -= uint120(_exitFees);
        assets += _exitFees;
        _exitFees = 0;
        toInsurance = assets / 5;
        toRecipient = assets - toInsurance;
        emit FeesDistributed(toRecipient, toInsurance);
        if (toInsurance != 0) pool.contribute(address(this), toInsurance);
        if (toRecipient != 0) IERC20(asset).safeTransfer(feeRecipient, toRecipient);
    }

    /// @dev The low price with the management fee taken; a point of the curve where one is due.
    function _priceNow() internal returns (uint256) {
        _accrue();
        uint256 nav = totalAssets();
        _record(nav);
        return _priceDown(nav);
    }

    /// @dev How many of `shares` idle cash pays for at `price`, and what they then cost.
    function _affordable(uint256 shares, uint256 price) internal view returns (uint256, uint256 assets) {
        uint256 cash = idle();
        assets = shares * price / PRICE_SCALE;
        if (assets > cash) {
            shares = cash * PRICE_SCALE / price;
            assets = shares * price / PRICE_SCALE;
        }
        return (shares, assets);
    }

    function _supply() internal view override returns (uint256) {
        (uint256 sum,) = schedule.accrued();
        return totalSupply() + _management(sum);
    }

    /// @dev Management fee since it was last taken, in new shares.
    function _management(uint256 sum) private view returns (uint256) {
        return totalSupply() * (sum - _managementPaid) / (BPS * YEAR);
    }

    /// @dev Take the management fee until now. Comes before anything that uses the supply.
    function _accrue() internal {
        (uint256 sum,) = schedule.accrued();
        uint256 due = _management(sum);
        _managementPaid = uint128(sum);
        if (due != 0) _mint(address(this), due);
    }

    /// @dev Take the subscription until now, at the last recorded price: no exit may depend on an oracle.
    function _touch(address holder) internal {
        Account storage a = _accounts[holder];
        uint256 held = balanceOf(holder);
        (, uint256 sum) = schedule.accrued();
        if (held == 0) {
            (a.paid, a.chargedAt) = (uint64(sum), uint32(block.timestamp));
            return;
        }
        uint256 due = (sum - a.paid) * 10 ** (decimals() - OFFSET) / (MILLION * PERIOD);
        if (due == 0) return;
        due = due * (BPS - coupons.discountBps(holder)) / BPS;
        (uint256 price,) = recorded();
        uint256 shares = Math.min(due * PRICE_SCALE / price, held);
        a.paid = uint64(sum);
        emit Subscription(holder, shares);
        _take(holder, shares);
    }

    /// @dev What a fee costs must be earned back before the next: the mark of all shares together stays.
    function _take(address holder, uint256 shares) private {
        Account storage a = _accounts[holder];
        uint256 held = balanceOf(holder);
        if (shares < held) a.mark = Math.ceilDiv(a.mark * held, held - shares).toUint128();
        ERC20._update(holder, address(this), shares);
    }

    /// @dev Entry of `shares` for `assets`: the mark is the price paid, and the lock begins anew.
    function _enter(address holder, uint256 shares, uint256 assets) internal {
        Account storage a = _accounts[holder];
        a.mark = FeeLib.blendUp(a.mark, balanceOf(holder), assets * PRICE_SCALE, shares).toUint128();
        a.lockedUntil = uint32(block.timestamp + LOCK);
        _mint(holder, shares);
    }

    /// @dev Move shares into the queue of exits; what comes back is the mark they leave with.
    function _leave(address holder, uint256 shares) internal returns (uint128 mark) {
        _requireUnlocked(holder);
        ERC20._update(holder, address(this), shares);
        if (holder == lead) _requireStake();
        return _accounts[holder].mark;
    }

    function _requireUnlocked(address holder) private view {
        uint256 until = _accounts[holder].lockedUntil;
        if (block.timestamp < until) revert Locked(holder, until);
    }

    /// @dev Between holders the mark travels along, blended by weight; what the queue and the fees do comes by other ways.
    function _update(address from, address to, uint256 value) internal override {
        if (from == address(0) || to == address(0)) return ERC20._update(from, to, value);
        if (to == address(this)) revert NotAHolder();
        _requireUnlocked(from);
        _touch(from);
        _touch(to);
        if (from != to && value != 0) {
            uint256 cost = uint256(_accounts[from].mark) * value;
            Account storage a = _accounts[to];
            a.mark = FeeLib.blendUp(a.mark, balanceOf(to), cost, value).toUint128();
        }
        ERC20._update(from, to, value);
        if (from == lead) _requireStake();
    }
}
