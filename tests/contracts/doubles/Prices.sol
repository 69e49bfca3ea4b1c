// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TickPrice} from "src/oracle/TickPrice.sol";

/// The library, to be asked from outside.
contract TickPriceProbe {
    function meanDown(int256 ticks, uint256 window, bool first) external pure returns (uint256) {
        return TickPrice.meanDown(ticks, window, first);
    }

    function ratioX128(uint256 n) external pure returns (uint256) {
        return TickPrice.ratioX128(n);
    }
}

/// A feed that answers what it was told, in the manner it was told.
contract MoodyFeed {
    enum Mood {
        Well,
        Reverts,
        BurnsGas,
        SaysTooLittle,
        SaysFarTooMuch
    }

    uint8 public decimals;
    Mood public mood;
    uint80 public round;
    int256 public answer;
    uint256 public startedAt;
    uint256 public updatedAt;
    uint80 public answeredIn;

    constructor(uint8 decimals_) {
        decimals = decimals_;
    }

    function set(Mood mood_, uint80 round_, int256 answer_, uint256 startedAt_, uint256 updatedAt_, uint80 answeredIn_)
        external
    {
        (mood, round, answer, startedAt, updatedAt, answeredIn) =
            (mood_, round_, answer_, startedAt_, updatedAt_, answeredIn_);
    }

    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        Mood now_ = mood;
        if (now_ == Mood.Reverts) revert("closed");
        if (now_ == Mood.BurnsGas) {
            assembly ("memory-safe") {
                invalid()
            }
        }
        if (now_ == Mood.SaysTooLittle) {
            assembly {
                return(0, 64)
            }
        }
        if (now_ == Mood.SaysFarTooMuch) {
            assembly {
                return(0, 30000)
            }
        }
        return (round, answer, startedAt, updatedAt, answeredIn);
    }
}

/// A pool of two tokens whose tick has been `tick` for ever.
contract FlatPool {
    address public token0;
    address public token1;
    int56 public tick;

    constructor(address token0_, address token1_, int56 tick_) {
        (token0, token1, tick) = (token0_, token1_, tick_);
    }

    function observe(uint32[] calldata ago) external view returns (int56[] memory ticks, uint160[] memory unused) {
        ticks = new int56[](ago.length);
        unused = new uint160[](ago.length);
        for (uint256 i; i < ago.length; ++i) {
            ticks[i] = tick * (int56(uint56(1 << 30)) - int56(uint56(ago[i])));
        }
    }
}

/// A price read inside a transaction, so that its gas is the chain's own.
contract Asker {
    uint256 public used;

    function ask(address guard, bytes calldata question) external {
        uint256 before = gasleft();
        (bool ok,) = guard.staticcall(question);
        used = before - gasleft();
        require(ok, "no price");
    }
}
