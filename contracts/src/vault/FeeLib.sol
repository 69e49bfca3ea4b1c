// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {BPS} from "../types/Wad.sol";
import {Terms} from "./VaultTypes.sol";

/// @title FeeLib: the performance fee in steps, marks, and which terms cost more
/// @dev Pure. Same rules as the ledger's own (docs/fees.md).
library FeeLib {
    /// @notice Whether anybody could pay more under `next` than under `now_`.
    function rises(Terms memory now_, Terms memory next) internal pure returns (bool) {
        return next.subscription > now_.subscription || next.managementBps > now_.managementBps
            || next.firstRateBps > now_.firstRateBps || next.secondRateBps > now_.secondRateBps
            || next.thirdRateBps > now_.thirdRateBps || next.secondFromBps < now_.secondFromBps
            || next.thirdFromBps < now_.thirdFromBps;
    }

    /// @notice Performance fee on what `value` is above `mark`, step by step, less the discount. All in base units of the asset.
    function performanceDown(Terms memory t, uint256 value, uint256 mark, uint256 discountBps)
        internal
        pure
        returns (uint256)
    {
        if (value <= mark) return 0;
        uint256 gain = value - mark;
        uint256 second = Math.min(gain, mark * t.secondFromBps / BPS);
        uint256 third = Math.min(gain, mark * t.thirdFromBps / BPS);
        uint256 fee = second * t.firstRateBps + (third - second) * t.secondRateBps + (gain - third) * t.thirdRateBps;
        return fee * (BPS - discountBps) / (BPS * BPS);
    }

    /// @notice Mark of `held` shares at `mark` together with `added` shares that cost `cost` (base units times 1e36).
    /// @dev Up: a mark is never below what was paid, so no fee is ever above what is due.
    function blendUp(uint256 mark, uint256 held, uint256 cost, uint256 added) internal pure returns (uint256) {
        return Math.ceilDiv(mark * held + cost, held + added);
    }
}
