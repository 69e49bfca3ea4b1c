// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// Freezes accounts, keeps a part of transfers, and shrinks balances: what real tokens do at times.
contract MoodyToken is ERC20("Moody", "MOOD") {
    mapping(address => bool) public frozen;
    uint256 public taxBps;

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function burn(address from, uint256 amount) external {
        _burn(from, amount);
    }

    function freeze(address who, bool yes) external {
        frozen[who] = yes;
    }

    function tax(uint256 bps) external {
        taxBps = bps;
    }

    function _update(address from, address to, uint256 amount) internal override {
        require(!frozen[to] && !frozen[from], "frozen");
        uint256 kept = from == address(0) || to == address(0) ? 0 : amount * taxBps / 10_000;
        super._update(from, to, amount - kept);
        if (kept != 0) super._update(from, address(0xdead), kept);
    }
}

/// Returns nothing from transfers, as the first tokens did.
contract SilentToken {
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function approve(address spender, uint256 amount) external {
        allowance[msg.sender][spender] = amount;
    }

    function transfer(address to, uint256 amount) external {
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
    }

    function transferFrom(address from, address to, uint256 amount) external {
        allowance[from][msg.sender] -= amount;
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
    }
}
