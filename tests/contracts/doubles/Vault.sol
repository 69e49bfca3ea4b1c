// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IBreaker} from "src/types/IBreaker.sol";
import {ICoupons} from "src/types/ICoupons.sol";
import {IInsurancePool} from "src/types/IInsurancePool.sol";
import {IPriceGuard} from "src/types/IPriceGuard.sol";
import {ISwapVenue} from "src/types/ISwapVenue.sol";

/// @dev Prices as the test sets them; doubtful when told.
contract SetPrices is IPriceGuard {
    address public immutable quote;
    bool public doubtful;
    mapping(address => uint256[2]) private set_;

    constructor(address quote_) {
        quote = quote_;
        set_[quote_] = [uint256(1e36), 1e36];
    }

    function set(address token, uint256 low, uint256 high) external {
        set_[token] = [low, high];
    }

    function doubt(bool on) external {
        doubtful = on;
    }

    function price(address token) external view returns (uint256 low) {
        (low,) = bounds(token);
    }

    function bounds(address token) public view returns (uint256 low, uint256 high) {
        if (doubtful) revert StalePrice(token, 0);
        (low, high) = (set_[token][0], set_[token][1]);
        if (low == 0) revert NoFeed(token);
    }
}

/// @dev Halted when told; counts liquidations.
contract SetBreaker is IBreaker {
    bool public halted;
    uint256 public count;

    function halt(bool on) external {
        halted = on;
    }

    function requireOpen(address book) external view {
        if (halted) revert Halted(book);
    }

    function liquidated(address) external {
        ++count;
    }
}

contract SetCoupons is ICoupons {
    mapping(address => uint256) public discountBps;

    function set(address holder, uint256 bps) external {
        discountBps[holder] = bps;
    }
}

/// @dev Takes what it is given and remembers for whom.
contract TillPool is IInsurancePool {
    using SafeERC20 for IERC20;

    address public immutable asset;
    mapping(address => uint256) public given;

    constructor(address asset_) {
        asset = asset_;
    }

    function contribute(address book, uint256 amount) external {
        IERC20(asset).safeTransferFrom(msg.sender, address(this), amount);
        given[book] += amount;
    }

    function claim(address, address, uint256) external pure returns (uint256) {
        return 0;
    }
}

/// @dev Keeps a part of every transfer once told to.
contract TollToken is ERC20 {
    uint256 public tollBps;

    constructor() ERC20("Toll", "TOLL") {}

    function decimals() public pure override returns (uint8) {
        return 6;
    }

    function toll(uint256 bps) external {
        tollBps = bps;
    }

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function _update(address from, address to, uint256 value) internal override {
        uint256 kept = from == address(0) || to == address(0) ? 0 : value * tollBps / 10_000;
        if (kept != 0) super._update(from, address(0), kept);
        super._update(from, to, value - kept);
    }
}

interface IMintable {
    function mint(address to, uint256 amount) external;
}

/// @dev Trades at the set prices less a cost, with tokens made for it; keeps no promise about the least amount.
contract PaperVenue is ISwapVenue {
    using SafeERC20 for IERC20;

    SetPrices public immutable prices;
    uint256 public costBps;

    constructor(SetPrices prices_) {
        prices = prices_;
    }

    function cost(uint256 bps) external {
        costBps = bps;
    }

    function swap(address tokenIn, address tokenOut, uint256 amountIn, uint256 least, address recipient, bytes calldata)
        external
        returns (uint256)
    {
        IERC20(tokenIn).safeTransferFrom(msg.sender, address(this), amountIn);
        uint256 gives = amountIn * prices.price(tokenIn) / prices.price(tokenOut) * (10_000 - costBps) / 10_000;
        if (gives < least) revert TooLittle(gives, least);
        IMintable(tokenOut).mint(recipient, gives);
        return gives;
    }
}

interface IVault {
    function deposit(uint256 assets, address receiver) external returns (uint256);
    function requestRedeem(uint256 shares, address controller, address owner) external returns (uint256);
    function settle() external returns (uint256, uint256);
    function claim(address controller) external returns (uint256);
    function transfer(address to, uint256 shares) external returns (bool);
    function balanceOf(address who) external view returns (uint256);
}

/// @dev In, trade, out: each step is tried in the same transaction, and what came of it is told.
contract InAndOut {
    bool public left;
    bool public moved;

    function run(IVault vault, IERC20 asset, uint256 assets, address venue, bytes calldata trade) external {
        asset.approve(address(vault), assets);
        vault.deposit(assets, address(this));
        (bool traded,) = venue.call(trade);
        require(traded, "no trade");
        uint256 shares = vault.balanceOf(address(this));
        try vault.requestRedeem(shares, address(this), address(this)) {
            left = true;
        } catch {}
        try vault.transfer(msg.sender, shares) {
            moved = true;
        } catch {}
    }
}

/// @dev Calls back into the vault out of a transfer.
contract HookToken is ERC20 {
    address public target;
    bytes public data;
    bool public passed;

    constructor() ERC20("Hook", "HOOK") {}

    function decimals() public pure override returns (uint8) {
        return 6;
    }

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function arm(address target_, bytes calldata data_) external {
        (target, data) = (target_, data_);
    }

    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        if (target != address(0)) {
            (bool ok,) = target.call(data);
            passed = passed || ok;
        }
    }
}

/// @dev Gives shares to many: real holders, each with a mark of its own.
contract Spreader {
    function spread(IVault vault, uint256 first, uint256 count, uint256 shares) external {
        for (uint256 i; i < count; ++i) {
            vault.transfer(address(uint160(uint256(keccak256(abi.encode(first + i))))), shares);
        }
    }

    function ask(IVault vault, uint256 shares, uint256 times) external {
        for (uint256 i; i < times; ++i) {
            vault.requestRedeem(shares, address(this), address(this));
        }
    }

    function enter(IVault vault, IERC20 asset, uint256 assets) external {
        asset.approve(address(vault), assets);
        vault.deposit(assets, address(this));
    }
}
