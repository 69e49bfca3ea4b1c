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

interface IRouter {
    struct Order {
        address tokenIn;
        address tokenOut;
        uint24 fee;
        address recipient;
        uint256 deadline;
        uint256 amountIn;
        uint256 amountOutMinimum;
        uint160 sqrtPriceLimitX96;
    }

    function exactInputSingle(Order calldata order) external returns (uint256);
}

/// @dev Uniswap's own router behind the venue's words; lies about the least amount when told to.
contract RouterVenue is ISwapVenue {
    using SafeERC20 for IERC20;

    IRouter public immutable router;
    bool public careless;

    constructor(IRouter router_) {
        router = router_;
    }

    function neglect(bool on) external {
        careless = on;
    }

    function swap(
        address tokenIn,
        address tokenOut,
        uint256 amountIn,
        uint256 amountOutMin,
        address recipient,
        bytes calldata route
    ) external returns (uint256) {
        IERC20(tokenIn).safeTransferFrom(msg.sender, address(this), amountIn);
        IERC20(tokenIn).forceApprove(address(router), amountIn);
        uint24 fee = uint24(bytes3(route[:3]));
        uint256 least = careless ? 0 : amountOutMin;
        return router.exactInputSingle(
            IRouter.Order(tokenIn, tokenOut, fee, recipient, block.timestamp, amountIn, least, 0)
        );
    }
}
