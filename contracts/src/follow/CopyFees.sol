// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {ICoupons} from "../types/ICoupons.sol";
import {IInsurancePool} from "../types/IInsurancePool.sol";
import {BPS} from "../types/Wad.sol";
import {Mandates} from "./Mandates.sol";
import {Account, Rule} from "./Rule.sol";

/// @title CopyFees: what a copy costs, and to whom it goes
/// @notice A gain is what a wallet gets back above its outlay: all that it paid into the market for this lead and has not got back,
/// losses and fees included. So the fee is never charged below the wallet's own mark, and a fee must be earned back first.
/// Both fees come out of what an exit brings, never out of what the wallet holds; a fifth of each goes to the insurance pool.
abstract contract CopyFees is Mandates {
    using SafeERC20 for IERC20;

    uint256 private constant MONTH = 30 days;
    uint256 private constant INSURANCE_BPS = 2_000;

    /// @notice What a wallet pays a month while its mandate lives; base units of the asset.
    uint256 public immutable SUBSCRIPTION;
    ICoupons public immutable COUPONS;
    IInsurancePool public immutable POOL;
    /// @notice Gets four fifths of the subscriptions.
    address public immutable FEE_RECIPIENT;

    /// @notice Performance fees taken for each lead and not distributed yet.
    mapping(address lead => uint256) public earned;
    /// @notice Subscriptions taken and not distributed yet.
    uint256 public subscriptions;

    event Distributed(address indexed to, uint256 amount, uint256 insured);

    /// @notice Pay out what was taken for `lead` and as subscriptions; a fifth of each, rounded down, to the insurance pool.
    function distributeFees(address lead) external nonReentrant {
        uint256 performance = earned[lead];
        uint256 subscription = subscriptions;
        (earned[lead], subscriptions) = (0, 0);
        _distribute(lead, performance);
        _distribute(FEE_RECIPIENT, subscription);
    }

    function _distribute(address to, uint256 amount) private {
        if (amount == 0) return;
        uint256 insured = amount * INSURANCE_BPS / BPS;
        if (insured != 0) {
            ASSET.forceApprove(address(POOL), insured);
            POOL.contribute(address(this), insured);
        }
        ASSET.safeTransfer(to, amount - insured);
        emit Distributed(to, amount - insured, insured);
    }

    /// @dev Take what is due out of an exit's `proceeds`, and write what became of the mandate.
    function _charge(Rule storage rule, address wallet, uint256 proceeds)
        internal
        returns (uint256 performance, uint256 subscription)
    {
        Account a = rule.account;
        uint256 mark = a.outlay() * GRAIN;
        uint256 paid = a.paid();
        uint256 elapsed = block.timestamp - paid;
        uint256 due = SUBSCRIPTION * elapsed;
        if (due >= MONTH || proceeds > mark) {
            uint256 full = BPS - _discount(wallet);
            due = due * full / (MONTH * BPS);
            subscription = Math.min(due, proceeds);
            proceeds -= subscription;
            // What cannot be paid now stays due: the time is paid in proportion.
            paid += subscription == due ? elapsed : Math.ceilDiv(elapsed * subscription, due);
            if (proceeds > mark) performance = (proceeds - mark) * FEE_BPS * full / (BPS * BPS);
        }
        mark = performance != 0 ? performance : Math.saturatingSub(mark, proceeds);
        rule.account = a.settled(_grainsUp(mark), uint32(paid));
    }

    function _keep(address lead, uint256 performance, uint256 subscription) internal {
        if (performance != 0) earned[lead] += performance;
        if (subscription != 0) subscriptions += subscription;
    }

    /// @dev Rounded up, so that a mark is never lower than what was paid; it ends where the slot does.
    function _grainsUp(uint256 amount) internal view returns (uint48) {
        return uint48(Math.min(Math.ceilDiv(amount, GRAIN), type(uint48).max));
    }

    function _discount(address wallet) private view returns (uint256) {
        (address follower,) = _parties(wallet);
        return Math.min(COUPONS.discountBps(follower), BPS);
    }
}
