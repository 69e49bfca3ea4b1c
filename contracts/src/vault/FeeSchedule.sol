// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {FeeLib} from "./FeeLib.sol";
import {Terms} from "./VaultTypes.sol";

/// @title FeeSchedule: what a vault may charge, and since when
/// @notice Terms that cost anybody more are in force fourteen days after they were announced; cheaper ones at once. What accrues with
/// time is a running sum, so that a change never reaches back.
contract FeeSchedule is Ownable2Step {
    using FeeLib for Terms;

    uint256 public constant SUBSCRIPTION_MAX = 5_000_000;
    uint256 public constant MANAGEMENT_BPS_MAX = 200;
    uint256 public constant PERFORMANCE_BPS_MIN = 500;
    uint256 public constant PERFORMANCE_BPS_MAX = 1500;
    uint256 public constant NOTICE = 14 days;

    Terms private _terms;
    /// @dev The sums at the last change, and when that was.
    uint64 private _management;
    uint64 private _subscription;
    uint40 private _changedAt;
    /// @notice When announced terms may be applied; zero where none are.
    uint40 public noticeUntil;
    Terms private _announced;

    /// @notice Terms that cost more were announced; nobody pays them before `from`.
    event TermsAnnounced(Terms terms, uint256 from);
    /// @notice Terms in force from now on.
    event TermsApplied(Terms terms);

    /// @notice Announced terms may be applied at `from`; zero: none are announced.
    error NoticeRuns(uint256 from);

    /// @notice A rate is above its hard maximum, or the steps do not rise.
    error TermsOutOfBounds();

    constructor(Terms memory first, address owner_) Ownable(owner_) {
        _check(first);
        _changedAt = uint40(block.timestamp);
        _terms = first;
        emit TermsApplied(first);
    }

    /// @notice What is charged now.
    function terms() external view returns (Terms memory) {
        return _terms;
    }

    /// @notice Terms that wait for the end of their notice; meaningful while `noticeUntil` is not zero.
    function announced() external view returns (Terms memory) {
        return _announced;
    }

    /// @notice Set terms. What costs nobody more is in force at once, and takes back what was announced; anything else only after
    /// notice, once `applyTerms` was called.
    function announce(Terms calldata next) external onlyOwner {
        Terms memory checked = next;
        _check(checked);
        if (_terms.rises(checked)) {
            noticeUntil = uint40(block.timestamp + NOTICE);
            _announced = checked;
            emit TermsAnnounced(checked, noticeUntil);
        } else {
            _apply(checked);
        }
    }

    /// @notice Put announced terms in force, after their notice. Anybody may.
    function applyTerms() external {
        if (noticeUntil == 0 || block.timestamp < noticeUntil) revert NoticeRuns(noticeUntil);
        _apply(_announced);
    }

    /// @notice What has accrued since the beginning.
    /// @return management seconds times bps a year
    /// @return subscription seconds times millionths of a unit a month
    function accrued() public view returns (uint256 management, uint256 subscription) {
        uint256 time = block.timestamp - _changedAt;
        return (_management + time * _terms.managementBps, _subscription + time * _terms.subscription);
    }

    /// @notice The performance fee on what `value` is above `mark`, by the steps of now, less the discount; in their unit.
    function performanceDown(uint256 value, uint256 mark, uint256 discountBps) external view returns (uint256) {
        return _terms.performanceDown(value, mark, discountBps);
    }

    /// @dev Reverts unless no rate is above its maximum, the performance fee's rates lie within 5–15% (or are zero) and neither
    /// they nor their beginnings fall.
    function _check(Terms memory t) private pure {
        bool within = t.subscription <= SUBSCRIPTION_MAX && t.managementBps <= MANAGEMENT_BPS_MAX
            && t.thirdRateBps <= PERFORMANCE_BPS_MAX && t.firstRateBps <= t.secondRateBps
            && t.secondRateBps <= t.thirdRateBps && t.secondFromBps <= t.thirdFromBps;
        bool none = t.thirdRateBps == 0;
        if (!within || !(none || t.firstRateBps >= PERFORMANCE_BPS_MIN)) revert TermsOutOfBounds();
    }

    function _apply(Terms memory next) private {
        (uint256 management, uint256 subscription) = accrued();
        (_management, _subscription) = (uint64(management), uint64(subscription));
        (_changedAt, noticeUntil) = (uint40(block.timestamp), 0);
        _terms = next;
        emit TermsApplied(next);
    }
}
