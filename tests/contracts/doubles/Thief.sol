// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

interface IPool {
    function swap(address, bool, int256, uint160, bytes calldata) external returns (int256, int256);
}

interface IVenue {
    function uniswapV3SwapCallback(int256, int256, bytes calldata) external;
}

/// Trades with a pool and has a venue called back for the payment.
contract Thief {
    IVenue private venue;

    function swapAs(address pool, address venue_, bytes calldata data) external {
        venue = IVenue(venue_);
        IPool(pool).swap(msg.sender, true, 5, 4295128740, data);
    }

    function uniswapV3SwapCallback(int256 amount0, int256 amount1, bytes calldata data) external {
        venue.uniswapV3SwapCallback(amount0, amount1, data);
    }
}

/// Calls whoever it was armed with during a transfer.
contract HookedToken is ERC20("Hooked", "HOOK") {
    address private target;
    bytes private call_;

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function arm(address target_, bytes calldata data) external {
        (target, call_) = (target_, data);
    }

    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount);
        if (target == address(0)) return;
        (bool ok, bytes memory why) = target.call(call_);
        if (!ok) {
            assembly {
                revert(add(why, 32), mload(why))
            }
        }
    }
}

/// Keeps `taxBps` of every transfer.
contract TaxedToken is ERC20("Taxed", "TAX") {
    uint256 public taxBps;

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function tax(uint256 bps) external {
        taxBps = bps;
    }

    function _update(address from, address to, uint256 amount) internal override {
        uint256 kept = from == address(0) || to == address(0) ? 0 : amount * taxBps / 10_000;
        super._update(from, to, amount - kept);
        if (kept != 0) super._update(from, address(0xdead), kept);
    }
}

interface IMarks {
    function mark(address token) external returns (bool);
}

/// Moves a pool as far as its money goes, has the guard mark it, and moves it back, in one transaction.
contract Marker {
    function run(address pool, address guard, address token, bool down, int256 amount) external {
        (int256 amount0, int256 amount1) = IPool(pool).swap(address(this), down, amount, down ? LOW : HIGH, "");
        IMarks(guard).mark(token);
        IPool(pool).swap(address(this), !down, -(down ? amount1 : amount0), down ? HIGH : LOW, "");
    }

    uint160 private constant LOW = 4295128740;
    uint160 private constant HIGH = 1461446703485210103287273052203988822378723970341;

    function uniswapV3SwapCallback(int256 amount0, int256 amount1, bytes calldata) external {
        (bool first, uint256 owed) = amount0 > 0 ? (true, uint256(amount0)) : (false, uint256(amount1));
        address token = first ? IPoolTokens(msg.sender).token0() : IPoolTokens(msg.sender).token1();
        ERC20(token).transfer(msg.sender, owed);
    }
}

interface IPoolTokens {
    function token0() external view returns (address);
    function token1() external view returns (address);
}
