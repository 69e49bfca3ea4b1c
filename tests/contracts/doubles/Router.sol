// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ERC4626} from "@openzeppelin/contracts/token/ERC20/extensions/ERC4626.sol";

/// A vault that takes deposits by the receiver or its operator, as ours do; told so, it leaves half of the assets behind.
contract PlainVault is ERC4626 {
    error NotOperator();

    bool private immutable half;
    mapping(address controller => mapping(address operator => bool)) public isOperator;

    constructor(IERC20 asset_, bool half_) ERC20("Shares", "S") ERC4626(asset_) {
        half = half_;
    }

    function setOperator(address operator, bool approved) external returns (bool) {
        isOperator[msg.sender][operator] = approved;
        return true;
    }

    function deposit(uint256 assets, address receiver) public override returns (uint256) {
        if (msg.sender != receiver && !isOperator[receiver][msg.sender]) revert NotOperator();
        return super.deposit(half ? assets / 2 : assets, receiver);
    }
}
