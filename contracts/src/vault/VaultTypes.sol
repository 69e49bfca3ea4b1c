// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IBreaker} from "../types/IBreaker.sol";
import {ICoupons} from "../types/ICoupons.sol";
import {IInsurancePool} from "../types/IInsurancePool.sol";
import {IPriceGuard} from "../types/IPriceGuard.sol";
import {ISwapVenue} from "../types/ISwapVenue.sol";
import {FeeSchedule} from "./FeeSchedule.sol";

/// @notice What a vault charges.
/// @param subscription millionths of one whole unit of the asset, per account and month of 30 days
/// @param managementBps per year, of everything, by dilution
/// @param firstRateBps of the gain above the mark up to `secondFromBps` of the mark
/// @param secondFromBps where the second rate begins, as a share of the mark
/// @param secondRateBps of the gain between there and `thirdFromBps`
/// @param thirdFromBps where the third rate begins
/// @param thirdRateBps of the rest
struct Terms {
    uint32 subscription;
    uint16 managementBps;
    uint16 firstRateBps;
    uint16 secondFromBps;
    uint16 secondRateBps;
    uint16 thirdFromBps;
    uint16 thirdRateBps;
}

/// @notice What a vault never exceeds. Fixed at deployment.
/// @param lock seconds that an account's shares stay where they are after its last deposit; at least an hour
/// @param entrySlippageBps below the guard's price, for trades that open or change
/// @param exitSlippageBps the same for trades into the asset: exits, unwinding, closing
/// @param orderBpsMax largest opening order, as a share of NAV
/// @param stopBps the account stop: share of the highest recorded NAV per share at which all is closed; zero: none
/// @param bleedBpsMax what mirrored trades may lose against the guard's prices, as a share of NAV: at once, and again with each day;
/// 1 to 1,000
struct Limits {
    uint32 lock;
    uint16 entrySlippageBps;
    uint16 exitSlippageBps;
    uint16 orderBpsMax;
    uint16 stopBps;
    uint16 bleedBpsMax;
}

/// @notice Everything a vault is deployed with.
/// @param asset what followers deposit; the guard's quote
/// @param lead whose trades are mirrored; holds at least 5% of the shares
/// @param owner the timelock: sets price stops, as the lead may
/// @param executor who may call `mirror`
/// @param liquidator who may call `close`
/// @param feeRecipient gets four fifths of the fees
/// @param schedule what is charged; its owner is the timelock too
/// @param tokens what may be held besides the asset; at most eight
struct Config {
    address asset;
    string name;
    string symbol;
    address lead;
    address owner;
    address executor;
    address liquidator;
    IPriceGuard guard;
    IBreaker breaker;
    ISwapVenue venue;
    IInsurancePool pool;
    ICoupons coupons;
    address feeRecipient;
    address[] tokens;
    FeeSchedule schedule;
    Limits limits;
}
