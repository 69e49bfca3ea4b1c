// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

interface IPool {
    function flash(address to, uint256 amount0, uint256 amount1, bytes calldata data) external;
    function token0() external view returns (address);
    function token1() external view returns (address);
}

/// Does any number of things in one transaction, with its own money or with all that a pool lends.
contract Mallory {
    struct Call {
        address target;
        bytes data;
    }

    function run(Call[] memory calls) public {
        for (uint256 i; i < calls.length; ++i) {
            (bool ok, bytes memory why) = calls[i].target.call(calls[i].data);
            if (!ok) {
                assembly {
                    revert(add(why, 32), mload(why))
                }
            }
        }
    }

    /// What is borrowed goes back at the end of the same transaction, with the pool's fee, or all of it is undone.
    function borrow(IPool pool, uint256 amount0, uint256 amount1, Call[] calldata calls) external {
        pool.flash(address(this), amount0, amount1, abi.encode(amount0, amount1, calls));
    }

    function uniswapV3FlashCallback(uint256 fee0, uint256 fee1, bytes calldata data) external {
        (uint256 amount0, uint256 amount1, Call[] memory calls) = abi.decode(data, (uint256, uint256, Call[]));
        run(calls);
        if (amount0 != 0) IERC20(IPool(msg.sender).token0()).transfer(msg.sender, amount0 + fee0);
        if (amount1 != 0) IERC20(IPool(msg.sender).token1()).transfer(msg.sender, amount1 + fee1);
    }
}

/// A token that calls whoever it was armed with while it moves (as ERC-777 lets receivers do), and remembers the answer.
contract CallingToken {
    string public constant name = "Calling";
    string public constant symbol = "CALL";
    uint8 public constant decimals = 6;
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;
    address private target;
    bytes private call_;
    bool public succeeded;
    bytes public answer;
    uint256 public times;

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function approve(address spender, uint256 amount) external returns (bool) {
        allowance[msg.sender][spender] = amount;
        return true;
    }

    function arm(address target_, bytes calldata data) external {
        (target, call_, times) = (target_, data, 0);
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        return _move(msg.sender, to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        allowance[from][msg.sender] -= amount;
        return _move(from, to, amount);
    }

    function _move(address from, address to, uint256 amount) private returns (bool) {
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
        if (target != address(0)) {
            ++times;
            (succeeded, answer) = target.call(call_);
        }
        return true;
    }
}

/// Its issuer bars whom it likes, as those of the large dollar tokens can.
contract BarringToken is ERC20("Barring", "BAR") {
    mapping(address => bool) public barred;

    error Barred(address who);

    function decimals() public pure override returns (uint8) {
        return 6;
    }

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function bar(address who, bool yes) external {
        barred[who] = yes;
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (barred[from]) revert Barred(from);
        if (barred[to]) revert Barred(to);
        super._update(from, to, amount);
    }
}
