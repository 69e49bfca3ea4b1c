// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ILiquidatable} from "src/types/ILiquidatable.sol";
import {IPriceGuard} from "src/types/IPriceGuard.sol";

interface IMinted {
    function balanceOf(address who) external view returns (uint256);
    function mint(address to, uint256 amount) external;
}

/// A book on paper: cash and tokens of each account, prices by a guard, sales at what the test says.
contract PaperBook is ILiquidatable {
    IPriceGuard public guard;
    address public liquidator;
    mapping(address account => uint256) public cash;
    mapping(address account => uint256) public lines;
    mapping(address account => address[]) public held;
    mapping(address account => mapping(address token => uint256)) public amounts;
    mapping(address account => mapping(address token => uint256)) public stops;
    uint256 public fillBps = 10_000;
    address private target;
    bytes private call_;

    function setUp(IPriceGuard guard_, address liquidator_) external {
        (guard, liquidator) = (guard_, liquidator_);
    }

    function open(address account, uint256 cash_, uint256 line, address[] calldata tokens, uint256[] calldata amounts_)
        external
    {
        (cash[account], lines[account], held[account]) = (cash_, line, tokens);
        for (uint256 i; i < tokens.length; ++i) {
            amounts[account][tokens[i]] = amounts_[i];
            uint256 has = IMinted(tokens[i]).balanceOf(account);
            if (has < amounts_[i]) IMinted(tokens[i]).mint(account, amounts_[i] - has);
        }
    }

    function setStop(address account, address token, uint256 price) external {
        stops[account][token] = price;
    }

    function fillAt(uint256 bps) external {
        fillBps = bps;
    }

    function arm(address target_, bytes calldata data) external {
        (target, call_) = (target_, data);
    }

    function standing(address account) external view returns (uint256 equity, uint256 line) {
        (equity, line) = (cash[account], lines[account]);
        for (uint256 i; i < held[account].length; ++i) {
            address token = held[account][i];
            (uint256 low,) = guard.bounds(token);
            equity += amounts[account][token] * low / 1e36;
        }
    }

    function priceStop(address account, address token) external view returns (uint256) {
        return stops[account][token];
    }

    function holdings(address account) external view returns (address[] memory tokens) {
        uint256 count;
        tokens = held[account];
        for (uint256 i; i < tokens.length; ++i) {
            if (amounts[account][tokens[i]] != 0) tokens[count++] = tokens[i];
        }
        assembly ("memory-safe") {
            mstore(tokens, count)
        }
    }

    function close(address account, address token, bytes calldata route) external returns (uint256 assets) {
        require(msg.sender == liquidator, "not the liquidator");
        require(keccak256(route) != keccak256("no market"), "no market");
        if (target != address(0)) {
            (bool ok, bytes memory why) = target.call(call_);
            if (!ok) {
                assembly {
                    revert(add(why, 32), mload(why))
                }
            }
        }
        (uint256 low,) = guard.bounds(token);
        assets = amounts[account][token] * low / 1e36 * fillBps / 10_000;
        amounts[account][token] = 0;
        cash[account] += assets;
    }
}
