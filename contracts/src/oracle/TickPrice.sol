// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {BPS, PRICE_SCALE} from "../types/Wad.sol";

/// @title TickPrice: what a Uniswap v3 pool's ticks are worth
/// @dev A tick t says that one base unit of token0 is 1.0001^t base units of token1.
library TickPrice {
    using Math for uint256;

    /// @notice The tick furthest from zero that a pool can have.
    uint256 internal constant TICK_MAX = 887_272;

    /// @notice The mean price of `window` seconds, scale of IPriceGuard, rounded down: of token0 in token1, or of token1 in token0.
    /// @dev The mean is geometric, as v3 keeps it: of the ticks. Between two ticks, which are 1 bp apart, the price is read off the straight
    /// line (less than 1e-9 of it away from the curve).
    /// @param ticks sum of the ticks of each second, of at most 56 bits
    /// @param window seconds, neither zero nor more than 2^32
    /// @param first whether the price of token0 is asked for
    function meanDown(int256 ticks, uint256 window, bool first) internal pure returns (uint256) {
        int256 tick;
        uint256 whole;
        uint256 part;
        unchecked {
            // Both numbers have fewer than 60 bits.
            tick = ticks / int256(window);
            int256 rest = ticks % int256(window);
            if (rest < 0) (tick, rest) = (tick - 1, rest + int256(window));
            // One tick more is 1/10,000 more: the rest of the window's seconds adds rest/window of that.
            whole = window * BPS;
            part = whole + uint256(rest);
        }
        bool rising = tick >= 0;
        uint256 ratio = ratioX128(rising ? uint256(tick) : uint256(-tick));
        if (!first) (part, whole, rising) = (whole, part, !rising);
        uint256 scaled = PRICE_SCALE * part / whole;
        return rising ? scaled.mulShr(ratio, 128) : scaled.mulDiv(1 << 128, ratio);
    }

    /// @notice 1.0001^n times 2^128, right to 110 bits. `n` is at most TICK_MAX, which no mean of a pool's ticks exceeds.
    /// @dev Square and multiply with constants of our own reckoning: 1.0001^(2^i), rounded to the nearest. The lower bits together stay
    /// below 2^5, so with 120 fractional bits their products fit a word; the upper ones have 128 and need the long product.
    function ratioX128(uint256 n) internal pure returns (uint256 ratio) {
        unchecked {
            ratio = n & 0x1 == 0 ? 1 << 120 : 0x100068db8bac710cb295e9e1b089a02;
            if (n & 0x2 != 0) ratio = (ratio * 0x1000d1b9c68abe5f76b30fb7581b750) >> 120;
            if (n & 0x4 != 0) ratio = (ratio * 0x1001a37e4a234cb0830516e519450a1) >> 120;
            if (n & 0x8 != 0) ratio = (ratio * 0x100347278ab0e92ada25ab4601927a0) >> 120;
            if (n & 0x10 != 0) ratio = (ratio * 0x10068efb00a525480a5d7fdc2ccf59a) >> 120;
            if (n & 0x20 != 0) ratio = (ratio * 0x100d20a63b4173839df9daaa568442d) >> 120;
            if (n & 0x40 != 0) ratio = (ratio * 0x101a4c11c742dd7729738df5e966397) >> 120;
            if (n & 0x80 != 0) ratio = (ratio * 0x1034c35c31f64cfa6dc0d6de43d0882) >> 120;
            if (n & 0x100 != 0) ratio = (ratio * 0x106a34b78c8aaffbf81bed5a32b0fce) >> 120;
            if (n & 0x200 != 0) ratio = (ratio * 0x10d72a6a46ccd8bce9ae771b16294a8) >> 120;
            if (n & 0x400 != 0) ratio = (ratio * 0x11b9a258e63928596dc757faa33154e) >> 120;
            if (n & 0x800 != 0) ratio = (ratio * 0x13a2e2bda04f8379f3cd17be5c343d4) >> 120;
            if (n & 0x1000 != 0) ratio = (ratio * 0x181954be69e0da8fe77f2ab42e87cf5) >> 120;
            if (n & 0x2000 != 0) ratio = (ratio * 0x244c2655d185a02908025287709061f) >> 120;
            ratio <<= 8;
        }
        if (n & 0x4000 != 0) ratio = ratio.mulShr(0x525816eeb9f935b1c616779e807e264b2, 128);
        if (n & 0x8000 != 0) ratio = ratio.mulShr(0x1a7c8d00b551684ff4d31ae06501b81fa8, 128);
        if (n & 0x10000 != 0) ratio = ratio.mulShr(0x2bd893d0b2df7c97884590c66cde3d18ca0, 128);
        if (n & 0x20000 != 0) ratio = ratio.mulShr(0x78278e1e19e448cf8b95d2152dccf4128f29e, 128);
        if (n & 0x40000 != 0) ratio = ratio.mulShr(0x38651b58d457501416feade3193a21b785e9f303f8, 128);
        if (n & 0x80000 != 0) ratio = ratio.mulShr(0xc6c63e573e99b8b10f5961ae4cacb1f992735329b816e21638b, 128);
    }
}
